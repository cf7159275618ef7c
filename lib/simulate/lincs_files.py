"""The files of a simulated LINCS, in the formats and with the columns of GSE70138 and GSE106127."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from lib.data import gctx
from lib.lincs import classification
from lib.lincs.published_models import FIRST, LAST
from lib.lincs.sets import GP_CELLS, PROTEASOME, SMP_CELLS
from lib.run import store
from lib.simulate import lincs
from lib.simulate.lincs import OTHER_CELLS, Design, World

FILES = {
    "smp_matrix": "GSE70138_level5.gctx",
    "smp_signatures": "GSE70138_sig_info.txt",
    "gene_info": "GSE70138_gene_info.txt",
    "gp_matrix": "GSE106127_level5.gctx",
    "gp_signatures": "GSE106127_sig_info.txt",
    "classes": "pcl_information.csv",
    "targets": "drug_targets.csv",
}
TRUTH = "truth"
N_STRONG = 3  # signatures of MG-132 and bortezomib for each one of another drug
N_CONTROLS = 3  # vehicle and vector signatures per cell line
UNMATCHED = ("sim-drug-absent", "SIMG9999")  # a drug and a gene that only the table of targets has
TWO_IDS = 5  # the drug that has two ids, one for each half of its signatures


def write(folder: Path, design: Design, *, seed: int) -> tuple[dict[str, Path], World]:
    """Write every file and the truth; return their paths and the planted world.

    Rows of the matrices are in another order than those of the tables; the two matrices do not have
    their genes in the same order; the tables hold signatures of cell lines that the paper leaves
    out.
    """
    rng = np.random.default_rng(seed)
    world = lincs.world(design, rng)
    small, genetic = small_molecules(world, design, rng), knock_downs(world, design, rng)
    genes = _genes(design)
    every, landmarks = genes["pr_gene_id"].to_numpy(str), np.arange(design.n_landmarks)
    _matrix(
        folder / FILES["smp_matrix"],
        world,
        design,
        small,
        genes=every,
        columns=np.arange(len(every)),
        rng=rng,
    )
    _matrix(
        folder / FILES["gp_matrix"], world, design, genetic, genes=every, columns=landmarks, rng=rng
    )
    hidden = ["strength", *world.classes.columns]
    _text(folder / FILES["smp_signatures"], small.drop(columns=hidden))
    _text(folder / FILES["gp_signatures"], genetic.drop(columns=hidden))
    _text(folder / FILES["gene_info"], genes.iloc[rng.permutation(len(genes))])
    _lists(folder, world, small)
    _truth(folder / TRUTH, world, design, small, every)
    return {name: folder / file for name, file in FILES.items()}, world


def small_molecules(world: World, design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per signature of a drug: drug × cell line × dose, the two strong ones more
    often, and vehicles.
    """
    drugs = world.drugs.drop(columns="pcl").assign(
        pert_id=[f"BRD-K{i + 1:08d}" for i in range(len(world.drugs))]
    )
    times = np.where(drugs["pert_iname"].isin(PROTEASOME), N_STRONG, 1)
    drugs = drugs.loc[drugs.index.repeat(times)]
    grid = pd.MultiIndex.from_product(
        [[*SMP_CELLS, *OTHER_CELLS[:1]], design.doses], names=["cell_id", "strength"]
    )
    rows = drugs.merge(grid.to_frame(index=False), how="cross")
    second = (rows["pert_iname"] == world.drugs["pert_iname"][TWO_IDS]) & (
        rows["strength"] == design.doses[0]
    )
    rows.loc[second, "pert_id"] = "BRD-A99999999"
    vehicles = _controls(
        world, SMP_CELLS, pert_id="DMSO", pert_iname="DMSO", pert_type="ctl_vehicle"
    )
    rows = pd.concat([rows.assign(pert_type="trt_cp"), vehicles], ignore_index=True)
    rows["sig_id"] = [
        f"SIM{i // 380:03d}_{cell}_24H:{i:05d}" for i, cell in enumerate(rows["cell_id"])
    ]
    dose = [f"{10 * share:.2f} um" for share in rows["strength"]]
    rows = rows.assign(pert_idose=dose, pert_itime="24 h", distil_id="simulated")
    order = [
        "sig_id",
        "pert_id",
        "pert_iname",
        "pert_type",
        "cell_id",
        "pert_idose",
        "pert_itime",
        "distil_id",
    ]
    return rows.iloc[rng.permutation(len(rows))][
        [*order, "strength", *world.classes.columns]
    ].reset_index(drop=True)


