"""New images for a bundle: fields that its encoder was not trained on, cut and encoded as the
training was."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.errors import InputError, listed
from lib.images import image_folders, screens
from lib.run import store
from lib.screen import encoding, samples
from lib.translation import bundling, distance
from lib.translation.bundle import Bundle
from lib.translation.inputs import CONTROL


@dataclass(frozen=True)
class Nuclei:
    """Nuclei of new images, cut and encoded as the bundle's were.

    Parameters
    ----------
    table : DataFrame
        One row per nucleus: `condition`, `image`, geometry, `distance_sd` from the training nuclei.
    features : (n, E) array
        Image embedding and plain measures.
    arrays : dict of str to array
        `nuclei` and `regions`, uint8, for pictures.
    report : DataFrame
        One row per image, from `lib.images.image_folders.cut`.
    """

    table: pd.DataFrame
    features: np.ndarray
    arrays: dict[str, np.ndarray]
    report: pd.DataFrame

    @property
    def embeddings(self) -> np.ndarray:
        """Image embeddings (n, D)."""
        return self.features[:, : -len(distance.MEASURES)]


def encode(bundle: Bundle, found: pd.DataFrame, *, any_field_size: bool = False) -> Nuclei:
    """Cut and encode the nuclei of images.

    Parameters
    ----------
    bundle : Bundle
    found : DataFrame
        From `lib.images.image_folders.find`.
    any_field_size : bool
        Whether images may have another size than the training fields; their pixels must not.

    Returns
    -------
    Nuclei

    Raises
    ------
    InputError
        As `lib.images.image_folders.cut`.
    """
    imaging = bundle.card.imaging
    size = None if any_field_size else imaging.field_size
    table, report, arrays = image_folders.cut(
        found, bundling.cut_settings(imaging), field_size=size
    )
    pixels = samples.in_memory(arrays, inputs=imaging.inputs, size=imaging.size)
    rows = np.arange(len(table))
    embeddings, _ = encoding.encode(bundle.encoder(), pixels, rows)
    features = np.hstack([embeddings.astype(float), distance.measures(pixels, rows)])
    if not np.isfinite(features).all():
        bad = table.loc[~np.isfinite(features).all(axis=1), "image"].iloc[0]
        raise InputError("the encoder gives NaN or infinity for a nucleus", file=bad)
    far = distance.of_nuclei(features, bundle.centre, bundle.whitening)
    return Nuclei(table.assign(distance_sd=far), features, arrays, report)


def held_out(
    fields: pd.DataFrame,
    screen_dir: str | os.PathLike,
    *,
    conditions: Sequence[str] = (),
    n_known: int = 4,
    n_images: int = 4,
    bundle_dir: str = "",
) -> pd.DataFrame:
    """Take fields of the run's own screen that the encoder was not trained on.

    Parameters
    ----------
    fields : DataFrame
        From `lib.translation.encoded.held_out_fields`.
    screen_dir : path
        Folder of the screen.
    conditions : sequence of str
        Those wanted; by default the first `n_known` that the encoder knows, the control, and those
        that it never saw.
    n_known : int
    n_images : int
        Fields per condition at most.
    bundle_dir : str
        A bundle from elsewhere is refused: nobody knows which fields trained it.

    Returns
    -------
    DataFrame
        As `lib.images.image_folders.find`, and `is_known` (to the encoder, from other fields).

    Raises
    ------
    InputError
        If a condition has no such field, naming those that have; for a bundle from elsewhere.
    """
    if bundle_dir:
        raise InputError(
            f"the held-out fields of this run are no test of {bundle_dir}",
            fix="give a folder of images with it",
        )
    known = sorted(set(fields.loc[fields["is_known"], "gene_symbol"]) - {CONTROL})
    others = sorted(set(fields["gene_symbol"]) - set(known))  # the control, and never seen
    wanted = list(conditions) or [*known[:n_known], *others]
    if absent := [name for name in wanted if name not in {*known, *others}]:
        raise InputError(
            f"{absent[0]} has no held-out field; there are {listed([*known, *others], limit=40)}"
        )
    chosen = fields[fields["gene_symbol"].isin(wanted)].groupby("gene_symbol").head(n_images)
    return of_fields(chosen, screen_dir).assign(
        is_known=lambda found: found["condition"].isin(known)
    )


def of_fields(fields: pd.DataFrame, screen_dir: str | os.PathLike) -> pd.DataFrame:
    """Say where the images and masks of fields of a screen lie.

    Parameters
    ----------
    fields : DataFrame
        `plate`, `field`, `gene_symbol`.
    screen_dir : path
        Folder of the screen.

    Returns
    -------
    DataFrame
        As `lib.images.image_folders.find`.
    """
    name = fields["plate"].astype(str) + "/" + fields["field"]
    root, masks = store.resolve(screen_dir), screens.masks_of(screen_dir)
    found = pd.DataFrame({"condition": fields["gene_symbol"].to_numpy(), "image": name.to_numpy()})
    found["image_path"] = [root / screens.PARTS[0] / one for one in name]
    found["mask_path"] = [masks and root / masks / one for one in name]
    return found.sort_values(["condition", "image"], ignore_index=True)
