"""A simulated LINCS: drugs of known classes, knock-downs of known targets, signatures that follow
from both.

A perturbagen moves a few hidden programmes; a cell line answers each programme more, less or the
other way round; a programme moves some of the genes. What a drug does to its cells, a knock-down of
its target does in part.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.lincs.sets import GP_CELLS, PROTEASOME, SMP_CELLS
from lib.lincs.signatures import BOUND

STRONG, MIDDLE, WEAK = 1.0, 0.6, 0.2
CLASSES = {
    "CP_PROTEASOME_INHIBITOR": STRONG,
    "CP_PI3K_INHIBITOR": MIDDLE,
    "CP_MTOR_INHIBITOR": MIDDLE,
    "CP_MEK_INHIBITOR": MIDDLE,
    "CP_HDAC_INHIBITOR": STRONG,
    "CP_BROMODOMAIN_INHIBITOR": MIDDLE,
    "CP_TUBULIN_INHIBITOR": MIDDLE,
    "CP_TOPOISOMERASE_INHIBITOR": MIDDLE,
    "CP_CDK_INHIBITOR": MIDDLE,
    "CP_GLUCOCORTICOID_RECEPTOR_AGONIST": MIDDLE,
    "CP_EGFR_INHIBITOR": WEAK,
    "CP_PARP_INHIBITOR": WEAK,
    "CP_BILE_ACID": MIDDLE,
}
ALONE = "CP_BILE_ACID"  # a class of one drug
TWINS = ("CP_PI3K_INHIBITOR", "CP_MTOR_INHIBITOR")  # classes planted next to each other
OTHER_CELLS = ("MCF10A", "THP1")  # lines with few signatures, which the paper leaves out


@dataclass(frozen=True)
class Design:
    """Sizes, effects and noise of the simulated signatures; z-scores, so the noise of an unaffected
    gene is 1.

    Parameters
    ----------
    n_landmarks, n_others : int
        Landmark and inferred genes.
    n_programmes : int
        P, hidden programmes, each of which moves a share `sparsity` of the genes.
    drugs_per_class : int
        Drugs of each class but the one that has a single drug; three quarters of them at least two.
    n_unclassified : int
        Drugs without a class.
    n_targets, n_genes : int
        Most target genes of a class (1, 2, … in turn); genes that are knocked down, targets
        included.
    n_hairpins : int
        Signatures per gene and cell line, each with an off-target effect of its own.
    doses : tuple of float
        Share of the full effect at each dose.
    effect : float
        Length of a strong class's state.
    spread : float
        SD of a drug's own offset per programme, as a share of `effect`.
    likeness : float
        Share of a class's state that a knock-down of its target has.
    flipped : float
        Chance that a programme answers the other way round in a cell line.
    """

    n_landmarks: int = 300
    n_others: int = 60
    n_programmes: int = 10
    sparsity: float = 0.3
    drugs_per_class: int = 4
    n_unclassified: int = 16
    n_targets: int = 3
    n_genes: int = 140
    n_hairpins: int = 2
    doses: tuple[float, ...] = (0.4, 0.7, 1.0)
    effect: float = 2.2
    spread: float = 0.12
    likeness: float = 0.6
    flipped: float = 0.1
    noise: float = 1.0


@dataclass(frozen=True)
class World:
    """The planted truth.

    Shapes: `loadings` (P, genes), landmarks first; `answers` cell line → (P,); `classes` rows =
    classes, columns = programmes; `drugs` with `pert_iname`, `pcl` (None: no class) and states `p0`
    …; `genes` the same with `gene`.
    """

    loadings: np.ndarray
    answers: pd.DataFrame
    classes: pd.DataFrame
    drugs: pd.DataFrame
    genes: pd.DataFrame
    targets: pd.DataFrame


def world(design: Design, rng: np.random.Generator) -> World:
    """Draw programmes, classes, drugs, genes and targets."""
    names = [f"p{i}" for i in range(design.n_programmes)]
    n_genes = design.n_landmarks + design.n_others
    loadings = rng.normal(size=(design.n_programmes, n_genes)) * (
        rng.random((design.n_programmes, n_genes)) < design.sparsity
    )
    cells = sorted({*SMP_CELLS, *GP_CELLS, *OTHER_CELLS})
    signs = np.where(rng.random((len(cells), design.n_programmes)) < design.flipped, -1.0, 1.0)
    answers = pd.DataFrame(signs * rng.uniform(0.6, 1.4, signs.shape), index=cells, columns=names)
    classes = _class_states(design, names, rng)
    drugs = _drugs(design, classes, rng)
    genes, targets = _genes(design, classes, drugs, rng)
    return World(loadings, answers, classes, drugs, genes, targets)


def expected(
    world: World, states: np.ndarray, cells: np.ndarray, strength: np.ndarray | float = 1.0
) -> np.ndarray:
    """Return noise-free signatures (n, genes) of states (n, P) in cell lines (n,): 10 · tanh(effect
    / 10).
    """
    moved = states * np.reshape(strength, (-1, 1)) * world.answers.loc[cells].to_numpy()
    return BOUND * np.tanh(moved @ world.loadings / BOUND)


def measured(signatures: np.ndarray, *, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise and clip, as the producer of level 5 does; float32."""
    noisy = signatures + noise * rng.normal(size=signatures.shape)
    return noisy.clip(-BOUND, BOUND).astype(np.float32)


