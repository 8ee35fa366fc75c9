"""The plan: what is to be made, as a pure function of the configuration and of the code.

Every result belongs to one *stage specification*, a frozen dataclass. Its identity is a hash of its settings, of the
identities of what it is made from, and of the code that makes it; that hash is in the path. So a changed setting or a
changed trigger is a file that does not exist yet, a comment changes nothing, and going back to an older configuration
finds the older files. Names that the user gave to entries are in no identity: renaming reruns nothing but the table.

Snakemake does not appear here: rules look a wildcard up in the plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from sanguinaria.configuration import Configuration, Experiment
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.metrics import Metric
from sanguinaria.plugins import Plugin, Settings, describe, kind_of
from sanguinaria.poisoning_order import PoisonBlock, blocks_for
from sanguinaria.triggers import Trigger
from sanguinaria.victims import LogMel, Victim
from sanguinaria.watermarks import Watermark

RESULTS = Path("results")


@dataclass(frozen=True)
class Stage:
    """One result and what it depends on. ``code`` is the hash of the code that makes it."""

    code: str

    stage: ClassVar[str]

    @property
    def name(self) -> str:
        """A readable name; it identifies nothing."""
        return "-".join(kind_of(value) for value in self._values() if isinstance(value, Plugin)) or self.stage

    @cached_property
    def specification(self) -> str:
        """Everything that the result depends on, as canonical JSON: sorted keys, builtins only."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps({"stage": self.stage, **values}, sort_keys=True)

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits of the specification's hash."""
        return hashlib.sha256(self.specification.encode()).hexdigest()[:12]

    @cached_property
    def key(self) -> str:
        """The name of the result's folder: what the rules' wildcards hold."""
        return f"{self.name}-{self.identity}"

    @property
    def folder(self) -> Path:
        return RESULTS / self.stage / self.key

    @property
    def upstream(self) -> Iterator[Stage]:
        """The stages that this one is made from."""
        for value in self._values():
            if isinstance(value, Stage):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Stage))

    def _values(self) -> Iterator[Any]:
        return (getattr(self, field.name) for field in fields(self))


def _plain(value: Any) -> Any:
    if isinstance(value, Stage):
        return value.key
    if isinstance(value, Plugin):
        return describe(value)
    if isinstance(value, Settings):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, PoisonBlock):
        return asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value


class AudioStage(Stage):
    """A stage that writes utterance tables, shard by shard."""

    shards: int

    def audio(self, shard: int) -> Path:
        return self.folder / "audio" / f"{shard}.parquet"


@dataclass(frozen=True)
class CorpusStage(AudioStage):
    """A corpus: its listed recordings, its audio in shards, the index of all of them, and the report."""

    corpus: Corpus
    source: str

    stage: ClassVar[str] = "corpora"

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.corpus.shards

    @property
    def index(self) -> Path:
        return self.folder / "index.parquet"


@dataclass(frozen=True)
class WatermarkStage(Stage):
    """A generator's and its detector's weights."""

    watermark: Watermark

    stage: ClassVar[str] = "watermarks"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"


@dataclass(frozen=True)
class TriggeredStage(AudioStage):
    """A corpus's utterances with a trigger: the test split, or one block of those that training may have poisoned."""

    corpus: CorpusStage
    trigger: Trigger
    watermark: WatermarkStage | None
    block: PoisonBlock | None

    stage: ClassVar[str] = "triggered"

    @property
    def name(self) -> str:
        part = "test" if self.block is None else "poison"
        return f"{kind_of(self.corpus.corpus)}-{kind_of(self.trigger)}-{part}"

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.corpus.shards if self.block is None else 1


@dataclass(frozen=True)
class DefendedStage(AudioStage):
    """Test audio after a defence that acts on the input."""

    audio_stage: AudioStage
    defence: Defence

    stage: ClassVar[str] = "defended"

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.audio_stage.shards


