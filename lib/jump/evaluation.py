"""Translate the conditions of JUMP: 31 genes to learn from, 144 to look for (Fig 4C).

Beside the published procedure, which chooses a configuration on the genes that it then reports,
stand a choice on the training genes alone and a model fixed in advance, and for all three a
p-value: the image of a test gene is looked for in the place of another.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.data import h5ad
from lib.data.errors import InputError
from lib.jump import grid
from lib.jump.grid import Scores
from lib.jump.metadata import CONTROL
from lib.regulation import tables
from lib.stats import order
from lib.translation import inputs, metrics, permutation, regressors
from lib.translation.grid import Axes
from lib.translation.inputs import Problem

PUBLISHED, NESTED, PLAIN = "published choice", "nested choice", "fixed in advance"
PLAIN_RIDGE = 1.0  # λ of the model fixed in advance: the paper's demo


@dataclass(frozen=True)
class Translated:
    """The translation of all test genes from one kind of images.

    Parameters
    ----------
    problems : sequence of Problem
        One per test gene, T.
    tests : (T,) array of bool
        Test genes of the reported set.
    scores : Scores
    chosen : dict of str to int
        Way of choosing → configuration.
    places : dict of str to (T,) array
        Way of choosing, or baseline → place of every test gene, 0 = nearest.
    """

    problems: Sequence[Problem]
    tests: np.ndarray
    scores: Scores
    chosen: dict[str, int]
    places: dict[str, np.ndarray]

    @property
    def n_genes(self) -> int:
        """Genes among which a test gene is looked for."""
        return len(self.problems[0].names)

    def reported(self, name: str) -> np.ndarray:
        """Return the places of the reported test genes.

        Parameters
        ----------
        name : str
            Way of choosing, or baseline.

        Returns
        -------
        (n,) array of int
        """
        return self.places[name][self.tests]


def read_network(
    path: str | os.PathLike, nodes_path: str | os.PathLike
) -> tuple[pd.DataFrame, pd.Series, list[str]]:
    """Read the regulatory embeddings, their clusters, and which genes are regulators.

    Parameters
    ----------
    path : path
        `.h5ad`, obs_names = genes, obs `cluster`.
    nodes_path : path
        CSV with `gene` and `is_regulator`.

    Returns
    -------
    DataFrame, (G, R)
        Index = gene.
    Series
        Gene → cluster.
    list of str
        Genes whose images train a network.

    Raises
    ------
    InputError
        If a file cannot be read, or the embeddings have no clusters.
    """
    found = h5ad.read(path)
    if "cluster" not in found.obs:
        raise InputError("the regulatory embeddings have no clusters", file=path)
    values = pd.DataFrame(np.asarray(found.X, float), index=found.obs_names.astype(str))
    nodes = tables.read_nodes(nodes_path)
    regulators = nodes.loc[nodes["is_regulator"], "gene"].tolist()
    return values, found.obs["cluster"].set_axis(values.index), regulators


def axes_of(
    ridges: Sequence[float], n_neighbours: Sequence[int], *, n_draws: int, seed: int
) -> Axes:
    """Return the grid of the notebook's parameters.

    Parameters
    ----------
    ridges : sequence of float
        λ.
    n_neighbours : sequence of int
    n_draws, seed : int
        Of the gauss encoding.

    Returns
    -------
    Axes
    """
    return replace(
        grid.PUBLISHED,
        ridges=tuple(ridges),
        neighbours=(tuple(n_neighbours),),
        n_draws=n_draws,
        seed=seed,
    )


def split_genes(
    images: pd.DataFrame, regulatory: pd.DataFrame, regulators: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the genes to learn from and those to look for.

    Parameters
    ----------
    images : DataFrame
        Index = condition; the control takes no part.
    regulatory : DataFrame
        Index = gene.
    regulators : sequence of str
        Genes whose images the network was trained on, and whose pairs are known.

    Returns
    -------
    list of str, list of str
        Training and test genes with both embeddings, sorted.

    Raises
    ------
    InputError
        For fewer than three training genes, or no test gene.
    """
    both = sorted(set(images.index) & set(regulatory.index) - {CONTROL})
    train = [gene for gene in both if gene in set(regulators)]
    test = [gene for gene in both if gene not in set(regulators)]
    if len(train) < 3 or not test:
        raise InputError(
            f"{len(train)} training and {len(test)} test genes have both embeddings; three to "
            "learn from and one to look for are needed"
        )
    return train, test


