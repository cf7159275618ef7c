"""The plates of a simulated JUMP screen: plate maps, batches, reagents, and what befalls each
field."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from lib.jump.metadata import BFP
from lib.run import compute
from lib.simulate.layout import LOOK_SHIFTS, WELLS, ScreenDesign
from lib.simulate.phenotypes import PARAMETERS
from lib.simulate.states import DIMENSIONS

SOURCE = "source_4"
BATCHES = (
    "2021_04_26_Batch1",
    "2021_05_31_Batch2",
    "2021_05_10_Batch3",
    "2021_05_17_Batch4",
    "2021_06_07_Batch5",
    "2021_06_14_Batch6",
    "2021_06_21_Batch7",
    "2021_07_12_Batch8",
    "2021_07_26_Batch9",
    "2021_08_02_Batch10",
    "2021_08_09_Batch11",
    "2021_08_23_Batch12",
    "2021_08_30_Batch13",
)
"""Batches of the ORF plates of JUMP."""

CONTROL_WELLS = ("O23", "O24", "P23", "P24")
OTHER_CONTROLS = ("JCP2022_915129", "JCP2022_915130", "JCP2022_915131", "JCP2022_915132")
"""HcRed, LUCIFERASE, LacZ, eGFP: in the tables, with no image here."""

EMPTY_ID = "JCP2022_999999"
FIRST_ID = 910001


def _screen() -> ScreenDesign:
    return ScreenDesign(
        sites=4,
        side=288,
        nuclei_per_field=17.0,
        plate_effect=0.15,
        outlier_plates=(),
        outlier_wells={},
        debris=0.2,
    )


@dataclass(frozen=True)
class JumpDesign:
    """Sizes, effects and noise; states and looks are in SD of single control nuclei.

    Parameters
    ----------
    n_batches : int
        1 to 13. Each has plate maps of its own, so that a gene and its batch go together; only the
        control is in all batches.
    n_replicates : int
        Plates of a map, all in one batch.
    second_reagent : float
        Share of the genes with a second ORF, in the map of another batch.
    batch_effect : float
        SD between batches of all looks.
    position_effect : float
        SD between well positions of all looks, the same on every plate.
    batch_gain : float
        SD between batches of the logarithm of brightness.
    vignette : float
        How much brighter the middle of a field is lit than its corners.
    screen : ScreenDesign
        Fields, nuclei and noise.
    """

    n_batches: int = 4
    n_replicates: int = 2
    second_reagent: float = 0.1
    batch_effect: float = 0.6
    position_effect: float = 0.1
    batch_gain: float = 0.3
    vignette: float = 0.4
    screen: ScreenDesign = field(default_factory=_screen)


def design(*, sites: int, side: int, nuclei_per_field: float, **options: float) -> JumpDesign:
    """Return the design of the notebook's parameters.

    Parameters
    ----------
    sites, side, nuclei_per_field
        Of `ScreenDesign`.
    options
        Of `JumpDesign`.

    Returns
    -------
    JumpDesign
    """
    fields = {"sites": sites, "side": side, "nuclei_per_field": nuclei_per_field}
    return JumpDesign(**options, screen=replace(_screen(), **fields))  # type: ignore[arg-type]


def choose_genes(
    nodes: pd.DataFrame,
    states: pd.DataFrame,
    gene_ids: pd.DataFrame,
    *,
    n_train: int,
    n_test: int,
    seed: int,
) -> pd.DataFrame:
    """Draw which genes of a network JUMP has: some of its regulators, and other genes.

    Parameters
    ----------
    nodes : DataFrame
        `gene`, `is_regulator`.
    states : DataFrame
        `gene`, `s1` … `s6`: the planted states; a gene without one gets a state of its own.
    gene_ids : DataFrame
        `symbol`, `gene_id`, from `lib.jump.symbols.network_genes`; genes without id are not drawn.
    n_train, n_test : int
        Regulators and others; fewer where the network has fewer. Others that were planted in a
        module come first.
    seed : int

    Returns
    -------
    DataFrame
        `gene`, `is_regulator`, `s1` … `s6`, `gene_id`, sorted by gene.
    """
    nodes = nodes[nodes["gene"].isin(gene_ids["symbol"])]
    rng = np.random.default_rng(compute.unit_seed(seed, "genes"))
    known = states.set_index("gene").reindex(nodes["gene"])[list(DIMENSIONS)]
    drawn = rng.normal(0, 1, known.shape)  # for networks without planted states
    values = known.to_numpy(float, copy=True)
    values[np.isnan(values)] = drawn[np.isnan(values)]
    table = nodes[["gene", "is_regulator"]].reset_index(drop=True)
    table = table.assign(**dict(zip(DIMENSIONS, values.T, strict=True)))
    is_active = (values != 0).any(axis=1)
    table = table.iloc[rng.permutation(len(table))]
    train = table[table["is_regulator"]].head(n_train)
    others = table[~table["is_regulator"]]
    first = others[is_active[others.index]]
    test = pd.concat([first, others.drop(index=first.index)]).head(n_test)
    chosen = pd.concat([train, test]).sort_values("gene", ignore_index=True)
    return chosen.assign(gene_id=chosen["gene"].map(gene_ids.set_index("symbol")["gene_id"]))


def reagents(genes: pd.DataFrame, design: JumpDesign, *, seed: int) -> pd.DataFrame:
    """Return the ORFs of the genes with their batch and well.

    Parameters
    ----------
    genes : DataFrame
        From `choose_genes`, with `gene_id` (NCBI).
    design : JumpDesign
    seed : int

    Returns
    -------
    DataFrame
        One row per ORF: `jcp2022`, `reagent`, `gene`, `gene_id`, `batch` (number), `well`, states.

    Raises
    ------
    ValueError
        If the wells do not fit on a plate, or there are more batches than names.
    """
    if not 1 <= design.n_batches <= len(BATCHES):
        raise ValueError(f"{design.n_batches} batches; choose 1 to {len(BATCHES)}")
    rng = np.random.default_rng(compute.unit_seed(seed, "reagents"))
    n_second = round(design.second_reagent * len(genes))
    second = genes.iloc[rng.permutation(len(genes))[:n_second]]
    table = pd.concat([genes.iloc[rng.permutation(len(genes))], second], ignore_index=True)
    number = np.arange(len(table))
    # the second ORF of a gene is in the map of another batch than the first
    batch = number % design.n_batches
    first = dict(zip(table["gene"][: len(genes)], batch, strict=False))
    for i in range(len(genes), len(table)):
        batch[i] = (first[table["gene"][i]] + 1) % design.n_batches
    free = [name.upper() for name in WELLS if name.upper() not in CONTROL_WELLS]
    places = np.empty(len(table), object)
    for one in range(design.n_batches):
        here = np.flatnonzero(batch == one)
        if len(here) > len(free) - len(OTHER_CONTROLS) - 2:
            raise ValueError(f"{len(here)} ORFs do not fit on a plate; take more batches")
        places[here] = rng.permutation(free[: -len(OTHER_CONTROLS) - 2])[: len(here)]
    return table.assign(
        jcp2022=[f"JCP2022_{FIRST_ID + i}" for i in number],
        reagent=[f"ccsbBroad304_{i + 1:05d}" for i in number],
        batch=batch,
        well=places,
    )


def layout(orfs: pd.DataFrame, design: JumpDesign, *, seed: int) -> pd.DataFrame:
    """Lay out all fields, with what is needed to render each.

    Parameters
    ----------
    orfs : DataFrame
        From `reagents`.
    design : JumpDesign
    seed : int

    Returns
    -------
    DataFrame
        One row per field: `batch`, `plate`, `well`, `site`, `jcp2022`, `gene`, `s1` … `s6`,
        `infected`, `look_*`, `gain`, `offset`, `psf`, `seed`.
    """
    controls = pd.DataFrame({"well": CONTROL_WELLS, "jcp2022": BFP, "gene": ""})
    controls = controls.assign(**dict.fromkeys(DIMENSIONS, 0.0))
    shifts = _positions(design, seed)
    plates = [
        _plate(orfs[orfs["batch"] == batch], controls, shifts, batch, number, design, seed)
        for batch in range(design.n_batches)
        for number in range(design.n_replicates)
    ]
    sites = pd.DataFrame({"site": range(1, design.screen.sites + 1)})
    fields = pd.concat(plates, ignore_index=True).merge(sites, how="cross")
    fields = fields.sort_values(["plate", "well", "site"], ignore_index=True)
    names = fields[["plate", "well", "site"]].astype(str).agg("/".join, axis=1)
    seeds = [compute.unit_seed(seed, name) for name in names]
    return fields.assign(seed=np.array(seeds, np.uint64))


def plate_name(batch: int, number: int) -> str:
    """Return the barcode of a plate."""
    return f"BR{117001 + 100 * batch + number:08d}"


def _positions(design: JumpDesign, seed: int) -> pd.DataFrame:
    """Return what the position of a well does to looks, (wells, looks)."""
    rng = np.random.default_rng(compute.unit_seed(seed, "positions"))
    values = rng.normal(0, design.position_effect, (len(WELLS), len(PARAMETERS)))
    return pd.DataFrame(values, index=[name.upper() for name in WELLS])


def _plate(
    orfs: pd.DataFrame,
    controls: pd.DataFrame,
    positions: pd.DataFrame,
    batch: int,
    number: int,
    design: JumpDesign,
    seed: int,
) -> pd.DataFrame:
    """Return the wells of a plate with what batch, plate, position and well do to them."""
    screen = design.screen
    of_batch = np.random.default_rng(compute.unit_seed(seed, f"batch {batch}"))
    rng = np.random.default_rng(compute.unit_seed(seed, f"plate {batch} {number}"))
    wells = pd.concat([orfs, controls], ignore_index=True)
    size = (len(wells), len(PARAMETERS))
    looks = of_batch.normal(0, design.batch_effect, len(PARAMETERS)) + rng.normal(
        0, screen.plate_effect, len(PARAMETERS)
    )
    looks = (
        looks + positions.loc[wells["well"]].to_numpy() + rng.normal(0, screen.well_effect, size)
    )
    gain = design.batch_gain * of_batch.normal() + screen.gain_sd / 3 * rng.normal(size=len(wells))
    columns = ["jcp2022", "gene", "well", *DIMENSIONS]
    return wells[columns].assign(
        batch=BATCHES[batch],
        plate=plate_name(batch, number),
        infected=np.clip(rng.normal(screen.infected, 0.04, len(wells)), 0, 1).round(2),
        gain=np.exp(gain),
        offset=of_batch.normal(0, screen.offset_sd),
        psf=screen.optics.psf * np.exp(of_batch.normal(0, 0.1)),
        **dict(zip(LOOK_SHIFTS, looks.T, strict=True)),
    )
