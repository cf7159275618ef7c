"""Ranks of left-out targets, which say how far a prediction can be trusted."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.run import store
from lib.translation import encoded, metrics, regressors
from lib.translation.inputs import Problem

RIDGE = 1.0  # λ of the published demo


@dataclass(frozen=True)
class Calibration:
    """Ranks of left-out targets, from all nuclei and from single fields.

    Parameters
    ----------
    targets : tuple of str
        T genes.
    ranks : (T,) array of int
        From 1.
    image_ranks, image_target : (S,) arrays of int
        Rank from one field alone, and the number of its target.
    """

    targets: tuple[str, ...]
    ranks: np.ndarray
    image_ranks: np.ndarray
    image_target: np.ndarray

    def table(self, n_genes: int) -> pd.DataFrame:
        """Return the ranks as a table.

        Parameters
        ----------
        n_genes : int
            Genes among which a target is looked for.

        Returns
        -------
        DataFrame
            One row per target: `target`, `rank` from all nuclei, `image_rank` (median over single
            fields), `n_images`, `n_genes`.
        """
        of_fields = pd.Series(self.image_ranks).groupby(self.image_target)
        table = pd.DataFrame({"target": self.targets, "rank": self.ranks})
        medians, counts = of_fields.median().to_numpy(), of_fields.size().to_numpy()
        return table.assign(image_rank=medians, n_images=counts, n_genes=n_genes)

    def without(self, target: str) -> "Calibration":
        """Return the ranks of the other targets.

        Parameters
        ----------
        target : str

        Returns
        -------
        Calibration
        """
        kept = np.array([name != target for name in self.targets])  # (T,)
        of_kept = kept[self.image_target]  # (S,)
        number = np.cumsum(kept) - 1  # old number → new number
        return Calibration(
            tuple(name for name in self.targets if name != target),
            self.ranks[kept],
            self.image_ranks[of_kept],
            number[self.image_target[of_kept]],
        )


def calibrate(problems: Sequence[Problem], images_dir: str | os.PathLike) -> Calibration:
    """Rank every left-out target from all of its nuclei, and from each of its fields alone.

    Parameters
    ----------
    problems : sequence of Problem
        One per target.
    images_dir : path
        `<gene>.h5ad` of the encoders that never saw the target.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If no target is given, or a file cannot be read.
    """
    if not problems:
        raise InputError("no left-out target to calibrate on; make leave_one_target_out first")
    ranks = regressors.places(problems, regressors.ntk_ridge) + 1
    image_ranks, image_target = [], []
    for number, one in enumerate(problems):
        images, genes, _ = one.split()
        fields = encoded.field_means(store.resolve(images_dir) / f"{one.target}.h5ad", one.target)
        predictions = regressors.ntk_ridge(images, genes, fields, ridge=RIDGE)  # (fields, R)
        row = one.names.index(one.target)
        image_ranks.append(metrics.hits_of(predictions, one.regulatory, row) + 1)
        image_target.append(np.full(len(fields), number))
    targets = tuple(one.target for one in problems)
    return Calibration(targets, ranks, np.concatenate(image_ranks), np.concatenate(image_target))
