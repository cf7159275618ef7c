"""A real Slurm of one node on loopback, in a temporary folder, for as long as a test needs it."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
BEGIN_SECONDS = 60

CONF = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2
KillWait=2
MinJobAge=10
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Return the programs of Slurm that are not installed."""
    return [program for program in PROGRAMS if not shutil.which(program, path=_path())]


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which `sbatch` and the others speak to a Slurm that runs in
    `folder`."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)  # munge refuses folders that others can write to
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    host = socket.gethostname().split(".")[0]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    values = {
        "host": host,
        "user": getpass.getuser(),
        "ports": _free_ports(2),
        "folder": folder,
        "memory": memory,
    }
    (folder / "slurm.conf").write_text(CONF.format(cores=os.cpu_count(), **values))
    before_23 = (
        int(told(["slurmd", "-V"], {**os.environ, "PATH": _path()}).split()[-1].split(".")[0]) < 23
    )
    (folder / "cgroup.conf").write_text(
        f"CgroupPlugin={'cgroup/v1' if before_23 else 'disabled'}\n"
    )
    environment = {**os.environ, "PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf")}
    munge = [
        f"--{name}={folder}/munge.{name.split('-')[0]}"
        for name in ("socket", "key-file", "log-file", "pid-file")
    ]
    with ExitStack() as stack:
        for command in (
            ["munged", "--foreground", "--force", *munge, f"--seed-file={folder}/munge.seed"],
            ["slurmctld", "-D", "-i"],
            ["slurmd", "-D", "-N", host],
        ):
            stack.enter_context(_running(command, folder, environment))
            if command[0] == "munged":
                _until(lambda: (folder / "munge.socket").exists(), folder, "munged opens no socket")
        _until(
            lambda: "idle" in told(["sinfo", "-h", "-o", "%t"], environment),
            folder,
            "the node does not come up",
        )
        try:
            yield environment
        finally:
            told(["scancel", "--user", getpass.getuser(), "--signal=KILL", "--full"], environment)
            told(["scancel", "--user", getpass.getuser()], environment)
            _until(lambda: not jobs(environment), folder, "jobs do not end")


def jobs(environment: dict[str, str], state: str = "") -> list[str]:
    """Return the numbers of the jobs that wait or run, or of those in one state."""
    only = ["--states", state] if state else []
    return told(["squeue", "-h", "-o", "%i", *only], environment).split()


def told(command: list[str], environment: dict[str, str]) -> str:
    """Return what a command prints."""
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60
    ).stdout


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def _running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{command[0]}.out").open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, cwd=folder
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until(condition, folder: Path, complaint: str) -> None:
    until = time.monotonic() + BEGIN_SECONDS
    while not condition():
        if time.monotonic() > until:
            logs = [
                file.read_text(errors="replace")[-1500:] for file in sorted(folder.glob("*.log"))
            ]
            raise TimeoutError("\n\n".join([complaint, *logs]))
        time.sleep(0.2)
