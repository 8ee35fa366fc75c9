"""What every workflow script does around its one call: log, specification, device, and errors told plainly."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import DamagedError, InputError
from sanguinaria.core.paths import RESULTS

# What the system says of a full disk or quota, and what torch makes of it.
DISK_FULL = ("No space left on device", "Disk quota exceeded", "file write failed")


@contextmanager
def job(snakemake: Any) -> Iterator[dict[str, Any]]:
    """Run the body of a workflow script.

    Everything that is printed, by C libraries too, goes to the rule's log. Bad input ends the job with its message
    alone, anything else with a traceback; one that is cancelled unwinds. A damaged result of an earlier job is put
    aside, so that the next run makes it anew. The specification is kept beside the result.

    Yields:
        The specification, a dictionary of builtins.
    """
    import json

    began = time.time()
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file, _redirected(file.fileno()), _unwound_when_cancelled():
        try:
            yield json.loads(snakemake.params.specification)
            if "folder" in snakemake.params.keys():  # noqa: SIM118 (a list with names)
                write_text(Path(snakemake.params.folder) / "spec.json", snakemake.params.specification + "\n")
            print(_spent(began), flush=True)
            gc.freeze()  # or the interpreter's end searches all of torch for garbage: a quarter of a second a job
            return
        except Exception as error:
            told = _told(error, snakemake.params.specification)
        failed = _print(told)
    if failed:  # a full disk takes no log either
        print(told, file=sys.stderr, flush=True)
    raise SystemExit(1)


def _spent(began: float) -> str:
    """What the job took, for those who say how much a cluster is to give (and for benchmarks/)."""
    import psutil

    start = began - psutil.Process().create_time()
    return (
        f"spent: {time.time() - began:.2f} s of work, {start:.2f} s to start, {_peak_memory() / 2**20:.0f} MiB at most"
    )


def _peak_memory() -> int:
    """Bytes that the process held at most, with the pages of files that it mapped."""
    try:
        # Not `getrusage`, which counts what the process that started this one held.
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _told(error: Exception, specification: str) -> str:
    """What is said of an error: to users what they can do, and to us where it happened."""
    if isinstance(error, DamagedError):
        return f"Error: {error}{_put_aside(error.path)}"
    if isinstance(error, InputError):
        return f"Error: {error}"
    trace = "".join(traceback.format_exception(error))
    if type(error).__name__ == "OutOfMemoryError":  # torch's; torch itself may not be loaded
        return f"{trace}Error: {_out_of_memory(specification)}"
    if any(sign in str(error) for sign in DISK_FULL):
        return f"{trace}Error: {_disk_full()}"
    return trace


def _put_aside(path: Path) -> str:
    """Move a damaged result away, where it is one of this project's own, and say so."""
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(RESULTS)):
        return ""
    aside = path.with_name(path.name + ".damaged")
    try:
        # Where checkouts share a cache this is a link into it, and what it points at is what is damaged.
        kept = path.resolve()
        os.replace(kept, kept.with_name(aside.name))
        path.unlink(missing_ok=True)
    except OSError:
        return ""
    return f". It is {kept.with_name(aside.name)} now, so another run makes it anew"


def _disk_full() -> str:
    import shutil

    free = shutil.disk_usage(RESULTS).free / 2**20
    return (
        f"the disk that holds {RESULTS}/ is full ({free:.0f} MiB are free now). Make room, for example of what "
        "`python -m sanguinaria.workflow.clean_up` lists, and run again: what is finished stays"
    )


def _print(text: str) -> bool:
    """Print to the log; whether that failed."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return True
    return False


def _out_of_memory(specification: str) -> str:
    """What to do where the GPU's memory is full: the settings of the job that bound its batches, by their path."""
    import json

    sizes = ", ".join(f"{path} (now {value})" for path, value in _batch_sizes(json.loads(specification)))
    advice = f"lower {sizes}" if sizes else "make the corpus's shards smaller"
    return f"the GPU's memory is full: {advice}; or see with nvidia-smi whether another process uses the GPU"


def _batch_sizes(settings: dict[str, Any], path: str = "") -> Iterator[tuple[str, int]]:
    for name, value in settings.items():
        if name == "batch_size":
            yield path + name, value
        elif isinstance(value, dict):
            yield from _batch_sizes(value, f"{path}{name}.")


@contextmanager
def _unwound_when_cancelled() -> Iterator[None]:
    """A job that is told to end (SIGTERM, as of Slurm's ``scancel``) leaves nothing half-written: it unwinds."""
    process = os.getpid()

    def end(number: int, frame: Any) -> None:
        if os.getpid() == process:  # workers that it has forked end with it, and say nothing
            os.write(2, b"Error: told to end (SIGTERM): it was cancelled, or has taken more time than it was given\n")
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _redirected(target: int) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        with suppress(OSError):  # a full disk takes no log either
            sys.stdout.flush()
            sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        os.close(saved[0])
        os.close(saved[1])
