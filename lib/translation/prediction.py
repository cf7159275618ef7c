"""From images of cells to ranked genes, with all that says how far to trust the ranking.

A condition is the mean of its nuclei, and so is each of its images. The bundle's regression turns
the mean into a regulatory embedding; genes are ranked by their cosine with it. Beside every rank
stands what it is worth: the rank that the same gene has for control cells and for permuted training
pairs, the sets of candidates that hold the true gene in 80 and 95 % of left-out targets, and the
distance of the images from those that were trained on.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.stats import order
from lib.translation import conformal, distance, kernel
from lib.translation.bundle import Bundle
from lib.translation.new_nuclei import Nuclei

ALL = "all images"  # name of the row of a condition as a whole
N_NEAREST = 3  # conditions named
OUTSIDE, AS_CONTROL = "outside the training images", "looks like the control"


@dataclass(frozen=True)
class Prediction:
    """What a bundle says of conditions and of each of their images.

    Parameters
    ----------
    units : DataFrame
        One row per condition (`image` is `ALL`) and per image, in the order of the other arrays:
        `condition`, `image`, `n_images`, `n_nuclei`, `nearest_gene`, `set_80`, `set_95` (genes in
        the sets), `distance_sd`, `held_out_share` (held-out fields as far), `is_outside`,
        `nearest_conditions`, `warning`.
    genes : DataFrame
        One row per unit and gene, nearest first: `condition`, `image`, `rank`, `gene`, `cosine`,
        `control_rank` and `permuted_rank` (medians), `p_control` and `p_permuted` (shares of draws
        with as small a rank), `in_set_80`, `in_set_95`, `is_trained` (the regression learnt its
        pair).
    predicted : (U, R) array
        Predicted regulatory embedding of every unit, of length 1.
    """

    units: pd.DataFrame
    genes: pd.DataFrame
    predicted: np.ndarray


def predict(bundle: Bundle, nuclei: Nuclei, *, n_draws: int = 500, seed: int = 1234) -> Prediction:
    """Rank the genes behind every condition and every image.

    Parameters
    ----------
    bundle : Bundle
    nuclei : Nuclei
        From `encode`.
    n_draws : int
        Draws of control cells, and of permuted training pairs.
    seed : int
        Of the draws; those of a unit depend on its name alone.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        For embeddings that are not finite.
    """
    rows, tables, predicted = [], [], []
    for condition, image, own in _units(nuclei.table):
        rng = np.random.default_rng([seed, *f"{condition}/{image}".encode()])
        embedding = _directions(bundle.predict(nuclei.embeddings[own].mean(axis=0)))  # (1, R)
        genes = _ranked(bundle, embedding, nuclei.embeddings[own], image, n=n_draws, rng=rng)
        where = {"condition": condition, "image": image}
        rows.append(where | _unit(bundle, nuclei, own, genes))
        tables.append(genes.assign(**where))
        predicted.append(embedding[0])
    genes = pd.concat(tables, ignore_index=True)
    first = ["condition", "image"]
    return Prediction(
        pd.DataFrame(rows), genes[first + [c for c in genes if c not in first]], np.array(predicted)
    )


def _units(table: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
    """Return every condition, followed by its images, with the rows of its nuclei."""
    units = []
    for condition, part in table.groupby("condition", sort=True):
        units.append((condition, ALL, part.index.to_numpy()))
        for image, own in part.groupby("image", sort=True):
            units.append((condition, image, own.index.to_numpy()))
    return units


def _directions(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def ranks_of(cosines: np.ndarray) -> np.ndarray:
    """Return the rank of every gene by its cosine with a prediction.

    Parameters
    ----------
    cosines : (M, G) array

    Returns
    -------
    (M, G) array of int
        From 1; equal cosines go by the order of the genes.

    Examples
    --------
    >>> ranks_of(np.array([[0.1, 0.9, 0.5]])).tolist()
    [[3, 1, 2]]
    """
    nearest = order.descending(cosines, scale=1)  # (M, G)
    ranks = np.empty_like(nearest)
    np.put_along_axis(ranks, nearest, np.arange(1, nearest.shape[1] + 1)[None], axis=1)
    return ranks


def _ranked(
    bundle: Bundle, embedding: np.ndarray, own: np.ndarray, image: str, *, n: int, rng
) -> pd.DataFrame:
    """Return the genes of a unit, nearest first, with ranks under both nulls and the sets."""
    cosines = bundle.embeddings @ embedding[0]  # (G,)
    rank = ranks_of(cosines[None])[0]
    groups = bundle.control_well if image == ALL else bundle.control_field
    nulls = {
        "control": ranks_by_controls(bundle, groups, len(own), n=n, rng=rng),
        "permuted": ranks_by_permutation(bundle, own.mean(axis=0), n=n, rng=rng),
    }
    table = pd.DataFrame({"rank": rank, "gene": bundle.card.genes, "cosine": cosines})
    for name, ranks in nulls.items():
        table[f"{name}_rank"] = np.median(ranks, axis=0)
        table[f"p_{name}"] = (1 + (ranks <= rank).sum(axis=0)) / (n + 1)
    for level in conformal.LEVELS:
        table[f"in_set_{level * 100:.0f}"] = rank <= candidates(bundle, level, image=image)
    table["is_trained"] = table["gene"].isin(bundle.card.train_genes)
    return table.sort_values("rank", ignore_index=True)


def candidates(bundle: Bundle, level: float, *, image: str = ALL) -> int:
    """Return how many of the nearest genes make up the calibrated set.

    Parameters
    ----------
    bundle : Bundle
    level : float
        Share of left-out targets that is to be covered.
    image : str
        `ALL` for a condition; anything else for a single image, whose sets are calibrated on single
        fields.

    Returns
    -------
    int
        All genes where the left-out targets are too few.
    """
    ranks, targets = bundle.ranks, np.arange(len(bundle.ranks))
    if image != ALL:
        ranks, targets = bundle.image_ranks, bundle.image_target
    return conformal.set_size(ranks, targets, level=level, n_genes=len(bundle.card.genes))


def ranks_by_controls(
    bundle: Bundle, groups: np.ndarray, n_nuclei: int, *, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Rank the genes for control cells: as many nuclei of one well or field, drawn at random.

    Parameters
    ----------
    bundle : Bundle
    groups : (m,) array of int
        Well or field of every control nucleus; a draw stays within one.
    n_nuclei : int
        Nuclei per draw.
    n : int
        Draws.
    rng : Generator

    Returns
    -------
    (n, G) array of int
        From 1.
    """
    by_group = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    chosen = rng.integers(len(counts), size=n)  # a well or field per draw
    within = (rng.random((n, n_nuclei)) * counts[chosen][:, None]).astype(int)  # with replacement
    starts = (np.cumsum(counts) - counts)[chosen]
    means = np.empty((n, bundle.control.shape[1]))
    for i in range(n):  # one draw at a time: n × n_nuclei × D would not fit
        means[i] = bundle.control[by_group[starts[i] + within[i]]].mean(axis=0, dtype=float)
    return ranks_of(_directions(bundle.predict(means)) @ bundle.embeddings.T)


