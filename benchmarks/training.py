"""Time training on nuclei and regions beside plain forms of the same work, in one run.

    python benchmarks/training.py             # about two minutes on two cores
    python benchmarks/training.py --steps 20  # longer, steadier

Samples are random pixels in stores as the pipeline writes them: 64-pixel nuclei, 224-pixel regions.
One thread on a CPU; where there is a GPU, its part follows: bfloat16 against float32, as a share of
the chip's own matrix rate.
"""

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib.images import nuclei_store  # noqa: E402
from lib.learning import scores, training  # noqa: E402
from lib.learning.metrics import cross_entropy  # noqa: E402
from lib.screen import networks  # noqa: E402
from lib.screen.loaders import MEAN, SD, Loader, prepare  # noqa: E402
from lib.screen.samples import open_samples  # noqa: E402

N = 2048  # nuclei
CPU = torch.device("cpu")
GIGAFLOP = (
    2 * 3 * 2 * 1.814
)  # a training sample of two ResNet-18: branches x (forward + 2 backward) x 2 x gigamacs
PAPER = networks.Architecture(n_classes=42)
SMALL = networks.Architecture(n_classes=2, embedding_size=32, kind="small")


def write_samples(folder):
    """Write one plate of random pixels and return its table."""
    rng = np.random.default_rng(0)
    shapes = {"nuclei": (64, 64), "regions": (224, 224)}
    with nuclei_store.create(
        folder / f"1{nuclei_store.SUFFIX}", shapes, attributes={"plate": 1}
    ) as writer:
        for _ in range(0, N, 256):
            drawn = {
                name: rng.integers(0, 256, (256, *shape), dtype=np.uint8)
                for name, shape in shapes.items()
            }
            writer.append(**drawn)
    return pd.DataFrame({"plate": 1, "row": np.arange(N)})


class Watched:
    """A loader that notes how long the training loop waits for its batches."""

    def __init__(self, loader, steps):
        self.loader, self.steps, self.waited = loader, steps, 0.0

    def __call__(self, rng=None):
        batches = iter(self.loader(rng))
        for _ in range(self.steps):
            start = time.perf_counter()
            batch = next(batches)
            self.waited += time.perf_counter() - start
            yield batch
        batches.close() if hasattr(batches, "close") else None


def epoch(architecture, samples, settings, steps):
    """Return samples a second and the share of the time spent waiting, of one epoch after a first
    one to warm up."""
    device = training.pick_device(settings.device)
    targets = np.random.default_rng(0).integers(architecture.n_classes, size=len(samples))
    model = networks.build(architecture, np.random.default_rng(0))
    options = {"batch_size": settings.batch_size, "device": device, "n_channels": model.n_channels}
    loader = Loader(samples, np.arange(len(samples)), targets, **options)
    options = {
        "loss": cross_entropy(),
        "settings": replace(settings, max_epochs=1, score="last_epoch"),
    }
    training.fit(model, Watched(loader, 2), rng=np.random.default_rng(0), **options)
    watched = Watched(loader, steps)
    start = time.perf_counter()
    training.fit(model, watched, rng=np.random.default_rng(0), **options)
    seconds = time.perf_counter() - start
    return steps * settings.batch_size / seconds, watched.waited / seconds


def per_sample(pixels, size, flips):
    """Prepare one image after the other with torchvision's transforms on Pillow images."""
    from torchvision.transforms import functional as F

    def one(image, left_right, top_bottom):
        grey = F.resize(F.to_pil_image(image), [size, size])
        grey = F.hflip(grey) if left_right else grey
        grey = F.vflip(grey) if top_bottom else grey
        return F.normalize(F.to_tensor(grey).repeat(3, 1, 1), MEAN, SD)

    return torch.stack(
        [one(image, *flip) for image, flip in zip(pixels, flips.tolist(), strict=True)]
    )


def seconds_of(function, *args, repeat=5):
    function(*args)
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def line(name, *values):
    print(f"{name:58}" + "".join(f"{value:>14}" for value in values), flush=True)


