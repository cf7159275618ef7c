"""How good the translation would look if an image said nothing about the place of its gene: every
test gene's image is looked for in the place of another.

Training pairs stay, and so does whatever makes some genes easy to find. All test genes are
predicted from the same training genes, so this null is exact.
"""

import numpy as np
import pandas as pd

from lib.data.errors import InputError
from lib.jump import grid
from lib.jump.evaluation import NESTED, PLAIN, PLAIN_RIDGE, PUBLISHED, Translated
from lib.translation import metrics, permutation


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
    plain = plain_model(translated.scores.configs)
    return {
        PUBLISHED: best[np.unique(models)].max(axis=0),
        NESTED: best[models[translated.chosen[NESTED]]],
        PLAIN: best[plain],
    }


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
    places = translated.scores.places[plain_model(translated.scores.configs)]  # (T, T)
    found = rng.permuted(np.tile(rows, (n, 1)), axis=1)  # (n, t)
    return metrics.accuracy(places[rows, found], k_max=min(50, translated.n_genes))


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


def plain_model(configs: pd.DataFrame) -> int:
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
