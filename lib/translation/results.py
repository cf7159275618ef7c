"""What the translation notebook hands on: places of all targets by every method, curves, and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lib.translation import grid, metrics, permutation, regressors, selection
from lib.translation.grid import Axes
from lib.translation.inputs import Problem

PUBLISHED, PLAIN, NESTED = "published choice", "fixed in advance", "nested choice"
PLAIN_RIDGE = 1.0  # λ of the model fixed in advance: the paper's demo, no further features
WITH_NULL = ("none", "images")  # what may be appended to inputs whose weights do not follow the pairing


@dataclass(frozen=True)
class Translation:
    """The translation of all targets in one setting.

    Parameters
    ----------
    table : DataFrame
        The grid with areas, from `grid.evaluate`.
    chosen : int
        Configuration by the published rule.
    places : dict of str to (T,) array
        Method → place of every target, 0 = nearest.
    """

    setting: str
    problems: Sequence[Problem]
    table: pd.DataFrame
    chosen: int
    places: dict[str, np.ndarray]

    @property
    def n_genes(self) -> int:
        """Genes among which a target is looked for."""
        return len(self.problems[0].names)


def axes_of(ridges: Sequence[float], n_neighbours: Sequence[int], *, n_draws: int, seed: int) -> Axes:
    """Return the grid of the notebook's parameters; the last number of neighbours was run after the others."""
    blocks = (tuple(n_neighbours[:-1]), tuple(n_neighbours[-1:])) if len(n_neighbours) > 1 else (tuple(n_neighbours),)
    return Axes(ridges=tuple(ridges), neighbours=blocks, n_draws=n_draws, seed=seed)


def translate(setting: str, problems: Sequence[Problem], axes: Axes) -> Translation:
    """Run the grid, the model fixed in advance and the deterministic rivals."""
    table, by_config = grid.evaluate(problems, axes)
    chosen = selection.published(table)
    places = {
        PUBLISHED: by_config[chosen],
        PLAIN: regressors.places(problems, regressors.ntk_ridge),
        "synthetic intervention": regressors.places(problems, regressors.synthetic_intervention),
        "mean (train)": regressors.places(problems, regressors.mean_train),
        "mean (all)": regressors.mean_all_places(problems),
    }
    return Translation(setting, problems, table, chosen, places)


def with_nested(found: Translation, axes: Axes) -> tuple[Translation, pd.DataFrame]:
    """Add the nested choice among the configurations that have a null; return the choices too."""
    choices = selection.nested(
        [grid.reduce(one) for one in found.problems], replace(axes, appended=WITH_NULL), _with_null(found.table)
    )
    return replace(found, places={**found.places, NESTED: choices["hit"].to_numpy()}), choices


def nulls(
    found: Translation, choices: pd.DataFrame, axes: Axes, *, n: int, n_selection: int, rng: np.random.Generator
) -> tuple[dict[str, dict[str, np.ndarray]], np.ndarray]:
    """Re-pair embeddings: for the model fixed in advance, the nested choice, and the published rule run anew each time.

    Parameters
    ----------
    choices : DataFrame
        From `with_nested`; each target keeps its model.
    n, n_selection : int
        Pairings for the model fixed in advance, and for the other two, which cost more.

    Returns
    -------
    dict of str to dict
        Method → `auc_<k>` (1 + pairings,), the observed value first.
    (1 + n, k_max) array
        Accuracy curves of the model fixed in advance.
    """
    reduced = [grid.reduce(one) for one in found.problems]
    orders = permutation.pairings(reduced, n, rng)
    plain = Axes(ridges=(PLAIN_RIDGE,), means=(False,), neighbours=((0,),))
    fixed = permutation.null(reduced, orders, plain, k_max=min(50, found.n_genes))
    family, configs = replace(axes, appended=WITH_NULL), _with_null(found.table)
    every = permutation.null(reduced, orders[: n_selection + 1], family)
    ours = permutation.null(reduced, orders[: n_selection + 1], family, chosen=choices["model"].tolist())
    model = grid.model_of(configs, family, len(reduced[0].train))
    areas = {
        PLAIN: {name: values[0] for name, values in fixed.areas.items()},
        NESTED: {name: values[0] for name, values in ours.areas.items()},
        PUBLISHED: permutation.selected(every, configs, model),
    }
    return areas, fixed.accuracy[0]


def hits_table(translations: Sequence[Translation]) -> pd.DataFrame:
    """Return one row a setting, method and target: `setting`, `model`, `target`, `hit` (from 0), `rank`, `n_genes`."""
    rows = [
        [found.setting, name, one.target, int(place), int(place) + 1, found.n_genes]
        for found in translations
        for name, places in found.places.items()
        for one, place in zip(found.problems, places, strict=True)
    ]
    return pd.DataFrame(rows, columns=["setting", "model", "target", "hit", "rank", "n_genes"])


def grid_table(translations: Sequence[Translation]) -> pd.DataFrame:
    """Return the grids below each other: `setting`, `config`, its values, `model`, areas, `is_chosen`."""
    parts = [
        found.table.reset_index().assign(is_chosen=lambda table, found=found: table["config"] == found.chosen)
        for found in translations
    ]
    return pd.concat(parts, keys=[found.setting for found in translations], names=["setting", None]).reset_index(0)


def permutation_table(areas: Mapping[str, Mapping[str, np.ndarray]], setting: str) -> pd.DataFrame:
    """Return one row a method and area with its p-value, see `permutation.summary`."""
    parts = [permutation.summary(values).assign(model=name, setting=setting) for name, values in areas.items()]
    table = pd.concat(parts, ignore_index=True)
    return table[["setting", "model", *table.columns.drop(["setting", "model"])]]


def choice_table(found: Translation) -> pd.DataFrame:
    """Return the areas of every method of a setting, one row a method."""
    return pd.DataFrame([{"model": name, **metrics.areas(places)} for name, places in found.places.items()])


def _with_null(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["append"].isin(WITH_NULL)]
