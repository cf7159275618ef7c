"""Time the imaging steps beside plain forms of the same work, in one run.

    python benchmarks/images.py              # about two minutes
    python benchmarks/images.py --fields 200 # a larger plate

The plain forms work nucleus by nucleus: they read and scale the field again for every sample, pad
and measure one crop at a time, and scan the whole table for every field. Fields are synthetic, 1080
× 1080 pixels with some 60 nuclei.
"""

import argparse
import multiprocessing
import os
import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.images import extraction, features, fields, nuclei, nuclei_store, texture  # noqa: E402

SIDE, N_NUCLEI = 1080, 64


def synthetic_field(seed):
    """Return image and labels, uint16, of ellipses on a jittered grid."""
    rng = np.random.default_rng(seed)
    image, labels = rng.normal(400, 20, (SIDE, SIDE)), np.zeros((SIDE, SIDE), np.uint16)
    n = int(N_NUCLEI**0.5)
    for i in range(N_NUCLEI):
        row, column = (np.array(divmod(i, n)) + 0.5) * SIDE / n + rng.uniform(-25, 25, 2)
        box = (slice(int(row) - 26, int(row) + 26), slice(int(column) - 26, int(column) + 26))
        y, x = np.mgrid[box]
        inside = ((y - row) / rng.uniform(12, 24)) ** 2 + (
            (x - column) / rng.uniform(12, 24)
        ) ** 2 <= 1
        labels[box][inside] = i + 1
        image[box][inside] += rng.uniform(800, 3000) + rng.normal(0, 150, inside.sum())
    return image.clip(0, 65535).astype(np.uint16), labels


def write_plate(folder, n_fields, plate=1, n_different=6):
    """Write a plate of fields, some of them equal, with its table."""
    different = [synthetic_field(seed) for seed in range(n_different)]
    rows = []
    for i in range(n_fields):
        well = f"{'abcdefghijklmnop'[i // 9 // 24 % 16]}{i // 9 % 24 + 1:02d}"
        name = f"x_{well}_s{i % 9 + 1}_illum_corrected.tif"
        for kind, plane in zip(("images", "masks"), different[i % n_different], strict=True):
            path = folder / kind / str(plate) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, plane)
        rows.append({"plate": plate, "well": name[2:5], "gene_symbol": "JUN", "field": name})
    pd.DataFrame(rows).to_parquet(folder / "fields.parquet")


