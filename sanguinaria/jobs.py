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
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
            raise SystemExit(1) from None


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