def problems(
    images: pd.DataFrame, regulatory: pd.DataFrame, train: Sequence[str], test: Sequence[str]
) -> list[Problem]:
    """Return one problem per test gene, all with the same genes to learn from.

    Parameters
    ----------
    images, regulatory : DataFrame
        Index = gene.
    train, test : sequence of str
        From `split_genes`.

    Returns
    -------
    list of Problem

    Raises
    ------
    InputError
        As `lib.translation.inputs.problem`.
    """
    return [inputs.problem(gene, images, regulatory, shared=[*train, gene]) for gene in test]


def evaluation_sets(
    clusters: pd.Series, train: Sequence[str], test: Sequence[str], *, n_sets: int = 4
) -> pd.DataFrame:
    """Return nested sets of test genes, those of poorly trained clusters dropped first.

    All clusters without a training gene go first, then one by one those with the fewest training
    genes per test gene.

    Parameters
    ----------
    clusters : Series
        Gene → regulatory cluster.
    train, test : sequence of str
    n_sets : int
        Sets, the first of which drops nothing.

    Returns
    -------
    DataFrame
        One row per set: `set`, `dropped` (clusters), `n_test`, `test` (genes).

    References
    ----------
    Image2Reg, Fig 4C: none, {0, 3}, {0, 3, 7}, {0, 3, 7, 1}; the third is reported, 76 genes.
    """
    counts = cluster_counts(clusters, train, test).set_index("cluster")
    ratio = counts["train"] / counts["test"].clip(lower=1)
    # equal ratios by their number; a ratio is a fraction of small numbers, so it is exact enough
    ranked = [counts.index[i] for i in order.ascending(ratio.to_numpy()[None])[0]]
    bare = [one for one in ranked if counts.at[one, "train"] == 0]
    steps = ([bare] if bare else []) + [[one] for one in ranked if one not in bare]
    rows, dropped = [], []
    for number in range(min(n_sets, len(steps))):
        dropped = dropped + (steps[number - 1] if number else [])
        kept = [gene for gene in test if clusters[gene] not in dropped]
        rows.append([number, dropped, len(kept), kept])
    table = pd.DataFrame(rows, columns=["set", "dropped", "n_test", "test"])
    return table[table["n_test"] > 0]


def cluster_counts(clusters: pd.Series, train: Sequence[str], test: Sequence[str]) -> pd.DataFrame:
    """Count training and test genes of every regulatory cluster.

    Parameters
    ----------
    clusters : Series
        Gene → cluster.
    train, test : sequence of str

    Returns
    -------
    DataFrame
        One row per cluster: `cluster`, `genes`, `train`, `test`.

    Raises
    ------
    InputError
        If a gene has no cluster.
    """
    absent = [gene for gene in (*train, *test) if gene not in clusters.index]
    if absent:
        raise InputError(f"{absent[0]} has no regulatory cluster; make the clusters anew")
    names = sorted(clusters.unique())
    parts = {"genes": clusters, "train": clusters[list(train)], "test": clusters[list(test)]}
    counted = {
        name: part.value_counts().reindex(names, fill_value=0) for name, part in parts.items()
    }
    return pd.DataFrame(counted).rename_axis("cluster").reset_index()


