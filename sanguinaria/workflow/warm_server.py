"""The warm process of a run: it imports large libraries once, and forks for each job that connects.

The first job of a run starts it (:mod:`sanguinaria.workflow.warm_process`), and it ends with the run's main process. A
fork shares nothing that changes afterwards: it has its own process group, working directory, environment, standard
streams and random numbers, no file of this process, and runs the job's script as a new interpreter would.

Jobs whose client ends early are terminated, and killed after a moment, together with the processes that they started.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sanguinaria.workflow import warm_process

# Libraries that several stages use. Their order is that of a job, which imports torch first on a GPU.
LIBRARIES = (
    "torch",
    "pandas",
    "pyarrow.parquet",
    "scipy.signal",
    "scipy.stats",
    "soundfile",
    "safetensors.torch",
    "psutil",
    "pydantic",
    "snakemake.iocontainers",
    "snakemake.logging",
    "sanguinaria.workflow.provenance",
)
PACKAGES = ("sanguinaria.steps", "sanguinaria.reports")
# Seconds from SIGTERM to SIGKILL, in which a job removes its temporary files.
GRACE = 5.0
REQUEST_SIZE = 2**20
PR_SET_PDEATHSIG = 1


@dataclass
class Job:
    """A forked job: its process, and its connection to the client until that hangs up."""

    process: int
    descriptor: int
    connection: socket.socket | None
    deadline: float = float("inf")


@dataclass(frozen=True)
class Request:
    """A client's request: its process id, its standard streams, and the content of its message."""

    client: int
    streams: list[int]
    content: dict[str, Any]


class WarmProcess:
    """The loop of the warm process.

    Args:
        listener: the listening socket.
        interpreter: the digest of the environment in which this process was started.
        main: a file descriptor of the run's main process.
        sources: size and modification time of each imported file of this package.
    """

    def __init__(self, listener: socket.socket, interpreter: str, main: int, sources: dict[str, tuple[int, int]]):
        self.listener, self.interpreter, self.main, self.sources = listener, interpreter, main, sources
        self.jobs: list[Job] = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.selector.register(main, selectors.EVENT_READ)

    def serve(self) -> Request | None:
        """Serve until the run has ended; in a forked job, return its request instead."""
        while self.main in self.selector.get_map() or self.jobs:
            for key, _ in self.selector.select(self._timeout()):
                if self.selector.get_map().get(key.fd) is not key:
                    continue  # closed in response to an earlier event
                if key.fileobj == self.main:
                    self._end_run()
                elif key.fileobj is self.listener:
                    self._accept()
                elif isinstance(key.data, Job):
                    self._attend(key.data, key.fileobj)
                else:
                    request = self._read(key.fileobj)
                    if request is not None and not self._fork(key.fileobj, request):
                        return request
            self._kill_overdue()
        return None

    def _timeout(self) -> float | None:
        """Seconds until a terminated job is to be killed."""
        deadline = min((job.deadline for job in self.jobs), default=float("inf"))
        return None if deadline == float("inf") else max(deadline - time.monotonic(), 0)

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        if warm_process.peer(connection)[1] == os.getuid():
            self.selector.register(connection, selectors.EVENT_READ)
        else:
            connection.close()

    def _read(self, connection: Any) -> Request | None:
        """The request on a connection; where there is none that can be served, the connection is closed."""
        try:
            message, streams, _, _ = socket.recv_fds(connection, REQUEST_SIZE, 3)
            content = json.loads(message)
            if len(streams) == 3 and content["interpreter"] == self.interpreter and self.sources == sources():
                return Request(warm_process.peer(connection)[0], streams, content)
        except (OSError, ValueError):
            streams = []
        for stream in streams:
            os.close(stream)
        self._close(connection)
        return None

    def _fork(self, connection: Any, request: Request) -> int:
        """Fork a job, and return its process id: 0 in the job, -1 where the system has no place for a process."""
        try:
            process = os.fork()
        except OSError:
            process = -1
        if not process:
            self._close_all()
            return 0
        for stream in request.streams:
            os.close(stream)
        if process < 0:
            self._close(connection)
            return process
        with suppress(OSError):  # the job does the same; the first of them succeeds
            os.setpgid(process, process)
        job = Job(process, os.pidfd_open(process), connection)
        self.jobs.append(job)
        self.selector.register(job.descriptor, selectors.EVENT_READ, job)
        self.selector.modify(connection, selectors.EVENT_READ, job)
        with suppress(OSError):
            connection.send(warm_process.STARTED)
        return process

    def _attend(self, job: Job, source: Any) -> None:
        """Attend to an event of a job: its end, a signal from its client, or its client's end."""
        if source == job.descriptor:
            self._reap(job)
        elif job.connection is not None:
            try:
                signals = job.connection.recv(1)
            except OSError:
                signals = b""
            if signals:
                os.killpg(job.process, signals[0])
            else:
                self._terminate(job)

    def _terminate(self, job: Job) -> None:
        """Terminate a job whose client has ended."""
        job.deadline = min(job.deadline, time.monotonic() + GRACE)
        for number in (signal.SIGTERM, signal.SIGCONT):  # a stopped process ends only when it is continued
            os.killpg(job.process, number)
        if job.connection is not None:
            self._close(job.connection)
            job.connection = None

    def _kill_overdue(self) -> None:
        for job in self.jobs:
            if job.deadline <= time.monotonic():
                os.killpg(job.process, signal.SIGKILL)
                job.deadline = float("inf")

    def _reap(self, job: Job) -> None:
        """Report the end of a job to its client."""
        if job.connection is None:
            # Processes that the job started and left. Its own id is not free before it is waited for.
            os.killpg(job.process, signal.SIGKILL)
        _, status = os.waitpid(job.process, 0)
        if job.connection is not None:
            with suppress(OSError):
                job.connection.send(str(os.waitstatus_to_exitcode(status)).encode())
            self._close(job.connection)
        self.selector.unregister(job.descriptor)
        os.close(job.descriptor)
        self.jobs.remove(job)

    def _end_run(self) -> None:
        """Terminate all jobs, and accept no others."""
        self.selector.unregister(self.main)
        self._close(self.listener)
        for job in self.jobs:
            self._terminate(job)

    def _close(self, connection: socket.socket) -> None:
        self.selector.unregister(connection)
        connection.close()

    def _close_all(self) -> None:
        """Close everything of this process in a job."""
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            else:
                os.close(key.fd)
        self.selector.close()


