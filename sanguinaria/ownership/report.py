"""The verdict as JSON, and as a page for readers without statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core.atomic_files import write_text

TEMPLATE = Path(__file__).with_name("report.html.j2")


def write_report(verdict: Mapping[str, Any], folder: Path) -> None:
    """Write ``verdict.json`` and ``verdict.html``.

    Args:
        verdict: of :func:`sanguinaria.ownership.verification.verify`.
        folder: of the files.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["chance"] = chance_in_words
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(verdict)
    write_text(folder / "verdict.json", json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "verdict.html", page + "\n")


def chance_in_words(p_value: float) -> str:
    """Return a chance as "1 in N".

    >>> chance_in_words(0.00025), chance_in_words(1e-10), chance_in_words(0.62)
    ('1 in 4,000', '1 in 10,000,000,000', '62 in 100')
    """
    if p_value > 0.01:
        return f"{round(100 * p_value)} in 100"
    return f"1 in {1 / p_value:,.0f}" if p_value > 1e-15 else f"1 in 10^{-_exponent(p_value)}"


def _exponent(value: float) -> int:
    """Exponent of a number below 1 in scientific notation; −308 for one that is 0 in double precision."""
    return int(f"{value:e}".partition("e")[2]) if value else -308
