"""Tables that the translation notebook hands on: places of all targets by every method, curves, and
what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.translation import exchange, grid, metrics, permutation, regressors, selection
from lib.translation.grid import Axes
from lib.translation.inputs import Problem

PUBLISHED, PLAIN, NESTED = "published choice", "fixed in advance", "nested choice"
REPAIRED, EXCHANGED = "all pairs", "left-out targets"  # what a null exchanges
PLAIN_RIDGE = 1.0  # λ of the model fixed in advance: the paper's demo, no further features


@dataclass(frozen=True)
class Translation:
    """The translation of all targets in one setting.

    Parameters
    ----------
    setting : str
        Name in `lib.regulation.settings.SETTINGS`.
    problems : sequence of Problem
        One per target, T.
    table : DataFrame
        The grid with areas, from `grid.evaluate`.
    chosen : int
        Configuration by the published rule.
    places : dict of str to (T,) array
        Method → place of every target, 0 = nearest.
    plain : (T,) array
        Places by the best configuration without neighbours, by the same rule.
    """

    setting: str
    problems: Sequence[Problem]
    table: pd.DataFrame
    chosen: int
    places: dict[str, np.ndarray]
    plain: np.ndarray

    @property
    def n_genes(self) -> int:
        """Genes among which a target is looked for."""
        return len(self.problems[0].names)


def axes_of(
    ridges: Sequence[float], n_neighbours: Sequence[int], *, n_draws: int, seed: int
) -> Axes:
    """Return the grid of the notebook's parameters.

    Parameters
    ----------
    ridges : sequence of float
        λ.
    n_neighbours : sequence of int
        The last number is a block of its own, run after the others, as published.
    n_draws, seed : int
        Of the gauss encoding.

    Returns
    -------
    Axes
    """
    blocks = (
        (tuple(n_neighbours[:-1]), tuple(n_neighbours[-1:]))
        if len(n_neighbours) > 1
        else (tuple(n_neighbours),)
    )
    return Axes(ridges=tuple(ridges), neighbours=blocks, n_draws=n_draws, seed=seed)


def translate(setting: str, problems: Sequence[Problem], axes: Axes) -> Translation:
    """Run the grid, the model fixed in advance and the deterministic rivals.

    Parameters
    ----------
    setting : str
        Name of the regulatory setting.
    problems : sequence of Problem
        One per target.
    axes : Axes

    Returns
    -------
    Translation

    Raises
    ------
    InputError
        As `grid.model_weights`.
    """
    table, by_config = grid.evaluate(problems, axes)
    chosen = selection.published(table)
    places = {
        PUBLISHED: by_config[chosen],
        PLAIN: regressors.places(problems, regressors.ntk_ridge),
        "synthetic intervention": regressors.places(problems, regressors.synthetic_intervention),
        "mean (train)": regressors.places(problems, regressors.mean_train),
        "mean (all)": regressors.mean_all_places(problems),
    }
    plain = (
        # the same rule among the configurations without neighbours
        by_config[selection.published(table[table["n_neighbours"] == 0])]
        if 0 in axes.counts
        else by_config[chosen]
    )
    return Translation(setting, problems, table, chosen, places, plain)


def with_nested(found: Translation, axes: Axes) -> tuple[Translation, pd.DataFrame]:
    """Add the nested choice among the configurations of the grid.

    Parameters
    ----------
    found : Translation
    axes : Axes
        Those of its grid.

    Returns
    -------
    Translation
        With places by the nested choice, too.
    DataFrame
        The choices, from `selection.nested`.
    """
    choices = selection.nested([grid.reduce(one) for one in found.problems], axes, found.table)
    return replace(found, places={**found.places, NESTED: choices["hit"].to_numpy()}), choices


def repaired(found: Translation, *, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the places by the model fixed in advance when images go with other genes' embeddings.

    Parameters
    ----------
    found : Translation
    n : int
        Pairings.
    rng : Generator

    Returns
    -------
    (1 + n, T) array of int
        The observed places first.

    Raises
    ------
    InputError
        If `n` is below 1.
    """
    reduced = [grid.reduce(one) for one in found.problems]  # one per target
    return permutation.places(reduced, permutation.pairings(reduced, n, rng), ridge=PLAIN_RIDGE)


