"""Measure what size of effect the translation can find: worlds with the planted states, their
effect on images scaled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.data.errors import InputError
from lib.report import figures
from lib.simulate import pairs
from lib.translation import claims, kernel, metrics, plots
from lib.translation.inputs import Problem


def power(
    states: pd.DataFrame,
    screened: Sequence[str],
    effects: Sequence[float],
    *,
    rng: np.random.Generator,
    n_draws: int = 20,
    n_permutations: int = 199,
    ridge: float = 1.0,
) -> pd.DataFrame:
    """Translate in worlds whose images carry the planted states with a factor.

    Every target is predicted by closed-form leave-one-out from one kernel; encoders and networks
    are not trained, their embeddings are drawn.

    Parameters
    ----------
    states : DataFrame
        `gene`, `s1` … `s6` of all genes of the network.
    screened : sequence of str
        Genes with images.
    effects : sequence of float
        Factors of the states in the images; 1 = as planted.
    rng : Generator
    n_draws : int
        Worlds per effect.
    n_permutations : int
        Pairings behind each p-value.
    ridge : float
        λ of the kernel regression.

    Returns
    -------
    DataFrame
        One row per effect and world: `effect`, `draw`, `auc_20`, `p`.

    Raises
    ------
    InputError
        For fewer than three screened genes.
    ValueError
        For a screened gene without a state.
    """
    if len(screened) < 3:
        raise InputError(f"{len(screened)} screened genes; a target needs two others to learn from")
    rows = []
    for effect in effects:
        for number in range(n_draws):
            world = pairs.draw(states, screened, effect=effect, rng=rng)
            values = _areas(world, n_permutations, ridge, rng)  # (1 + B,), the observed area first
            rows.append(
                [
                    float(effect),
                    number,
                    float(values[0]),
                    float((values >= values[0] - 1e-12).mean()),
                ]
            )
    return pd.DataFrame(rows, columns=["effect", "draw", "auc_20", "p"])


def summarise(table: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
    """Summarise the worlds of every effect.

    Parameters
    ----------
    table : DataFrame
        From `power`.
    level : float
        Largest p-value of a find.

    Returns
    -------
    DataFrame
        One row per effect: `effect`, `auc_20` (mean), `low`, `high` (its central 90 %), `power`
        (share of worlds with p ≤ level).
    """
    groups = table.groupby("effect", sort=True)
    quantiles = groups["auc_20"].quantile([0.05, 0.95]).unstack().set_axis(["low", "high"], axis=1)
    # share of worlds in which it is found
    found = groups["p"].agg(lambda p: (p <= level).mean()).rename("power")
    return pd.concat([groups["auc_20"].mean(), quantiles, found], axis=1).reset_index()


def figure(
    states: pd.DataFrame,
    like: Problem,
    effects: Sequence[float],
    *,
    rng: np.random.Generator,
    n_draws: int = 20,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the power for the genes of a problem.

    Parameters
    ----------
    states : DataFrame
        `gene`, `s1` … `s6`; empty for a real screen.
    like : Problem
        Whose genes are taken.
    effects : sequence of float
        Factors of the states in the images; 1 = as planted.
    rng : Generator
    n_draws : int
        Worlds per effect.

    Returns
    -------
    Figure
        Says that there is no planted truth where fewer than three genes have a state.
    DataFrame
        As `lib.translation.plots.power_curves`, or `absent`, the reason.

    Raises
    ------
    ValueError
        As `power`.
    """
    states = states[states["gene"].isin(like.names)]
    shared = [gene for gene in like.shared if gene in set(states["gene"])]
    if len(shared) < 3:
        return figures.absent("A real screen has no planted states to draw worlds from.")
    table = summarise(power(states, shared, effects, rng=rng, n_draws=n_draws))
    return plots.power_curves(table, chance=claims.chance_area(len(states)))


def _areas(
    world: pairs.Pairs, n_permutations: int, ridge: float, rng: np.random.Generator
) -> np.ndarray:
    """Return AUC_20 (1 + B,) of a world and of its re-paired embeddings; all targets share one
    kernel."""
    shared = world.images.index
    embeddings = world.regulatory.to_numpy() / np.linalg.norm(
        world.regulatory, axis=1, keepdims=True
    )
    positions = world.regulatory.index.get_indexer(shared)  # (S,)
    weights = kernel.leave_one_out_weights(kernel.ntk(world.images), [ridge])[0]  # (S, S)
    image_of = np.tile(
        np.arange(len(shared)), (n_permutations + 1, 1)
    )  # gene u has the image of gene image_of[p, u]
    image_of[1:] = rng.permuted(image_of[1:], axis=1)
    gram = embeddings[positions] @ embeddings.T  # (S, G)
    places = []
    for u, position in enumerate(positions):
        paired = weights[
            image_of[:, [u]], image_of
        ]  # (1 + B, S), weights of the genes for target u
        places.append(metrics.hits(paired @ gram, int(position), scale=np.abs(paired).sum(axis=1)))
    return metrics.area(np.stack(places, axis=1), 20)


def said(table: pd.DataFrame, *, level: float = 0.8) -> str:
    """Return in a sentence the smallest effect that is found with a power of `level` or more.

    Parameters
    ----------
    table : DataFrame
        From `figure`, or any table for a screen without planted states.
    level : float
        Power that is wanted, 0 to 1.

    Returns
    -------
    str

    Examples
    --------
    >>> said(pd.DataFrame({"effect_of_planted": [0.0, 0.5, 1.0], "power": [0.05, 0.6, 0.9]}))
    'Effects of 1 times the planted one are found with a power of 90 %.'
    """
    if "power" not in table:
        return "Nothing is planted."
    found = table[table["power"] >= level]
    if found.empty:
        return f"No effect is found with a power of {level:.0%}."
    least = found.loc[found["effect_of_planted"].idxmin()]
    share = f"{100 * least['power']:.0f} %"
    return (
        f"Effects of {least['effect_of_planted']:g} times the planted one are found with a "
        f"power of {share}."
    )
