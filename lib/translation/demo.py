"""One condition whose encoder never saw it: which genes does its image name?

The published demo (Image2Reg, code repository, `scripts/demo`): neural tangent kernel, λ = 1, no
further features. What it lacks is added: how the rank spreads over nuclei, and over chance.
"""

import os

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.run import store
from lib.stats import order
from lib.translation import bundle, bundling, inputs, metrics, new_nuclei, regressors
from lib.translation.bundle import Bundle
from lib.translation.inputs import Problem


def read(
    bundles_dir: str | os.PathLike,
    condition: str,
    *,
    fields: pd.DataFrame,
    screen_dir: str | os.PathLike,
) -> tuple[Bundle, Problem, np.ndarray]:
    """Encode the fields of a condition by the bundle that never saw it.

    Parameters
    ----------
    bundles_dir : path
        Folder with a bundle per left-out condition.
    condition : str
        Gene symbol.
    fields : DataFrame
        `plate`, `field`, `gene_symbol`: fields of the screen that can be used.
    screen_dir : path
        Folder of the screen.

    Returns
    -------
    Bundle
    Problem
        The bundle's training pairs, and the condition as the target.
    (n, D) array
        Image embeddings of the condition's nuclei.

    Raises
    ------
    InputError
        If there is no bundle of the condition, naming those there are, or it was trained on it; as
        `lib.translation.new_nuclei.encode`.
    """
    found = bundle.load(_folder(bundles_dir, condition))
    images = new_nuclei.of_fields(fields[fields["gene_symbol"] == condition], screen_dir)
    nuclei = new_nuclei.encode(found, images)
    return found, problem(found, condition, nuclei.embeddings), nuclei.embeddings


def problem(found: Bundle, condition: str, embeddings: np.ndarray) -> Problem:
    """Return the training pairs of a bundle with the mean of new nuclei as the target.

    Parameters
    ----------
    found : Bundle
    condition : str
        Gene symbol of the target.
    embeddings : (n, D) array
        Of its nuclei.

    Returns
    -------
    Problem

    Raises
    ------
    InputError
        If the encoder or the regression was trained on the condition, the network has no such gene,
        or there is no nucleus.
    """
    card = found.card
    if condition in {*card.conditions, *card.train_genes}:
        raise InputError(
            f"the bundle {card.name} was trained on {condition}: its answer would be no test",
            fix=f"take a bundle that left {condition} out",
        )
    if not len(embeddings):
        raise InputError(f"{condition} has no nucleus", fix="check its images and masks")
    images = pd.DataFrame(found.images, index=card.train_genes)
    images.loc[condition] = embeddings.mean(axis=0)
    return inputs.problem(condition, images, pd.DataFrame(found.embeddings, index=card.genes))


def shuffled(problem: Problem, *, seed: int) -> Problem:
    """Return the problem with both embeddings in random order, as the published random mode.

    Parameters
    ----------
    problem : Problem
    seed : int

    Returns
    -------
    Problem
    """
    return regressors.permuted(problem, np.random.default_rng([seed, 1]))


def neighbours(problem: Problem, *, k: int = 10) -> pd.DataFrame:
    """Return the genes nearest to the prediction, and the true one wherever it is.

    Parameters
    ----------
    problem : Problem
    k : int
        Genes shown; the true gene comes on top of these if it is farther away.

    Returns
    -------
    DataFrame
        One row per gene, nearest first: `rank` from 1, `gene`, `cosine` of prediction and gene
        (−1 to 1), `is_true`, `is_known` (its image was trained on).

    References
    ----------
    Image2Reg, `scripts/demo`: λ = 1, the ten nearest genes.
    """
    prediction = regressors.ntk_ridge(*problem.split())[0]  # (R,)
    cosines = problem.regulatory @ prediction / np.linalg.norm(prediction)  # (G,)
    by_rank = order.descending(cosines[None], scale=1)[0]  # (G,)
    table = pd.DataFrame({"gene": np.array(problem.names)[by_rank], "cosine": cosines[by_rank]})
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    table["is_true"] = table["gene"] == problem.target
    table["is_known"] = table["gene"].isin(set(problem.shared) - {problem.target})
    return table[(table["rank"] <= k) | table["is_true"]].reset_index(drop=True)


def ranks_over_nuclei(problem: Problem, nuclei: np.ndarray, *, n: int, seed: int) -> np.ndarray:
    """Return the ranks of the true gene when its nuclei are drawn anew.

    Parameters
    ----------
    problem : Problem
    nuclei : (m, D) array
        Image embeddings of the condition's nuclei; each draw takes m of them with replacement.
    n : int
        Draws.
    seed : int

    Returns
    -------
    (n,) array of int
        From 1.
    """
    rng = np.random.default_rng([seed, 2])
    counts = rng.multinomial(len(nuclei), np.full(len(nuclei), 1 / len(nuclei)), size=n)  # (n, m)
    images, genes, _ = problem.split()
    predictions = regressors.ntk_ridge(images, genes, counts @ nuclei / len(nuclei))  # (n, R)
    return metrics.hits_of(predictions, problem.regulatory, problem.names.index(problem.target)) + 1


def ranks_by_chance(problem: Problem, *, n: int, seed: int) -> np.ndarray:
    """Return the ranks of the true gene with both embeddings in random order.

    Parameters
    ----------
    problem : Problem
    n : int
        Orders.
    seed : int

    Returns
    -------
    (n,) array of int
        From 1.
    """
    rng = np.random.default_rng([seed, 3])
    return regressors.permuted_places([problem], rng, n=n)[:, 0] + 1


def places(problem: Problem) -> pd.DataFrame:
    """Return where the prediction lies among the genes: two principal components of the network.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    DataFrame
        One row per gene, and one of the prediction, scaled to length 1 as they are: `gene`, `pc_1`,
        `pc_2`, `kind` (gene, known, true, prediction).
    """
    prediction = regressors.ntk_ridge(*problem.split())
    rows = np.vstack([problem.regulatory, prediction / np.linalg.norm(prediction)])  # (G + 1, R)
    centred = rows - problem.regulatory.mean(axis=0)
    axes = np.linalg.svd(centred[:-1], full_matrices=False)[2][:2]  # (2, R)
    # the sign of a component is arbitrary: its largest entry is positive
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    found = pd.DataFrame(centred @ axes.T, columns=["pc_1", "pc_2"])
    known = set(problem.shared)
    kinds = ["known" if name in known else "gene" for name in problem.names]
    kinds[problem.names.index(problem.target)] = "true"
    return found.assign(gene=[*problem.names, "prediction"], kind=[*kinds, "prediction"])


def _folder(bundles_dir: str | os.PathLike, condition: str):
    path = store.resolve(bundles_dir) / condition
    if not path.is_dir():
        known = sorted(card.parent.name for card in path.parent.glob("*/card.json"))
        raise InputError(
            f"{condition} was left out of no bundle of this run; there are "
            f"{listed(name for name in known if name != bundling.ALL)}",
            file=path,
            fix="choose one of them, or give this screen the condition",
        )
    return path
