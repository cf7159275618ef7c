"""Which genes of the screen differ from EMPTY by more than one set of EMPTY wells from the others.

A score above 0.5 is no sign of an effect: wells differ whatever was put in them, and where the
fields of a well lie on both sides of a fold boundary a classifier learns to know the well. So the
null is drawn in whole wells. A *null gene* is a set of EMPTY wells, as many on each plate as a real
gene has, which poses as a gene: it goes through the same splits and the same training against the
EMPTY wells left over. Under the hypothesis that a gene does nothing, its wells and EMPTY wells are
exchangeable within a plate, so its score is one draw from the scores of null genes. Well and plate
effects, leakage of wells across folds and the classifier's own optimism are all in this null.
Permuting the labels of nuclei or fields is no null: it spreads the wells over both classes and
takes the well effects out.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy import stats

from lib.data.errors import InputError
from lib.stats import order
from lib.stats.multiple_testing import benjamini_hochberg

NULL = "EMPTY~"  # begins the name of every null gene; no gene symbol holds a tilde

LEAST_SPREAD = 0.01
"""Smallest standard deviation between null genes that `student` believes. A mean of four folds over
some hundred nuclei each varies by more; less is seen where most networks never left their start and
score 0.5 exactly."""


def null_genes(
    wells: pd.DataFrame,
    *,
    n_draws: int,
    rng: np.random.Generator,
    control: str = "EMPTY",
    genes: Collection[str] = (),
) -> pd.DataFrame:
    """Draw sets of control wells that have the plates of real genes.

    Parameters
    ----------
    wells : DataFrame
        `plate`, `well`, `gene_symbol`, one row or more per well.
    n_draws : int
        How many null genes; 0 gives none. The smallest p-value is 1 / (n_draws + 1), so 41
        discoveries among 190 genes at an FDR of 5 % need about 100; with `method="student"` of
        `p_values` some 20 do.
    rng : Generator
    control : str
        Symbol of the wells that are drawn from.
    genes : collection of str
        Genes whose plates are copied, in turn in random order; by default every one but the
        control.

    Returns
    -------
    DataFrame
        One row per null gene and well: `gene_symbol` (`EMPTY~000`, …), `plate`, `well`, `template`
        (the gene whose plates it copies).

    Raises
    ------
    InputError
        If a plate has not at least one control well more than a template needs there.
    """
    wells = wells[["plate", "well", "gene_symbol"]].drop_duplicates()
    # plate → its control wells
    controls = {
        plate: rows.to_numpy()
        for plate, rows in wells[wells["gene_symbol"] == control].groupby("plate")["well"]
    }
    treated = wells[wells["gene_symbol"] != control]
    layouts = treated.groupby(["gene_symbol", "plate"], observed=True).size()
    names = sorted(set(genes) or set(treated["gene_symbol"]))  # templates that are copied
    # every template once before one is taken again
    n_rounds = -(-n_draws // len(names))
    templates = [name for _ in range(n_rounds) for name in rng.permutation(names)][:n_draws]
    rows = []
    for number, template in enumerate(templates):
        for plate, n_wells in layouts[template].items():
            _check_enough(plate, n_wells, len(controls.get(plate, ())), control, template)
            drawn = rng.choice(controls[plate], n_wells, replace=False)
            rows += [(f"{NULL}{number:03d}", plate, well, template) for well in drawn]
    return pd.DataFrame(rows, columns=["gene_symbol", "plate", "well", "template"])


def relabel(nuclei: pd.DataFrame, draws: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the nuclei with the wells of one null gene carrying its name; everything else is as it
    was.

    Parameters
    ----------
    nuclei : DataFrame
        Any table with `plate`, `well`, `gene_symbol`.
    draws : DataFrame
        From `null_genes`.
    name : str
        `gene_symbol` of the null gene.

    Returns
    -------
    DataFrame
        A copy of `nuclei` with another `gene_symbol` in those wells.

    Raises
    ------
    InputError
        If there is no null gene of that name.
    """
    chosen = draws.loc[draws["gene_symbol"] == name, ["plate", "well"]]
    if chosen.empty:
        raise InputError(
            f"there is no null gene {name!r}; names run to {draws['gene_symbol'].max()}"
        )
    is_chosen = pd.MultiIndex.from_frame(nuclei[["plate", "well"]]).isin(  # (N,)
        pd.MultiIndex.from_frame(chosen)
    )
    return nuclei.assign(gene_symbol=nuclei["gene_symbol"].astype(str).where(~is_chosen, name))


