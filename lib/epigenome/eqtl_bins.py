"""Distal stretches beside eQTL: their genomic interval, predicted effect, activity and contacts.

Rows and shapes: G genes, S stretches of a gene, R contact regions.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lib.epigenome import eqtl, promoters
from lib.epigenome.perturbation import STEP, strongest_distal
from lib.epigenome.signals import SIZE, WINDOW, Signals


def eqtl_bins(
    found: pd.DataFrame, known: Mapping[str, Signals], variants: pd.DataFrame, mark: str
) -> pd.DataFrame:
    """Return the distal stretches of every cell that has a tissue, with all that is ranked.

    Parameters
    ----------
    found : DataFrame
        From `perturbation.effects`, of one mark.
    known : mapping
        Cell → signals.
    variants : DataFrame
        From `eqtl.checked`.
    mark : str

    Returns
    -------
    DataFrame
        tissue, cell, gene, start (bp from the start site), low, high (genomic, half-open),
        `predicted effect`, `mark activity`, in_contact, n_eqtl. Genes without any eQTL of the
        tissue in the window are left out, as their stretches can hold none.
    """
    distal, parts = strongest_distal(found), []
    for cell, group in distal.groupby("cell", sort=False):
        tissues = eqtl.TISSUES.get(cell, ())
        some = variants[variants["tissue"].isin(tissues)]
        if len(some):
            bins = _of_cell(group, known[cell], mark).assign(tissue=tissues[0], cell=cell)
            parts.append(eqtl.mark_hits(bins, some))
    if not parts:
        return pd.DataFrame()
    every = pd.concat(parts, ignore_index=True)
    can_hold = every.groupby(["cell", "gene"])["n_eqtl"].transform("sum") > 0
    return every[can_hold].reset_index(drop=True)


def interval(
    start_site: np.ndarray, strand: np.ndarray, stretch: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where stretches lie in the genome, half-open.

    Parameters
    ----------
    start_site, strand : (n,) arrays
    stretch : (n, 2) array
        First and last bp from the start site, in the direction of transcription.

    Examples
    --------
    >>> sites, stretches = np.array([100_000, 100_000]), np.array([[4000, 6000], [4000, 6000]])
    >>> low, high = interval(sites, np.array(["+", "-"]), stretches)
    >>> low.tolist(), high.tolist()
    ([104000, 94000], [106000, 96000])
    """
    sign = np.where(np.asarray(strand) == "+", 1, -1)
    ends = np.asarray(start_site)[:, None] + sign[:, None] * np.asarray(stretch)
    return ends.min(axis=1), ends.max(axis=1)


def _of_cell(group: pd.DataFrame, known: Signals, mark: str) -> pd.DataFrame:
    """Return the stretches of one cell's genes without tissue and eQTL."""
    row = pd.Index(known.genes["gene_id"]).get_indexer(group["gene"])
    genes = known.genes.iloc[row]
    low, high = interval(
        genes["start"].to_numpy(), genes["strand"].to_numpy(), group[["start", "end"]].to_numpy()
    )
    measured = {
        "low": low,
        "high": high,
        "in_contact": _in_contact(known, row, low, high),
        "predicted effect": group["difference"].to_numpy(),
        "mark activity": _activity(known, mark, row, group["start"].to_numpy()),
    }
    return group[["gene", "start"]].assign(**measured)


def _in_contact(known: Signals, row: np.ndarray, low, high) -> np.ndarray:
    """Return whether a contact region of the gene shares bases with its stretch, (n,)."""
    if known.regions.empty:
        return np.zeros(len(row), bool)
    slots = known.slots[row]  # (n, P)
    place = known.regions[["start", "end"]].to_numpy()[slots]  # (n, P, 2)
    chrom = known.regions["chrom"].to_numpy()[slots]
    shares = (place[..., 0] < np.asarray(high)[:, None]) & (
        place[..., 1] > np.asarray(low)[:, None]
    )
    is_cis = chrom == known.genes["chrom"].to_numpy()[row][:, None]
    return (shares & is_cis & (slots >= 0)).any(axis=1)


def _activity(known: Signals, mark: str, row: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the mean ln(1 + depth) of a mark in each gene's stretch, (n,)."""
    values = promoters.narrow(known, [mark], window=WINDOW)[:, :, 0]  # (G, 400)
    means = values.reshape(len(values), -1, STEP // SIZE).mean(axis=2)  # (G, 20)
    return means[row, (start + WINDOW // 2) // STEP]
