"""Regulatory embeddings for every setting and left-out target: what to train, and where it is
put."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from anndata import AnnData

from lib.data import h5ad
from lib.data.errors import InputError
from lib.regulation import labels
from lib.regulation.settings import Setting
from lib.run import store

# stands, with the number of a link split, for the target in the name of a unit that serves several
EVERY = "every_"


def found(directory: Path, nodes: pd.DataFrame) -> dict[str, Path]:
    """Return target → image embeddings of a network without it, for the left-out targets that are
    in the network.

    Raises
    ------
    InputError
        If there is none; a target that the network lost (as MOS and CXXC4 in the paper) is left out
        silently.
    """
    files = {file.stem: file for file in sorted(store.resolve(directory).glob("*.h5ad"))}
    kept = {target: file for target, file in files.items() if target in set(nodes["gene"])}
    if not kept:
        raise InputError(
            f"none of the {len(files)} left-out targets ({', '.join(list(files)[:5])}) is among "
            f"the {len(nodes)} genes of the network; look at coverage in the notebook ppi_pruning"
        )
    return kept


def units(
    settings: Mapping[str, Setting],
    targets: Mapping[str, Path],
    *,
    signatures: AnnData,
    nodes: pd.DataFrame,
    k_image: int,
    k_signature: int,
    seed: int,
    n_splits: int,
    common: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Return the units `setting__target` of `runs.embedding_run`.

    Targets take turns with the splits of the links: the first target has the first split in every
    setting, and so on, so that no number rests on one draw of held-out links. A setting whose
    labels do not depend on the target (no clusters; all CMap clusters) is trained once per split,
    as `setting__every_1`: only the first weights could differ between the targets of a split.

    Parameters
    ----------
    targets : mapping of str to Path
        From `found`.
    signatures, nodes, k_image, k_signature
        As in `labels.target_labels`.
    seed, n_splits : int
        Seed of the first split, the next integers being those of the others; number of splits
        (paper: 1).
    common : mapping
        Arguments that all units share.

    Raises
    ------
    InputError
        If the labels of a setting with a cluster term are in fewer than two clusters.
    """
    made = {}
    means = {target: labels.image_means(path) for target, path in targets.items()}
    for name, setting in settings.items():
        chosen = list(targets) if setting.source.depends_on_target else list(targets)[:n_splits]
        for number, target in enumerate(chosen):
            found_labels = labels.target_labels(
                setting.labels,
                target,
                means=means[target],
                signatures=signatures,
                nodes=nodes,
                k_image=k_image,
                k_signature=k_signature,
            )
            if setting.weights["gamma"]:
                _check_classes(found_labels, nodes, name=name, target=target)
            split = number % n_splits
            suffix = target if setting.source.depends_on_target else f"{EVERY}{split + 1}"
            own = {"labels": found_labels, "weights": setting.weights, "split_seed": seed + split}
            made[f"{name}__{suffix}"] = {**common, **own}
    return made


def _check_classes(found: labels.Labels, nodes: pd.DataFrame, *, name: str, target: str) -> None:
    """Refuse labels that leave the cluster term nothing to tell apart, before anything is
    trained."""
    inside = {gene: label for gene, label in found.items() if gene in set(nodes["gene"])}
    n_classes = len(set(inside.values()))
    if n_classes < 2:
        number = "n_cmap_clusters" if name.startswith("cmap") else "n_image_clusters"
        raise InputError(
            f"setting {name}, left-out target {target}: the {len(inside)} labelled genes of the "
            f"network ({', '.join(sorted(inside)[:5])}) are in {n_classes} cluster, and two or "
            f"more are needed; raise regulatory_targets.{number}, or leave {name} out of "
            "regulatory_targets.settings and translation.settings"
        )


def place(paths: Mapping[str, Path], targets: Sequence[str], directory: str | Path) -> None:
    """Write `directory/<setting>/<target>.h5ad` for every target; what other settings and targets
    left there goes.

    A unit that serves several targets is written for those that have its split.

    Parameters
    ----------
    paths : mapping of str to Path
        Unit → file.
    targets : sequence of str
        In the order given to `units`.
    """
    folder = store.resolve(directory)
    shutil.rmtree(folder, ignore_errors=True)
    n_splits = max(
        (int(name.rpartition(EVERY)[2]) for name in paths if f"__{EVERY}" in name), default=1
    )
    for name, path in paths.items():
        setting, _, target = name.rpartition("__")
        is_shared = target.startswith(EVERY)
        for each in (
            targets[int(target.removeprefix(EVERY)) - 1 :: n_splits] if is_shared else [target]
        ):
            with store.atomic(folder / setting / f"{each}.h5ad") as part:
                part.write_bytes(Path(path).read_bytes())


def table(
    metrics: pd.DataFrame, settings: Mapping[str, Setting], units: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return one row per run: `setting`, `target`, `link_split`, `is_leaky`, weights, metrics.

    `target` is `every_1` and so on where one run serves all targets of a split; `link_split` counts
    from 1; `is_leaky`: the target's own label was learnt.
    """
    names = metrics["run"].str.rpartition("__")
    seeds = metrics["run"].map({name: arguments["split_seed"] for name, arguments in units.items()})
    about = pd.DataFrame([settings[name].weights for name in names[0]], index=metrics.index)
    leaky = [settings[name].source.is_leaky for name in names[0]]
    splits = seeds - seeds.min() + 1
    first = pd.DataFrame(
        {"setting": names[0], "target": names[2], "link_split": splits, "is_leaky": leaky}
    )
    return pd.concat([first, about, metrics.drop(columns="run")], axis=1)


def read(directory: str | Path, setting: str, target: str) -> AnnData:
    """Read the regulatory embedding of a setting and target: genes × L, not normalised."""
    return h5ad.read(store.resolve(directory) / setting / f"{target}.h5ad")