def seconds(function, *args, repeat=3):
    """Return the median time of a call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def samples(image_path, mask_path, objects):
    """Make the nucleus and region of every object: the field is read and scaled once."""
    field = fields.read_field(image_path, mask_path)
    padded, *_ = nuclei.pad(field.image, field.labels, objects)
    scaled = fields.eight_bit(field.image, scaling="reference")
    return padded, fields.region_windows(scaled, objects[["centroid_0", "centroid_1"]].to_numpy())


def plain_samples(image_path, crops, objects):
    """Make the same samples as the reference does when it loads: nucleus file, whole field,
    scaling, window."""
    made = []
    for path, centroid in zip(crops, objects[["centroid_0", "centroid_1"]].to_numpy(), strict=True):
        nucleus, field = tifffile.imread(path), tifffile.imread(image_path).astype(float)
        low, high = np.percentile(field, 0.1), np.percentile(field, 99.9)
        field = (255 * np.clip((field - low) / high, 0, 1)).astype(np.uint8)
        padded = np.pad(field, 448, constant_values=int(np.percentile(field, 1)))
        row, column = (int(place) + 224 for place in centroid)
        region = Image.fromarray(padded[row : row + 448, column : column + 448])
        made.append((nucleus, np.asarray(region.resize((224, 224), Image.Resampling.BILINEAR))))
    return made


def plain_padding(image, labels, objects, size=64):
    """Pad nuclei one by one, each from a mask of the whole field."""
    padded = []
    for row in objects.to_dict("records"):
        top, left, rows, columns = (
            row[k] for k in ("first_row", "first_column", "bb_width", "bb_height")
        )
        masked = np.where(labels == row["label"], image, 0)
        square = np.zeros((size, size))
        inside = (slice(size // 2 - rows // 2, None), slice(size // 2 - columns // 2, None))
        square[inside][:rows, :columns] = masked[top : top + rows, left : left + columns]
        square -= square.min()
        padded.append((np.clip(square / square.max(), 0, 1) * 255).astype(np.uint8))
    return np.array(padded)


def plain_features(image, labels):
    """Measure moments, intensity and the grey-level matrices nucleus by nucleus with
    scikit-image."""
    from skimage.feature import graycomatrix, graycoprops
    from skimage.measure import regionprops

    scaled, rows = features.scale(image), []
    for region in regionprops(labels.astype(int), scaled):
        crop = region.image_intensity
        values = crop[region.image]
        row = [
            region.area_convex,
            region.perimeter,
            region.eccentricity,
            *region.moments_hu,
            *region.moments_weighted_hu,
            *region.moments_central.ravel(),
            *region.moments_weighted_central.ravel(),
            *np.quantile(values, (0, 0.2, 0.25, 0.5, 0.75, 0.8, 1)),
            values.mean(),
            values.std(),
        ]
        matrix = graycomatrix(
            crop, texture.DISTANCES, texture.ANGLES, 256, symmetric=True, normed=True
        )
        rows.append(
            [
                *row,
                *(
                    graycoprops(matrix, name.replace("asm", "ASM")).mean()
                    for name in texture.MEASURES
                ),
            ]
        )
    return rows


def table_of_nuclei(n_fields, rng):
    """Return a table of nuclei with the columns that the cluster ratio needs."""
    counts = rng.integers(30, 90, n_fields)
    names = np.repeat([f"field_{i}.tif" for i in range(n_fields)], counts)
    return pd.DataFrame(
        {
            "plate": 1,
            "slide_image_name": names,
            "aspect_ratio_cluster": rng.integers(0, 2, len(names)),
        }
    )


def cluster_ratio(table):
    """Return each nucleus's count and share in its field by one group-by."""
    field = table.groupby(["plate", "slide_image_name"], sort=False)["aspect_ratio_cluster"]
    return field.transform("size"), field.transform("mean")


def plain_cluster_ratio(table):
    """Scan the table twice for every field."""
    table = table.assign(count=0, share=0.0)
    for name in table["slide_image_name"].unique():
        table.loc[table["slide_image_name"] == name, "count"] = (
            table["slide_image_name"] == name
        ).sum()
        own = table["slide_image_name"] == name
        table.loc[own, "share"] = table.loc[own, "aspect_ratio_cluster"].mean()
    return table


def peak_of_a_plate(folder):
    """Extract a whole plate in this process; return its peak memory in MB and what it was
    before."""
    before = _peak()
    arguments = {"images": folder / "images/1", "masks": folder / "masks/1", "plate": "1"}
    extraction.extract_plate(
        folder / "one.zarr.zip", seed=0, fields=folder / "fields.parquet", **arguments
    )
    return _peak(), before


