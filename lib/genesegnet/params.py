"""Parameters of segmentation with transcripts, each declared once (see `lib.run.declaration`)."""

from typing import Annotated, Literal

from lib.run.declaration import InputPath, Section, meaning, parameter

Diameter = Annotated[
    float, meaning("cell diameter; 0 = that of training", unit="pixels", ge=0, le=1000)
]
FlowThreshold = Annotated[
    float, meaning("largest error of a mask's flow; 0 = no check", ge=0, le=10)
]
ConfidenceThreshold = Annotated[
    float, meaning("logit above which a pixel is in a cell", ge=-20, le=20)
]
MinSize = Annotated[int, meaning("smallest cell", unit="pixels", ge=0, le=100_000)]
Step = Annotated[int, meaning("distance between windows", unit="pixels", ge=1, le=4096)]
Tile = Annotated[int, meaning("side of a tile of the dynamics", unit="pixels", ge=32, le=100_000)]


class GeneSegNetMasks(Section):
    """From predicted maps to cells."""

    diameter: Diameter = parameter(0.0, paper=32.0)
    flow_threshold: FlowThreshold = parameter(0.4, paper=0.4)
    confidence_threshold: ConfidenceThreshold = parameter(0.0, paper=0.0)
    min_size: MinSize = parameter(15, paper=15)
    window: int = parameter(
        128, "side of a window of the network", unit="pixels", paper=256, ge=16, le=4096
    )
    step: Step = parameter(96, paper=240)
    tile: Tile = parameter(512, paper=1024, published="the whole slide")
    halo: int = parameter(
        48, "pixels around a tile, two diameters or more", paper=96, ge=0, le=10_000
    )
    batch_size: int = parameter(1, "windows in one pass; more suit a GPU", paper=8, ge=1, le=4096)


class GeneSegNetData(Section):
    """Slides with stain, labels and transcripts: simulated with a planted truth, or a folder of
    real ones.
    """

    source: InputPath = parameter("", "folder with images, labels and spots; empty = simulate")
    n_slides: int = parameter(8, "simulated slides", smoke=4, ge=3, le=1000)
    side: int = parameter(
        256,
        "side of a slide",
        unit="pixels",
        smoke=96,
        published="5548 x 6130, the demo slide",
        ge=64,
        le=20_000,
    )
    cell_diameter: float = parameter(
        18.0, "typical cell", unit="pixels", published="about 32", ge=6, le=200
    )
    crowding: float = parameter(0.75, "share of a hexagonal packing that holds cells", gt=0, le=1)
    dim: float = parameter(0.2, "share of nuclei that are out of focus", ge=0, le=1)
    spots_per_cell: float = parameter(25.0, "mean number of transcripts in a cell", gt=0, le=10_000)
    stray: float = parameter(0.05, "transcripts anywhere, per transcript in a cell", ge=0, le=10)
    missed: float = parameter(0.1, "share of cells that the noisy labels lack", ge=0, lt=1)
    merged: float = parameter(
        0.05, "share of cells that the noisy labels join to a neighbour", ge=0, lt=1
    )
    outline_noise: float = parameter(0.15, "spread of the noisy outlines, in radii", ge=0, le=0.5)
    seed: int = parameter(1234, "base seed of the simulation", ge=0)


class GeneSegNetPreprocess(Section):
    """From slides to crops in splits that share no slide."""

    pixel_size: float = parameter(
        0.0, "µm per pixel of spots in µm; 0 = spots are in pixels", ge=0, le=50
    )
    origin: Literal["corner", "centre"] = parameter(
        "corner", "what coordinate 0 is: corner or centre of a pixel"
    )
    min_qv: float = parameter(20.0, "quality below which a transcript is left out", ge=0, le=100)
    split_masks: bool = parameter(False, "number the pieces of a mask instead of refusing it")
    chan: Literal[2, 4] = parameter(
        2, "2 = grey stain and location map, 4 = colour and map", paper=2
    )
    n_crops: int = parameter(12, "crops per slide", smoke=16, paper=100, ge=1, le=100_000)
    crop_size: int = parameter(
        96, "side of a crop", unit="pixels", smoke=48, paper=256, ge=16, le=4096
    )
    sigma: float = parameter(
        3.5, "width of the location map", unit="pixels", paper=7.0, gt=0, le=100
    )
    per_crop: bool = parameter(
        False, "scale every crop by its own percentiles, as published", published="true"
    )
    val_share: float = parameter(0.125, "share of slides for validation", smoke=0.25, gt=0, lt=1)
    test_share: float = parameter(
        0.375, "share of slides that are held out", smoke=0.25, gt=0, lt=1
    )
    seed: int = parameter(1, "seed of crops and splits", paper=1, ge=0)