def sources() -> dict[str, tuple[int, int]]:
    """Return size and modification time of each imported file of this package: 0 for a file that is gone."""
    return {path: _stamp(path) for path in _own_files()}


def _own_files() -> Iterator[str]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] == "sanguinaria" and file:
            yield file


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def prepare() -> bool:
    """Import what jobs import, and return whether forks of this process are as good as new processes."""
    gc.disable()
    try:
        for name in LIBRARIES:
            importlib.import_module(name)
        for name in PACKAGES:
            package = importlib.import_module(name)
            for module in pkgutil.walk_packages(package.__path__, f"{name}."):
                importlib.import_module(module.name)
        import torch

        # The first optimiser imports torch's compiler: as much again as torch itself, for every training.
        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
    except Exception:  # jobs that need the module report it
        return False
    gc.freeze()  # pages that no collection writes to are shared with the jobs
    return can_fork()


def can_fork() -> bool:
    """Return whether forks of this process are as good as new processes: it has one thread, and CUDA is untouched."""
    import torch

    cuda: Any = torch.cuda
    return len(os.listdir("/proc/self/task")) == 1 and not cuda.is_initialized()


def become_job(request: Request) -> None:
    """Make this fork the process that the client is: its streams, environment, folder, arguments, random numbers."""
    import numpy
    import torch

    os.setpgid(0, 0)
    # A job does not outlive the warm process, which alone can see whether its client still lives.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(request.content["environment"])
    os.umask(request.content["umask"])
    os.chdir(request.content["folder"])
    sys.argv[:] = request.content["arguments"]
    sys.path[:] = request.content["path"]
    # Global generators, which differ between new processes; Python reseeds its own in each fork.
    numpy.random.seed()  # noqa: NPY002
    torch.default_generator.seed()
    warm_process.become_fork(request.client)
    gc.enable()


def run_script(script: str) -> int:
    """Run a workflow script, and return the exit code that an interpreter would have: negative for a signal."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


class Exit:
    """End of a job without the destruction of all imported modules, which takes longer than the rest of its start.

    Python calls the functions of :mod:`atexit` in reverse order, so those of libraries that are imported later, and
    of the job itself, run before this one.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self)

    def __call__(self) -> None:
        if self.code is None:  # the warm process itself
            return
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        ctypes.CDLL(None).fflush(None)
        warm_process.end_as(self.code)


def remove(folder: Path) -> None:
    """Remove the private folder of a run, which has a socket and nothing else."""
    with suppress(OSError):
        (folder / "socket").unlink(missing_ok=True)
        folder.rmdir()


def main(descriptor: int, interpreter: str) -> None:
    """Serve the jobs of the run in the environment; in a forked job, run its script.

    The working directory is the run's private folder, which is removed at the end.

    Args:
        descriptor: of the listening socket.
        interpreter: the digest of the environment, from :func:`~sanguinaria.workflow.warm_process.interpreter`.
    """
    folder, process = Path.cwd(), warm_process.main_process()
    if process is None:  # the run ended meanwhile
        remove(folder)
        return
    end, run = Exit(), os.pidfd_open(process)
    with socket.socket(fileno=descriptor) as listener:
        request = WarmProcess(listener, interpreter, run, sources()).serve() if prepare() else None
    if request is None:
        # Jobs find a socket without a listener, and start by themselves, until the run has ended.
        select.select([run], [], [])
        remove(folder)
    else:
        become_job(request)
        end.code = run_script(sys.argv[0])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
