"""Start of a job as a fork of the run's warm process, which has imported torch, pandas and the steps once.

Importing them takes a new process longer than the work of most jobs. So the first job of a run starts a warm process
(:mod:`sanguinaria.workflow.warm_server`), and each job asks it for a fork that runs the job's own script. The process
that Snakemake started passes signals on, waits, and ends as the fork did.

Where that is impossible, the job imports everything itself, with the same results: for jobs with more than one thread,
as thread pools are sized at import; for jobs in another environment or container than the first; for jobs of a cluster;
elsewhere than on Linux; and where ``SANGUINARIA_WARM=0``.

This module is imported before every job, so it imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

SWITCH_VARIABLE = "SANGUINARIA_WARM"
# Names the run for its local jobs: boot of the machine, id and start time of the main process.
RUN_VARIABLE = "SANGUINARIA_RUN"
# Variables that a shell sets anew for each job; no import depends on them.
VOLATILE = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})
STARTED = b"started"
# Jobs that connect while the warm process is importing wait in the queue of its socket.
QUEUE = 128
# Signals of a user, a shell or a scheduler. A fork is in a process group of its own, and that of a terminal's
# suspended job has to be stopped by SIGSTOP.
FORWARDED = {
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGINT: signal.SIGINT,
    signal.SIGTSTP: signal.SIGSTOP,
    signal.SIGCONT: signal.SIGCONT,
}
_client: int | None = None


def name_run() -> None:
    """Name this process's run in the environment, so that its local jobs share a warm process.

    Nothing is named where ``SANGUINARIA_WARM=0``, or where the operating system has no process descriptors.
    """
    forget_run()
    if os.environ.get(SWITCH_VARIABLE) == "0" or not hasattr(os, "pidfd_open"):
        return
    with suppress(OSError):
        os.environ[RUN_VARIABLE] = f"{_boot()} {os.getpid()} {_start_time(os.getpid())}"


def forget_run() -> None:
    """Remove the name of a run from the environment, which jobs on a cluster inherit."""
    os.environ.pop(RUN_VARIABLE, None)


def main_process() -> int | None:
    """Return the id of the main process of the run in the environment, or ``None`` where it is not alive here."""
    try:
        boot, process, start_time = os.environ[RUN_VARIABLE].split()
        alive = boot == _boot() and start_time == _start_time(int(process))
        # In another container, the same paths are other files.
        return int(process) if alive and _mounts(process) == _mounts("self") else None
    except (KeyError, ValueError, OSError):
        return None


def delegate(snakemake: Any) -> None:
    """Run the calling workflow script in a fork of the warm process, and end as the fork does.

    Returns only where the caller is to go on itself: in the fork, and where no warm process can be used.

    Args:
        snakemake: the object of that name in a workflow script.
    """
    if _client is not None or snakemake.threads != 1 or os.environ.get(SWITCH_VARIABLE) == "0":
        return
    process = main_process()
    if process is None:
        return
    with suppress(OSError), _connection(process) as connection:
        socket.send_fds(connection, [_request()], [0, 1, 2])
        if connection.recv(len(STARTED)) == STARTED:
            end_as(_wait(connection))


def starting_process() -> int:
    """Return the id of the process that Snakemake started for this job: not that of a fork."""
    return os.getpid() if _client is None else _client


def become_fork(client: int) -> None:
    """Note that this process is a fork of the warm process.

    Args:
        client: the id of the process that asked for it.
    """
    global _client
    _client = client


def end_as(exit_code: int) -> NoReturn:
    """End this process at once, as another ended.

    Args:
        exit_code: that of the other process, or a negative number for the signal that ended it.
    """
    if exit_code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-exit_code, signal.SIG_DFL)
        os.kill(os.getpid(), -exit_code)
    os._exit(exit_code % 256)


def folder_path(process: int) -> Path:
    """Return the private folder of the run of a main process, with the socket of its warm process."""
    return Path(tempfile.gettempdir()) / f"sanguinaria-{os.getuid()}-{process}-{_start_time(process)}"


def open_folder(process: int) -> int:
    """Create the private folder of a run where it is missing, and return its file descriptor.

    Raises:
        PermissionError: the folder is another user's, or open to others.
        OSError: it cannot be created, or is a link or a file.
    """
    path = folder_path(process)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    folder = os.open(path, os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(folder)
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        os.close(folder)
        raise PermissionError(f"{path}: not a private folder")
    return folder


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the other end of a Unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    process, user, _ = (int.from_bytes(credentials[start : start + 4], sys.byteorder) for start in (0, 4, 8))
    return process, user


def interpreter() -> str:
    """Return a digest of the interpreter and of the environment variables that its imports may depend on."""
    variables = sorted((name, value) for name, value in os.environ.items() if name not in VOLATILE)
    return hashlib.sha256(json.dumps([sys.executable, sys.version, variables]).encode()).hexdigest()


def _request() -> bytes:
    mask = os.umask(0o077)
    os.umask(mask)
    request = {
        "arguments": sys.argv,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "interpreter": interpreter(),
        "path": sys.path,
        "umask": mask,
    }
    return json.dumps(request).encode()


@contextmanager
def _connection(process: int) -> Iterator[socket.socket]:
    """A connection to the warm process of a run, which is started where there is none."""
    folder = open_folder(process)
    # A short path, as that of a Unix socket is limited, in the very folder that was checked.
    address = f"/proc/self/fd/{folder}/socket"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            try:
                connection.connect(address)
            except FileNotFoundError:
                _start(address, folder_path(process))
                connection.connect(address)
            if peer(connection)[1] == os.getuid():
                yield connection
    finally:
        os.close(folder)


def _start(address: str, folder: Path) -> None:
    """Start the warm process with a listening socket, or return where another job was faster."""
    temporary = f"{address}-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(temporary)
        try:
            listener.listen(QUEUE)
            os.link(temporary, address)  # atomic: of several first jobs, one starts the process
        except FileExistsError:
            return
        finally:
            os.unlink(temporary)
        # Arrow's allocator has a thread otherwise, and a process with threads is not forked.
        environment = {"JE_ARROW_MALLOC_CONF": "background_thread:false", **os.environ}
        subprocess.Popen(
            [sys.executable, "-m", "sanguinaria.workflow.warm_server", str(listener.fileno()), interpreter()],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,  # a place without modules: Python searches it for imports
            env=environment,
            start_new_session=True,
        )


def _wait(connection: socket.socket) -> int:
    """Wait for the fork while passing signals on; its exit code, negative for a signal that ended it."""

    def forward(number: int, frame: Any) -> None:
        with suppress(OSError):
            connection.send(bytes([FORWARDED[signal.Signals(number)]]))
        if number == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)

    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)
    try:
        status = connection.recv(16)
    except OSError:
        status = b""
    if not status:
        print("Error: the process that this job was forked from has ended; run again", file=sys.stderr, flush=True)
        return 1
    return int(status)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_time(process: int) -> str:
    """The time at which a process started, in clock ticks since boot: with the id, it names one process."""
    # The name of the program, in parentheses, may contain spaces.
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]


def _mounts(process: str) -> str:
    return os.readlink(f"/proc/{process}/ns/mnt")