def translate(found: Sequence[Problem], tests: np.ndarray, axes: Axes) -> Translated:
    """Translate all test genes by the whole grid, and choose a configuration in three ways.

    Parameters
    ----------
    found : sequence of Problem
        From `problems`.
    tests : (T,) array of bool
        Test genes of the reported set.
    axes : Axes

    Returns
    -------
    Translated

    Raises
    ------
    InputError
        As `grid.evaluate`.
    """
    scores = grid.evaluate(found, axes)
    chosen = {PUBLISHED: grid.choose(scores, tests), NESTED: nested(found, axes)}
    model = scores.configs["model"]
    places = {name: scores.own[model[config]] for name, config in chosen.items()}
    places[PLAIN] = regressors.places(found, regressors.ntk_ridge)
    places["mean (train)"] = regressors.places(found, regressors.mean_train)
    places["mean (all)"] = regressors.mean_all_places(found)
    return Translated(found, tests, scores, chosen, places)


def nested(found: Sequence[Problem], axes: Axes) -> int:
    """Choose a configuration on the training genes alone, each predicted from the others.

    Parameters
    ----------
    found : sequence of Problem
        Any of them gives the training genes; no test gene has a say.
    axes : Axes

    Returns
    -------
    int
        Number of the configuration.
    """
    one = found[0]
    train = [gene for gene in one.shared if gene != one.target]
    rows = [one.shared.index(gene) for gene in train]
    images = pd.DataFrame(one.images[rows], index=train)
    regulatory = pd.DataFrame(one.regulatory, index=list(one.names))
    inner = [inputs.problem(gene, images, regulatory, shared=train) for gene in train]
    return grid.choose(grid.evaluate(inner, axes), np.ones(len(train), bool))


def plain_score(images: pd.DataFrame, regulatory: pd.DataFrame, regulators: Sequence[str]) -> float:
    """Return the score of the model fixed in advance, over all test genes.

    Parameters
    ----------
    images, regulatory : DataFrame
        Index = gene.
    regulators : sequence of str

    Returns
    -------
    float
    """
    train, test = split_genes(images, regulatory, regulators)
    found = problems(images, regulatory, train, test)
    return float(grid.score(regressors.places(found, regressors.ntk_ridge)))


def score_table(found: Mapping[str, Translated]) -> pd.DataFrame:
    """Return the scores of all ways and baselines.

    Parameters
    ----------
    found : mapping of str to Translated
        Kind of images → translation.

    Returns
    -------
    DataFrame
        One row per kind and way: `images`, `model`, `config` (−1: none of the grid), `score`,
        `auc_10` … `auc_50`, over the reported test genes.
    """
    rows = []
    for kind, one in found.items():
        for name in one.places:
            places = one.reported(name)
            areas = metrics.areas(places, ks=grid.KS, denominator="jump")
            row = {"images": kind, "model": name, "config": one.chosen.get(name, -1)}
            rows.append({**row, "score": float(grid.score(places)), **areas})
    return pd.DataFrame(rows)


def hits_table(found: Mapping[str, Translated]) -> pd.DataFrame:
    """Return the places of all test genes.

    Parameters
    ----------
    found : mapping of str to Translated

    Returns
    -------
    DataFrame
        One row per kind of images, way and test gene: `images`, `model`, `gene`, `is_reported`,
        `rank` (from 1), `n_genes`.
    """
    parts = []
    for kind, one in found.items():
        genes = [problem.target for problem in one.problems]
        table = pd.DataFrame({"gene": genes, "is_reported": one.tests, "n_genes": one.n_genes})
        for name, places in one.places.items():
            parts.append(table.assign(images=kind, model=name, rank=places + 1))
    columns = ["images", "model", "gene", "is_reported", "rank", "n_genes"]
    return pd.concat(parts, ignore_index=True)[columns]


