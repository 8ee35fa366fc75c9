"""Names of entries behind a result: the corpus, trigger, victim, … by which its user knows it.

No name is in a specification or an identity, as renaming an entry runs nothing anew. So a result's entries are looked
up by their settings, and only for messages: an entry of equal settings under another name is the same result.
"""

from __future__ import annotations

from collections.abc import Iterator

from sanguinaria.adversaries import Adversary
from sanguinaria.core.plugins import Plugin, kind_of
from sanguinaria.metrics import Metric
from sanguinaria.plan.expander import Expander
from sanguinaria.plan.stages.scores import ScoreStage
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.triggered import TriggeredStage
from sanguinaria.plan.stages.victims import PoisonedStage

# The factors of tables, in the order of their columns, by the rooms of their entries. Front ends have no names.
FACTORS = {
    "corpora": "corpus",
    "triggers": "trigger",
    "victims": "victim",
    "adversaries": "attack",
    "defences": "defence",
    "purifiers": "purifier",
    "watermarks": "watermark",
    "texts": "text",
    "metrics": "metric",
}
ORDER = (
    "corpus",
    "target",
    "trigger",
    "test_trigger",
    "poisoning",
    "victim",
    *list(FACTORS.values())[3:],
    "seed",
)


class EntryNames:
    """The names of entries by results.

    Args:
        expander: that made the results.
    """

    def __init__(self, expander: Expander) -> None:
        self._expander = expander
        self._factors: dict[str, dict[str, str]] = {}
        # By the objects of the plug-ins, which the stages share and keep.
        self._names: dict[int, str] = {}

    def describe(self, stage: Stage) -> str:
        """Return the factors of a result in words: ``corpus sc10, target left, trigger tone, …, seed 0``."""
        factors = self.factors(stage)
        return ", ".join(f"{factor} {factors[factor]}" for factor in ORDER if factor in factors)

    def factors(self, stage: Stage) -> dict[str, str]:
        """Return the names of a result's entries, its target label, poisoning and seed, each by its factor.

        Those of its own settings count before those of the results that it is made from.
        """
        if stage.key not in self._factors:
            factors = self._own_factors(stage)
            for upstream in stage.upstream:
                factors = {**self.factors(upstream), **factors}
            if isinstance(stage, ScoreStage):
                factors = {**self._factors_of_scores(stage), **factors}
            self._factors[stage.key] = factors
        return self._factors[stage.key]

    def _own_factors(self, stage: Stage) -> dict[str, str]:
        factors = {FACTORS[plugin.room]: self._name(plugin) for plugin in stage.own_plugins if plugin.room in FACTORS}
        if isinstance(stage, PoisonedStage):
            factors["poisoning"] = f"{stage.labels}-{stage.rate:g}" if stage.blocks else stage.labels
        source = stage.block if isinstance(stage, TriggeredStage) else stage
        if not isinstance(stage, PoisonedStage) or stage.blocks:
            values = {name: getattr(source, name, None) for name in ("target", "seed")}
            factors |= {name: str(value) for name, value in values.items() if isinstance(value, str | int)}
        return factors

    def _factors_of_scores(self, stage: ScoreStage) -> dict[str, str]:
        """The trigger of the model's training, and that of its test where it is another one."""
        trained = self.factors(stage.victim)
        tested = {} if stage.triggered is None else self.factors(stage.triggered)
        if trained.get("trigger", tested.get("trigger")) == tested.get("trigger"):
            return {}
        return {"trigger": trained["trigger"], "test_trigger": tested.get("trigger", "none")}

    def _name(self, plugin: Plugin) -> str:
        """The name of the entry with a plug-in's settings; its kind where none has them."""
        if id(plugin) not in self._names:
            self._names[id(plugin)] = next(
                (name for form, name in self._forms(plugin.room) if form == plugin), kind_of(plugin)
            )
        return self._names[id(plugin)]

    def _forms(self, room: str) -> Iterator[tuple[Plugin, str]]:
        """Entries with their names: as they are, and as stages have them."""
        yield from ((entry, name) for name, entry in self._expander.entries.get(room, {}).items())
        yield from self._expander.names
        for name, entry in self._expander.entries.get(room, {}).items():
            if isinstance(entry, Metric):
                yield self._expander.measured(entry), name
            elif isinstance(entry, Adversary):
                yield entry.non_adaptive, name