def p_values(scores, null_scores, *, method: str = "rank") -> np.ndarray:
    """Return the p-value of each score against the scores of null genes, one-sided.

    Parameters
    ----------
    scores : (M,) array
    null_scores : (B,) array
        Scores of null genes from the same splits and training.
    method : str
        `rank`: share of draws, the gene's own counted, that reach the score; assumes nothing, at
        best 1 / (B + 1). `student`: one further draw from a normal distribution whose mean and
        variance were estimated from B draws; for few draws, as scores are means over folds and over
        hundreds of nuclei. Where the draws agree more closely, `LEAST_SPREAD` is taken.

    Returns
    -------
    (M,) array

    Raises
    ------
    InputError
        For fewer than two null scores, one that is missing, or an unknown method.

    Examples
    --------
    >>> p_values([0.9, 0.5], [0.5, 0.6, 0.7]).tolist()
    [0.25, 1.0]
    """
    scores, null = np.asarray(scores, float), np.asarray(null_scores, float)
    if len(null) < 2 or not np.isfinite(null).all():
        raise InputError(
            f"{len(null)} null scores, {int((~np.isfinite(null)).sum())} missing; draw more null "
            "genes"
        )
    if method == "rank":
        # 1e-12: a draw with the same score reaches it, whatever the last digit
        n_reaching = len(null) - np.searchsorted(np.sort(null), scores - 1e-12, side="left")
        return (1 + n_reaching) / (1 + len(null))
    if method == "student":
        # of one further draw, not of the mean: hence 1 + 1/B
        spread = max(null.std(ddof=1), LEAST_SPREAD) * np.sqrt(1 + 1 / len(null))
        return stats.t.sf((scores - null.mean()) / spread, df=len(null) - 1)
    raise InputError(f"method {method!r} is unknown; choose rank or student")


def select(
    table: pd.DataFrame, null_scores, *, fdr: float = 0.05, method: str = "rank"
) -> pd.DataFrame:
    """Add p, q and the call to the table of specificity scores.

    Parameters
    ----------
    table : DataFrame
        From `lib.screen.impact.specificity`; one row per gene, `score`.
    null_scores : (B,) array
        As for `p_values`.
    fdr : float
        Largest q-value of an active gene.
    method : str
        As for `p_values`.

    Returns
    -------
    DataFrame
        `table` with `p`, `p_rank` (that of `rank`, whatever the method), `q` (of `p`,
        Benjamini-Hochberg) and `is_active`.

    Raises
    ------
    InputError
        As `p_values`.
    """
    p = p_values(table["score"], null_scores, method=method)  # (M,)
    q = benjamini_hochberg(p)
    p_rank = p_values(table["score"], null_scores)
    return table.assign(p=p, p_rank=p_rank, q=q, is_active=order.rounded(q) <= fdr)


def never_left_start(folds: pd.DataFrame, *, tolerance: float = 1e-9) -> pd.DataFrame:
    """Return the trainings that call all test nuclei one class, and so tell nothing.

    Parameters
    ----------
    folds : DataFrame
        One row per gene and fold: `gene`, `fold`, `test_bacc`.
    tolerance : float
        Largest distance of the balanced accuracy from 0.5.

    Returns
    -------
    DataFrame
        Their rows: `gene`, `fold`, `test_bacc`.
    """
    columns = ["gene", "fold", "test_bacc"]
    return folds.loc[(folds["test_bacc"] - 0.5).abs() <= tolerance, columns]


def _check_enough(plate, n_wells: int, n_controls: int, control: str, template: str) -> None:
    if n_controls <= n_wells:
        raise InputError(
            f"plate {plate} has {n_controls} {control} wells; a null gene like {template} takes "
            f"{n_wells} and must leave one to compare with. Leave the gene out of `genes`, or use "
            "a layout with more controls"
        )