class GeneSegNetTrain(Section):
    """Training with recursion; names are those of the published flags."""

    learning_rate: float = parameter(0.004, "of AdamW", smoke=0.01, paper=0.001, gt=0, le=1)
    weight_decay: float = parameter(1e-05, "of AdamW", paper=1e-05, ge=0, le=1)
    n_epochs: int = parameter(
        14, "epochs; the last one is kept", smoke=24, paper=500, ge=1, le=100_000
    )
    n_warm_up: int = parameter(
        2, "epochs of rising learning rate", smoke=1, paper=10, ge=0, le=1000
    )
    batch_size: int = parameter(4, "crops per step", smoke=8, paper=8, ge=2, le=4096)
    tile: int = parameter(
        48, "side of a training window", unit="pixels", smoke=32, paper=224, ge=16, le=2048
    )
    diam_mean: float = parameter(
        18.0, "diameter that cells are scaled to", unit="pixels", paper=34.0, ge=5, le=500
    )
    min_train_masks: int = parameter(1, "cells a crop needs", paper=1, ge=1, le=10_000)
    widths: list[int] = parameter(
        [8, 16, 32],
        "channels of the stages",
        smoke=[6, 12, 12],
        paper=[32, 64, 128, 256],
        min_length=2,
        max_length=6,
    )
    residual_on: bool = parameter(True, "residual blocks", paper=True)
    style_on: bool = parameter(
        False, "style vector, in training and inference alike", published="off, then on"
    )
    concatenation: bool = parameter(False, "concatenate skips instead of adding them", paper=False)
    centre_map: bool = parameter(False, "fourth output of the early design", paper=False)
    recursive_num: int = parameter(3, "rounds of training", smoke=2, paper=3, ge=1, le=20)
    refinement: Literal["published", "image"] = parameter(
        "published", "refinement of predicted labels"
    )
    refine_passes: int = parameter(
        1, "growth of a cell per published refinement", unit="pixels", paper=2, ge=0, le=20
    )
    relabel_min_size: int = parameter(
        60, "smallest predicted label", unit="pixels", paper=300, ge=0, le=100_000
    )
    seed: int = parameter(1234, "base seed of training", ge=0)


class GeneSegNetTest(GeneSegNetMasks):
    """Held-out slides, round by round."""


class GeneSegNetInfer(GeneSegNetMasks):
    """Slides of any size through the network."""

    tile: Tile = parameter(128, smoke=64, paper=1024, published="the whole slide")
    source: InputPath = parameter(
        "", "folder of slides with images and spots; empty = the held-out ones"
    )
    weights: InputPath = parameter(
        "", "file of weights with their card; empty = those trained here"
    )
    round: int = parameter(
        1, "round of training whose network is used; 0 = the last", paper=0, ge=0, le=20
    )
    pixel_size: float = parameter(0.0, "µm per pixel; 0 = what the image says", ge=0, le=50)
    diameter_um: float = parameter(
        0.0, "cell diameter; 0 = take the one in pixels", unit="µm", ge=0, le=1000
    )
    estimate_diameter: bool = parameter(
        False, "take the cell diameter from each slide's tile with most transcripts"
    )
    opening: int = parameter(
        5, "side of the box of the final opening; 0 = none", unit="pixels", paper=5, ge=0, le=51
    )


class GeneSegNetMap(Section):
    """From transcripts to cells."""

    source: InputPath = parameter(
        "", "folder with labels of any tool and spots; empty = the cells found here"
    )
    pixel_size: float = parameter(
        0.0, "µm per pixel of the source's spots; 0 = they are in pixels", ge=0, le=50
    )
    origin: Literal["corner", "centre"] = parameter(
        "corner", "what coordinate 0 is: corner or centre of a pixel"
    )
    min_qv: float = parameter(20.0, "quality below which a transcript is left out", ge=0, le=100)
    max_distance: float = parameter(
        0.0, "how far from its cell a transcript may lie", unit="pixels", paper=0.0, ge=0, le=1000
    )


class GeneSegNetAblations(GeneSegNetMasks):
    """What stain, transcripts and the width of the map contribute, with retraining."""

    diameter: Diameter = parameter(0.0, paper=32.0)
    flow_threshold: FlowThreshold = parameter(0.4)
    confidence_threshold: ConfidenceThreshold = parameter(0.0)
    min_size: MinSize = parameter(15)
    step: Step = parameter(96, paper=240)
    tile: Tile = parameter(512, paper=1024)
    inputs: list[Literal["stain", "rna"]] = parameter(
        ["stain", "rna"], "inputs that are used alone", smoke=["stain"]
    )
    sigmas: list[float] = parameter(
        [7.0],
        "widths of the location map to compare",
        unit="pixels",
        smoke=[],
        paper=[3.5, 5.0, 9.0],
        published="7 or 9",
    )


class GeneSegNetAlternatives(Section):
    """What a user would take instead."""

    others: InputPath = parameter(
        "", "folder of label images of another tool, such as Cellpose, to compare as well"
    )
    expansion: float = parameter(4.0, "growth of nuclei", unit="pixels", paper=8.0, ge=0, le=1000)
    reach: float = parameter(
        9.0, "reach of a Voronoi cell from its nucleus", unit="pixels", paper=17.0, ge=0, le=1000
    )
    sigma: float = parameter(
        2.0, "smoothing of transcripts and stain", unit="pixels", paper=4.0, gt=0, le=100
    )


SECTIONS = {
    "genesegnet_data": GeneSegNetData,
    "genesegnet_preprocess": GeneSegNetPreprocess,
    "genesegnet_train": GeneSegNetTrain,
    "genesegnet_test": GeneSegNetTest,
    "genesegnet_infer": GeneSegNetInfer,
    "genesegnet_map": GeneSegNetMap,
    "genesegnet_ablations": GeneSegNetAblations,
    "genesegnet_alternatives": GeneSegNetAlternatives,
}
