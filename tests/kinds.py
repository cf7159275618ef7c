"""One small run of every kind of unit, and of every other computation whose last digits could
depend on the processor.

    python tests/kinds.py prepare FOLDER            # inputs, the same for all processors
    python tests/kinds.py run FOLDER OUT [KIND ...] # run and print `kind sha256`, one a line

`test_processors.py` runs it on this processor and on emulated ones and compares.
"""

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import kinds_companions  # noqa: E402  (found through the line above)

SEED = 3
TRAINING = {"learning_rate": 5e-3, "max_epochs": 2, "patience": 2, "device": "cpu"}
SMALL = {"kind": "small", "embedding_size": 8, "size": 16}
GENES = ["BRAF", "JUN", "MOS"]


def prepare(folder: Path) -> None:
    """Write the inputs of all kinds."""
    import toy_fields
    import toy_regulation
    import toy_screen
    from test_go_gene_sets import make

    from lib import go
    from lib.data import h5ad
    from lib.regulation.features import node_features

    kinds_companions.prepare(folder)
    (folder / "stores").mkdir(parents=True)
    sizes = {"wells": 5, "fields": 2, "per_field": 2, "side": 32, "region": 32}
    toy_screen.write_screen(folder / "stores", genes=GENES, **sizes)
    (folder / "stores/nuclei.parquet").rename(folder / "nuclei.parquet")
    toy_fields.write_screen(folder / "fields", plates=(41744,), wells=("b01",))
    nodes, links = toy_regulation.network(3, 12)
    features = node_features(
        toy_regulation.expression(nodes, n_cells=40), toy_regulation.gene_sets(nodes), nodes["gene"]
    )
    h5ad.write(folder / "features.h5ad", features)
    links.to_csv(folder / "links.csv", index=False)
    nodes.to_csv(folder / "nodes.csv", index=False)
    genes = [f"g{i}" for i in range(30)]
    pairs = [(gene, str(2 + i % 3)) for i, gene in enumerate(genes)]
    go.save(make(pairs=pairs, edges=[("2", "1"), ("3", "1"), ("4", "1")]), folder / "go")
    plan(folder)


def plan(folder: Path) -> None:
    """Write the plan of a simulated plate."""
    from lib.run import store
    from lib.simulate import screen

    states, design = simulated()
    rows = screen.layout(design, states, seed=SEED)
    store.write_table(folder / "simulated" / screen.PLAN, rows.head(2))


def simulated():
    from lib.simulate import screen
    from lib.simulate import states as latent

    genes = latent.choose_genes(8, n_active=4)
    states = latent.states(genes, n_groups=2, n_active=4, rng=np.random.default_rng(0))
    design = screen.ScreenDesign(
        plates=(41754,), sites=1, wells_per_gene=1, nuclei_per_field=4, side=128
    )
    return states, design


# units
# ------------------------------------------------------------------------------------------


def write_plate(folder: Path, part: Path) -> None:
    import dataclasses

    from lib.simulate import screen

    _, design = simulated()
    plain = dataclasses.asdict(design) | {"outlier_wells": {}, "outlier_plates": ()}
    own = part.with_suffix("") / screen.PLAN  # images are written beside the plan
    own.parent.mkdir(parents=True)
    own.write_bytes((folder / "simulated" / screen.PLAN).read_bytes())
    screen.write_plate(part, seed=SEED, plan=own, plate=41754, design=plain)


def extract_plate(folder: Path, part: Path) -> None:
    from lib.images import extraction

    fields = folder / "fields"
    places = {"images": fields / "illum_corrected/41744", "masks": fields / "unet_masks/41744"}
    extraction.extract_plate(
        part,
        seed=0,
        fields=fields / "fields.parquet",
        plate="41744",
        **places,
        settings={"region_size": 64},
    )


def extract_plate_without_masks(folder: Path, part: Path) -> None:
    from lib.images import extraction

    fields = folder / "fields"
    extraction.extract_plate(
        part,
        seed=0,
        fields=fields / "fields.parquet",
        plate="41744",
        images=fields / "illum_corrected/41744",
        masks=None,
        stop=1,
        settings={"region_size": 64},
    )


def join_blocks(folder: Path, part: Path) -> None:
    from lib.images import extraction

    extract_plate(folder, part.with_name(f"block{part.suffix}"))
    extraction.join_blocks(part, seed=0, folder=str(part.parent), blocks=[f"block{part.suffix}"])


def measure_block(folder: Path, part: Path) -> None:
    from lib.images import features, fields

    name = sorted(path.name for path in (folder / "fields/illum_corrected/41744").iterdir())[0]
    places = {
        "images": folder / "fields/illum_corrected/41744",
        "masks": folder / "fields/unet_masks/41744",
    }
    labels = np.unique(fields.read_field(*(place / name for place in places.values())).labels)[1:4]
    rows = {
        "plate": "41744",
        "slide_image_name": name,
        "nucleus_id": labels.astype(str),
        "label": labels,
    }
    pd.DataFrame(rows).to_parquet(part.with_name("wanted.parquet"))
    features.measure_block(
        part, seed=0, nuclei=part.with_name("wanted.parquet"), plate="41744", **places
    )


