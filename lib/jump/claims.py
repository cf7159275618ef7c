"""Measure the validation on JUMP, by the ids of the published values and of the planted truth."""

import numpy as np
import pandas as pd

from lib.jump import correction, grid
from lib.jump.evaluation import PLAIN, PUBLISHED, Translated
from lib.jump.metadata import CONTROL
from lib.translation import metrics
from lib.translation.grid import Axes

KS = (10, 20, 30, 40, 50)
REPORTED = (5318, 638)


def joins(wells: pd.DataFrame) -> dict[str, float]:
    """Return the published counts of a real JUMP.

    Parameters
    ----------
    wells : DataFrame
        From `lib.jump.wells.conditions`.

    Returns
    -------
    dict of str to float
        `jump.joins.*`.

    References
    ----------
    Image2Reg, JUMP validation.
    """
    genes = wells[wells["gene_symbol"] != CONTROL]
    per_gene = genes.groupby("gene_symbol").size()
    return {
        "jump.joins.wells": len(wells),
        "jump.joins.gene_wells": len(genes),
        "jump.joins.control_wells": len(wells) - len(genes),
        "jump.joins.genes": len(per_gene),
        "jump.joins.batches": wells["batch"].nunique(),
        "jump.joins.wells_per_gene": float(per_gene.mean()),
        "jump.joins.wells_per_gene_sd": float(per_gene.std(ddof=1)),
    }


def grid_definition(axes: Axes) -> dict[str, int | str]:
    """Return what defines the grid: its size, and the two reported configurations.

    Parameters
    ----------
    axes : Axes

    Returns
    -------
    dict of str to int or str
        Empty where the grid is not the published one.
    """
    if axes != grid.PUBLISHED:
        return {}
    configs = grid.configurations(axes)
    return {"jump.grid.n_configurations": len(configs)} | {
        f"jump.grid.config_{number}": describe(configs, number) for number in REPORTED
    }


def describe(configs: pd.DataFrame, number: int) -> str:
    """Return a configuration in words.

    Parameters
    ----------
    configs : DataFrame
        From `grid.configurations`.
    number : int

    Returns
    -------
    str
        λ, mean, neighbours, m, append, encoding, σ, prediction and inputs of length 1.
    """
    columns = ["ridge", "use_mean", "n_neighbours", "n_encodings", "append", "encoding", "sigma"]
    row = configs.loc[number, [*columns, "normalize_prediction", "normalize_inputs"]]
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in row)


def published(translated: Translated, shape: Translated) -> dict[str, float]:
    """Return the published quantities of Fig 4C.

    Parameters
    ----------
    translated, shape : Translated
        Of the image embeddings and of the profiles of shape.

    Returns
    -------
    dict of str to float
        `jump.translation.*`: sizes, scores, accuracies.
    """
    lines = {"image": PUBLISHED, "mean_all": "mean (all)", "mean_train": "mean (train)"}
    measured = {
        "jump.translation.n_train": len(translated.problems[0].shared) - 1,
        "jump.translation.n_test": len(translated.problems),
        "jump.translation.n_reported": int(translated.tests.sum()),
    }
    for name, model in lines.items():
        places = translated.reported(model)
        curve = metrics.accuracy(places)
        measured[f"jump.translation.{name}.score"] = float(grid.score(places))
        measured |= {f"jump.translation.{name}.acc_{k}": float(curve[k - 1]) for k in KS}
    measured["jump.translation.shape.score"] = float(grid.score(shape.reported(PUBLISHED)))
    return measured


def batches(compared: pd.DataFrame, *, kept: str) -> dict[str, float]:
    """Return how well batches are told apart.

    Parameters
    ----------
    compared : DataFrame
        From `batches.compare`.
    kept : str
        Correction that goes on.

    Returns
    -------
    dict of str to float
        `jump.planted.batch_before` and `.batch_after`: balanced accuracy over chance.
    """
    rows = compared.set_index("correction")
    above = rows["accuracy"] - rows["chance"]
    return {
        "jump.planted.batch_before": round(float(above["none"]), 4),
        "jump.planted.batch_after": round(float(above[kept]), 4),
    }


def published_batches(compared: pd.DataFrame) -> dict[str, float]:
    """Return the published batch accuracies of a real JUMP.

    Parameters
    ----------
    compared : DataFrame
        From `batches.compare`.

    Returns
    -------
    dict of str to float
        `jump.batches.before`, `.scaled`.

    References
    ----------
    Image2Reg, JUMP validation: .81 ± .04 and .31.
    """
    found = compared.set_index("correction")["accuracy"]
    return {"jump.batches.before": found["none"], "jump.batches.scaled": found["scaled"]}


def projection_definition() -> dict[str, int]:
    """Return how many dimensions the published projection leaves: 1,024 of 13 batches, 5 rounds.

    Returns
    -------
    dict of str to int
    """
    return {"jump.batches.dimensions": correction.n_left(1024, 13, 5)}


def planted(
    translated: Translated, exchanges: dict[str, np.ndarray], *, uncorrected: Translated
) -> dict[str, float]:
    """Measure the translation of a simulated JUMP.

    Parameters
    ----------
    translated : Translated
    exchanges : dict
        From `evaluation.exchanged`.
    uncorrected : Translated
        The same from wells without batch correction.

    Returns
    -------
    dict of str to float
        `jump.planted.above_null`: score of the model fixed in advance over the 95 % quantile under
        exchanged test genes; `.correction_gain`: its score over that without correction.
    """
    values = exchanges[PLAIN]
    scores = [float(grid.score(one.reported(PLAIN))) for one in (translated, uncorrected)]
    return {
        "jump.planted.above_null": round(float(values[0] - np.quantile(values[1:], 0.95)), 4),
        "jump.planted.correction_gain": round(scores[0] - scores[1], 4),
    }
