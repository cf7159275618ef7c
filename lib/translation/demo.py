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
from lib.translation import inputs, metrics, regressors
from lib.translation.inputs import Problem


def read(
    images_dir: str | os.PathLike, networks_dir: str | os.PathLike, condition: str
) -> tuple[Problem, np.ndarray]:
    """Return the embeddings of one left-out condition, and those of each of its nuclei.

    Parameters
    ----------
    images_dir, networks_dir : path
        Folders with `<gene>.h5ad`: image embeddings by an encoder that never saw the gene, and
        regulatory embeddings of one setting.
    condition : str
        Gene symbol.

    Returns
    -------
    Problem
    (n, D) array
        Image embeddings of the condition's nuclei.

    Raises
    ------
    InputError
        If a folder has no file of the condition, naming those it has; as `inputs.problem`.
    """
    from lib.screen import encoding

    paths = [_file(folder, condition) for folder in (images_dir, networks_dir)]
    problem = inputs.problem(
        condition, inputs.condition_means(paths[0]), inputs.read_regulatory(paths[1])
    )
    nuclei = encoding.read_target_embeddings(paths[0], use=("out",))
    # others may have been left out of the same encoder
    own = nuclei[nuclei["labels"] == condition].drop(columns="labels")
    return problem, own.to_numpy(float)


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


def _file(folder: str | os.PathLike, condition: str):
    path = store.resolve(folder) / f"{condition}.h5ad"
    if not path.is_file():
        known = sorted(file.stem for file in path.parent.glob("[!.]*.h5ad"))
        raise InputError(
            f"{condition} was left out of no encoder of this run; there are {listed(known)}",
            file=path,
            fix="choose one of them, or give this screen the condition",
        )
    return path
