"""The plates of a simulated over-expression screen: which construct is in which well, and what
befalls each field."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lib.images.metadata import OUTLIER_PLATES, OUTLIER_WELLS
from lib.images.metadata_schema import NAMES
from lib.run import compute
from lib.simulate.phenotypes import PARAMETERS, Looks
from lib.simulate.rendering import Optics
from lib.simulate.states import DIMENSIONS

WELLS = tuple(f"{row}{column:02d}" for row in "abcdefghijklmnop" for column in range(1, 25))
BARCODES = {41744: "00044859"}  # the other plates of the screen
BARCODE = "00044858"
# mutants of the real screen; other genes, and other wells, have wild types
MUTANTS: Mapping[str, str] = {
    "AKT1": "E17K",
    "AKT3": "E17K",
    "BRAF": "V600E",
    "CDC42": "Q61L",
    "CDK4": "R24C",
    "ERG": "truncated",
    "FGFR3": "K650E",
    "HRAS": "G12V",
    "KRAS": "G12V",
    "MYD88": "L265P",
    "PRKCE": "del1-394",
    "RAC1": "T17N",
    "RAF1": "L613V",
    "RHOA": "T19N",
    "SRC": "Y527F",
    "STAT3": "Y705F",
    "TGFBR1": "K232R",
}
# the 24 columns of the real table in their order
COLUMNS = (
    "image_number",
    "plate",
    "well",
    "image_file",
    "illum_file",
    "outlines_file",
    "n_cellprofiler",
    "gene_id",
    "gene_symbol",
    "is_landmark",
    "allele",
    "expr_vec",
    "toxicity",
    "ie_blast",
    "intended_orf_mismatch",
    "open_closed",
    "rnai_plate",
    "site",
    "timepoint",
    "type",
    "virus_vol",
    "assay_well_role",
    "is_blurry",
    "is_saturated",
)
OTHER_CONTROLS = {
    "LacZ": -42.0,
    "Luciferase": -43.0,
    "eGFP": -44.0,
}  # symbol → gene id, negative as in the real table
LOOK_SHIFTS = tuple(f"look_{name}" for name in PARAMETERS)


@dataclass(frozen=True)
class ScreenDesign:
    """Sizes, effects and noise of a simulated screen; the defaults make some 1,000 fields of 15
    nuclei in seconds.

    States and looks are in SD of single control nuclei. A tiny screen for tests:
    `ScreenDesign(plates=(41754, 41749), sites=2, wells_per_gene=2, nuclei_per_field=10)` with eight
    genes.
    """

    plates: tuple[int, ...] = (
        41754,
        41757,
        41749,
    )  # replicates of one layout; 41749 is the outlier plate
    wells_per_gene: int = 2  # on each plate, 1 to 8; each holds one allele
    wells_per_control: int = 2  # LacZ, Luciferase and eGFP, on each plate
    empty_share: float = 0.1  # of a plate's wells, 0 to 0.5; at least twice the wells of a gene
    sites: int = 3  # fields a well, 1 to 9
    side: int = 256  # of a field in pixels, 128 to 2160; the real one is 1080
    nuclei_per_field: float = (
        15.0  # mean of controls; about 1 per 4,000 square pixels keeps nuclei apart
    )
    infected: float = 0.92  # share of nuclei that carry the construct, mean over wells, 0.3 to 1
    plate_effect: float = 0.3  # SD between plates of all looks, 0 to 1
    well_effect: float = 0.1  # SD between wells
    field_effect: float = 0.1  # SD between fields; crowding varies 2.2 times as much
    nucleus_noise: float = (
        1.0  # SD between nuclei: 1 by definition of the unit, less for easy screens
    )
    gain_sd: float = 0.15  # of the logarithm of a plate's brightness; a third of that between wells
    offset_sd: float = 20.0  # of a plate's background, counts
    blurry: float = 0.01  # share of fields out of focus and flagged, at least one
    saturated: float = 0.015  # share of fields saturated and flagged, at least one
    mitotic: float = 0.02  # share of nuclei in mitosis: small, bright, unaffected by the construct
    debris: float = 0.4  # bright specks a field, below the area limit of the pipeline
    outlier_plates: tuple[int, ...] = OUTLIER_PLATES  # badly stained
    outlier_wells: Mapping[int, tuple[str, ...]] = field(
        default_factory=lambda: dict(OUTLIER_WELLS)
    )  # out of focus
    looks: Looks = Looks()
    optics: Optics = Optics()


def layout(design: ScreenDesign, states: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Lay out the plates of a screen: one row per field, with all that is needed to render it.

    Parameters
    ----------
    design : ScreenDesign
        Sizes, effects and noise.
    states : DataFrame
        From `states.states`.
    seed : int
        Base seed; plates, wells and fields have their own, derived from it and their names.

    Returns
    -------
    DataFrame
        The 24 columns of `metadata_images.csv` (nuclei not counted yet), `s1` … `s6`, `infected`,
        `look_*` (shift of plate and well in SD), `gain`, `offset`, `psf`, `stem` and `seed`;
        ordered by plate, well, site.

    Raises
    ------
    ValueError
        If the wells do not fit on a plate.
    """
    wells = _wells(design, states, _rng(seed, "wells"))
    plates = pd.concat(
        [_plate(design, wells, plate, seed) for plate in sorted(design.plates)], ignore_index=True
    )
    sites = pd.DataFrame({"site": range(1, design.sites + 1)})
    fields = plates.merge(sites, how="cross").sort_values(
        ["plate", "well", "site"], ignore_index=True
    )
    fields = _flag(fields, design, _rng(seed, "flags"))
    fields["stem"] = [_stem(seed, row.plate, row.well, row.site) for row in fields.itertuples()]
    fields["seed"] = np.array(
        [compute.unit_seed(seed, stem) for stem in fields["stem"]], dtype=np.uint64
    )
    known = {ours: theirs for theirs, ours in NAMES.items()}
    fields = _constants(fields).rename(columns=known)
    return fields[
        [
            *(known[name] for name in COLUMNS),
            *DIMENSIONS,
            "infected",
            *LOOK_SHIFTS,
            "gain",
            "offset",
            "psf",
            "stem",
            "seed",
        ]
    ]


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng(compute.unit_seed(seed, name))


