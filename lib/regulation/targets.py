"""Plan regulatory embeddings for every setting and left-out target, and put them where they are
looked for."""

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
    """Return the left-out targets that are in the network.

    A target that the network lost, as MOS and CXXC4 in the paper, is left out silently.

    Parameters
    ----------
    directory : Path
        Folder with `<target>.h5ad`, image embeddings of a network that did not see the target.
    nodes : DataFrame
        `gene` of the network.

    Returns
    -------
    dict of str to Path
        Target → file, sorted by target.

    Raises
    ------
    InputError
        If no target is in the network.
    """
    # target → file
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
    settings : mapping of str to Setting
        From `lib.regulation.settings.chosen`.
    targets : mapping of str to Path
        From `found`.
    signatures, nodes, k_image, k_signature
        As in `labels.target_labels`.
    seed, n_splits : int
        Seed of the first split, the next integers being those of the others; number of splits
        (paper: 1).
    common : mapping
        Arguments that all units share.

    Returns
    -------
    dict of str to dict
        Name of the unit → arguments of `runs.embedding_run`.

    Raises
    ------
    InputError
        If the labels of a setting with a cluster term are in fewer than two clusters.

    References
    ----------
    Image2Reg trains one network per setting and left-out target, all on one split of the links.
    """
    made = {}
    # read once, used by every setting
    means = {target: labels.image_means(path) for target, path in targets.items()}
    for name, setting in settings.items():
        # labels without the target need one run per split, not per target
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
            if setting.weights["gamma"]:  # no cluster term, no need of clusters
                _check_classes(found_labels, nodes, name=name, target=target)
            split = number % n_splits  # targets take turns with the splits
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
    """Write `directory/<setting>/<target>.h5ad` for every target; other files there are removed.

    A unit that serves several targets is written for those that have its split.

    Parameters
    ----------
    paths : mapping of str to Path
        Unit → file.
    targets : sequence of str
        In the order given to `units`.
    directory : path
        Emptied before anything is written.
    """
    folder = store.resolve(directory)
    shutil.rmtree(folder, ignore_errors=True)
    # the largest number in a name of a shared unit
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
    """Return the metrics of every run with its setting.

    Parameters
    ----------
    metrics : DataFrame
        From `runs.metrics`.
    settings : mapping of str to Setting
    units : mapping of str to mapping
        From `units`.

    Returns
    -------
    DataFrame
        One row per run: `setting`, `target` (`every_1` and so on where one run serves all targets
        of a split), `link_split` (from 1), `is_leaky` (the target's own label was learnt), `alpha`,
        `beta`, `gamma`, then the metrics.
    """
    names = metrics["run"].str.rpartition("__")  # (setting, "__", target)
    # the seed of its split tells a run's split
    seeds = metrics["run"].map({name: arguments["split_seed"] for name, arguments in units.items()})
    about = pd.DataFrame([settings[name].weights for name in names[0]], index=metrics.index)
    leaky = [settings[name].source.is_leaky for name in names[0]]
    splits = seeds - seeds.min() + 1  # from 1
    first = pd.DataFrame(
        {"setting": names[0], "target": names[2], "link_split": splits, "is_leaky": leaky}
    )
    return pd.concat([first, about, metrics.drop(columns="run")], axis=1)


def read(directory: str | Path, setting: str, target: str) -> AnnData:
    """Read the regulatory embedding of a setting and target.

    Parameters
    ----------
    directory : path
        Folder of `place`.
    setting, target : str

    Returns
    -------
    AnnData
        (N, L), named by gene, not normalised.

    Raises
    ------
    InputError
        If the file is absent or cannot be read.
    """
    return h5ad.read(store.resolve(directory) / setting / f"{target}.h5ad")
