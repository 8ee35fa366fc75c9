"""Context of a job, in which a workflow script calls its step: log, specification, error messages."""

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
from sanguinaria.core.paths import ENTRY_NAMES, RESULTS
from sanguinaria.core.training_log import training_log
from sanguinaria.workflow.warm_process import starting_process

# Parts of the messages of a full disk or quota, from the operating system and from PyTorch.
DISK_FULL = ("No space left on device", "Disk quota exceeded", "file write failed")


@contextmanager
def job(snakemake: Any) -> Iterator[dict[str, Any]]:
    """Run the body of a workflow script.

    Standard output and error, those of C libraries too, are redirected to the rule's log; losses of trainings are
    written beside it, to a file that ends in ``.training.csv``. The log begins with the names of the result's entries
    in the configuration. Invalid input ends the job with its message alone, any
    other error with a traceback. A cancelled job unwinds its stack. A damaged result of an earlier job is renamed, so
    that the next run recomputes it. The specification is written beside the result.

    Args:
        snakemake: the object of that name in a workflow script.

    Yields:
        The specification, a dictionary of builtins.

    Raises:
        SystemExit: the body raised an exception.
    """
    import json

    start, used = time.time(), _processor_time()
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    losses = training_log(log.with_suffix(".training.csv"))
    with log.open("w") as file, _redirected(file.fileno()), _unwinding_on_sigterm(), losses:
        try:
            print(_entry_names(Path(snakemake.output[0])), end="", flush=True)
            yield json.loads(snakemake.params.specification)
            _write_specification(Path(snakemake.output[0]), snakemake.params.specification)
            print(_resources(start, used), flush=True)
            gc.freeze()  # else garbage collection at exit traverses all of torch: a quarter of a second a job
            return
        except Exception as error:
            message = _message(error, snakemake.params.specification)
        logged = _print(message)
    if not logged:  # a full disk has no space for the log either
        print(message, file=sys.stderr, flush=True)
    raise SystemExit(1)


def _write_specification(output: Path, specification: str) -> None:
    """Write the specification into a result's folder, ``results/{stage}/{key}``; tables and figures have none."""
    folder = RESULTS.joinpath(*output.relative_to(RESULTS).parts[:2])
    if folder != output:
        write_text(folder / "spec.json", specification + "\n")


def _entry_names(output: Path) -> str:
    """The line of the log by which its user knows a result; empty where its run has left none."""
    result = "/".join(output.relative_to(RESULTS).parts[:2])
    try:
        with ENTRY_NAMES.open(encoding="utf-8") as lines:
            return next((line.replace("\t", ": ") for line in lines if line.startswith(f"{result}\t")), "")
    except OSError:
        return ""


def _processor_time() -> float:
    """Seconds of the processor that this process and its ended children have used."""
    return sum(os.times()[:4])


def _resources(start: float, used: float) -> str:
    """Time and peak memory of the job, for resource requests on a cluster and for benchmarks/.

    Args:
        start: time at which the work began.
        used: seconds of the processor that the process had used by then.
    """
    import psutil

    startup = start - psutil.Process(starting_process()).create_time()
    work, processor = time.time() - start, _processor_time() - used
    memory = _peak_memory() / 2**20
    return (
        f"spent: {work:.2f} s of work, {startup:.2f} s to start, {memory:.0f} MiB at most, "
        f"{processor:.2f} s of the processor"
    )


def _peak_memory() -> int:
    """Peak resident set size of the process in bytes, memory-mapped files included."""
    try:
        # `getrusage` would include the peak of the parent process.
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _message(error: Exception, specification: str) -> str:
    """Error message for the log: for a user's error its remedy, for any other the traceback too."""
    if isinstance(error, DamagedError):
        renamed = _set_aside(error.path)
        return f"Error: {error if renamed is None else error.put_aside(renamed)}"
    if isinstance(error, InputError):
        return f"Error: {error}"
    trace = "".join(traceback.format_exception(error))
    if type(error).__name__ == "OutOfMemoryError":  # torch's; torch itself may not be loaded
        return f"{trace}Error: {_out_of_memory(specification)}"
    if any(sign in str(error) for sign in DISK_FULL):
        return f"{trace}Error: {_disk_full()}"
    return trace


def _set_aside(path: Path) -> Path | None:
    """Rename a damaged file in the results folder, and return its new name; ``None`` for any other file."""
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(RESULTS)):
        return None
    name = path.name + ".damaged"
    try:
        # With a cache between workflows the result is a link, and the file in the cache is the damaged one.
        target = path.resolve()
        os.replace(target, target.with_name(name))
        path.unlink(missing_ok=True)
    except OSError:
        return None
    return target.with_name(name)


def _disk_full() -> str:
    import shutil

    free = shutil.disk_usage(RESULTS).free / 2**20
    return (
        f"the disk that holds {RESULTS}/ is full ({free:.0f} MiB are free now). Make room, for example "
        "with `python -m sanguinaria.workflow.clean_up`, and run again: finished results are kept"
    )


def _print(text: str) -> bool:
    """Print to the log, and return whether that succeeded."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return False
    return True


def _out_of_memory(specification: str) -> str:
    """Advice for a full GPU memory: the batch sizes in the job's settings, by their path."""
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
def _unwinding_on_sigterm() -> Iterator[None]:
    """Exit on SIGTERM, which Slurm's ``scancel`` sends, by an exception, so that temporary files are removed."""
    process = os.getpid()

    def end(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # another one would interrupt the unwinding
        if os.getpid() == process:  # forked workers exit without a message
            os.write(2, b"Error: SIGTERM received: the job was cancelled, or exceeded its time limit\n")
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _redirected(target: int) -> Iterator[None]:
    """Redirect the file descriptors of standard output and error to another descriptor."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        with suppress(OSError):  # a full disk has no space for the log either
            sys.stdout.flush()
            sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        os.close(saved[0])
        os.close(saved[1])