def exchanged(
    found: Translation, choices: pd.DataFrame, axes: Axes, *, n: int, rng: np.random.Generator
) -> dict[str, dict[str, np.ndarray]]:
    """Exchange left-out targets, for the three ways of choosing a model.

    Parameters
    ----------
    found : Translation
    choices : DataFrame
        From `with_nested`; the image of a target keeps its model, which was chosen without it.
    axes : Axes
        Those of its grid.
    n : int
        Exchanges.
    rng : Generator

    Returns
    -------
    dict of str to dict
        Way of choosing → `auc_<k>` (1 + n,), the observed value first.
    """
    places = exchange.places([grid.reduce(one) for one in found.problems], axes)
    orders = exchange.orders(len(found.problems), n, rng)  # (1 + n, T)
    table = found.table
    # the model that was fixed in advance, as a configuration of the grid
    plain = table.index[
        (table["ridge"] == PLAIN_RIDGE) & ~table["use_mean"] & (table["n_neighbours"] == 0)
    ]
    return {
        PLAIN: exchange.areas(places, orders, [plain[0]] * len(found.problems))
        if len(plain)
        else {},
        NESTED: exchange.areas(places, orders, choices["config"]),
        PUBLISHED: exchange.areas_of_choice(places[~table["is_excluded"].to_numpy()], orders),
    }


def hits_table(translations: Sequence[Translation]) -> pd.DataFrame:
    """Return the places of all targets by every method.

    Parameters
    ----------
    translations : sequence of Translation

    Returns
    -------
    DataFrame
        One row per setting, method and target: `setting`, `model`, `target`, `hit` (from 0), `rank`
        (from 1), `n_genes`.
    """
    rows = [
        [found.setting, name, one.target, int(place), int(place) + 1, found.n_genes]
        for found in translations
        for name, places in found.places.items()
        for one, place in zip(found.problems, places, strict=True)
    ]
    return pd.DataFrame(rows, columns=["setting", "model", "target", "hit", "rank", "n_genes"])


def grid_table(translations: Sequence[Translation]) -> pd.DataFrame:
    """Return the grids of all settings in one table.

    Parameters
    ----------
    translations : sequence of Translation

    Returns
    -------
    DataFrame
        One row per setting and configuration: `setting`, `config`, its values, `is_excluded`,
        `model`, areas, `is_chosen`.
    """
    parts = [
        found.table.reset_index().assign(
            is_chosen=lambda table, found=found: table["config"] == found.chosen
        )
        for found in translations
    ]
    return pd.concat(
        parts, keys=[found.setting for found in translations], names=["setting", None]
    ).reset_index(0)


def permutation_table(
    setting: str, paired: np.ndarray, exchanges: Mapping[str, Mapping[str, np.ndarray]]
) -> pd.DataFrame:
    """Summarise the nulls of a setting.

    Parameters
    ----------
    setting : str
    paired : (1 + B, T) array
        From `repaired`.
    exchanges : mapping
        From `exchanged`.

    Returns
    -------
    DataFrame
        One row per null, method and area: `setting`, `null`, `model`, then as
        `permutation.summary`.
    """
    nulls = {(REPAIRED, PLAIN): metrics.areas(paired)} | {  # (null, method) → areas
        (EXCHANGED, name): values for name, values in exchanges.items()
    }
    parts = [
        permutation.summary(values).assign(setting=setting, null=null, model=name)
        for (null, name), values in nulls.items()
        if values
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["setting", "null", "model", *table.columns.drop(["setting", "null", "model"])]]


def choice_table(found: Translation) -> pd.DataFrame:
    """Return the areas of every method of a setting.

    Parameters
    ----------
    found : Translation

    Returns
    -------
    DataFrame
        One row per method: `model`, `auc_5` … `auc_50`.
    """
    return pd.DataFrame(
        [{"model": name, **metrics.areas(places)} for name, places in found.places.items()]
    )