def knock_downs(world: World, design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per signature of a knock-down: gene × cell line × hairpin, each with an
    off-target effect.
    """
    genes = world.genes.drop(columns="pcl").rename(columns={"gene": "pert_iname"})
    genes = genes.merge(pd.DataFrame({"hairpin": range(design.n_hairpins)}), how="cross")
    genes["pert_id"] = [f"TRCN{i:010d}" for i in range(len(genes))]
    programmes = list(world.classes.columns)
    off_target = 0.15 * design.effect * rng.normal(size=(len(genes), len(programmes)))
    genes[programmes] += off_target
    rows = genes.merge(pd.DataFrame({"cell_id": [*GP_CELLS, OTHER_CELLS[1]]}), how="cross").assign(
        pert_type="trt_sh"
    )
    vectors = _controls(
        world, GP_CELLS, pert_id="EMPTY_VECTOR", pert_iname="EMPTY_VECTOR", pert_type="ctl_vector"
    )
    rows = pd.concat([rows, vectors], ignore_index=True).fillna({"strength": 1.0})
    rows["sig_id"] = [
        f"SIMSH{i // 380:03d}_{cell}_96H:{i:05d}" for i, cell in enumerate(rows["cell_id"])
    ]
    rows = rows.assign(
        pert_dose=-666,
        pert_dose_unit="-666",
        pert_time=96,
        pert_time_unit="h",
        distil_nsample=3,
        distil_cc_q75=rng.uniform(0.1, 0.9, len(rows)).round(2),
    )
    rows.loc[rng.choice(len(rows), len(rows) // 20, replace=False), "distil_cc_q75"] = -666.0
    order = [
        "sig_id",
        "pert_id",
        "pert_iname",
        "pert_type",
        "cell_id",
        "pert_dose",
        "pert_dose_unit",
        "pert_time",
        "pert_time_unit",
        "distil_nsample",
        "distil_cc_q75",
    ]
    return rows.iloc[rng.permutation(len(rows))][[*order, "strength", *programmes]].reset_index(
        drop=True
    )


def write_plates(
    path: Path, world: World, genes: pd.Series, *, n_treatments: int, n_plates: int, seed: int
) -> pd.DataFrame:
    """Write wells of drugs in cell lines as a GCT 1.3 of level 3, and return what was planted.

    Parameters
    ----------
    path : Path
        `.gct`.
    world : World
        Its loadings have the genes, in their order.
    genes : Series
        Entrez id → symbol.
    n_treatments, n_plates : int
        Drug and cell line, each once on every plate.
    seed : int

    Returns
    -------
    DataFrame
        One row per treatment, named as `replicates.signatures` names it: its clean z-scores.
    """
    rng = np.random.default_rng(seed)
    drugs = world.drugs.iloc[rng.choice(len(world.drugs), n_treatments, replace=False)]
    cells = rng.choice(SMP_CELLS, n_treatments)
    states = drugs[list(world.classes.columns)].to_numpy()
    clean = lincs.expected(world, states, cells)
    values, wells = lincs.plates(
        clean, n_plates=n_plates, n_vehicles=n_treatments, failed=0.15, noise=1.0, rng=rng
    )
    names = [*drugs["pert_iname"], "DMSO"]  # −1, the vehicles, is the last
    obs = pd.DataFrame(
        {
            "pert_iname": np.array(names, object)[wells["treatment"]],
            "cell_id": np.array([*cells, "DMSO"], object)[wells["treatment"]],
            "det_plate": [f"SIMPLATE_X{plate + 1}" for plate in wells["plate"]],
            "has_failed": np.where(wells["has_failed"], "yes", "no"),
        },
        index=[f"well{i:04d}" for i in range(len(wells))],
    )
    _gct(path, values, obs, genes)
    index = [f"{drug}:{cell}" for drug, cell in zip(drugs["pert_iname"], cells, strict=True)]
    return pd.DataFrame(clean, index=index, columns=genes.index)


def _gct(path: Path, values: np.ndarray, obs: pd.DataFrame, genes: pd.Series) -> None:
    """Write a GCT 1.3: genes are its rows, wells its columns, fields of the wells above them."""
    rows = [["id", "pr_gene_symbol", *obs.index]]
    rows += [[name, "na", *obs[name]] for name in obs]
    rows += [
        [gene, symbol, *(f"{value:.4f}" for value in column)]
        for (gene, symbol), column in zip(genes.items(), values.T, strict=True)
    ]
    head = ["#1.3", f"{len(genes)}\t{len(obs)}\t1\t{obs.shape[1]}"]
    store.write_text(path, "\n".join([*head, *map("\t".join, rows)]) + "\n")


def _controls(world: World, cells: tuple[str, ...], **named: str) -> pd.DataFrame:
    """Return signatures without any effect."""
    rows = pd.DataFrame({"cell_id": np.repeat(cells, N_CONTROLS), "strength": 1.0}).assign(**named)
    return rows.assign(**dict.fromkeys(world.classes.columns, 0.0))


def _genes(design: Design) -> pd.DataFrame:
    """Return the table of genes, landmarks first; between those known, their ids are invented."""
    n_between = design.n_landmarks - len(FIRST) - len(LAST)
    ids = [*FIRST, *(str(900_000 + i) for i in range(n_between)), *LAST]
    ids += [str(950_000 + i) for i in range(design.n_others)]
    is_landmark = (np.arange(len(ids)) < design.n_landmarks).astype(int)
    symbols = [f"SIM{gene}" for gene in ids]
    table = pd.DataFrame(
        {"pr_gene_id": ids, "pr_gene_symbol": symbols, "pr_gene_title": "simulated"}
    )
    return table.assign(pr_is_lm=is_landmark, pr_is_bing=1)


def _matrix(
    path: Path,
    world: World,
    design: Design,
    table: pd.DataFrame,
    *,
    genes: np.ndarray,
    columns: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Write the signatures of a table, rows and genes in random orders."""
    states = table[list(world.classes.columns)].to_numpy()
    clean = lincs.expected(world, states, table["cell_id"].to_numpy(), table["strength"].to_numpy())
    values = lincs.measured(clean, noise=design.noise, rng=rng)
    rows, columns = rng.permutation(len(table)), rng.permutation(columns)
    gctx.write_gctx(
        path, values[rows][:, columns], table["sig_id"].to_numpy(str)[rows], genes[columns]
    )


def _lists(folder: Path, world: World, small: pd.DataFrame) -> None:
    """Write classes and targets as people keep them: no header and two fields; a header and three
    fields.
    """
    named = small.loc[small["pert_type"] == "trt_cp", ["pert_id", "pert_iname"]].drop_duplicates()
    known = named.merge(
        world.drugs.loc[world.drugs["pcl"].notna(), ["pert_iname", "pcl"]]
    ).sort_values("pert_id")
    known = known[known["pert_iname"] != PROTEASOME[1]]  # the real table lacks bortezomib
    store.write_text(
        folder / FILES["classes"], known[["pert_id", "pcl"]].to_csv(header=False, index=False)
    )
    extra = pd.DataFrame(
        {"pert_iname": [UNMATCHED[0], PROTEASOME[1]], "gene": ["SIMG0000", UNMATCHED[1]]}
    )
    rows = pd.concat([world.targets, extra], ignore_index=True)
    rows.insert(1, "brd", "K00000000")
    text = rows.rename(columns={"pert_iname": "Drug", "brd": "BRD", "gene": "Target"}).to_csv(
        index=False
    )
    store.write_text(folder / FILES["targets"], text)


def best_accuracy(folder: Path | str, data: AnnData, rows: np.ndarray) -> float:
    """Return the balanced accuracy of who knows the simulated world, over some signatures.

    Parameters
    ----------
    folder : path
        Folder of the simulated files.
    data : AnnData
        Signatures with `sig_id`, `cell_id` and `pcl` in obs, genes by their ids.
    rows : (n,) array of bool
        Which of them count.
    """
    world, design, strengths = truth(folder, data.var_names)
    obs = data.obs[rows]
    share = strengths[obs["sig_id"]].to_numpy()
    found = lincs.posterior(world, design, data.X[rows], obs["cell_id"].to_numpy(), share)
    best = world.classes.index.to_numpy(object)[found.argmax(axis=1)]
    return classification.scores(obs["pcl"].to_numpy(str), best)["balanced_accuracy"]


def truth(folder: Path | str, genes: Sequence[str]) -> tuple[World, Design, pd.Series]:
    """Read what was planted: the world over some genes, the design, `sig_id` → share of the
    effect."""
    folder = store.resolve(folder) / TRUTH
    names = ("classes", "answers", "drugs", "genes", "targets", "strengths")
    found = {name: pd.read_csv(folder / f"{name}.csv") for name in names}
    loadings = pd.read_parquet(folder / "programmes.parquet")[list(genes)].to_numpy()
    world = World(
        loadings,
        found["answers"].set_index("cell_id"),
        found["classes"].set_index("pcl"),
        found["drugs"],
        found["genes"],
        found["targets"],
    )
    design = store.read_json(folder / "design.json")
    design["doses"] = tuple(design["doses"])
    return world, Design(**design), found["strengths"].set_index("sig_id")["strength"]


def _truth(
    folder: Path, world: World, design: Design, small: pd.DataFrame, genes: np.ndarray
) -> None:
    """Write what was planted, as tables."""
    store.write_json(folder / "design.json", asdict(design))
    store.write_table(folder / "classes.csv", world.classes.rename_axis("pcl").reset_index())
    store.write_table(folder / "answers.csv", world.answers.rename_axis("cell_id").reset_index())
    store.write_table(folder / "drugs.csv", world.drugs)
    store.write_table(folder / "genes.csv", world.genes)
    store.write_table(folder / "targets.csv", world.targets)
    store.write_table(folder / "strengths.csv", small[["sig_id", "strength"]])
    programmes = pd.DataFrame(world.loadings, columns=genes)
    store.write_table(folder / "programmes.parquet", programmes)


def _text(path: Path, table: pd.DataFrame) -> None:
    store.write_text(
        path, table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%g")
    )