def posterior(
    world: World, design: Design, values: np.ndarray, cells: np.ndarray, strength: np.ndarray
) -> np.ndarray:
    """Return log p(signature | class) up to a constant, (n, classes).

    This is the best that a classifier could know: programmes, answers of the cell line, dose,
    spread of the drugs within a class and noise. The programmes are read off by least squares.

    Parameters
    ----------
    world : World
        Its loadings have the genes of the values, in their order.
    values : (n, genes) array
    cells, strength : (n,) arrays
        Cell line of each signature, and the share of the full effect at its dose.
    """
    loadings = world.loadings
    gram = np.linalg.inv(loadings @ loadings.T)  # (P, P)
    effects = BOUND * np.arctanh((values / BOUND).clip(-0.999, 0.999))  # (n, genes)
    read = effects @ loadings.T @ gram  # (n, P)
    scale = strength[:, None] * world.answers.loc[cells].to_numpy()  # (n, P)
    own = (scale * design.spread * design.effect) ** 2  # variance of drugs within a class
    covariances = design.noise**2 * gram + own[:, :, None] * np.eye(len(gram))  # (n, P, P)
    off = read[:, None] - scale[:, None] * world.classes.to_numpy()  # (n, classes, P)
    distances = np.einsum("nkp,npq,nkq->nk", off, np.linalg.inv(covariances), off)
    return -0.5 * distances


