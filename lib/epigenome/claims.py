"""What the chapter measured, by the ids of the published values and of the planted truth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.epigenome import comparisons, evaluation, perturbation
from lib.epigenome.marks import CELLS, FUNCTIONS, MARKS, PAIRS
from lib.epigenome.plans import NARROW, WIDE

EVERY = "-".join(MARKS)
N_FOLDS = 4
ACTIVE = FUNCTIONS["active promoter"]


def grid() -> dict[str, int]:
    """Return the sizes of the published grid, from the definitions: networks per experiment."""
    n = len(CELLS) * N_FOLDS
    return {
        "epigenome.grid.promoter": len(MARKS) * n,
        "epigenome.grid.distal": len(MARKS) * n,
        "epigenome.grid.pairs": len(PAIRS) * n,
        "epigenome.grid.all_marks": n,
    }


def published(units: pd.DataFrame) -> dict[str, float]:
    """Return the published quantities of the distal network: mean r over cells and folds.

    Parameters
    ----------
    units : DataFrame
        From `evaluation.by_unit`, of real data.
    """
    cells = evaluation.by_cell(units[units["model"] == WIDE])
    mean = cells.groupby("assay")["r"].mean()
    measured = {
        f"epigenome.distal.{mark.lower()}": float(mean[mark]) for mark in MARKS if mark in mean
    }
    if EVERY not in mean:
        return measured
    measured["epigenome.distal.all_marks"] = float(mean[EVERY])
    if set(ACTIVE) <= set(mean.index):
        measured["epigenome.distal.gap_of_one_mark"] = comparisons.gap_to_all(cells, ACTIVE, EVERY)
    pairs = ["-".join(pair) for pair in PAIRS]
    if set(pairs) | set(ACTIVE) <= set(mean.index):
        measured["epigenome.distal.gap_of_two_marks"] = comparisons.gap_to_all(cells, pairs, EVERY)
        measured["epigenome.distal.share_closed"] = 100 * comparisons.share_closed(
            cells, pairs, ACTIVE, EVERY
        )
    return measured


def planted_screen(
    units: pd.DataFrame, pooled: pd.DataFrame, expected: pd.DataFrame
) -> dict[str, float]:
    """Measure a screen of simulated cells.

    Parameters
    ----------
    units : DataFrame
        From `evaluation.by_unit`, of the networks.
    pooled : DataFrame
        From `comparisons.pooled_r`, of networks and ridges: few test genes per unit make a
        difference of two r uncertain, so the distance effect is measured on all of them.
    expected : DataFrame
        model, assay, r: planted, mean over the cells.
    """
    mean = units.groupby(["model", "assay"])["r"].mean()
    known = expected.set_index(["model", "assay"])["r"]
    wide, narrow = mean[WIDE], mean[NARROW]
    singles = [mark for mark in MARKS if mark in wide and mark in narrow]
    planted = known[WIDE][singles] - known[NARROW][singles]
    gain = comparisons.gain_of_range(pooled)[singles]
    pairs = [name for name in wide.index if name.count("-") == 1]
    values = {
        "mark_order": rank_correlation(wide[singles], known[WIDE][singles]),
        "distance": rank_correlation(gain, planted),
        "no_effect": wide["H3K9me3"],
    }
    if len(pairs) > 2:
        values["pair_order"] = rank_correlation(wide[pairs], known[WIDE][pairs])
    if EVERY in wide:
        values["all_marks"] = wide[EVERY]
    return _named(values)


def planted_first(units: pd.DataFrame, expected: Mapping[str, float]) -> dict[str, float]:
    """Measure the first approach on simulated cells: r of the strongest planted mark over that of
    the weakest.

    Parameters
    ----------
    units : DataFrame
        assay, r; one row per network.
    expected : mapping
        Assay → planted correlation.
    """
    mean = units.groupby("assay")["r"].mean()
    strong = max(mean.index, key=lambda assay: (expected[assay], assay))
    weak = min(mean.index, key=lambda assay: (expected[assay], assay))
    return _named({"first_contrast": mean[strong] - mean[weak]})


def planted_positions(table: pd.DataFrame, profiles: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Measure whether perturbed positions come back: rank correlation with the planted effect, all
    marks and bins.

    Parameters
    ----------
    table : DataFrame
        From `perturbation.by_position`.
    profiles : mapping
        Mark → planted effect by 2-kbp bin.
    """
    mean = table.groupby(["assay", "start"], as_index=False)["difference"].mean()
    number = (mean["start"] + 20_000) // perturbation.STEP
    planted = [profiles[assay][i] for assay, i in zip(mean["assay"], number, strict=True)]
    return _named({"positions": rank_correlation(mean["difference"], planted)})


def planted_eqtl(table: pd.DataFrame) -> dict[str, float]:
    """Measure the enrichment of the planted variants in the top decile of the predicted effect,
    mean over tissues.

    Parameters
    ----------
    table : DataFrame
        From `enrichment.by_decile`.
    """
    top = table[(table["score"] == "predicted effect") & (table["decile"] == table["decile"].max())]
    return _named({"eqtl_top_decile": top["enrichment"].mean()})


def planted_cells(residual: pd.DataFrame, cross: pd.DataFrame) -> dict[str, float]:
    """Measure what is specific to a cell, and what is kept in another cell.

    Parameters
    ----------
    residual : DataFrame
        From `evaluation.residual_r`.
    cross : DataFrame
        trained_on, cell, r.
    """
    other = cross[cross["trained_on"] != cross["cell"]]["r"].mean()
    return _named({"residual": residual["r_residual"].mean(), "cross_cell": other})


def planted_own(
    table: pd.DataFrame, importance: pd.DataFrame, expected: Mapping[str, float]
) -> dict[str, float]:
    """Measure the predictions of a cell that no network has seen.

    Parameters
    ----------
    table : DataFrame
        From `own.predict`.
    importance : DataFrame
        From `own.marks_that_matter`.
    expected : mapping
        Mark → planted correlation.
    """
    order = rank_correlation(
        importance.set_index("mark")["change"], [expected[mark] for mark in importance["mark"]]
    )
    return _named(
        {
            "own_cell": evaluation.pearson(table["observed"], table["expected"]),
            "own_mark_order": order,
        }
    )


def rank_correlation(measured, planted) -> float:
    """Return Spearman's correlation of values rounded to 3 digits, so that no rank hangs on a last
    digit.

    Parameters
    ----------
    measured, planted : (n,) sequences of float
    """
    rounded = [np.round(np.asarray(values, float), 3) for values in (measured, planted)]
    return evaluation.pearson(*[pd.Series(values).rank() for values in rounded])


def _named(values: Mapping[str, float]) -> dict[str, float]:
    return {f"epigenome.planted.{name}": round(float(value), 4) for name, value in values.items()}
