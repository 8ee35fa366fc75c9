"""Uses of plug-ins: settings and audio with which the stages of a plan call them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from typing import ClassVar

from sanguinaria.core.plugins import Plugin, describe, resolve
from sanguinaria.core.references import Reference
from sanguinaria.plan.expander import CodeHash
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import Stage

HARNESS = "sanguinaria.steps.promises"


@dataclass(frozen=True)
class PluginUse:
    """A plug-in as a stage calls it.

    Attributes:
        room: of the plug-in.
        settings: with its kind, as canonical JSON; references are resolved.
        sample_rate: of the audio, in Hz.
        num_samples: of an utterance.
        code: hash of the plug-in's code, and of the harness that checks it.
    """

    room: str
    settings: str
    sample_rate: int
    num_samples: int
    code: str

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that change with everything that a check depends on."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:16]


class _Check:
    """A made thing without rules, by which the code of a check is hashed."""

    rules: ClassVar[tuple[str, ...]] = ()


def plugin_uses(stages: Iterable[Stage], code: CodeHash) -> list[PluginUse]:
    """Return the uses of plug-ins in stages, each once, in the order of rooms and settings.

    Args:
        stages: of a plan, each with its upstream stages.
        code: hash of the code that makes a result.
    """
    uses = {use for stage in stages for use in _uses_of(stage, code)}
    return sorted(uses, key=astuple)


def _uses_of(stage: Stage, code: CodeHash) -> Iterator[PluginUse]:
    corpus = _corpus(stage)
    if corpus is None:
        return
    rate, length = corpus.corpus.sample_rate, round(corpus.corpus.duration * corpus.corpus.sample_rate)
    # Pretrained weights have no corpus of their own, and are used with that of this stage.
    stages = [stage, *(upstream for upstream in stage.upstream if _corpus(upstream) is None)]
    for plugin in _plugins(getattr(each, field.name) for each in stages for field in fields(each)):
        settings = json.dumps(describe(plugin), sort_keys=True)
        within = [each for each in _plugins(plugin.references.values()) if each != plugin]
        yield PluginUse(plugin.room, settings, rate, length, code(_Check, (plugin, *within), (HARNESS,)))


def _corpus(stage: Stage) -> CorpusStage | None:
    """The nearest corpus upstream."""
    pending = [stage]
    while pending:
        stage = pending.pop(0)
        if isinstance(stage, CorpusStage):
            return stage
        pending.extend(stage.upstream)
    return None


def _plugins(values: Iterable[object]) -> Iterator[Plugin]:
    """The plug-ins among values, with those that they refer to by settings, and that act within them."""
    for value in values:
        if isinstance(value, Plugin):
            yield value
            yield from _plugins(value.references.values())
        elif isinstance(value, Reference) and value.settings:
            yield from _plugins([resolve(value)])
        elif isinstance(value, tuple):
            yield from _plugins(value)
