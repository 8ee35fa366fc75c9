"""Index of a run's plan, in which the jobs of a cluster look up the table that needs their result.

Such a job parses the Snakefile anew, and has to expand but one table. The index is a hint and nothing else: a result
that it does not have, or has under another table's name, is searched for in the whole plan.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.paths import ENTRY_NAMES
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage


def write(plan: Plan, path: Path) -> None:
    """Write which table needs each result, of the tables that were expanded.

    Args:
        plan: of the run.
        path: JSON file: table names by ``stage/key``.
    """
    write_text(path, json.dumps(plan.tables_of_stages))


def write_entry_names(plan: Plan) -> None:
    """Write the names of the entries behind each result of the tables that were expanded, for the logs of jobs."""
    lines = (f"{stage}/{key}\t{names}\n" for stage, key, names in plan.named_stages())
    write_text(ENTRY_NAMES, "".join(lines))


def find(plan: Plan, stage: str, key: str, path: Path) -> Stage:
    """Return the specification of the folder ``results/{stage}/{key}``.

    Args:
        plan: of this process.
        stage: the kind of result.
        key: of the folder.
        path: of the index; it may be missing or damaged.

    Raises:
        KeyError: nothing in the plan needs such a folder.
    """
    table = _read(path).get(f"{stage}/{key}")
    return plan.stage(stage, key, () if table is None else (table,))


@cache
def _read(path: Path) -> dict[str, str]:
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(table) for name, table in index.items()} if isinstance(index, dict) else {}
