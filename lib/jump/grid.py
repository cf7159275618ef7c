"""The grid of 7,680 configurations behind Fig 4C, each distinct model computed once.

The loops are those of Fig 4B with other values, and two more: whether the prediction and whether
the images are divided by their length. The first moves no gene in any list. Configurations with
some neighbours and nothing appended are left out before they are numbered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.stats import order
from lib.translation import grid, metrics
from lib.translation.grid import Axes
from lib.translation.inputs import Problem

PUBLISHED = Axes(
    ridges=(0, 1, 5, 10, 50), means=(True, False), neighbours=((0, 10, 31),), n_draws=1
)
"""Axes of the paper: 31 neighbours are all training genes."""

KS = (10, 20, 30, 40, 50)
"""Lengths of the lists whose areas are added up to choose a configuration."""

BOTH = (True, False)


@dataclass(frozen=True)
class Scores:
    """Predictions of all distinct models for all test genes.

    Parameters
    ----------
    configs : DataFrame
        From `configurations`, with `model`.
    places : (M, T, T) array of int16
        Distinct model × image × gene that is looked for; the diagonal is the translation itself.
    """

    configs: pd.DataFrame
    places: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """Places (M, T) of the test genes, 0 = nearest."""
        return np.diagonal(self.places, axis1=1, axis2=2)


def configurations(axes: Axes = PUBLISHED) -> pd.DataFrame:
    """Return the grid in the published order.

    Parameters
    ----------
    axes : Axes
        By default the published ones.

    Returns
    -------
    DataFrame
        Index `config`, from 0; columns of `lib.translation.grid.CHOICES`, `normalize_prediction`,
        `normalize_inputs`.

    References
    ----------
    Image2Reg, grid behind Fig 4C; configurations 5318 and 638 are the two it reports.
    """
    inner = pd.DataFrame(
        [(prediction, inputs) for prediction in BOTH for inputs in BOTH],
        columns=["normalize_prediction", "normalize_inputs"],
    )
    table = grid.configurations(axes)
    table = table[~table["is_excluded"]].drop(columns="is_excluded")
    return table.merge(inner, how="cross").rename_axis("config")


def evaluate(problems: Sequence[Problem], axes: Axes = PUBLISHED) -> Scores:
    """Predict all test genes by all distinct models.

    Parameters
    ----------
    problems : sequence of Problem
        One per test gene, T, with the same training genes.
    axes : Axes

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        As `lib.translation.grid.model_weights`.
    """
    looked_for = np.array([one.names.index(one.target) for one in problems])  # (T,)
    configs = configurations(axes)
    plain = grid.model_of(configs, axes, len(problems[0].shared) - 1)
    n_models = int(plain.max()) + 1
    # the second half of the models sees images of length 1
    configs["model"] = plain + n_models * configs["normalize_inputs"]
    parts = [
        np.stack([_places(one, looked_for, axes) for one in each], axis=1)
        for each in (problems, [unit_length(one) for one in problems])
    ]
    return Scores(configs, np.concatenate(parts))


def unit_length(one: Problem) -> Problem:
    """Return the problem with images divided by their length.

    Parameters
    ----------
    one : Problem

    Returns
    -------
    Problem
    """
    lengths = np.linalg.norm(one.images, axis=1, keepdims=True)
    return replace(one, images=one.images / np.where(lengths > 0, lengths, 1))


def score(places: np.ndarray, *, ks: Sequence[int] = KS) -> np.ndarray:
    """Return the sum of the areas under the accuracy curve, by which a configuration is chosen.

    Parameters
    ----------
    places : (..., T) array of int
        0 = nearest.
    ks : sequence of int

    Returns
    -------
    (...) array
        Sum over `ks` of (acc(1) + … + acc(k)) / k; 5 at best with the published `ks`.

    References
    ----------
    Image2Reg, Fig 4C: Σ AUC over 10, 20, 30, 40, 50.

    Examples
    --------
    >>> float(score(np.array([0, 0])))
    5.0
    """
    return sum(metrics.area(places, k, denominator="jump") for k in ks)


def choose(scores: Scores, tests: np.ndarray) -> int:
    """Return the configuration with the largest score on some test genes, the first of equals.

    Parameters
    ----------
    scores : Scores
    tests : (T,) array of bool
        Test genes that are evaluated.

    Returns
    -------
    int
        Its number, `config`.
    """
    by_model = score(scores.own[:, tests])  # (M,)
    values = by_model[scores.configs["model"]]  # (C,)
    return int(scores.configs.index[order.descending(values, axis=0)[0]])


def _places(one: Problem, looked_for: np.ndarray, axes: Axes) -> np.ndarray:
    """Return the places (M, T) of all test genes in the lists of one image."""
    reduced = grid.reduce(one)
    weights = grid.model_weights(reduced, axes)  # (M, S)
    scores = weights @ reduced.gram  # (M, G)
    scale = np.abs(weights).sum(axis=-1)
    found = [metrics.hits(scores, int(row), scale=scale) for row in looked_for]
    return np.stack(found, axis=-1).astype(np.int16)
