"""Simulated CMap 2020 release: tables of signatures and genes, and level-5 signatures as GCTX."""

from pathlib import Path

import numpy as np
import pandas as pd

from lib.data import gctx
from lib.run import store
from lib.simulate.states import DIMENSIONS

FILES = {
    "cmap_siginfo": "cmap_siginfo.txt",
    "cmap_geneinfo": "cmap_geneinfo.txt",
    "cmap_level5": "cmap_level5.gctx",
}
ABSENT = ("AKT1S1",)  # a regulator outside the gene space of CMap
OTHER_CELLS = ("A549", "MCF7", "PC3", "VCAP")
OTHER_PROJECTS = ("HOG", "PAC", "LKCP")
REPLICATES = (
    0.45,
    0.40,
    0.15,
)  # share of genes with one, two and three signatures; 324 of 188 genes in the paper


def write(
    folder: Path, genes: pd.DataFrame, gene_ids: pd.DataFrame, *, design, rng: np.random.Generator
) -> dict[str, str]:
    """Write signatures and the tables of signatures and genes.

    A signature is a linear map of the over-expressed gene's state plus noise, rounded as z-scores
    are. The GCTX holds more signatures than the paper uses, in another order than the table, and
    genes in a third order.

    Parameters
    ----------
    folder : Path
        Where the files go.
    genes : DataFrame
        `gene`, `module`, `is_screened`, `s1` … `s6`, from `lib.simulate.network.network_genes`.
    gene_ids : DataFrame
        `ensembl`, `entrez`, `symbol`.
    design : NetworkDesign
        Sizes, effects and noise.
    rng : Generator

    Returns
    -------
    dict of str to str
        Name of the source → file below `folder`.
    """
    measured = _measured(genes, gene_ids, design=design, rng=rng)
    signatures = _signatures(genes[genes["is_screened"]], n_others=design.n_signatures, rng=rng)
    states = (
        genes.set_index("gene")[list(DIMENSIONS)]
        .reindex(signatures["cmap_name"])
        .fillna(0)
        .to_numpy()
    )
    weights = rng.normal(size=(len(DIMENSIONS), len(measured))) / np.sqrt(len(DIMENSIONS))
    length = np.linalg.norm(states, axis=1)  # (signatures,)
    scale = design.signature_effect / np.median(length[length > 0]) if length.any() else 0.0
    values = scale * np.sqrt(len(DIMENSIONS)) * states @ weights  # (signatures, genes)
    values = (values + rng.normal(size=values.shape)).clip(-10, 10).round(4)
    is_profiled = (signatures["pert_type"] == "trt_oe").to_numpy()
    rows, columns = rng.permutation(np.flatnonzero(is_profiled)), rng.permutation(len(measured))
    gctx.write_gctx(
        folder / FILES["cmap_level5"],
        values[rows][:, columns],
        signatures["sig_id"].to_numpy(str)[rows],
        measured["gene_id"].to_numpy(str)[columns],
    )
    for name, table in (("cmap_siginfo", signatures), ("cmap_geneinfo", measured)):
        text = table.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%g")
        store.write_text(folder / FILES[name], text)
    return FILES


def _measured(
    genes: pd.DataFrame, gene_ids: pd.DataFrame, *, design, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the measured genes as in geneinfo: genes of modules first, landmark or inferred at
    random."""
    ids = gene_ids.drop_duplicates("symbol").set_index("symbol")
    known = genes[genes["gene"].isin(ids.index) & ~genes["gene"].isin(ABSENT)]
    chosen = known["gene"].to_numpy(str)[: design.n_measured]
    space = np.array(["best inferred"] * len(chosen), dtype=object)
    space[rng.choice(len(chosen), min(design.n_landmarks, len(chosen)), replace=False)] = "landmark"
    space[(space != "landmark") & (rng.random(len(chosen)) < 0.2)] = "inferred"
    table = pd.DataFrame(
        {
            "gene_id": ids.loc[chosen, "entrez"].to_numpy(str),
            "gene_symbol": chosen,
            "ensembl_id": ids.loc[chosen, "ensembl"].to_numpy(str),
            "gene_title": "simulated",
            "gene_type": "protein-coding",
            "src": "NCBI",
            "feature_space": space,
        }
    )
    return table.drop_duplicates("gene_id").iloc[rng.permutation(table["gene_id"].nunique())]


def _signatures(screened: pd.DataFrame, *, n_others: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the table of signatures: over-expression in U2OS, and rows of other cells, projects
    and perturbations."""
    repeats = rng.choice([1, 2, 3], len(screened), p=REPLICATES)
    wanted = pd.DataFrame({"cmap_name": np.repeat(screened["gene"].to_numpy(str), repeats)})
    wanted = wanted.assign(project_code="TA", cell_iname="U2OS", pert_type="trt_oe")
    others = pd.DataFrame({"cmap_name": rng.choice(screened["gene"].to_numpy(str), n_others)})
    others["project_code"] = rng.choice(["TA", *OTHER_PROJECTS], n_others)
    others["cell_iname"] = rng.choice(["U2OS", *OTHER_CELLS], n_others)
    others["pert_type"] = rng.choice(
        ["trt_oe", "trt_cp", "trt_sh", "ctl_vector"], n_others, p=[0.7, 0.1, 0.1, 0.1]
    )
    is_wanted = (
        (others["project_code"] == "TA")
        & (others["cell_iname"] == "U2OS")
        & (others["pert_type"] == "trt_oe")
    )
    table = pd.concat([wanted, others[~is_wanted]], ignore_index=True)
    table["sig_id"] = [
        f"{project}{i:03d}_{cell}_96H:TRCN{i:06d}:-666"
        for i, (project, cell) in enumerate(
            zip(table["project_code"], table["cell_iname"], strict=True)
        )
    ]
    table["pert_id"] = [f"TRCN{i:06d}" for i in range(len(table))]
    table = table.assign(
        pert_time=96, pert_time_unit="h", nsample=rng.integers(2, 6, len(table)), qc_pass=1
    )
    order = [
        "pert_id",
        "sig_id",
        "pert_type",
        "cell_iname",
        "cmap_name",
        "project_code",
        "pert_time",
        "pert_time_unit",
        "nsample",
        "qc_pass",
    ]
    return table.iloc[rng.permutation(len(table))][order]