def of_screen(folder: Path) -> dict:
    return {
        "seed": SEED,
        "nuclei_path": folder / "nuclei.parquet",
        "stores_dir": folder / "stores",
        "network": SMALL,
        "settings": TRAINING,
    }


def screen_run(folder: Path, part: Path) -> None:
    from lib.screen import runs

    runs.screen_run(part, gene="JUN", folds=[0], **of_screen(folder))


def class_run(folder: Path, part: Path) -> None:
    from lib.screen import runs

    runs.class_run(part, genes=GENES, fold=0, **of_screen(folder))


def target_run(folder: Path, part: Path) -> None:
    from lib.screen import runs

    runs.target_run(part, targets=["MOS"], genes=GENES, **of_screen(folder))


def embedding_run(folder: Path, part: Path) -> None:
    from lib.regulation import runs

    nodes = pd.read_csv(folder / "nodes.csv")
    known = nodes[nodes["is_regulator"]]
    runs.embedding_run(
        part,
        seed=SEED,
        features_path=folder / "features.h5ad",
        links_path=folder / "links.csv",
        size=16,
        labels=dict(zip(known["gene"], known["module"].astype(str), strict=True)),
        weights={"alpha": 1.0, "beta": 1.0, "gamma": 1.0},
        settings={"learning_rate": 1e-2, "max_epochs": 4, "patience": 4, "device": "cpu"},
    )


def permute_cluster(folder: Path, part: Path) -> None:
    from lib.go import permutation

    genes = [f"g{i}" for i in range(30)]
    permutation.permute_cluster(
        part,
        seed=SEED,
        annotation_dir=folder / "go",
        genes=genes[::3],
        background=genes,
        n_draws=20,
        min_size=1,
        max_size=100,
    )


UNITS: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "write_plate": (write_plate, ".parquet"),
    "extract_plate": (extract_plate, ".zarr.zip"),
    "extract_plate, segmented here": (extract_plate_without_masks, ".zarr.zip"),
    "join_blocks": (join_blocks, ".zarr.zip"),
    "measure_block": (measure_block, ".parquet"),
    "screen_run": (screen_run, ".parquet"),
    "class_run": (class_run, ".h5ad"),
    "target_run": (target_run, ".h5ad"),
    "embedding_run": (embedding_run, ".h5ad"),
    "permute_cluster": (permute_cluster, ".parquet"),
    **kinds_companions.UNITS,
}
"""Kind of unit → its function here, and the ending of its file."""


# other computations
# ------------------------------------------------------------------------------------------


def vectors(n: int = 40, width: int = 8) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, width)).astype(np.float32)


def table_of(values: np.ndarray):
    from anndata import AnnData

    return AnnData(values, obs=pd.DataFrame(index=[f"G{i:03d}" for i in range(len(values))]))


def umap():
    from lib.screen import embeddings

    return embeddings._umap(vectors(), SEED)


def tsne():
    from lib.screen import embeddings

    return embeddings._tsne(vectors(), SEED)


def gaussian_mixture():
    from lib.images import nuclei

    return nuclei.elongation_clusters(np.random.default_rng(0).beta(5, 2, 200), seed=SEED)


def trees():
    from lib.regulation import clusters as regulatory
    from lib.screen import clusters

    means = table_of(vectors())
    return np.concatenate([clusters.linkage(means).ravel(), regulatory.linkage(means).ravel()])


def cluster_indices():
    from lib.regulation import clusters as regulatory
    from lib.screen import clusters

    means = table_of(vectors())
    return np.concatenate(
        [module.curves(means, k_max=6).to_numpy(float).ravel() for module in (clusters, regulatory)]
    )


def spearman_costs():
    from lib.interactome import edge_costs

    values = np.log1p(np.random.default_rng(2).poisson(3, (60, 30)))
    ends = np.array([(i, j) for i in range(30) for j in range(i + 1, 30)])
    return np.concatenate(
        [edge_costs.correlation_costs(values, ends, kind=kind) for kind in ("spearman", "pearson")]
    )


def steiner_trees():
    from lib.interactome import sweep
    from lib.interactome.network import of_table

    rng = np.random.default_rng(4)
    a, b = np.nonzero(np.triu(rng.random((60, 60)) < 0.1, 1))
    names = np.array([f"G{i:03d}" for i in range(60)])
    edges = pd.DataFrame({"gene_a": names[a], "gene_b": names[b], "cost": rng.random(len(a))})
    network = of_table(edges, cost="cost").largest()
    found = sweep.run(
        network, rng.exponential(size=network.n_nodes), network.costs, np.arange(1, 30) / 10
    )
    louvain = sweep.louvain(network, seed=SEED)
    return np.concatenate([found.nodes.ravel(), louvain, *found.trees]).astype(np.int64)


