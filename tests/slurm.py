"""A Slurm cluster of one node with four simulated GPUs, for tests; it listens on the loopback interface alone."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

# The configuration's fixed folder: a job's environment cannot set another, as the executor plug-in strips SLURM_CONF.
CONFIGURATION = Path("/etc/slurm")
MARK = "# Written by a test of Sanguinaria."

GPUS = 4

TEMPLATE = """{mark}
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
KillWait=30
MinJobAge=300
ReturnToService=2
MpiDefault=none
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=16000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def missing() -> str:
    """Return why Slurm cannot run here; empty where it can."""
    absent = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if not _found(name)]
    if absent:
        return f"no {', '.join(absent)}"
    if os.getuid() != 0:
        return "only root may start it"
    configured = CONFIGURATION / "slurm.conf"
    if configured.exists() and not configured.read_text().startswith(MARK):
        return f"{configured} is of another cluster"
    return ""


def _found(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Start Slurm, and wait until it accepts jobs; its logs and state are in the folder.

    Clusters of a machine run one after another, as the configuration has one place.
    """
    with FileLock(CONFIGURATION.with_name("slurm-of-tests.lock")), _cluster(folder):
        yield


@contextmanager
def _cluster(folder: Path) -> Iterator[None]:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    _configure(folder)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        _munge(folder, daemons)
        daemons.append(_daemon(folder, "slurmctld", "-D", "-c"))
        daemons.append(_daemon(folder, "slurmd", "-D", "-N", "localhost"))
        _wait(lambda: _answer("sinfo", "-h", "-o", "%T") == "idle", folder, "the node to be idle")
        yield
    finally:
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for name in ("slurm.conf", "gres.conf"):
            (CONFIGURATION / name).unlink(missing_ok=True)


def _configure(folder: Path) -> None:
    devices = [folder / f"nvidia{number}" for number in range(GPUS)]
    for device in devices:
        # Slurm needs a character device other than /dev/null itself.
        subprocess.run(["mknod", device, "c", "1", "3"], check=True)
    ports = dict(zip(("controller", "daemon"), _free_ports(2), strict=True))
    host = socket.gethostname().split(".")[0]
    CONFIGURATION.mkdir(parents=True, exist_ok=True)
    text = TEMPLATE.format(mark=MARK, folder=folder, host=host, gpus=GPUS, **ports)
    (CONFIGURATION / "slurm.conf").write_text(text)
    gpus = f"Name=gpu File={folder}/nvidia[0-{GPUS - 1}]"
    (CONFIGURATION / "gres.conf").write_text(f"{MARK}\nNodeName=localhost {gpus}\n")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _munge(folder: Path, daemons: list[subprocess.Popen[bytes]]) -> None:
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    files = {"key-file": key, "socket": folder / "munge.socket", "pid-file": folder / "munge.pid"}
    files |= {"log-file": folder / "munge.log", "seed-file": folder / "munge.seed"}
    options = [f"--{option}={path}" for option, path in files.items()]
    daemons.append(_daemon(folder, "munged", "--foreground", "--force", *options))
    _wait((folder / "munge.socket").exists, folder, "munge's socket")


def _daemon(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    path = _found(name)
    assert path is not None
    with (folder / f"{name}.out").open("wb") as output:
        return subprocess.Popen([path, *arguments], stdout=output, stderr=subprocess.STDOUT)


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()


def _wait(holds, folder: Path, what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            logs = "\n".join(
                f"== {log.name}\n{log.read_text()[-2000:]}" for log in sorted(folder.glob("*.[lo][ou][gt]"))
            )
            raise TimeoutError(f"waited {seconds} s for {what}\n{logs}")
        time.sleep(0.2)
