"""Checks of a run before its first job: files of weights, and rates that poison nothing.

They concern the results alone that the requested targets need and that are not finished: whoever has none of the
weights of a paper still makes the tables that do without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, kind_of, resolve
from sanguinaria.core.references import Reference
from sanguinaria.plan.needed_stages import is_made, needed_stages, roots, tables_of
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.source_locations import Problem
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.victims import PoisonedStage
from sanguinaria.steps.poisoning.counts import cover_count, poisoned_count

# Room, kind, and what is missing: that of an entry, and of the plug-in that a stage has of it without its name.
Missing = tuple[str, str, tuple[tuple[str, str], ...]]


def check_requirements(plan: Plan, targets: Sequence[str]) -> None:
    """Check what the unfinished results of targets need.

    Args:
        plan: of the configuration.
        targets: names of tables and figures.

    Raises:
        InputError: files are missing, or a rate poisons nothing; the message lists each with its file and line.
    """
    problems = [*_missing_files(plan, targets), *_vain_rates(plan, targets)]
    if problems:
        raise plan.configuration.error(problems)


def _missing_files(plan: Plan, targets: Iterable[str]) -> Iterator[Problem]:
    """The missing files of entries that an unfinished result has among its settings."""
    incomplete = {
        (room, name): missing
        for room, entries in plan.configuration.entries.items()
        for name, entry in entries.items()
        if (missing := _missing(entry))[-1]
    }
    if not incomplete:  # nearly always; the stages are not visited
        return
    from sanguinaria.plan.cost.finished import is_finished

    to_make = [target for target in targets if not is_made(plan, target)]
    stages = needed_stages((stage for target in to_make for stage in roots(plan, target)), is_finished)
    needed = {_missing(plugin) for stage in stages.values() for plugin in _plugins(stage)}
    for place, missing in incomplete.items():
        if missing in needed:
            yield from (Problem((*place, field), message) for field, message in missing[-1])


def _missing(plugin: Plugin) -> Missing:
    return plugin.room, kind_of(plugin), tuple(plugin.missing_files())


def _plugins(stage: Stage) -> Iterator[Plugin]:
    """The plug-ins of a stage, and those that act within them."""
    pending = list(stage.own_plugins)
    while pending:
        plugin = pending.pop()
        yield plugin
        for references in plugin.references.values():
            several = (references,) if isinstance(references, Reference) else references
            pending += [resolve(reference) for reference in several if reference.settings]


def _vain_rates(plan: Plan, targets: Iterable[str]) -> Iterator[Problem]:
    """Rates too small for a corpus whose utterances are counted already."""
    tables = {table.name: table for target in targets for table in tables_of(plan, target)}
    training_utterances = cache(_training_utterances)
    for name, table in tables.items():
        problems: dict[Problem, None] = {}
        for stage in table.results_of("manifest"):
            if not isinstance(stage, PoisonedStage) or not stage.blocks or stage.manifest.is_file():
                continue
            if total := training_utterances(stage.corpus.index.with_name("report.json")):
                problems |= dict.fromkeys(_problems_of_rates(plan, name, stage, total))
        yield from problems


def _problems_of_rates(plan: Plan, experiment: str, stage: PoisonedStage, total: int) -> Iterator[Problem]:
    place = ("experiments", experiment)
    try:
        poisoned_count(stage.rate, total)
    except InputError as error:
        yield Problem((*place, "rates", plan.configuration.experiments[experiment].rates.index(stage.rate)), str(error))
    try:
        cover_count(stage.cover_rate, total, stage.covers)
    except InputError as error:
        yield Problem((*place, "cover_rate"), str(error))


def _training_utterances(path: Path) -> int:
    """The number of training utterances in a corpus's report; 0 where there is none yet."""
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["utterances"]["train"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