@dataclass(frozen=True)
class FeatureStage(Stage):
    """Log-mel spectrograms of every utterance of an audio stage, in its shards and their order."""

    audio_stage: AudioStage
    log_mel: LogMel

    stage: ClassVar[str] = "features"

    @property
    def name(self) -> str:
        return f"{self.audio_stage.stage}-{self.audio_stage.name}"

    def features(self, shard: int) -> Path:
        return self.folder / f"{shard}.safetensors"

    @property
    def files(self) -> list[Path]:
        return [self.features(shard) for shard in range(self.audio_stage.shards)]


@dataclass(frozen=True)
class PoisonedStage(Stage):
    """A training manifest; with rate 0 the corpus as it is."""

    corpus: CorpusStage
    blocks: tuple[TriggeredStage, ...]
    target: str | None
    candidates: str
    labels: str
    rate: float
    seed: int

    stage: ClassVar[str] = "poisoned"

    @property
    def name(self) -> str:
        return f"{kind_of(self.corpus.corpus)}-{self.labels}"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.parquet"


@dataclass(frozen=True)
class VictimStage(Stage):
    """A trained model."""

    victim: Victim
    poisoned: PoisonedStage
    clean_features: FeatureStage
    poison_features: tuple[FeatureStage, ...]
    seed: int

    stage: ClassVar[str] = "victims"

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"


@dataclass(frozen=True)
class ScoreStage(Stage):
    """A row for each test utterance: what the model says of it."""

    victim: VictimStage
    features: FeatureStage
    target: str

    stage: ClassVar[str] = "scores"

    @property
    def name(self) -> str:
        return f"{kind_of(self.victim.victim)}-{self.features.name}"

    @property
    def rows(self) -> Path:
        return self.folder / "rows.parquet"


@dataclass(frozen=True)
class QualityStage(Stage):
    """A row for each test utterance: how far the triggered one is from the clean one by one metric."""

    metric: Metric
    triggered: TriggeredStage
    limit: int | None

    stage: ClassVar[str] = "quality"

    @property
    def name(self) -> str:
        return f"{kind_of(self.metric)}-{self.triggered.name}"

    @property
    def rows(self) -> Path:
        return self.folder / "rows.parquet"


@dataclass(frozen=True)
class SeedScores:
    """What one seed adds to a row of a table."""

    clean: ScoreStage
    triggered: ScoreStage
    poisoned: PoisonedStage


@dataclass(frozen=True)
class TableRow:
    """One configuration, by the user's names, and the results that it is reduced from."""

    names: Mapping[str, str]
    target: str
    seeds: tuple[SeedScores, ...]
    quality: Mapping[str, QualityStage]


@dataclass(frozen=True)
class TableStage:
    """The table of one experiment."""

    code: str
    experiment: str
    rows: tuple[TableRow, ...]

    @property
    def inputs(self) -> list[Path]:
        """Every file that the table is made from, once, in the order of the rows."""
        paths: dict[Path, None] = {}
        for row in self.rows:
            for seed in row.seeds:
                paths |= dict.fromkeys((seed.clean.rows, seed.triggered.rows, seed.poisoned.manifest))
            paths |= dict.fromkeys(quality.rows for quality in row.quality.values())
        return list(paths)

    @property
    def specification(self) -> str:
        """The rows as canonical JSON, each result by its path."""
        rows = [
            {
                **row.names,
                "target": row.target,
                "results": [
                    {
                        "clean": str(seed.clean.rows),
                        "triggered": str(seed.triggered.rows),
                        "manifest": str(seed.poisoned.manifest),
                    }
                    for seed in row.seeds
                ],
                "quality": {metric: str(quality.rows) for metric, quality in row.quality.items()},
            }
            for row in self.rows
        ]
        return json.dumps({"stage": "tables", "code": self.code, "rows": rows}, sort_keys=True)


