"""Files of a simulated epigenome in the formats of the real sources.

Layout of a folder, which real files can replace one by one:

    expression.tsv.gz            RPKM, rows ending in a tab as the published ones
    genes.gtf                    transcripts; the longest starts at the gene's start site
    tss2fragment.tsv             start site → fragment
    contacts/TISSUE.parquet      fragment, neighbour, score
    tracks/CELL-MARK.bigWig      depth, nothing stored far from genes
    eqtl.csv                     variant, gene_id, tissue, pip
    families.csv                 gene_id, family: paralogs, which share no state
"""

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.epigenome import contacts
from lib.epigenome.expression import is_expressed
from lib.epigenome.marks import CELLS, MARKS
from lib.epigenome.signals import Signals
from lib.run import compute, store
from lib.simulate.epigenome import BANDS, NAMES, WINDOW, Plan, World, as_dict, draw

SIZE = 100  # bases that share one depth
BACKGROUND = 0.4  # depth outside the bands
LEVEL = {"H3K27me3": 0.9, "H3K9me3": 0.9, "H3K36me3": 1.1, "H3K4me1": 1.2}  # ln depth at state 0
NARROW_LEVEL, STEEPNESS = 1.7, 0.6
TISSUES = {
    "E007": "Brain_Cerebellum",
    "E116": "Cells_EBV-transformed_lymphocytes",
    "E066": "Liver",
    "E118": "Liver",
    "E114": "Lung",
    "E087": "Pancreas",
}


def write_source(
    folder: str | os.PathLike, plan: Plan, *, units_dir: str | os.PathLike, with_tracks: bool = True
) -> World:
    """Write a whole folder of sources, one unit per track, and return the world behind it.

    Parameters
    ----------
    with_tracks : bool
        Whether the tracks are written; not needed where a person gives their own.
    """
    folder, world = store.resolve(folder), draw(plan)
    write_tables(folder, world)
    arguments = as_dict(plan)
    names = [(cell, mark) for cell in plan.cells for mark in MARKS] if with_tracks else []
    units = {
        f"{cell}-{mark}": {"plan": arguments, "cell": cell, "mark": mark} for cell, mark in names
    }
    made = compute.run_units(write_track, units, directory=units_dir, suffix=".bigWig")
    for name, path in made.items():
        with store.atomic(folder / "tracks" / f"{name}.bigWig") as part:
            part.write_bytes(path.read_bytes())
    return world


def write_tables(folder: str | os.PathLike, world: World) -> Path:
    """Write everything but the tracks."""
    folder = store.resolve(folder)
    (folder / "contacts").mkdir(parents=True, exist_ok=True)
    _write_expression(folder / "expression.tsv.gz", world)
    store.write_text(folder / "genes.gtf", _gtf(world.genes))
    table, fragments = _contact_tables(world)
    fragments.to_csv(folder / "tss2fragment.tsv", sep="\t", index=False, lineterminator="\n")
    for tissue in {CELLS[cell].tissue if cell in CELLS else cell for cell in world.plan.cells}:
        store.write_table(folder / "contacts" / f"{tissue}.parquet", table)
    store.write_table(folder / "eqtl.csv", eqtls(world))
    store.write_table(folder / "families.csv", families(world))
    return folder


def write_track(part: Path, *, seed: int, plan: dict, cell: str, mark: str) -> None:
    """Write the bigWig of one mark in one cell; a unit of `lib.run.compute`.

    Parameters
    ----------
    plan : dict
        Of `lib.simulate.epigenome.Plan`.
    """
    world = draw(Plan(**plan))
    chrom, start, depth = track(world, cell, mark)
    write_bigwig(part, world.sizes, chrom, start, depth)


