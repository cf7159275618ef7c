"""Parameters of the screen and its images, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from lib.run.declaration import InputPath, Section, meaning, parameter

Masks = Annotated[Literal["unet_masks", ""], meaning("folder of the masks; empty = segment here")]


class Cutting(Section):
    """Where the outlines of nuclei come from."""

    masks: Masks = parameter("unet_masks", published="masks of a U-Net")


class ScreenData(Section):
    """The screen: a simulated one with a planted truth, or a folder with a real one."""

    source: InputPath = parameter(
        "",
        "folder of a screen in the published layout; empty = simulate one",
        paper="resources/rohban",  # illum_corrected/, unet_masks/ and metadata/ of idr0033
        published="IDR idr0033",
    )
    n_genes: int = parameter(
        40, "over-expressed genes, real symbols", smoke=6, published="190", ge=4, le=190
    )
    n_active: int = parameter(20, "genes with an effect", smoke=4, ge=2, le=190)
    n_groups: int = parameter(5, "groups of genes with alike effects", smoke=2, ge=1, le=50)
    effect: float = parameter(
        2.5, "distance of a group from control", unit="SD of single nuclei", smoke=4.0, ge=0, le=20
    )
    within_group: float = parameter(
        0.3, "deviation of a gene from its group, share of the effect", ge=0, le=2
    )
    plates: list[int] = parameter(
        [41754, 41757],
        "plate numbers",
        smoke=[41754],
        published="6, of which 41749 is left out",
        min_length=1,
    )
    wells_per_gene: int = parameter(2, "wells per gene and plate", published="1", ge=1, le=8)
    empty_share: float = parameter(
        0.2, "share of wells with the control EMPTY", published="0.09", ge=0, le=0.5
    )
    sites: int = parameter(3, "fields per well", smoke=8, published="9", ge=1, le=9)
    side: int = parameter(
        256, "side of a field", unit="pixels", smoke=160, published="1080", ge=128, le=2160
    )
    nuclei_per_field: float = parameter(
        15.0, "mean number of nuclei per field", smoke=6.0, published="about 70", ge=2, le=500
    )
    seed: int = parameter(1234, "base seed of the simulation", ge=0)


class Nuclei(Cutting):
    """From fields of view to nuclei and region windows."""

    unreadable: Literal["fail", "exclude"] = parameter(
        "fail", "what becomes of a field that cannot be read"
    )
    outlier_plates: list[int] = parameter([41749], "plates left out", paper=[41749])
    outlier_wells: dict[str, list[str]] = parameter(
        {"41754": ["b01", "c01", "d01", "e01", "f01"], "41757": ["e17"]},
        "plate to wells left out",
        published="the same",
    )
    min_area: float = parameter(
        400.0, "smallest area of a nucleus", unit="pixels", paper=400.0, ge=0
    )
    max_area: float = parameter(
        4000.0, "largest area of a nucleus", unit="pixels", paper=4000.0, gt=0
    )
    max_bounding_box: float = parameter(
        4000.0, "largest bounding box, rows x columns", unit="pixels", paper=4000.0, gt=0
    )
    min_solidity: float = parameter(0.1, "smallest area over convex area", paper=0.1, ge=0, le=1)
    min_aspect_ratio: float = parameter(
        0.1, "smallest minor over major axis", paper=0.1, ge=0, le=1
    )
    nucleus_size: int = parameter(
        64, "side of a padded nucleus", unit="pixels", paper=64, ge=16, le=256
    )
    window: int = parameter(
        128, "side of the region cut around a nucleus", unit="pixels", paper=448, ge=32, le=2048
    )
    region_size: int = parameter(
        64, "side that the region is resized to", unit="pixels", paper=224, ge=16, le=512
    )
    scaling: Literal["percentile_range", "reference"] = parameter(
        "percentile_range",
        "8-bit rule of a field; reference = over the upper percentile",
        paper="reference",
    )
    seed: int = parameter(1234, "seed of the aspect-ratio mixture", paper=1234, ge=0)


class ChromatinFeatures(Cutting):
    """Chromatin and shape features of every nucleus."""

    masks: Masks = parameter("unet_masks")


class Segmentation(Section):
    """The built-in segmentation beside the screen's masks."""

    n_fields: int = parameter(24, "fields drawn for the comparison", smoke=6, ge=1, le=1000)
    seed: int = parameter(1234, "seed of the draw", ge=0)


SECTIONS = {
    "screen_data": ScreenData,
    "nuclei": Nuclei,
    "chromatin_features": ChromatinFeatures,
    "segmentation": Segmentation,
}