class Plan:
    """Everything that a configuration asks for.

    ``stages[stage][key]`` is the specification of a folder ``results/{stage}/{key}``; ``tables`` are by experiment.
    """

    def __init__(self, tables: Iterable[TableStage]) -> None:
        self.tables = {table.experiment: table for table in tables}
        self.stages: dict[str, dict[str, Stage]] = {}
        for table in self.tables.values():
            for row in table.rows:
                for seed in row.seeds:
                    for stage in (seed.clean, seed.triggered, seed.poisoned):
                        self._add(stage)
                for quality in row.quality.values():
                    self._add(quality)

    def _add(self, stage: Stage) -> None:
        known = self.stages.setdefault(stage.stage, {})
        if stage.key not in known:
            known[stage.key] = stage
            for upstream in stage.upstream:
                self._add(upstream)
        elif known[stage.key].specification != stage.specification:
            raise RuntimeError(f"two specifications share the name {stage.key}: lengthen the identity")


# What the code of a stage's rule is: the name of its workflow script and the plug-ins that it calls.
CodeHash = Callable[[str, Sequence[Plugin]], str]


def plan(configuration: Configuration, code: CodeHash = lambda script, plugins: "") -> Plan:
    """Expand the experiments of a configuration.

    Args:
        configuration: validated.
        code: hash of the code that a workflow script and the plug-ins it calls reach.
    """
    expander = _Expander(configuration, code)
    return Plan(expander.table(name, experiment) for name, experiment in configuration.experiments.items())


@dataclass(frozen=True)
class _Poisoning:
    """A column's worth of how training data are poisoned."""

    labels: str
    rate: float

    @property
    def name(self) -> str:
        return "none" if self.labels == "none" else f"{self.labels}-{self.rate:g}"


