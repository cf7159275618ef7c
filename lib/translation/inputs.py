"""Read what the translation starts from: image and regulatory embeddings of the genes, two files
per left-out target."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import h5ad
from lib.data.errors import InputError
from lib.interactome import sources
from lib.run import store

CONTROL = "EMPTY"


@dataclass(frozen=True)
class Problem:
    """One left-out target: image embeddings of the shared genes, regulatory embeddings of all
    genes.

    Parameters
    ----------
    target : str
    shared : (S,) tuple of str
        Genes with both embeddings, sorted; the target is one of them, the others are the training
        genes.
    images : (S, D) array
        Mean image embedding of each shared gene, by an encoder that never saw the target.
    names : (G,) tuple of str
        All genes of the network, sorted.
    regulatory : (G, R) array
        Their embeddings, rows of length 1.
    """

    target: str
    shared: tuple[str, ...]
    images: np.ndarray
    names: tuple[str, ...]
    regulatory: np.ndarray

    @property
    def own(self) -> int:
        """Row of the target among the shared genes."""
        return self.shared.index(self.target)

    @property
    def positions(self) -> np.ndarray:
        """Rows (S,) of the shared genes among all genes."""
        row = {name: i for i, name in enumerate(self.names)}
        return np.array([row[name] for name in self.shared])

    def split(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what a regressor gets.

        Returns
        -------
        images : (S − 1, D) array
            Of the training genes.
        genes : (S − 1, R) array
            Their regulatory embeddings.
        new : (1, D) array
            The target's image.
        """
        train = np.arange(len(self.shared)) != self.own
        return self.images[train], self.regulatory[self.positions[train]], self.images[~train]


def problem(
    target: str, images: pd.DataFrame, regulatory: pd.DataFrame, *, shared: Sequence[str] = ()
) -> Problem:
    """Check the embeddings of one target and bring its genes into order.

    Parameters
    ----------
    target : str
        Left-out gene.
    images : DataFrame, (conditions, D)
        Mean image embeddings, index = gene.
    regulatory : DataFrame, (genes, R)
        Any length; rows are divided by theirs.
    shared : sequence of str
        Genes to use; by default those with both embeddings.

    Returns
    -------
    Problem

    Raises
    ------
    InputError
        For a repeated gene, NaN, a row of zeros among regulatory embeddings, an absent target, or
        fewer than two training genes.
    """
    _check(images, f"image embeddings without {target}")
    _check(regulatory, f"regulatory embeddings without {target}")
    shared = tuple(sorted(shared or set(images.index) & set(regulatory.index)))  # S genes
    if target not in shared:
        lacks = [
            name
            for name, table in (("image", images), ("regulatory", regulatory))
            if target not in table.index
        ]
        raise InputError(
            f"target {target} has no {' and no '.join(lacks)} embedding; leave it out of the "
            "targets"
        )
    if len(shared) < 3:
        raise InputError(
            f"{len(shared)} genes have both embeddings; a target needs two others to learn from"
        )
    names = tuple(sorted(regulatory.index))  # G genes
    values = regulatory.loc[list(names)].to_numpy(float)
    lengths = np.linalg.norm(values, axis=1)  # (G,)
    if not lengths.all():
        raise InputError(
            f"the regulatory embedding of {names[int(lengths.argmin())]} is zero and has no "
            "direction; train again"
        )
    return Problem(
        target, shared, images.loc[list(shared)].to_numpy(float), names, values / lengths[:, None]
    )


def read_images(directory: str | os.PathLike, *, control: str = CONTROL) -> dict[str, pd.DataFrame]:
    """Read the mean image embeddings of all genes by the encoders that never saw a target.

    Parameters
    ----------
    directory : path
        `<gene>.h5ad`, see `lib.screen.encoding.read_target_embeddings`. A gene's embedding is the
        mean over its nuclei, training nuclei or left-out ones.
    control : str
        Condition that is no gene.

    Returns
    -------
    dict of str to DataFrame
        Target → (conditions, D), index = gene.

    Raises
    ------
    InputError
        As `condition_means`.
    """
    return {
        target: condition_means(path, control=control) for target, path in _files(directory).items()
    }