def exchanged_curves(translated: Translated, *, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return accuracy curves of the model fixed in advance when test genes are exchanged.

    Parameters
    ----------
    translated : Translated
    n : int
        Exchanges.
    rng : Generator

    Returns
    -------
    (n, k_max) array
        k from 1 to 50, or to the number of genes.
    """
    rows = np.flatnonzero(translated.tests)
    places = translated.scores.places[_plain_model(translated.scores.configs)]  # (T, T)
    found = rng.permuted(np.tile(rows, (n, 1)), axis=1)  # (n, t)
    return metrics.accuracy(places[rows, found], k_max=min(50, translated.n_genes))


def exchanged(translated: Translated, *, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Look for every test gene's image in the place of another, for each way of choosing.

    Under the hypothesis that an image says nothing about its gene's place any order of the test
    genes is as likely as the true one. Training pairs stay. The published way chooses anew in every
    exchange, on the very genes that it reports.

    Parameters
    ----------
    translated : Translated
    n : int
        Exchanges.
    rng : Generator

    Returns
    -------
    dict of str to (1 + n,) array
        Way of choosing → score, the observed one first.
    """
    rows = np.flatnonzero(translated.tests)
    places = translated.scores.places[:, rows[:, None], rows]  # (M, t, t)
    found = np.tile(np.arange(len(rows)), (n + 1, 1))
    found[1:] = rng.permuted(found[1:], axis=1)  # (1 + n, t)
    best = _gains(places, found)  # (M, 1 + n)
    models = translated.scores.configs["model"]
    plain = _plain_model(translated.scores.configs)
    return {
        PUBLISHED: best[np.unique(models)].max(axis=0),
        NESTED: best[models[translated.chosen[NESTED]]],
        PLAIN: best[plain],
    }


def tests_table(
    translated: Translated, exchanges: dict[str, np.ndarray], *, level: float = 0.05
) -> pd.DataFrame:
    """Summarise the exchanges: p-values, and how often the published comparison errs.

    Parameters
    ----------
    translated : Translated
    exchanges : dict
        From `exchanged`.
    level : float

    Returns
    -------
    DataFrame
        One row per way of choosing: `model`, `config`, `observed`, `null_mean`, `null_95`, `p`,
        `beats_means` (share of exchanges, in which there is nothing to find, whose score is above
        both mean baselines: the error rate of reading the figure without a p-value).
    """
    means = [grid.score(translated.reported(name)) for name in ("mean (train)", "mean (all)")]
    rows = []
    for name, values in exchanges.items():
        null = values[1:]
        rows.append(
            {
                "model": name,
                "config": translated.chosen.get(name, -1),
                "observed": values[0],
                "null_mean": null.mean(),
                "null_95": np.quantile(null, 1 - level),
                "p": permutation.p_value(values),
                "beats_means": (null > max(means)).mean(),
            }
        )
    return pd.DataFrame(rows)


def _gains(places: np.ndarray, exchanges: np.ndarray) -> np.ndarray:
    """Return the scores (M, 1 + n) of all models under all exchanges, as one product of
    matrices."""
    n_models, n_tests, _ = places.shape
    # what a gene at this place adds to the score: every term is a mean over test genes
    gained = sum(np.maximum(k - places, 0) / k for k in grid.KS) / n_tests
    gained = gained.reshape(n_models, -1).astype(float)  # (M, t · t)
    taken = np.zeros((n_tests * n_tests, len(exchanges)), np.float32)
    cells = exchanges + n_tests * np.arange(n_tests)  # (1 + n, t)
    taken[cells.ravel(), np.repeat(np.arange(len(exchanges)), n_tests)] = 1
    return np.round(gained @ taken, 9)


def _plain_model(configs: pd.DataFrame) -> int:
    """Return the number of the model fixed in advance."""
    rows = configs[
        (configs["ridge"] == PLAIN_RIDGE)
        & ~configs["use_mean"]
        & (configs["n_neighbours"] == 0)
        & ~configs["normalize_inputs"]
    ]
    if rows.empty:
        raise InputError("the grid lacks the model fixed in advance: λ = 1, no neighbours, no mean")
    return int(rows["model"].iloc[0])
