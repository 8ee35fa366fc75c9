"""Pages of the Python reference: for each module a heading and the directive that mkdocstrings replaces."""

from __future__ import annotations

import importlib
import pkgutil

from sanguinaria.plan.sections import ROOMS

INTRODUCTIONS = {
    "plugins": "Each package of methods states the protocol of its plug-ins in its `__init__.py`. Settings are "
    "pydantic fields; the [configuration reference](../configuration/index.md) lists those of every kind.",
    "statistics": "Intervals, error rates, detection statistics and comparisons; functions of arrays and tables.",
    "audio": "Reading and writing, utterance tables, and operations on waveforms.",
}


def api_pages() -> dict[str, str]:
    """Return the pages: protocols of the rooms, statistics, and audio."""
    rooms = [f"sanguinaria.{room}" for room in (*ROOMS, "front_ends", "ownership_methods")]
    return {
        "api/plugins.md": _page("Protocols of the plug-ins", "plugins", ["sanguinaria.core.plugins", *rooms]),
        "api/statistics.md": _page("Statistics", "statistics", _modules("statistics")),
        "api/audio.md": _page("Audio", "audio", _modules("audio")),
    }


def _modules(package: str) -> list[str]:
    path = importlib.import_module(f"sanguinaria.{package}").__path__
    names = sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))
    return [f"sanguinaria.{package}.{name}" for name in names]


def _page(title: str, introduction: str, modules: list[str]) -> str:
    parts = [f"# {title}\n", INTRODUCTIONS[introduction] + "\n"]
    parts += [f"## {module.removeprefix('sanguinaria.')}\n\n::: {module}\n" for module in modules]
    return "\n".join(parts)