def _peak():
    """Return the peak memory of this process in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024


def line(*values):
    """Print one row of the table."""
    print(f"{values[0]:44}" + "".join(f"{value:>12}" for value in values[1:]), flush=True)


def ratio(name, ours, plain, n):
    """Print a case: time an item of both forms and their ratio."""
    line(name, f"{1e3 * ours / n:.4f}", f"{1e3 * plain / n:.3f}", f"{plain / ours:.1f}")


def compare_fields(folder):
    """Print the cases that work on one field."""
    image_path, mask_path = (next((folder / kind / "1").iterdir()) for kind in ("images", "masks"))
    mask_path = mask_path.with_name(image_path.name)
    field = fields.read_field(image_path, mask_path)
    objects, _ = nuclei.select(nuclei.measure(field.labels, field.image))
    padded, regions = samples(image_path, mask_path, objects)
    crops = [folder / f"crop_{i}.tif" for i in range(len(padded))]
    for path, nucleus in zip(crops, padded, strict=True):
        tifffile.imwrite(path, nucleus)
    for (a, b), c, d in zip(
        plain_samples(image_path, crops, objects), padded, regions, strict=True
    ):
        assert (a == c).all() and (b == d).all()
    plain = seconds(plain_samples, image_path, crops, objects, repeat=1)
    ratio(
        "samples of a field, from its files",
        seconds(samples, image_path, mask_path, objects),
        plain,
        len(objects),
    )
    with nuclei_store.create(
        folder / "s.zip", {"nuclei": (64, 64), "regions": (224, 224)}, attributes={}
    ) as writer:
        for _ in range(20):
            writer.append(nuclei=padded, regions=regions)
    store, rng = nuclei_store.open_store(folder / "s.zip"), np.random.default_rng(0)
    rows = rng.permutation(len(store))[:256]
    ours = seconds(lambda: [store.read(name, rows) for name in store.names])
    ratio("samples from the store, shuffled", ours, plain / len(objects) * len(rows), len(rows))
    pad = (field.image, field.labels, objects)
    assert (nuclei.pad(*pad)[0] == plain_padding(*pad)).all()
    ratio("padding", seconds(nuclei.pad, *pad), seconds(plain_padding, *pad), len(objects))
    ours, plain = (
        seconds(features.measure_field, *pad[:2]),
        seconds(plain_features, *pad[:2], repeat=1),
    )
    ratio("features (all 182, plain: part of them)", ours, plain, len(objects))


def extract(folder, executor, block, fields_path=None):
    """Extract a plate and return its store and the seconds it took."""
    start = time.perf_counter()
    stores = extraction.extract_screen(
        fields_path or folder / "fields.parquet",
        images=folder / "images",
        masks=folder / "masks",
        directory=folder / f"{executor.replace(':', '_')}_{block}",
        executor=executor,
        block=block,
    )
    return stores["1"], time.perf_counter() - start


def compare_plate(folder, n_workers):
    """Print the time of a plate on one and on all workers, and the memory that one worker needs for
    a whole plate."""
    few = folder / "few.parquet"
    pd.read_parquet(folder / "fields.parquet").head(n_workers).to_parquet(few)
    _, start_up = extract(folder, f"local:{n_workers}", 1, few)  # a field a worker
    _, alone = extract(folder, "inline", 8)
    store, together = extract(folder, f"local:{n_workers}", 8)
    n_rows = len(nuclei_store.open_store(store))
    ratio(
        f"plate of {n_rows:,} nuclei, {n_workers} workers / 1", together - start_up, alone, n_rows
    )
    print(
        f"starting {n_workers} workers took {start_up:.1f} s, not counted above; load "
        f"{os.getloadavg()[0]:.1f}"
    )
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        peak, before = pool.submit(peak_of_a_plate, folder).result()
    size = store.stat().st_size / 2**20
    print(
        f"a store of {size:.0f} MB was written by one process that grew by {peak - before:.0f} to "
        f"{peak:.0f} MB"
    )


def main():
    """Print one row a case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fields", type=int, default=160, help="fields of the plate")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="workers of the parallel run"
    )
    options = parser.parse_args()
    line("case", "ms a nucleus", "plain ms", "ratio")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_plate(folder, options.fields)
        compare_fields(folder)
        table = table_of_nuclei(1000, np.random.default_rng(0))
        plain = seconds(plain_cluster_ratio, table, repeat=1)
        ratio("cluster ratio, 1,000 fields", seconds(cluster_ratio, table), plain, len(table))
        compare_plate(folder, options.workers)


if __name__ == "__main__":
    main()
