"""Your own cell: what trained networks expect of it, which marks and positions matter, and where
they have not been.

A network knows the range of marks of the cell it was trained on. Outside it a prediction is an
extrapolation, which is said, not hidden.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lib.data import origin
from lib.data.errors import InputError
from lib.data.origin import Origin
from lib.epigenome import features, fitting, perturbation, promoters, signals
from lib.epigenome.evaluation import pearson
from lib.epigenome.signals import Signals
from lib.epigenome.trained import Network
from lib.learning.weights import Card

EXPECTED_OUTSIDE = 0.02  # share of the training genes outside their own 1st to 99th percentile


def networks_origin(card: Card) -> Origin:
    """Return where networks come from: trained on simulated cells, or on given ones.

    Parameters
    ----------
    card : Card
        Of one of the networks.
    """
    if card.origin == "simulated":
        return origin.simulated("networks")
    return origin.own("networks", card.inputs["cell"])


def predict(networks: Sequence[Network], known: Signals) -> pd.DataFrame:
    """Return the expected expression of every gene, averaged over networks.

    Parameters
    ----------
    networks : sequence of Network
        From `trained.load`, of one plan, such as those of the folds.
    known : Signals
        Expression is not needed.

    Returns
    -------
    DataFrame
        gene, chrom, start, strand, expected (log2(RPKM + 1)), spread (standard deviation over the
        networks), n_partners, n_outside (marks outside the training range), observed (NaN where not
        known).
    """
    parts = _expected(networks, known)
    table = known.genes[["gene_id", "chrom", "start", "strand"]].rename(columns={"gene_id": "gene"})
    outside = outside_range(networks, known)
    return table.assign(
        expected=np.mean(parts, axis=0),
        spread=np.std(parts, axis=0),
        n_partners=known.n_partners,
        n_outside=outside.sum(axis=1).to_numpy(),
        observed=np.log2(known.genes["expression"] + 1),
    )


def outside_range(networks: Sequence[Network], known: Signals) -> pd.DataFrame:
    """Return for every gene (rows) and mark (columns) whether its activity is outside that of the
    training genes.

    Parameters
    ----------
    networks, known
        As of `predict`.

    Returns
    -------
    (G, F) bool DataFrame
    """
    plan, ranges = networks[0][1], {}
    for _, _, card in networks:
        for mark, (low, high) in card.inputs["ranges"].items():
            old = ranges.get(mark, (np.inf, -np.inf))
            ranges[mark] = (min(old[0], low), max(old[1], high))
    activity = promoters.activity(known, plan.marks, window=signals.WINDOW)
    low, high = np.array([ranges[mark] for mark in plan.marks]).T
    return pd.DataFrame((activity < low) | (activity > high), columns=list(plan.marks))


def range_report(
    networks: Sequence[Network], known: Signals, *, limit: float = 0.1
) -> pd.DataFrame:
    """Return, per mark, how many genes lie outside the training range, and a warning where they are
    many.

    Returns
    -------
    DataFrame
        mark, share_outside, warning ("" if the share is at most `limit`).
    """
    share = outside_range(networks, known).mean()
    rows = []
    for mark, value in share.items():
        note = (
            f"{value:.0%} of the genes lie outside the training cell's range of {mark} (expected "
            f"about {EXPECTED_OUTSIDE:.0%}): scale the depth, or take the predictions as "
            "extrapolations"
        )
        rows.append((mark, float(value), note if value > limit else ""))
    return pd.DataFrame(rows, columns=["mark", "share_outside", "warning"])


def marks_that_matter(
    networks: Sequence[Network], known: Signals, rng: np.random.Generator
) -> pd.DataFrame:
    """Return how much the predictions depend on each mark: its genes are shuffled, the others stay.

    Returns
    -------
    DataFrame
        mark, change (root mean square change of log2(RPKM + 1)), r_kept (correlation of the
        predictions before and after); largest change first.
    """
    rows = []
    order = rng.permutation(len(known.genes))
    base = _expected(networks, known).mean(axis=0)
    for mark in networks[0][1].marks:
        changed = _expected(networks, _shuffled(known, mark, order)).mean(axis=0)
        rows.append((mark, float(np.sqrt(np.mean((changed - base) ** 2))), pearson(base, changed)))
    table = pd.DataFrame(rows, columns=["mark", "change", "r_kept"])
    return table.sort_values("change", ascending=False, kind="stable", ignore_index=True)


def positions_that_matter(networks: Sequence[Network], known: Signals) -> pd.DataFrame:
    """Return how the expectation falls if all marks of the network are taken away in one 2-kbp bin
    after another.

    Returns
    -------
    DataFrame
        start, end (bp from the start site, in the direction of transcription), difference (mean,
        log2 units).
    """
    stretches = [
        (low, low + perturbation.STEP)
        for low in range(-signals.WINDOW // 2, signals.WINDOW // 2, perturbation.STEP)
    ]
    variants = [(stretches[0], 1.0), *((stretch, 0.0) for stretch in stretches)]
    rows = np.arange(len(known.genes))
    found = []
    for model, plan, _ in networks:
        if plan.kind != "chromoformer":
            raise InputError("positions are asked of Chromoformer only", fix="give its networks")
        made = features.features(known, plan.marks, window=plan.window)
        found.append(perturbation.predictions(model, made, rows, variants))
    mean = np.mean(found, axis=0)  # (V, G)
    table = pd.DataFrame(stretches, columns=["start", "end"])
    return table.assign(difference=(mean[0] - mean[1:]).mean(axis=1))


def _expected(networks: Sequence[Network], known: Signals) -> np.ndarray:
    """Return what every network expects of every gene, (N, G)."""
    batch = fitting.inputs_of(known, networks[0][1])  # all are of one plan
    return np.array([fitting.predict(model, batch, len(known.genes)) for model, _, _ in networks])


def _shuffled(known: Signals, mark: str, order: np.ndarray) -> Signals:
    """Return signals whose promoters carry one mark of other genes, in the direction of
    transcription."""
    row = known.marks.index(mark)
    is_minus = (known.genes["strand"] == "-").to_numpy()
    values = known.promoters[:, row].copy()
    values[is_minus] = values[is_minus, ::-1]
    values = values[order]
    values[is_minus] = values[is_minus, ::-1]
    promoters = known.promoters.copy()
    promoters[:, row] = values
    return Signals(**{**vars(known), "promoters": promoters})
