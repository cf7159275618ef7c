"""The files of the chapter, real or simulated, read into the form that everything else works on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import gctx
from lib.data import origin as origins
from lib.data.errors import InputError, listed
from lib.data.origin import Origin
from lib.lincs import lists, sets, signatures, tables
from lib.run import store

NAMES = (
    "smp_matrix",
    "smp_signatures",
    "gene_info",
    "gp_matrix",
    "gp_signatures",
    "classes",
    "targets",
)
PARTS = {
    "smp_matrix": "small molecules",
    "gp_matrix": "genetic perturbations",
    "classes": "classes",
    "targets": "targets",
}
"""Files that have an origin of their own, and their names in its words."""


@dataclass(frozen=True)
class Data:
    """Small molecules (SMP) and genetic perturbations (GP) over the landmarks, and known targets.

    `small.obs` has the class as `pcl`, missing where there is none, `small.var` the place of each
    gene in the matrix file as `file_row`; `counts` is the table of the
    paper's data sets; `targets` has `drug`, `gene`.
    """

    small: AnnData
    genetic: AnnData
    targets: pd.DataFrame
    counts: pd.DataFrame


def choose(own: Mapping[str, str], simulated: Mapping[str, Path]) -> dict[str, Path]:
    """Return the file of each name: a user's own where a path is given, else the simulated one.

    The two matrices, their tables and the genes belong together, so they are all own or all not.

    Raises
    ------
    InputError
        If a path is no file, or some of the files that belong together are missing.
    """
    given = {name: store.resolve(path) for name, path in own.items() if path}
    for name, path in given.items():
        if not path.is_file():
            raise InputError(
                "there is no such file",
                file=path,
                fix=f"set {name}_path to a file or leave it empty",
            )
    lost = [name for name in NAMES[:5] if name not in given]
    if given and lost:
        raise InputError(
            f"{listed(given)} given without {listed(lost)}",
            fix="matrices, their tables and the gene table belong together; give all five",
        )
    return {**simulated, **given}


def read(
    files: Mapping[str, str | os.PathLike], *, simulated: bool, n_landmarks: int | None
) -> Data:
    """Read every file and derive the paper's data sets.

    Parameters
    ----------
    files : mapping
        A path for each of `NAMES`.
    simulated : bool
        Whether the signatures are simulated.
    n_landmarks : int, optional
        Number of landmarks that the gene table must have; 978 in LINCS.
    """
    landmarks = tables.read_landmarks(files["gene_info"], n_expected=n_landmarks)
    small, genetic = (
        tables.read_signatures(files[name]) for name in ("smp_signatures", "gp_signatures")
    )
    classes, _ = lists.read_classes(files["classes"])
    found = sets.derive(small, genetic, classes)
    smp = found["SMP"].merge(classes, on="pert_id", how="left", sort=False)
    loaded = signatures.load(files["smp_matrix"], smp, landmarks, simulated=simulated)
    # the published weights have the genes in the order of this file
    loaded.var["file_row"] = gctx.read_ids(files["smp_matrix"])[1].get_indexer(landmarks.index)
    return Data(
        loaded,
        signatures.load(files["gp_matrix"], found["GP"], landmarks, simulated=simulated),
        lists.read_targets(files["targets"]),
        sets.counts(found),
    )


def classified(small: AnnData, *, without_mg132: bool = False) -> AnnData:
    """Return the signatures that have a class (SMC; SMCNP without MG-132).

    Parameters
    ----------
    small : AnnData
        SMP, with `pcl` in obs.
    without_mg132 : bool
        It is a fifth of the classified signatures, and the paper leaves it out for the S-VQ-VAE.
    """
    kept = small.obs["pcl"].notna()
    if without_mg132:
        kept &= small.obs["pert_iname"] != sets.PROTEASOME[0]
    return small[kept.to_numpy()].copy()


def joint(small: AnnData, genetic: AnnData) -> AnnData:
    """Return SMGP: small molecules without the two proteasome inhibitors, then the genetic ones."""
    weak = ~small.obs["pert_iname"].isin(sets.PROTEASOME).to_numpy()
    return signatures.join([small[weak], genetic])


def training_set(small: AnnData, genetic: AnnData, name: str) -> AnnData:
    """Return the signatures that a VAE learns from.

    Parameters
    ----------
    small, genetic : AnnData
        SMP and GP.
    name : str
        `SMP`, `GP` or `SMGP`, by which the paper's three models are named.
    """
    sets_of = {"SMP": small, "GP": genetic}
    return sets_of[name] if name in sets_of else joint(small, genetic)


def origin(own: Mapping[str, str]) -> Origin:
    """Return where signatures, classes and targets come from: a user's files, or simulated.

    Parameters
    ----------
    own : mapping
        Name of `NAMES` → path; empty where there is none.

    Examples
    --------
    >>> origin({"classes": "my_classes.csv"}).simulated
    ('small molecules', 'genetic perturbations', 'targets')
    """
    given = [origins.own(part, own[name]) for name, part in PARTS.items() if own.get(name)]
    rest = [part for name, part in PARTS.items() if not own.get(name)]
    return origins.combine([*given, *([origins.simulated(*rest)] if rest else [])])


def examples(small: AnnData, *, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows that stand in for a user's signatures: the largest of a drug, each of another
    class first.

    Parameters
    ----------
    small : AnnData
    n : int
        At most; one per class that has another drug.
    rng : Generator

    Returns
    -------
    (n,) array of int
        Rows, ascending.
    """
    size = np.abs(small.X).mean(axis=1)
    rows = small.obs.assign(row=np.arange(small.n_obs), size=size)[
        small.obs["pcl"].notna().to_numpy()
    ]
    largest = rows.sort_values(["size", "sig_id"], ascending=[False, True]).drop_duplicates(
        "pert_iname"
    )
    largest = largest.iloc[rng.permutation(len(largest))]
    turn = largest.groupby("pcl").cumcount()  # classes take turns
    several = (
        largest.groupby("pcl")["row"].transform("size") > 1
    )  # others are left in the reference
    chosen = (
        largest[several].assign(turn=turn).sort_values("turn", kind="stable").drop_duplicates("pcl")
    )
    return np.sort(chosen["row"].to_numpy()[:n])
