"""The card of a bundle: what it is, where it comes from, what an image must look like, and the
sha256 of its parts."""

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lib.data.errors import InputError
from lib.data.origin import Origin
from lib.run import store

FORMAT = 1  # goes up whenever an older bundle can no longer be read
CARD = "card.json"
AGAIN = "copy the bundle again, whole, or make it with `python run_all.py bundle`"

Text = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Imaging(_Strict):
    """What the images must look like, and how nuclei are cut out of them."""

    pixel_size: Annotated[float, Field(gt=0, description="side of a pixel in µm")]
    field_size: Annotated[list[int], Field(min_length=2, max_length=2, description="rows, columns")]
    cut: Annotated[dict[str, Any], Field(description="of `lib.images.extraction.Settings`")]
    inputs: Annotated[list[Text], Field(description="images that the encoder sees, in order")]
    size: Annotated[int, Field(ge=8, description="side of the encoder's inputs in pixels")]


class Card(_Strict):
    """What a bundle is; `parts` and `sha256` are filled in by `save`."""

    format: int = FORMAT
    name: Text
    origin: Annotated[list[dict[str, str]], Field(min_length=1, description="parts: name, kind")]
    licence: Annotated[Text, Field(description="under which the bundle may be passed on")]
    conditions: Annotated[list[Text], Field(description="that the encoder was trained on")]
    control: Text
    genes: Annotated[list[Text], Field(description="of the network, by name")]
    train_genes: Annotated[list[Text], Field(description="that the regression learnt from")]
    targets: Annotated[list[Text], Field(description="left-out genes of the calibration")]
    left_out: Annotated[
        list[Text], Field(description="conditions kept from the encoder on purpose")
    ]
    setting: Text
    ridge: Annotated[float, Field(ge=0)]
    imaging: Imaging
    versions: dict[str, str] = {}
    parts: dict[str, Sha256] = {}
    sha256: str = ""

    @property
    def origins(self) -> Origin:
        """Where the data behind the bundle come from."""
        return Origin({one["name"]: (one["kind"], one["source"]) for one in self.origin})

    def digest(self) -> str:
        """Return the sha256 of all of the card but its own."""
        return store.digest(self.model_dump(exclude={"sha256"}))


def read_card(path: str | os.PathLike) -> Card:
    """Read and check the card of a bundle, not its parts.

    Parameters
    ----------
    path : path
        Folder of the bundle.

    Returns
    -------
    Card

    Raises
    ------
    InputError
        If the folder is absent or no bundle, of another format, or its card was changed.
    """
    folder = store.resolve(path)
    if not (folder / CARD).is_file():
        what = f"there is no {CARD}" if folder.is_dir() else "there is no such folder"
        raise InputError(f"{folder} is no bundle: {what}", fix="give the folder that holds it")
    try:
        found = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{folder.name}/{CARD} is no JSON ({error})", fix=AGAIN) from None
    version = found.get("format") if isinstance(found, Mapping) else None
    if version != FORMAT:
        raise InputError(
            f"{folder.name}: the bundle has format {version}, this version reads {FORMAT}",
            fix="make it again here, or use the version of the code that it was made with",
        )
    try:
        card = Card.model_validate(found)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        words = f"{folder.name}/{CARD}: {where}: {error.errors()[0]['msg']}"
        raise InputError(words, fix=AGAIN) from None
    if card.digest() != card.sha256:
        raise InputError(f"{folder.name}: the card is not as it was written", fix=AGAIN)
    return card