def track(world: World, cell: str, mark: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the stored bins of a track: chromosome, start, depth; sorted, `SIZE` bases each, no
    overlap."""
    promoters, flat = depths(world, cell, mark)
    starts = (
        world.genes["start"].to_numpy()[:, None]
        - WINDOW // 2
        + SIZE * np.arange(promoters.shape[1])
    )
    chrom = np.repeat(world.genes["chrom"].to_numpy().astype(str), promoters.shape[1])
    region, r_starts = _contact_bins(world)
    chrom = np.concatenate(
        [chrom, world.contacts["neighbour"].str.split(":").str[0].to_numpy().astype(str)[region]]
    )
    start, depth = (
        np.concatenate([starts.ravel(), r_starts]),
        np.concatenate([promoters.ravel(), flat]),
    )
    order = np.lexsort((start, pd.Categorical(chrom, list(world.sizes)).codes))
    kept = order[start[order] >= 0]
    return chrom[kept], start[kept], depth[kept].astype(float)


def depths(world: World, cell: str, mark: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw the depth of bins: (G, 400) around the start sites, in genomic order, and of the contact
    regions, flat."""
    rng = np.random.default_rng([world.plan.seed, *f"{cell}-{mark}".encode()])
    factor = np.exp(np.random.default_rng([world.plan.seed, *cell.encode()]).normal(0, 0.15))
    rates = promoter_rates(world, cell, mark)  # (G, 400), in the direction of transcription
    is_minus = (world.genes["strand"] == "-").to_numpy()
    rates[is_minus] = rates[is_minus, ::-1]
    return rng.poisson(factor * rates), rng.poisson(factor * _contact_rates(world, cell, mark))


def signals_of(world: World, cell: str) -> Signals:
    """Return the signals of a cell without the way through files; the same values."""
    number = list(world.plan.cells).index(cell)
    drawn = [depths(world, cell, mark) for mark in MARKS]
    regions = contacts.regions(world.contacts["neighbour"])
    region, starts = _contact_bins(world)
    bases = np.minimum(SIZE, regions["end"].to_numpy()[region] - starts)
    rpkm = np.round(2.0 ** world.log_expression[number] - 1, 3)
    table = world.genes[["gene_id", "chrom", "start", "end", "strand"]].assign(
        expression=rpkm, label=is_expressed(rpkm)
    )
    slot = world.contacts.groupby("gene_id").cumcount().to_numpy()
    row = _gene_of_contact(world)
    slots = np.full((len(table), 8), -1, np.int32)
    scores = np.zeros((len(table), 8), np.float32)
    slots[row, slot], scores[row, slot] = np.arange(len(regions)), world.contacts["score"]
    n = -(-(regions["end"] - regions["start"]).to_numpy() // SIZE)
    return Signals(
        cell,
        MARKS,
        table,
        np.stack([SIZE * one.astype(np.float32) for one, _ in drawn], axis=1),
        np.tile(np.array([0, 400], np.int32), (len(table), 1)),
        regions,
        np.stack([(flat * bases).astype(np.float32) for _, flat in drawn], axis=1),
        np.concatenate([[0], np.cumsum(n)]),
        slots,
        scores,
        "simulated",
    )


def promoter_rates(world: World, cell: str, mark: str) -> np.ndarray:
    """Return expected depth (G, 400) around the start sites, in the direction of transcription."""
    state = world.states[list(world.plan.cells).index(cell)]  # (G, K)
    position = -WINDOW // 2 + SIZE * (np.arange(WINDOW // SIZE) + 0.5)
    low, high = BANDS[mark]
    level = LEVEL.get(mark, NARROW_LEVEL)
    peak = np.exp(level + STEEPNESS * state[:, NAMES.index(mark)])
    rates = BACKGROUND + peak[:, None] * ((position >= low) & (position < high))
    if mark == "H3K27ac":
        where = (position + WINDOW // 2) // 2_000 == world.genes["enhancer"].to_numpy()[:, None]
        rates = (
            rates + np.exp(level + STEEPNESS * state[:, NAMES.index("enhancer")])[:, None] * where
        )
    return rates


def write_bigwig(
    path: str | os.PathLike, sizes: dict[str, int], chrom, start, values, *, size: int = SIZE
) -> None:
    """Write bins of one size as a bigWig, sorted as `sizes` is."""
    import pyBigWig

    chrom, start = np.asarray(chrom), np.asarray(start, np.int64)
    values = np.asarray(values, float)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for name in sizes:
            here = chrom == name
            if here.any():
                file.addEntries(name, start[here], values=values[here], span=size)


def write_region_arrays(
    folder: str | os.PathLike, world: World, cell: str, *, rows: Sequence[int], separator: str = "_"
) -> Path:
    """Write the published arrays of some genes: depth per base, one row per mark, float16."""
    folder = store.resolve(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        mark: pd.DataFrame(
            dict(zip(["chrom", "start", "depth"], track(world, cell, mark), strict=True))
        )
        for mark in MARKS
    }
    some = world.genes.iloc[list(rows)]
    names = contacts.regions(
        world.contacts.loc[world.contacts["gene_id"].isin(some["gene_id"]), "neighbour"]
    )
    promoters = pd.DataFrame(
        {
            "chrom": some["chrom"],
            "start": some["start"] - WINDOW // 2,
            "end": some["start"] + WINDOW // 2,
        }
    )
    for chrom, start, end in pd.concat([promoters, names]).itertuples(index=False):
        array = np.stack([_bases(line, chrom, start, end) for line in lines.values()])
        np.save(folder / f"{chrom}{separator}{start}-{end}.npy", array.astype(np.float16))
    return folder


def eqtls(world: World, *, per_gene: int = 2) -> pd.DataFrame:
    """Return fine-mapped variants: most lie in the enhancer's bin of expressed genes, the others
    anywhere."""
    rng = np.random.default_rng([world.plan.seed, 81])
    rows = []
    for cell in world.plan.cells:
        if cell not in TISSUES:
            continue
        level = world.log_expression[list(world.plan.cells).index(cell)]
        for gene in world.genes[level >= np.median(level)].itertuples():
            for _ in range(per_gene):
                slot = gene.enhancer if rng.random() < 0.5 else int(rng.integers(20))
                offset = -WINDOW // 2 + 2_000 * slot + int(rng.integers(2_000))
                base = gene.start + offset if gene.strand == "+" else gene.start - offset - 1
                if base >= 0:
                    name = f"{gene.chrom}_{base + 1}_A_G_b37"
                    rows.append((name, gene.gene_id, TISSUES[cell], round(rng.uniform(0.91, 1), 3)))
    return pd.DataFrame(rows, columns=["variant", "gene_id", "tissue", "pip"]).drop_duplicates()


def families(world: World, *, share: float = 0.5) -> pd.DataFrame:
    """Return families of two to four genes, in which a share of the genes is, anywhere in the
    genome."""
    rng = np.random.default_rng([world.plan.seed, 82])
    genes = rng.permutation(world.genes["gene_id"])[: int(share * len(world.genes))]
    sizes = rng.integers(2, 5, len(genes))
    number = np.repeat(np.arange(len(sizes)), sizes)[: len(genes)]
    return pd.DataFrame({"gene_id": genes, "family": [f"F{i + 1:03d}" for i in number]})


def _contact_bins(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Return region and start of every bin of the contact regions, one region after the other."""
    places = contacts.regions(world.contacts["neighbour"])
    n = -(-(places["end"] - places["start"]).to_numpy() // SIZE)
    region = np.repeat(np.arange(len(n)), n)
    step = np.arange(len(region)) - np.repeat(np.cumsum(n) - n, n)
    return region, places["start"].to_numpy()[region] + SIZE * step


def _contact_rates(world: World, cell: str, mark: str) -> np.ndarray:
    """Return the expected depth of the bins of the contact regions."""
    region, _ = _contact_bins(world)
    rates = np.full(len(region), BACKGROUND)
    if mark == "H3K27ac":
        state = world.states[list(world.plan.cells).index(cell), :, NAMES.index("contact")]
        rates += np.exp(NARROW_LEVEL + STEEPNESS * state[_gene_of_contact(world)])[region]
    return rates


def _gene_of_contact(world: World) -> np.ndarray:
    number = pd.Series(range(len(world.genes)), world.genes["gene_id"])
    return world.contacts["gene_id"].map(number).to_numpy()


def _bases(line: pd.DataFrame, chrom: str, start: int, end: int) -> np.ndarray:
    """Return depth per base (end - start,) from bins of `SIZE` bases."""
    here = line[(line["chrom"] == chrom) & (line["start"] < end) & (line["start"] > start - SIZE)]
    depth = np.zeros(end - start)
    for first, value in zip(here["start"] - start, here["depth"], strict=True):
        depth[max(first, 0) : first + SIZE] = value
    return depth


def _write_expression(path: Path, world: World) -> None:
    """Write the matrix as published: rows end in a tab that the header lacks, the outer columns are
    decoys."""
    rpkm = np.round(2.0**world.log_expression - 1, 3)
    columns = ["gene_id", "E000", *world.plan.cells, "E128"]
    lines = ["\t".join(columns)]
    for i, gene in enumerate(world.genes["gene_id"]):
        cells = "\t".join(f"{value:.3f}" for value in [rpkm[:, i].mean(), *rpkm[:, i], rpkm[0, i]])
        lines.append(f"{gene}\t{cells}\t")
    packed = gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)
    with store.atomic(path) as part:
        part.write_bytes(packed)


def _gtf(table: pd.DataFrame) -> str:
    """Return two transcripts per gene: the longest from the start site, a shorter one from 500 bp
    downstream."""
    lines = []
    for gene in table.itertuples():
        for number, shift, length in ((1, 0, 16_000), (2, 500, 9_000)):
            if gene.strand == "+":
                start = gene.start + shift
                end = start + length
            else:
                end = gene.start + 1 - shift
                start = max(end - length, 0)
            transcript = gene.gene_id.replace("G", "T")
            names = f'gene_id "{gene.gene_id}.{number}"; transcript_id "{transcript}{number}";'
            lines.append(
                f"{gene.chrom}\tsimulated\ttranscript\t{start + 1}\t{end}"
                f"\t.\t{gene.strand}\t.\t{names}"
            )
    return "\n".join(lines) + "\n"


def _contact_tables(world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return contacts with decoys (too weak, on another chromosome), and the fragments of the start
    sites."""
    table = world.genes
    name = table["chrom"] + ":" + table["start"].astype(str) + "-" + table["end"].astype(str)
    fragment = (
        table["chrom"]
        + ":"
        + (table["start"] - 1_500).astype(str)
        + "-"
        + (table["start"] + 2_500).astype(str)
    )
    of_gene = fragment.set_axis(table["gene_id"])
    true = world.contacts.assign(fragment=world.contacts["gene_id"].map(of_gene))
    weak = true.iloc[::5].assign(neighbour=lambda t: t["fragment"].shift(-1), score=1.2).dropna()
    trans = true.iloc[::40].assign(neighbour=fragment.iloc[-1], score=7.0)
    trans = trans[~trans["fragment"].str.startswith("chrY")]
    found = pd.concat([true, weak, trans])[["fragment", "neighbour", "score"]]
    fragments = pd.DataFrame({"tss": name, "pchic_fragment": fragment})
    return found.drop_duplicates(["fragment", "neighbour"]).reset_index(drop=True), fragments
