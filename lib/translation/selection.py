"""Choose a configuration: as published, on the targets that are then reported, or nested, never on
them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.stats import order
from lib.translation import grid, metrics
from lib.translation.grid import Axes, Reduced


def choose(area_20, area_50) -> np.ndarray:
    """Return the configuration that the published rule takes.

    The rule grows the lists of the best configurations by AUC_20 and by AUC_50 until they share
    one: the configuration whose worse rank of the two is best. Of two that enter together the one
    better by AUC_20 is taken, of equal areas the first.

    Parameters
    ----------
    area_20, area_50 : (C, ...) arrays
        Areas of the configurations; further axes are further data sets.

    Returns
    -------
    (...) array of int

    Raises
    ------
    InputError
        For no configuration, or an area that is missing.

    References
    ----------
    Image2Reg chooses by AUC_20 and AUC_50 of the targets that it then reports.

    Examples
    --------
    >>> int(choose([0.3, 0.2, 0.1], [0.1, 0.3, 0.2]))
    1
    """
    area_20, area_50 = np.asarray(area_20, float), np.asarray(area_50, float)
    if not len(area_20) or np.isnan(area_20).any() or np.isnan(area_50).any():
        raise InputError(
            "no configuration to choose from, or one without an area; check the grid's axes"
        )
    first, second = (
        # (C, ...) rank of every configuration, 0 = best
        np.argsort(order.descending(area, axis=0), axis=0)
        for area in (area_20, area_50)
    )
    return np.argmin(np.maximum(first, second) * (len(area_20) + 1) + first, axis=0)


def published(table: pd.DataFrame) -> int:
    """Return the configuration that the published rule chooses on a grid.

    Parameters
    ----------
    table : DataFrame
        From `lib.translation.grid.evaluate`; excluded configurations do not count.

    Returns
    -------
    int
        Its number, `config`.

    Raises
    ------
    InputError
        As `choose`.
    """
    kept = table[~table["is_excluded"]]
    return int(kept.index[choose(kept["auc_20"], kept["auc_50"])])


def nested(reduced: Sequence[Reduced], axes: Axes, configs: pd.DataFrame) -> pd.DataFrame:
    """Choose a configuration for each target on its own training genes.

    Each training gene is predicted from the others. The target's image is not used and its
    embedding is struck from the lists that the training genes are looked up in.

    Parameters
    ----------
    reduced : sequence of Reduced
        One per target.
    axes : Axes
    configs : DataFrame
        Configurations of these axes to choose from, as from `lib.translation.grid.configurations`.

    Returns
    -------
    DataFrame
        `target`, `config`, `model`, `hit` (place of the target, 0 = nearest), `inner_auc_20` (of
        the choice, over the training genes).

    Raises
    ------
    InputError
        As `choose` and `grid.model_weights`.
    """
    n_train = len(reduced[0].train)
    kept = configs[~configs["is_excluded"]]  # C configurations
    inner_model = grid.model_of(kept, axes, n_train - 1)  # one training gene less
    model = grid.model_of(kept, axes, n_train)
    rows = []
    for one in reduced:
        places = np.stack([_places_within(one, row, axes) for row in one.train], axis=1)[
            inner_model
        ]  # (C, N)
        areas = metrics.areas(places, ks=(20, 50))  # (C,) each, over the training genes
        best = int(choose(areas["auc_20"], areas["auc_50"]))
        # with all training genes
        hit = grid.places_of(one, grid.model_weights(one, axes)[model[best]])
        rows.append(
            [one.target, kept.index[best], int(model[best]), int(hit), float(areas["auc_20"][best])]
        )
    return pd.DataFrame(rows, columns=["target", "config", "model", "hit", "inner_auc_20"])


def _places_within(reduced: Reduced, row: int, axes: Axes) -> np.ndarray:
    """Return the places (M,) of one training gene predicted from the others, in a network without
    the target."""
    inner = reduced.predicting(row)
    weights = grid.model_weights(inner, axes)
    scores, own = weights @ reduced.gram, reduced.positions[reduced.own]
    scores[:, own] = -np.inf  # the target itself is in no list
    return metrics.hits(scores, int(reduced.positions[row]), scale=np.abs(weights).sum(axis=-1))