class _Expander:
    """Makes stages from entries; equal stages are equal dataclasses, so work is shared by itself."""

    def __init__(self, configuration: Configuration, code: CodeHash) -> None:
        self.entries = configuration.entries
        self.code = code

    def table(self, name: str, experiment: Experiment) -> TableStage:
        rows = tuple(self._rows(name, experiment))
        return TableStage(self.code("tables", ()), name, rows)

    def _rows(self, name: str, experiment: Experiment) -> Iterator[TableRow]:
        grid = product(experiment.triggers, experiment.victims, experiment.defences)
        for trigger, victim, defence in grid:
            for poisoning in self._poisonings(experiment, trigger):
                names = {
                    "experiment": name,
                    "corpus": experiment.corpus,
                    "trigger": trigger,
                    "poisoning": poisoning.name,
                    "victim": victim,
                    "defence": defence,
                }
                seeds = tuple(
                    self._seed(experiment, trigger, poisoning, victim, defence, seed) for seed in experiment.seeds
                )
                yield TableRow(names, experiment.target, seeds, self._qualities(experiment, trigger))

    def _poisonings(self, experiment: Experiment, trigger: str) -> list[_Poisoning]:
        if self._trigger(trigger).is_identity:
            return [_Poisoning("none", 0.0)]
        return [
            poisoning
            for labels in experiment.labels
            for poisoning in (
                [_Poisoning("none", 0.0)]
                if labels == "none"
                else [_Poisoning(labels, rate) for rate in experiment.rates]
            )
        ]

    def _seed(
        self, experiment: Experiment, trigger: str, poisoning: _Poisoning, victim: str, defence: str, seed: int
    ) -> SeedScores:
        corpus = self.corpus(experiment.corpus)
        model = self._victim(experiment, corpus, trigger, poisoning, victim, seed)
        clean: AudioStage = corpus
        triggered = corpus if self._trigger(trigger).is_identity else self._test(corpus, trigger)
        log_mel = model.victim.log_mel
        clean_scores, triggered_scores = (
            self._scores(model, self._features(self._defended(audio, defence), log_mel), experiment.target)
            for audio in (clean, triggered)
        )
        return SeedScores(clean_scores, triggered_scores, model.poisoned)

    @cache
    def _victim(
        self, experiment: Experiment, corpus: CorpusStage, trigger: str, poisoning: _Poisoning, victim: str, seed: int
    ) -> VictimStage:
        plugin = self.entries["victims"][victim]
        assert isinstance(plugin, Victim)
        poisoned = self._poisoned(experiment, corpus, trigger, poisoning, seed)
        return VictimStage(
            self.code("victims", (plugin,)),
            plugin,
            poisoned,
            self._features(corpus, plugin.log_mel),
            tuple(self._features(block, plugin.log_mel) for block in poisoned.blocks),
            seed,
        )

    def _poisoned(
        self, experiment: Experiment, corpus: CorpusStage, trigger: str, poisoning: _Poisoning, seed: int
    ) -> PoisonedStage:
        code = self.code("poisoned", ())
        if poisoning.labels == "none":
            return PoisonedStage(code, corpus, (), None, "", "none", 0.0, 0)
        blocks = tuple(
            self._triggered(corpus, trigger, PoisonBlock(experiment.target, experiment.candidates, seed, block))
            for block in blocks_for(poisoning.rate)
        )
        return PoisonedStage(
            code, corpus, blocks, experiment.target, experiment.candidates, poisoning.labels, poisoning.rate, seed
        )

    def _trigger(self, name: str) -> Trigger:
        plugin = self.entries["triggers"][name]
        assert isinstance(plugin, Trigger)
        return plugin

    def _test(self, corpus: CorpusStage, trigger: str) -> TriggeredStage:
        return self._triggered(corpus, trigger, None)

    @cache
    def _triggered(self, corpus: CorpusStage, name: str, block: PoisonBlock | None) -> TriggeredStage:
        trigger = self._trigger(name)
        watermarks = {
            field: self.watermark(entry) for field, (room, entry) in trigger.references.items() if room == "watermarks"
        }
        # The name of an entry is in no identity: what it names takes its place.
        trigger = trigger.model_copy(update={field: watermark.key for field, watermark in watermarks.items()})
        watermark = next(iter(watermarks.values()), None)
        used: list[Plugin] = [trigger] if watermark is None else [trigger, watermark.watermark]
        return TriggeredStage(self.code("triggered", used), corpus, trigger, watermark, block)

    @cache
    def _defended(self, audio: AudioStage, name: str) -> AudioStage:
        defence = self.entries["defences"][name]
        assert isinstance(defence, Defence)
        if defence.is_identity:
            return audio
        return DefendedStage(self.code("defended", (defence,)), audio, defence)

    @cache
    def _features(self, audio: AudioStage, log_mel: LogMel) -> FeatureStage:
        return FeatureStage(self.code("features", ()), audio, log_mel)

    def _scores(self, model: VictimStage, features: FeatureStage, target: str) -> ScoreStage:
        return ScoreStage(self.code("scores", (model.victim,)), model, features, target)

    def _qualities(self, experiment: Experiment, trigger: str) -> dict[str, QualityStage]:
        if self._trigger(trigger).is_identity:
            return {}
        triggered = self._test(self.corpus(experiment.corpus), trigger)
        found = {}
        for name in experiment.metrics:
            metric = self.entries["metrics"][name]
            assert isinstance(metric, Metric)
            code = self.code("quality", (metric,))
            found[name] = QualityStage(code, metric, triggered, experiment.quality_utterances)
        return found

    @cache
    def corpus(self, name: str) -> CorpusStage:
        corpus = self.entries["corpora"][name]
        assert isinstance(corpus, Corpus)
        return CorpusStage(self.code("corpora", (corpus,)), corpus, corpus.fingerprint())

    @cache
    def watermark(self, name: str) -> WatermarkStage:
        watermark = self.entries["watermarks"][name]
        assert isinstance(watermark, Watermark)
        return WatermarkStage(self.code("watermarks", (watermark,)), watermark)