def kernel_ridge():
    from lib.translation import regressors

    rng = np.random.default_rng(5)
    images, genes, new = (
        rng.normal(size=(20, 16)),
        rng.normal(size=(20, 12)),
        rng.normal(size=(2, 16)),
    )
    found = [
        regressors.ntk_ridge(images, genes, new),
        regressors.synthetic_intervention(images, genes, new),
    ]
    return np.concatenate(found)


def t_tests():
    from lib.interactome import markers

    values = pd.DataFrame(
        np.random.default_rng(6).gamma(2, size=(12, 40)), index=[f"L{i}" for i in range(12)]
    )
    found = markers.screen(values.rename(columns=lambda i: f"G{i:02d}"), target="L0")
    return found.select_dtypes("number").to_numpy()


def hypergeometric_tails():
    from lib.go import tails

    hits, white = np.arange(1, 40), np.arange(1, 40) * 3
    return tails._by_scipy(hits, white, 5000 - white, np.full(39, 200))


def hypergeometric_tails_by_r():
    from lib.go import tails

    hits, white = np.arange(1, 40), np.arange(1, 40) * 3
    return tails._by_r(hits, white, 5000 - white, np.full(39, 200))


def logistic_regression():
    from sklearn.linear_model import LogisticRegression

    values = vectors(80)
    return (
        LogisticRegression(class_weight="balanced")
        .fit(values, values[:, 0] > 0)
        .predict_proba(values)
    )


def well_activity():
    from lib.screen import activity

    names = np.repeat(["EMPTY", "JUN", "MOS"], 8)
    index = pd.MultiIndex.from_arrays(
        [np.tile(np.arange(4), 6), [f"w{i}" for i in range(24)], names],
        names=["plate", "well", "gene_symbol"],
    )
    profiles = pd.DataFrame(vectors(24) + (names == "JUN")[:, None], index=index)
    return activity.mean_average_precision(profiles, n_null=200).select_dtypes("number").to_numpy()


def resnet18():
    import torch

    from lib.screen import networks

    architecture = networks.Architecture(kind="resnet18", n_inputs=2, n_classes=3)
    model = networks.build(architecture, np.random.default_rng(0)).train()
    images = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    loss = model.classify(model.embed(images)).square().sum()
    loss.backward()
    gradients = [
        weights.grad.numpy().ravel() for weights in model.parameters() if weights.grad is not None
    ]
    return np.concatenate([[loss.item()], *gradients])


def network_layout():
    from lib.interactome import layout
    from lib.interactome.network import of_table

    rng = np.random.default_rng(4)
    a, b = np.nonzero(np.triu(rng.random((24, 24)) < 0.2, 1))
    names = np.array([f"G{i:03d}" for i in range(24)])
    network = of_table(
        pd.DataFrame({"gene_a": names[a], "gene_b": names[b], "cost": 0.5}), cost="cost"
    ).largest()
    return layout.positions(network, np.arange(network.n_nodes) % 3, seed=SEED)


def simulated_sources():
    import tempfile

    import toy_network

    with tempfile.TemporaryDirectory() as folder:
        toy_network.write(Path(folder))
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return np.frombuffer(
            b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files), np.uint8
        )


COMPUTATIONS = {
    function.__name__: function
    for function in (
        umap,
        tsne,
        gaussian_mixture,
        trees,
        cluster_indices,
        spearman_costs,
        steiner_trees,
        kernel_ridge,
        t_tests,
        hypergeometric_tails,
        hypergeometric_tails_by_r,
        logistic_regression,
        well_activity,
        resnet18,
        network_layout,
        simulated_sources,
    )
} | kinds_companions.COMPUTATIONS
"""Name → function that returns an array."""


def run(folder: Path, out: Path, kinds: list[str]) -> None:
    """Run kinds one after the other, each whatever became of the others, and print name, hash and
    seconds."""
    out.mkdir(parents=True, exist_ok=True)
    for name in kinds or [*UNITS, *COMPUTATIONS]:
        started = time.monotonic()
        try:
            told = _hash(name, folder, out)
        except Exception as error:  # told as a difference by the test
            told = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"{name}\t{told}\t{time.monotonic() - started:.1f}", flush=True)


def _hash(name: str, folder: Path, out: Path) -> str:
    if name in COMPUTATIONS:
        found = np.ascontiguousarray(COMPUTATIONS[name]())
        np.save(out / f"{name}.npy", found)
        return hashlib.sha256(found.tobytes()).hexdigest()
    function, suffix = UNITS[name]
    part = out / name / f"unit{suffix}"
    part.parent.mkdir()
    function(folder, part)
    files = sorted(path for path in part.parent.rglob("*") if path.is_file())
    return hashlib.sha256(
        b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)
    ).hexdigest()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
    else:
        run(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