def _class_states(design: Design, names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Give each class three or four programmes, by its strength; the twins are almost the same."""
    states = np.zeros((len(CLASSES), len(names)))
    for row in states:
        active = rng.choice(len(names), int(rng.integers(3, 5)), replace=False)
        row[active] = rng.choice([-1.0, 1.0], len(active)) * rng.uniform(0.6, 1.4, len(active))
    states *= design.effect / np.linalg.norm(states, axis=1, keepdims=True)
    table = pd.DataFrame(states, index=list(CLASSES), columns=names)
    first, second = TWINS
    table.loc[second] = 0.9 * table.loc[first] + 0.3 * table.loc[second]
    return table.mul(pd.Series(CLASSES), axis=0)


def _drugs(design: Design, classes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw drugs around their classes, drugs without a class around nothing."""
    sizes = [1 if name == ALONE else design.drugs_per_class for name in classes.index]
    pcl = [*np.repeat(classes.index.to_numpy(object), sizes), *[None] * design.n_unclassified]
    centres = np.vstack(
        [
            np.repeat(classes.to_numpy(), sizes, axis=0),
            _random_states(design, design.n_unclassified, rng),
        ]
    )
    states = centres + design.spread * design.effect * rng.normal(size=centres.shape)
    table = pd.DataFrame(states, columns=classes.columns)
    names = [f"sim-drug-{i:03d}" for i in range(len(table))]
    names[: len(PROTEASOME)] = PROTEASOME  # the first class is that of the proteasome inhibitors
    table.insert(0, "pert_iname", names)
    table.insert(1, "pcl", pd.Series(pcl, dtype=object))
    return table


def _genes(design: Design, classes: pd.DataFrame, drugs: pd.DataFrame, rng: np.random.Generator):
    """Draw knock-downs: targets act in part as their class, the others at random; return genes and
    targets.
    """
    n_targets = 1 + np.arange(len(classes)) % design.n_targets
    owners = np.repeat(classes.index.to_numpy(object), n_targets)
    states = _random_states(design, design.n_genes, rng)
    alike = design.likeness * np.repeat(classes.to_numpy(), n_targets, axis=0)
    states[: len(owners)] = alike + 0.3 * states[: len(owners)]
    table = pd.DataFrame(states, columns=classes.columns)
    table.insert(0, "gene", [f"SIMG{i:04d}" for i in range(len(table))])
    table.insert(1, "pcl", pd.Series([*owners, *[None] * (len(table) - len(owners))], dtype=object))
    known = drugs.loc[drugs["pcl"].notna(), ["pert_iname", "pcl"]]
    targets = known.merge(table.loc[table["pcl"].notna(), ["gene", "pcl"]], on="pcl")
    return table, targets[["pert_iname", "gene"]]


def _random_states(design: Design, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return sparse random states (n, P) of random strength."""
    active = rng.random((n, design.n_programmes)) < 3 / design.n_programmes
    length = design.effect * rng.uniform(0.1, 0.9, (n, 1))
    states = active * rng.normal(size=(n, design.n_programmes))
    return length * states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1)


def plates(
    clean: np.ndarray,
    *,
    n_plates: int,
    n_vehicles: int,
    failed: float,
    noise: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return expression (level 3) of treatments, each once on every plate, with vehicles.

    A gene has its own level and spread, a plate shifts every gene; a well that failed shows
    nothing of its treatment.

    Parameters
    ----------
    clean : (T, G) array
        What each treatment does, in z-scores.
    n_plates, n_vehicles : int
        Replicates of a treatment; vehicle wells of a plate.
    failed : float
        Chance that a well failed.
    noise : float
        SD of a measurement, in SDs of vehicles.
    rng : Generator

    Returns
    -------
    values : (wells, G) float32 array
        log2 expression.
    wells : DataFrame
        `plate`, `treatment` (number of its row, −1 for vehicles), `has_failed`.
    """
    n_treatments, n_genes = clean.shape
    treatment = np.r_[np.arange(n_treatments), np.full(n_vehicles, -1)]
    wells = pd.DataFrame(
        {
            "plate": np.repeat(np.arange(n_plates), len(treatment)),
            "treatment": np.tile(treatment, n_plates),
        }
    )
    wells["has_failed"] = (rng.random(len(wells)) < failed) & (wells["treatment"] >= 0)
    shown = (wells["treatment"] >= 0) & ~wells["has_failed"]
    effect = np.where(shown.to_numpy()[:, None], clean[wells["treatment"]], 0.0)  # (wells, G)
    level, spread = rng.uniform(4, 14, n_genes), rng.uniform(0.2, 0.6, n_genes)
    shift = rng.normal(0, 0.3, (n_plates, n_genes))[wells["plate"]]
    measured = effect + noise * rng.normal(size=effect.shape)
    return (level + shift + spread * measured).astype(np.float32), wells
