"""What every workflow script does around its one call: log, specification, device, and errors told plainly."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sanguinaria.artefacts import write_text
from sanguinaria.errors import InputError


@contextmanager
def job(snakemake: Any) -> Iterator[dict[str, Any]]:
    """Run the body of a workflow script.

    Everything that is printed, by C libraries too, goes to the rule's log. Bad input ends the job with its message
    alone, anything else with a traceback. The specification is kept beside the result.

    Yields:
        The specification, a dictionary of builtins.
    """
    import json

    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file, _redirected(file.fileno()):
        try:
            yield json.loads(snakemake.params.specification)
            if "folder" in snakemake.params.keys():  # noqa: SIM118 (a list with names)
                write_text(Path(snakemake.params.folder) / "spec.json", snakemake.params.specification + "\n")
        except InputError as error:
            print(f"Error: {error}", file=sys.stderr, flush=True)
            raise SystemExit(1) from None
        except Exception as error:
            traceback.print_exc()
            if type(error).__name__ == "OutOfMemoryError":  # torch's; torch itself may not be loaded
                print(f"Error: {_out_of_memory(snakemake.params.specification)}", file=sys.stderr)
            sys.stderr.flush()
            raise SystemExit(1) from None


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
def _redirected(target: int) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        os.close(saved[0])
        os.close(saved[1])