def read(
    images: Mapping[str, pd.DataFrame], regulatory_dir: str | os.PathLike
) -> tuple[list[Problem], pd.DataFrame]:
    """Put the targets together that have image and regulatory embeddings.

    Parameters
    ----------
    images : mapping of str to DataFrame
        From `read_images`.
    regulatory_dir : path
        `<gene>.h5ad`, obs_names = genes, X = embeddings trained without the gene's cluster.

    Returns
    -------
    list of Problem
        Sorted by target; all with the same genes.
    DataFrame
        Coverage, one row per gene that is missing somewhere or a target: `gene`, `has_images`,
        `has_regulatory`, `is_target`, `note`.

    Raises
    ------
    InputError
        As `problem`; if no target is left; if the targets' networks hold different genes.
    """
    files = _files(regulatory_dir)
    both = sorted(set(images) & set(files))  # targets with both files
    if not both:
        raise InputError(
            f"no gene has an image file and one in {regulatory_dir}; make leave_one_target_out and "
            "regulatory_targets"
        )
    regulatory = {target: read_regulatory(files[target]) for target in both}
    tables = [
        set.intersection(*(set(part[target].index) for target in both))
        for part in (images, regulatory)
    ]
    coverage = _coverage([set(images), set(files)], tables)
    shared = sorted(tables[0] & tables[1])  # genes with both embeddings for every target
    targets = coverage.loc[coverage["is_target"], "gene"]
    problems = [
        problem(target, images[target], regulatory[target], shared=shared) for target in targets
    ]
    # places among different genes cannot be averaged
    other = next((one for one in problems if one.names != problems[0].names), None)
    if other is not None:
        raise InputError(
            f"the networks without {problems[0].target} and without {other.target} hold different "
            f"genes ({len(problems[0].names)} and {len(other.names)}); make all of them from one "
            "interactome"
        )
    return problems, coverage


def condition_means(path: Path, *, control: str = CONTROL) -> pd.DataFrame:
    """Return the mean image embedding of every condition but the control.

    Parameters
    ----------
    path : Path
        `.h5ad` of `lib.screen.runs.target_run`.
    control : str
        Condition that is no gene.

    Returns
    -------
    DataFrame, (conditions, D)
        Sorted by gene; float64.

    Raises
    ------
    InputError
        If the file cannot be read, or an embedding is not finite.
    """
    from lib.screen import encoding

    table = encoding.read_target_embeddings(path, use=("train", "out"))
    values = table.drop(columns="labels").astype(float)  # (nuclei, D)
    if not np.isfinite(values.to_numpy()).all():
        raise InputError(
            f"{Path(path).name}: an image embedding has NaN or infinity; train its encoder again"
        )
    return values.groupby(table["labels"].to_numpy()).mean().drop(index=control, errors="ignore")


def _files(folder: str | os.PathLike) -> dict[str, Path]:
    return {path.stem: path for path in sorted(store.resolve(folder).glob("[!.]*.h5ad"))}


def read_regulatory(path: Path) -> pd.DataFrame:
    """Return the regulatory embeddings of a network.

    Parameters
    ----------
    path : Path
        `.h5ad`, obs_names = genes.

    Returns
    -------
    DataFrame, (G, R)
        Index = gene; rows of any length.

    Raises
    ------
    InputError
        If the file is absent or cannot be read.
    """
    found = h5ad.read(path)
    return pd.DataFrame(np.asarray(found.X, float), index=found.obs_names.astype(str))


def _coverage(found: Sequence[set[str]], tables: Sequence[set[str]]) -> pd.DataFrame:
    """Say of every gene with a file or an image what it lacks."""
    rows = []
    for gene in sorted(found[0] | found[1] | tables[0]):
        lacks = [
            f"no {kind} file"
            for kind, files in zip(("image", "regulatory"), found, strict=True)
            if gene not in files
        ]
        has = [gene in table for table in tables]
        lacks += [
            f"no {kind} embedding"
            for kind, here in zip(("image", "regulatory"), has, strict=True)
            if not here
        ]
        rows.append([gene, *has, not lacks, "; ".join(lacks)])
    return pd.DataFrame(rows, columns=["gene", "has_images", "has_regulatory", "is_target", "note"])


def _check(table: pd.DataFrame, what: str) -> None:
    repeated = table.index[table.index.duplicated()]
    if len(repeated):
        raise InputError(f"{what}: {repeated[0]} is given twice; keep one row a gene")
    broken = table.index[~np.isfinite(table.to_numpy(float)).all(axis=1)]
    if len(broken):
        raise InputError(f"{what}: the row of {broken[0]} has NaN or infinity; make it again")


def planted_states(sources_dir: str | os.PathLike, screen_dir: str | os.PathLike) -> pd.DataFrame:
    """Return the planted states of a simulated network's genes.

    Beside a real screen a simulated network has states of its own, which the images know nothing
    of; beside one real source the others' truth is not that of the network.

    Parameters
    ----------
    sources_dir, screen_dir : path
        Folders that say where they come from.

    Returns
    -------
    DataFrame
        `gene`, `module`, `s1` … `s6`; no row with a real screen or source.
    """
    return sources.read_truth(sources_dir, screen_dir)