def ranks_by_permutation(
    bundle: Bundle, image: np.ndarray, *, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Rank the genes when the training images go with other training genes' embeddings.

    Parameters
    ----------
    bundle : Bundle
    image : (D,) array
        Mean embedding of the unit.
    n : int
        Permutations.
    rng : Generator

    Returns
    -------
    (n, G) array of int
        From 1.
    """
    own, new = kernel.ntk(bundle.images), kernel.ntk(image[None], bundle.images)
    weights = kernel.ridge_weights(own, new, [bundle.card.ridge])[0, 0]  # (N,)
    rows = [bundle.card.genes.index(gene) for gene in bundle.card.train_genes]
    # permuting the weights is permuting the pairs
    permuted = rng.permuted(np.tile(weights, (n, 1)), axis=1)  # (n, N)
    predicted = permuted @ bundle.embeddings[rows]  # (n, R)
    return ranks_of(_directions(predicted) @ bundle.embeddings.T)


def _unit(bundle: Bundle, nuclei: Nuclei, own: np.ndarray, genes: pd.DataFrame) -> dict:
    """Return the row of a condition or image."""
    far = float(np.median(nuclei.table["distance_sd"].to_numpy()[own]))
    share = distance.share_as_far(far, bundle.field_distances)
    outside = distance.is_outside(share, len(bundle.field_distances))
    nearest = nearest_conditions(bundle, nuclei.features[own].mean(axis=0))
    control = nearest["condition"].iloc[0] == bundle.card.control
    return {
        "n_images": nuclei.table["image"].iloc[own].nunique(),
        "n_nuclei": len(own),
        "nearest_gene": genes["gene"].iloc[0],
        "set_80": int(genes["in_set_80"].sum()),
        "set_95": int(genes["in_set_95"].sum()),
        "distance_sd": far,
        "held_out_share": share,
        "is_outside": outside,
        "nearest_conditions": ", ".join(nearest["condition"].head(N_NEAREST)),
        "warning": "; ".join([OUTSIDE] * outside + [AS_CONTROL] * control),
    }


def nearest_conditions(bundle: Bundle, features: np.ndarray) -> pd.DataFrame:
    """Return the conditions of the training by their distance from an image.

    Parameters
    ----------
    bundle : Bundle
    features : (E,) array
        Mean over the nuclei.

    Returns
    -------
    DataFrame
        One row per condition, nearest first: `condition`, `distance_sd` between the means, in SD of
        single nuclei.
    """
    # the gap between two means, measured as a nucleus that lies so far from the centre
    moved = bundle.conditions - features + bundle.centre  # (C, E)
    gaps = distance.of_nuclei(moved, bundle.centre, bundle.whitening)
    table = pd.DataFrame({"condition": bundle.card.conditions, "distance_sd": gaps})
    return table.iloc[order.ascending(gaps)].reset_index(drop=True)