def augmentation():
    """Batched preparation against one image after the other."""
    line("preparation of 32 images", "batched ms", "one by one ms", "ratio")
    flips = torch.from_numpy(np.random.default_rng(0).random((32, 2)) < 0.5)
    for side, size in ((64, 224), (224, 224), (64, 32)):
        pixels = torch.from_numpy(
            np.random.default_rng(1).integers(0, 256, (32, side, side), dtype=np.uint8)
        )
        ours, theirs = (
            seconds_of(prepare, pixels, size, flips),
            seconds_of(per_sample, pixels, size, flips),
        )
        line(
            f"  {side} -> {size} pixels",
            f"{1000 * ours:.2f}",
            f"{1000 * theirs:.2f}",
            f"{theirs / ours:.1f}",
        )


def cpu(table, folder, steps):
    """Samples a second and waiting, from memory and from the stores."""
    line("training on one CPU thread", "samples/s", "waiting %")
    full, small = (open_samples(table, folder, size=size) for size in (224, 32))
    for name, architecture, samples, batch, n_steps in (
        ("small network, 32 pixels, in memory", SMALL, small.loaded(), 32, 10 * steps),
        ("ResNet-18 ensemble, 224 pixels, in memory", PAPER, full.loaded(), 8, max(2, steps // 2)),
        ("ResNet-18 ensemble, 224 pixels, from the stores", PAPER, full, 8, max(2, steps // 2)),
    ):
        settings = training.Settings(batch_size=batch, device="cpu")
        rate, waiting = epoch(architecture, samples, settings, min(n_steps, N // batch))
        line(f"  {name}", f"{rate:.1f}", f"{100 * waiting:.2f}")
    fetching = seconds_of(full.fetch, np.random.default_rng(0).permutation(N)[:512])
    line("  random nuclei and regions read from the stores", f"{512 / fetching:.0f}")


def resume(folder):
    """What a checkpoint costs: written after an epoch, read when a run goes on."""
    line("checkpoint", "MB", "write s", "read s")
    for name, architecture in (("small network", SMALL), ("ResNet-18 ensemble", PAPER)):
        model = networks.build(architecture, np.random.default_rng(0))
        run = training._Run(model, training.Settings(), seed=1, score=scores.named("loss"))
        for value in run.model.parameters():
            value.grad = torch.zeros_like(value)
        run.optimiser.step()
        run.epoch = 1
        run.finish_epoch({"train_loss": 1.0}, 0.5)
        path = folder / "run.checkpoint"
        write, read = seconds_of(run.save, path, repeat=3), seconds_of(run.load, path, repeat=3)
        line(f"  {name}", f"{path.stat().st_size / 1e6:.1f}", f"{write:.3f}", f"{read:.3f}")
    print(
        f"  written at most every {training.Settings().checkpoint_seconds:.0f} s; what a kill "
        "costs is less than that"
    )


def matrix_rate(dtype, n=8192):
    """Return the teraflops a second of one large matrix product."""
    a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in range(2))

    def multiply():
        for _ in range(10):
            a @ b
        torch.cuda.synchronize()

    return 10 * 2 * n**3 / seconds_of(multiply, repeat=3) / 1e12


def gpu(table, folder, steps):
    """Samples a second of the paper's network in both precisions, and the share of the measured
    matrix rate."""
    line(f"training on {torch.cuda.get_device_name()}", "samples/s", "waiting %", "of matmul %")
    peak = matrix_rate(torch.bfloat16)
    samples = open_samples(table, folder).loaded().to(torch.device("cuda", 0))
    rates = {}
    for batch in (32, 256):
        for precision in ("fp32", "bf16"):
            settings = training.Settings(batch_size=batch, device="cuda:0", precision=precision)
            rate, waiting = epoch(PAPER, samples, settings, min(20 * steps, N // batch))
            rates[precision] = rate
            share = rate * GIGAFLOP / 1000 / peak
            line(
                f"  ResNet-18 ensemble, batch {batch}, {precision}",
                f"{rate:.0f}",
                f"{100 * waiting:.2f}",
                f"{100 * share:.1f}",
            )
        line(f"  bf16 / fp32, batch {batch}", f"{rates['bf16'] / rates['fp32']:.2f}")
    print(f"  matrix product in bf16: {peak:.0f} teraflops/s")


def main():
    """Print one table a topic."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=6,
        help="steps of the shortest measurement, times a factor a case",
    )
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_samples(folder)
        augmentation()
        cpu(table, folder, steps)
        resume(folder)
        if torch.cuda.is_available():
            gpu(table, folder, steps)
        else:
            print("no GPU here: bf16 against fp32 was not measured")


if __name__ == "__main__":
    main()