def _wells(design: ScreenDesign, states: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Deal constructs to wells, the same on every plate; the published outlier wells are always in
    use."""
    genes = _constructs(design, states)
    n_empty = round(design.empty_share * len(genes) / (1 - design.empty_share))
    bad = list(
        dict.fromkeys(
            well for plate in design.plates for well in design.outlier_wells.get(plate, ())
        )
    )
    bad_empty = [well for well in bad if well in ("b01", "e17")]  # EMPTY in the real screen
    n_empty = max(n_empty, 2 * design.wells_per_gene) + len(bad_empty)
    if len(genes) + n_empty > len(WELLS):
        raise ValueError(
            f"{len(genes)} wells of constructs and {n_empty} of EMPTY do not fit on a plate of "
            f"{len(WELLS)}; lower the number of genes or wells_per_gene"
        )
    bad_genes = [well for well in bad if well not in bad_empty][: len(genes)]
    free = rng.permutation([well for well in WELLS if well not in bad])
    split = len(genes) - len(bad_genes)  # wells of constructs that are not outliers
    genes = genes.iloc[rng.permutation(len(genes))].assign(well=[*bad_genes, *free[:split]])
    empty = pd.DataFrame(
        {"well": [*bad_empty, *free[split:][: n_empty - len(bad_empty)]], "gene_symbol": "EMPTY"}
    )
    table = pd.concat([genes, empty.assign(assay_well_role="Untreated")], ignore_index=True)
    by_gene = states.set_index("gene")[list(DIMENSIONS)]
    return (
        table.join(by_gene, on="gene_symbol")
        .fillna(dict.fromkeys(DIMENSIONS, 0.0))
        .sort_values("well")
    )


def _constructs(design: ScreenDesign, states: pd.DataFrame) -> pd.DataFrame:
    """Return one row per well of a gene or of a control construct; gene ids are negative: none is
    an Entrez id."""
    rows = [
        {
            "gene_symbol": gene,
            "gene_id": -1001.0 - number,
            "allele": allele,
            "assay_well_role": "Treated",
        }
        for number, gene in enumerate(states["gene"])
        for allele in _alleles(gene, design.wells_per_gene)
    ]
    rows += [
        {"gene_symbol": gene, "gene_id": gene_id, "allele": "CTRL", "assay_well_role": "CTRL"}
        for gene, gene_id in OTHER_CONTROLS.items()
        for _ in range(design.wells_per_control)
    ]
    return pd.DataFrame(rows).assign(expr_vec="pLX304", is_landmark=0.0, open_closed="open")


def _alleles(gene: str, n_wells: int) -> list[str]:
    """Return `WT` for one well, else `WT.1`, `WT.2`, …, the last one a mutant where the gene has
    one."""
    names = ["WT"] if n_wells == 1 else [f"WT.{number}" for number in range(1, n_wells + 1)]
    return names if n_wells == 1 or gene not in MUTANTS else [*names[:-1], MUTANTS[gene]]


def _plate(design: ScreenDesign, wells: pd.DataFrame, plate: int, seed: int) -> pd.DataFrame:
    """Return a plate's wells with what plate and wells do to looks, brightness and focus."""
    rng = _rng(seed, f"plate {plate}")
    of_plate = rng.normal(0, design.plate_effect, len(PARAMETERS))  # (looks,)
    of_wells = rng.normal(0, design.well_effect, (len(wells), len(PARAMETERS)))  # (wells, looks)
    # (wells,), the plate's draw is shared
    gain = np.exp(design.gain_sd * (rng.normal() + rng.normal(0, 1 / 3, len(wells))))
    bad_stain = plate in design.outlier_plates
    bad_focus = wells["well"].isin(design.outlier_wells.get(plate, ()))
    return wells.assign(
        plate=plate,
        infected=np.clip(rng.normal(design.infected, 0.04, len(wells)), 0, 1).round(2),
        gain=gain * (0.2 if bad_stain else 1.0),
        offset=rng.normal(0, design.offset_sd) + (design.optics.background if bad_stain else 0.0),
        psf=np.where(bad_focus, design.optics.psf_outlier, design.optics.psf),
        **dict(zip(LOOK_SHIFTS, (of_plate + of_wells).T, strict=True)),
    )


def _flag(fields: pd.DataFrame, design: ScreenDesign, rng: np.random.Generator) -> pd.DataFrame:
    """Flag fields as blurry or saturated, and blur or overexpose them."""
    order = rng.permutation(len(fields))  # no field is both blurry and saturated
    n_blurry, n_saturated = (
        max(round(share * len(fields)), share > 0) for share in (design.blurry, design.saturated)
    )
    blurry = np.isin(np.arange(len(fields)), order[:n_blurry])
    saturated = np.isin(np.arange(len(fields)), order[n_blurry : n_blurry + n_saturated])
    return fields.assign(
        is_blurry=blurry.astype(int),
        is_saturated=saturated.astype(int),
        psf=np.where(blurry, design.optics.psf_blurry, fields["psf"]),
        gain=np.where(saturated, design.optics.saturating_gain, fields["gain"]),
    )


def _stem(seed: int, plate: int, well: str, site: int) -> str:
    """Return a field's name without ending, its identifier made from the seed."""
    code = hashlib.sha256(f"{seed}/{plate}/{well}/{site}".encode()).hexdigest()
    uuid = "-".join(
        code[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    )
    return f"taoe005-u2os-72h-cp-a-au{BARCODES.get(plate, BARCODE)}_{well}_s{site}_w1{uuid}"


def _constants(fields: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the real table that are the same everywhere, or follow from others."""
    return fields.assign(
        image_number=np.arange(1, len(fields) + 1),
        image_file=fields["stem"] + ".tif",
        illum_file=fields["plate"].astype(str) + "_IllumHoechst.mat",
        outlines_file=fields["well"] + "_s" + fields["site"].astype(str) + "_NucleiOutlines.png",
        n_cellprofiler=0,
        toxicity=pd.Series(np.nan, index=fields.index, dtype=object),
        ie_blast=fields["infected"],
        intended_orf_mismatch=pd.Series(np.nan, index=fields.index, dtype=object),
        rnai_plate="ORA11.12.13.18A",
        timepoint="72H",
        type="ORF OE",
        virus_vol=1.0,
    )
