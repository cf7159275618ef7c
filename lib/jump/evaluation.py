"""Translate the conditions of JUMP: 31 genes to learn from, 144 to look for (Fig 4C).

Beside the published procedure, which chooses a configuration on the genes that it then reports,
stand a choice on the training genes alone and a model fixed in advance; `lib.jump.exchange` has a
p-value for all three.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.jump import grid
from lib.jump.genes import problems, split_genes
from lib.jump.grid import Scores
from lib.translation import inputs, metrics, regressors
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


def fitting(axes: Axes, images: pd.DataFrame, train: Sequence[str]) -> Axes:
    """Return the grid without neighbours where profiles are too narrow for it.

    The neighbour weights of N training genes are not unique in fewer than N dimensions.

    Parameters
    ----------
    axes : Axes
    images : DataFrame, (genes, L)
    train : sequence of str
        N training genes.

    Returns
    -------
    Axes
        As given, or with no neighbours; configurations then have numbers of their own.
    """
    rank = np.linalg.matrix_rank(images.loc[list(train)].to_numpy(float))
    return axes if rank == len(train) else replace(axes, neighbours=((0,),))


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


def chance_score(n_genes: int) -> float:
    """Return the expected score of places that are uniform among the genes.

    Parameters
    ----------
    n_genes : int

    Returns
    -------
    float
    """
    return float(grid.score(np.arange(n_genes)))  # every place once


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
