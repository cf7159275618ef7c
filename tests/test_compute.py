"""Units: done means that the file is there, and neither engine nor order nor thread count changes a
byte."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import toy
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lib.run import (
    compute,
    engines,
    job_queues,
    keys,
    machine,
    notebook_process,
    numeric,
    pool,
    store,
)
from lib.run.compute import UnitsFailed


def write(part, *, seed, text="", log=None):
    """Write the text and the seed; say in `log` that it ran."""
    part.write_text(f"{text} {seed}")
    if log:
        with open(log, "a") as file:
            file.write(f"{text}\n")


def refuse(part, *, seed, number, allowed):
    """Fail above a limit that lies in a file, half-way through writing."""
    part.write_text("half")
    if number > int(Path(allowed).read_text()):
        raise ValueError(f"cannot do {number}")
    part.write_text(f"{number}")


def train(part, *, seed):
    """Train a network with dropout, and write what depends on first weights, on draws and on the
    order of terms.

    It is the first to load torch in its process, and says whether another unit ran there in the
    meantime.
    """
    import torch
    from torch import nn

    from lib.learning import randomness
    from lib.learning.metrics import cross_entropy
    from lib.learning.training import Settings, fit

    os.environ["RUNS_HERE"] = os.environ.get("RUNS_HERE", "") + "."
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(400, 300)).astype(np.float32)
    with randomness.own_weights(seed):
        model = nn.Sequential(nn.Linear(300, 32), nn.Dropout(0.5), nn.ReLU(), nn.Linear(32, 2))
    batch = (torch.from_numpy(values), torch.from_numpy((values[:, 0] > 0).astype(np.int64)))
    options = {
        "loss": cross_entropy(),
        "rng": rng,
        "settings": Settings(learning_rate=0.01, max_epochs=40),
    }
    losses = fit(model, lambda _: [batch], **options).history["train_loss"].tolist()
    torch.manual_seed(seed)
    drawn = [
        float(torch.rand(50_000).sum()) for _ in range(20)
    ]  # as code that knows no other generator does
    alone = os.environ["RUNS_HERE"] == "."
    os.environ["RUNS_HERE"] = os.environ["RUNS_HERE"][1:]
    part.write_text(
        json.dumps(
            {
                "losses": losses,
                "drawn": drawn,
                "sum": float((values @ values.T).sum()),
                "alone": alone,
            }
        )
    )


def tell_process(part, *, seed, pause=0.0):
    time.sleep(pause)
    part.write_text(json.dumps([os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES", "none")]))


def die(part, *, seed, number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    part.write_text(str(number))


def read(paths):
    return {name: path.read_text() for name, path in paths.items()}


def path_of(function=write, name="a", arguments=(), seed=0):
    return compute.unit_path(
        function, name, dict(arguments), directory=Path("units"), suffix=".txt", seed=seed
    )


def test_a_seed_is_that_of_base_and_name():
    """`printf 7/TP53 | sha256sum` begins with these 16 digits."""
    assert compute.unit_seed(7, "TP53") == 0xF30FB317A27D5719
    assert (
        len({compute.unit_seed(base, name) for base in range(10) for name in ("a", "b", "1/a")})
        == 30
    )


@given(st.integers(0, 2**32), st.text())
def test_a_seed_fits_in_64_bits(seed, name):
    assert 0 <= compute.unit_seed(seed, name) < 2**64


def test_the_name_of_a_file_changes_with_all_that_the_result_depends_on(tmp_path, monkeypatch):
    table = tmp_path / "table.csv"
    table.write_text("a")
    arguments = {"x": 1, "table": table}
    first = path_of(arguments=arguments)
    assert (
        first.parent == store.ROOT / "units"
        and first.name.startswith("a-")
        and first.suffix == ".txt"
    )
    assert path_of(arguments=dict(reversed(arguments.items()))) == first
    others = [path_of(name="b", arguments=arguments), path_of(seed=1, arguments=arguments)]
    others += [
        path_of(refuse, arguments=arguments),
        path_of(arguments=arguments | {"x": 2}),
        path_of(),
    ]
    moved = table.rename(tmp_path / "moved.csv")
    assert path_of(arguments={"x": 1, "table": moved}) == first, (
        "the content of a file counts, not its name"
    )
    moved.write_text("b")
    others.append(path_of(arguments={"x": 1, "table": moved}))
    monkeypatch.setattr(keys, "versions", lambda packages: {"torch": "99"})
    others.append(path_of(arguments={"x": 1, "table": moved}))
    assert len({first, *others}) == 8


@pytest.mark.parametrize("name", ["", "K562/H3K4me3", "..", ".hidden", "a\0b"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(ValueError, match="a unit's name is part of a file name"):
        path_of(name=name)


@pytest.mark.parametrize("argument", [np.float64(1).astype(np.float32), {1, 2}, [Path("a")], write])
def test_an_argument_that_cannot_be_hashed_is_refused(argument):
    with pytest.raises(TypeError, match="unit a: arguments must be paths or plain numbers"):
        path_of(arguments={"x": argument})


def test_code_edited_after_it_was_loaded_is_not_run(tmp_path, monkeypatch):
    """Else its result would lie under the key of the new code, though the old one made it."""
    monkeypatch.setattr(compute, "LOADED", 0.0)
    with pytest.raises(
        compute.StaleCode,
        match=r"lib/run/store\.py was edited after this process loaded it; restart the kernel",
    ):
        path_of(store.write_json)
    assert "StaleCode" in compute._run_unit(store.write_json, str(tmp_path / "a"), 0, {})


def test_only_what_is_not_done_runs(tmp_path):
    log = tmp_path / "log"
    units = {name: {"text": name, "log": str(log)} for name in "abc"}
    options = {"directory": tmp_path / "units", "suffix": ".txt", "seed": 7, "executor": "inline"}
    paths = compute.run_units(write, units, **options)
    assert read(paths) == {name: f"{name} {compute.unit_seed(7, name)}" for name in "abc"}
    paths["b"].unlink()
    assert compute.run_units(write, units, **options) == paths
    assert log.read_text().split() == ["a", "b", "c", "b"]
    assert compute.run_units(write, {}, **options) == {}


@pytest.mark.parametrize("engine", ["inline", "local:2"])
def test_a_failed_unit_leaves_its_error_and_the_others_stay(tmp_path, engine, monkeypatch):
    monkeypatch.setenv(compute.PROGRESS_VARIABLE, str(tmp_path / "told.json"))
    (tmp_path / "allowed").write_text("2")
    units = {f"u{i}": {"number": i, "allowed": str(tmp_path / "allowed")} for i in range(4)}
    options = {"directory": tmp_path / "units", "suffix": ".txt", "executor": engine}
    with pytest.raises(compute.UnitsFailed) as failed:
        compute.run_units(refuse, units, **options)
    assert failed.value.errors == {"u3": "ValueError: cannot do 3"}
    assert (
        "1 of 4 units failed (u3: ValueError: cannot do 3). What the others made is kept."
        in str(failed.value)
    )
    assert "in refuse" in (tmp_path / "units" / "u3.error.txt").read_text()
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["name"], told["total"], told["done"], told["failed"]) == ("units", 4, 4, 1)
    assert sorted(p.name[:3] for p in (tmp_path / "units").iterdir()) == [
        "u0-",
        "u1-",
        "u2-",
        "u3.",
    ]
    (tmp_path / "allowed").write_text("3")
    assert sorted(read(compute.run_units(refuse, units, **options)).values()) == [
        "0",
        "1",
        "2",
        "3",
    ]
    assert not (tmp_path / "units" / "u3.error.txt").exists()


def test_many_failures_make_one_message_that_can_be_read():
    failed = compute.UnitsFailed(
        {f"u{i:02}": "ValueError: no" for i in range(30)}, store.ROOT / "runs/x", n_units=99
    )
    assert str(failed).startswith("30 of 99 units failed (u00: ValueError: no; u01:")
    assert "u09: ValueError: no; and 20 more). " in str(failed) and "runs/x/*.error.txt" in str(
        failed
    )
    assert len(failed.errors) == 30


@pytest.fixture
def four_threads():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@contextmanager
def scheduler(folder):
    """Start `dask scheduler` as a user would and yield its address."""
    file = folder / "scheduler.json"
    command = [
        sys.executable,
        "-m",
        "dask",
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
    ]
    with process([*command, "--scheduler-file", str(file)], folder / "scheduler.log"):
        wait_until(
            lambda: file.exists() and file.read_text().endswith("}"), folder / "scheduler.log"
        )
        yield json.loads(file.read_text())["address"]


@contextmanager
def process(command, log):
    with log.open("w") as output:
        environment = {**os.environ, "PYTHONPATH": f"{toy.ROOT}:{toy.ROOT}/tests"}
        running = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=output, stderr=output
        )
        try:
            yield running
        finally:
            running.terminate()
            running.wait()


def wait_until(condition, log):
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def worker(address, folder, *options, python=(sys.executable,)):
    command = [
        *python,
        "-m",
        "dask",
        "worker",
        address,
        "--no-nanny",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
        *options,
    ]
    return process(
        [*command, "--local-directory", str(folder)], folder / f"worker{'-'.join(options)}.log"
    )


@pytest.mark.parametrize("counts", [(4,), pytest.param((1, 2), marks=pytest.mark.slow)])
def test_engine_and_thread_count_change_no_byte(tmp_path, four_threads, counts):
    """Units that draw from torch's global generator, train a network and add up, on workers of 1, 2
    and 4 threads."""
    units = {f"u{i}": {} for i in range(4)}
    found = {
        "inline": read(
            compute.run_units(train, units, directory=tmp_path / "inline", executor="inline")
        )
    }
    with scheduler(tmp_path) as address:
        for n in counts:
            with worker(address, tmp_path, f"--nthreads={n}"):
                options = {"directory": tmp_path / f"{n}", "executor": address}
                found[n] = read(compute.run_units(train, units, **options))
                [told] = read(compute.run_units(tell_process, {"only": {}}, **options)).values()
                assert json.loads(told)[0] != os.getpid(), "a single unit goes to a cluster, too"
    assert all(made == found["inline"] for made in found.values())
    overlaps = [json.loads(text)["alone"] for made in found.values() for text in made.values()]
    assert all(overlaps), "two units ran at the same time in one process"
    here = compute.run_units(
        tell_process, {"only": {}}, directory=tmp_path / "here", executor="local:2"
    )
    assert json.loads(here["only"].read_text())[0] == os.getpid()


def test_a_worker_with_another_numeric_setting_is_refused(tmp_path):
    bare = ("env", *(f"--unset={name}" for name in numeric.environment()), sys.executable)
    with (
        scheduler(tmp_path) as address,
        worker(address, tmp_path, python=bare),
        pytest.raises(UnitsFailed) as failed,
    ):
        compute.run_units(write, {"a": {}}, directory=tmp_path / "units", executor=address)
    assert "start with: python -m lib.run.numeric COMMAND" in failed.value.errors["a"]


def test_a_cluster_without_workers_ends_the_wait_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(job_queues, "PATIENCE", 1.0)
    with (
        scheduler(tmp_path) as address,
        pytest.raises(engines.NoWorkers, match="no worker came for 1 s. Do its workers run"),
    ):
        compute.run_units(write, {"a": {}}, directory=tmp_path / "units", executor=address)


def test_a_unit_runs_with_one_thread_in_whatever_thread_it_runs(four_threads):
    import torch

    with ThreadPoolExecutor(3) as threads:
        counts = [
            threads.submit(lambda: (compute._use_one_thread(), torch.get_num_threads())[1])
            for _ in range(9)
        ]
    assert {count.result() for count in counts} == {1}
    assert all(
        os.environ[name] == "1"
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    )


def test_a_unit_that_kills_its_process_takes_no_other_along(tmp_path):
    units = {f"u{i}": {"number": i} for i in range(8)}
    with pytest.raises(compute.UnitsFailed) as failed:
        compute.run_units(die, units, directory=tmp_path, executor="local:2")
    assert failed.value.errors == {
        "u3": "its process was killed each time it was tried; out of memory is the usual cause"
    }
    assert len(list(tmp_path.glob("u?-*"))) == 7


def fake_command(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(("visible", "names"), [(None, {"0", "1"}), ("GPU-3f,5", {"GPU-3f", "5"})])
def test_each_worker_has_a_gpu_of_its_own(tmp_path, monkeypatch, visible, names):
    fake_command(
        tmp_path / "bin", "nvidia-smi", "echo 'GPU 0: one'; echo '  MIG 1g'; echo 'GPU 1: two'"
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.n_gpus() == 2
    units = {f"u{i}": {"pause": 0.3} for i in range(6)}
    told = [
        json.loads(text)
        for text in read(
            compute.run_units(tell_process, units, directory=tmp_path, executor="local:4")
        ).values()
    ]
    assert {device for _, device in told} == names
    assert len({process for process, _ in told}) == len({tuple(each) for each in told}) == 2


@pytest.mark.parametrize(
    ("visible", "names"), [("", []), ("-1", []), ("0", ["0"]), ("2, 3", ["2", "3"])]
)
def test_visible_gpus_are_believed(monkeypatch, visible, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.gpus() == names


def test_no_gpu_tool_is_no_gpu(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.gpus() == []
    fake_command(tmp_path, "nvidia-smi", "echo 'NVIDIA-SMI has failed'; exit 9")
    assert machine.gpus() == []


def test_cores_are_those_that_this_process_may_use():
    code = (
        "import os; from lib.run import machine; os.sched_setaffinity(0, "
        "[min(os.sched_getaffinity(0))])"
    )
    code += "; print(machine.n_cores())"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=toy.ROOT, capture_output=True).stdout
        == b"1\n"
    )


@pytest.mark.parametrize(
    "name", ["inline", "local", "local:1", "local:64", "tcp://127.0.0.1:8786", "tls://host:1"]
)
def test_an_engine_is_understood(name):
    engines.check_executor(name)


NO_ENGINES = [
    "",
    "locl:2",
    "local:0",
    "local:-1",
    "local:two",
    "local:²",
    "tcp:",
    "tcp://",
    "tcp://host",
    "slurm:",
]


@pytest.mark.parametrize("name", NO_ENGINES)
def test_an_engine_that_is_not_understood_is_refused(name):
    with pytest.raises(
        engines.ExecutorError,
        match="expected inline, local:N, slurm:FILE.yaml, pbs:FILE.yaml or tcp://",
    ):
        engines.check_executor(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "at least cores and memory"),
        ("cores: 4", "at least cores and memory"),
        ("[1]", "at least cores and memory"),
        ("cores: [", "slurm:.*cluster.yaml: while parsing"),
    ],
)
def test_a_slurm_file_is_read_before_anything_starts(tmp_path, text, message):
    if text is not None:
        (tmp_path / "cluster.yaml").write_text(text)
    with pytest.raises(engines.ExecutorError, match=message):
        engines.check_executor(f"slurm:{tmp_path / 'cluster.yaml'}")


SBATCH = """
cp "${@: -1}" "$FAKE_SLURM/script"; setsid bash "$FAKE_SLURM/script" >>"$FAKE_SLURM/log" 2>&1 &
echo $! >>"$FAKE_SLURM/jobs"; echo "Submitted batch job $!"
"""


def test_units_run_in_slurm_jobs(tmp_path, monkeypatch):
    """With stand-ins for Slurm's commands that run the job script on this machine."""
    fake_command(tmp_path / "bin", "sbatch", SBATCH)
    fake_command(tmp_path / "bin", "scancel", 'kill -- -"$1"; echo "$1" >>"$FAKE_SLURM/cancelled"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path))
    options = "cores: 1\nmemory: 1GB\ninterface: lo\nmaximum_jobs: 1\n"
    (tmp_path / "cluster.yaml").write_text(options)
    units = {f"u{i}": {"text": str(i)} for i in range(3)}
    options = {"directory": tmp_path / "units", "executor": f"slurm:{tmp_path / 'cluster.yaml'}"}
    with pytest.raises(compute.UnitsFailed) as failed:
        compute.run_units(write, units, **options)
    told = "ModuleNotFoundError: No module named 'test_compute'"
    assert failed.value.errors == dict.fromkeys(units, told), (
        "a worker that lacks the code says so, and does not hang"
    )
    with (tmp_path / "cluster.yaml").open("a") as file:
        file.write(f"job_script_prologue: ['export PYTHONPATH=$PYTHONPATH:{toy.ROOT}/tests']")
    paths = compute.run_units(write, units, **options)
    assert read(paths) == {f"u{i}": f"{i} {compute.unit_seed(0, f'u{i}')}" for i in range(3)}
    assert (
        f"export PYTHONPATH={store.ROOT}\nexport PYTHONHASHSEED=1\nexport"
        in (tmp_path / "script").read_text()
    )
    assert len((tmp_path / "jobs").read_text().split()) == 2, "one job a run"
    assert (tmp_path / "jobs").read_text() == (tmp_path / "cancelled").read_text()


@pytest.fixture
def warm(tmp_path, monkeypatch):
    """A pool as the runner keeps it, for units of this module."""
    folder = notebook_process.private_folder(str(tmp_path))
    environment = {
        **notebook_process.clean_environment(folder),
        "PYTHONPATH": f"{toy.ROOT}:{toy.ROOT}/tests",
    }
    running = pool.Pool(folder, environment)
    monkeypatch.setenv(pool.POOL_VARIABLE, running.variables()[pool.POOL_VARIABLE])
    yield running
    running.close()


def processes(tmp_path, name, **units):
    """Return the numbers of the processes in which units ran that take some time."""
    made = compute.run_units(
        tell_process,
        units or {f"u{i}": {"pause": 0.3} for i in range(4)},
        directory=tmp_path / name,
        executor="local:2",
    )
    return {json.loads(text)[0] for text in read(made).values()}


def test_the_workers_of_a_run_stay_warm_until_code_changes_or_the_run_ends(tmp_path, warm, capsys):
    first = processes(tmp_path, "first")
    assert len(first) == 2 and os.getpid() not in first
    assert processes(tmp_path, "second") == first
    edited = store.ROOT / "lib" / "run" / "store.py"
    before = edited.stat()
    os.utime(edited)
    try:
        with pool.workers(2) as later:
            assert later.startswith("tcp://127.0.0.1:")
            with pool.workers(2) as same:
                assert same == later, "workers in use are not replaced"
    finally:
        os.utime(edited, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = processes(tmp_path, "third")
    assert not first & second, "workers with old code are replaced"
    assert all(psutil.Process(number).environ()["PYTHONHASHSEED"] == "1" for number in second)
    warm.process.kill()
    warm.process.wait()
    wait_until(lambda: not any(map(psutil.pid_exists, first | second)), Path(os.devnull))
    with pool.workers(2) as none:
        assert none == "", "without the pool a notebook starts workers of its own"
    assert "the run's pool of workers does not answer" in capsys.readouterr().err
    warm.variables()
    assert warm.process.poll() is None, "a pool that died is started again for the next notebook"


def test_workers_that_a_killed_notebook_left_at_work_are_replaced(tmp_path, warm):
    from distributed import Client

    with pool.workers(1) as address, Client(address) as client:
        future = client.submit(time.sleep, 600)
        wait_until(lambda: any(client.processing().values()), Path(os.devnull))
        time.sleep(0.2)
        del future
        with pool.workers(1) as same:
            assert same == address, "a notebook at work is not disturbed by the next"
    with pool.workers(1) as other:
        assert other != address


def test_no_pool_is_asked_where_there_is_none(monkeypatch):
    monkeypatch.delenv(pool.POOL_VARIABLE, raising=False)
    with pool.workers(2) as none:
        assert none == ""


def test_the_example_files_can_be_read():
    """Kubernetes and PBS cannot be run here; what their files say is read."""
    folder = store.ROOT / "params" / "clusters"
    for kind in ("slurm", "pbs"):
        jobs = job_queues.read(kind, str(folder / f"{kind}.yaml"))
        assert (jobs.maximum, jobs.patience, jobs.options["processes"]) == (16, 3600, 1)
        assert "worker_timeout_seconds" not in jobs.options
    documents = yaml.safe_load((folder / "kubernetes.yaml").read_text())
    [container] = documents["spec"]["worker"]["spec"]["containers"]
    assert container["args"][1:5] == ["-m", "lib.run.numeric", ".venv/bin/dask", "worker"]
    assert container["args"][-2:] == ["--nthreads", "1"]


def test_the_job_script_of_pbs_is_what_pbs_reads():
    from dask_jobqueue.pbs import PBSJob

    jobs = job_queues.read("pbs", "params/clusters/pbs.yaml")
    options = {name: value for name, value in jobs.options.items() if name != "scheduler_options"}
    script = PBSJob("tcp://127.0.0.1:1", name="x", **options).job_script()
    assert "#PBS -l select=1:ncpus=1:mem=4GB" in script and "#PBS -l walltime=04:00:00" in script
    assert script.rindex("--memory-limit 0") > script.index("--memory-limit 3.73GiB"), (
        "the last one counts"
    )
    for name, value in numeric.environment().items():
        assert f"export {name}=" in script and value in script


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("worker_timeout_seconds: soon", "worker_timeout_seconds is 'soon'; expected a number > 0"),
        ("worker_timeout_seconds: 0", "worker_timeout_seconds is 0; expected a number > 0"),
        ("maximum_jobs: 1.5", "maximum_jobs is 1.5; expected a number > 0"),
    ],
)
def test_a_number_that_makes_no_sense_in_a_file_of_jobs_is_refused(tmp_path, line, message):
    (tmp_path / "c.yaml").write_text(f"cores: 1\nmemory: 1GB\n{line}\n")
    with pytest.raises(engines.ExecutorError, match=message):
        engines.check_executor(f"slurm:{tmp_path / 'c.yaml'}")


def test_workers_end_with_a_killed_parent_even_in_the_middle_of_one_long_call(tmp_path):
    """`sum` over a range never lets another thread of its process run, so the worker cannot notice
    by itself."""
    (tmp_path / "lib").symlink_to(store.ROOT / "lib")
    (tmp_path / "endless.py").write_text(
        "def unit(part, *, seed):\n    part.write_text('')\n    sum(range(10**12))\n"
    )
    code = (
        "import os, endless as e; from lib.run import compute\nif __name__ == '__main__':\n"
        "    compute.run_units(e.unit, {'a': {}, 'b': {}}, directory=os.path.abspath('units'), "
        "executor='local:2')"
    )
    (tmp_path / "main.py").write_text(code)
    parent = subprocess.Popen([sys.executable, "main.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while len(list(tmp_path.glob("units/.*.part*"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(toy.processes_of(tmp_path)) >= 3
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 3
    while toy.processes_of(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert toy.processes_of(tmp_path) == []
