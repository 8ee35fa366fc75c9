"""From entries of the configuration to stages; equal stages are equal dataclasses, so that they share one result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import ClassVar, Protocol

from sanguinaria.adversaries import Adversary
from sanguinaria.conversions import Conversion
from sanguinaria.core.columns import Columns
from sanguinaria.core.plugins import Plugin, as_settings
from sanguinaria.core.references import Reference
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.front_ends import FrontEnd
from sanguinaria.metrics import Metric
from sanguinaria.plan.evaluation import Cell, ComparedTable, Evaluation
from sanguinaria.plan.sections.comparison import Comparison
from sanguinaria.plan.sections.verification import Trials
from sanguinaria.plan.stages.attacks import AttackedStage, Encoder, PurifierStage, TrialsStage
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.defended import DefendedStage, RepairedStage
from sanguinaria.plan.stages.marked import MarkedStage
from sanguinaria.plan.stages.scores import QualityStage
from sanguinaria.plan.stages.speech import SpeechStage
from sanguinaria.plan.stages.stage import AudioStage, Stage
from sanguinaria.plan.stages.texts import TextStage
from sanguinaria.plan.stages.triggered import ConvertedStage, DetectionStage, TriggeredStage
from sanguinaria.plan.stages.victims import FeatureStage, PoisonedStage, VictimStage
from sanguinaria.plan.stages.watermarks import WatermarkStage
from sanguinaria.purifiers import Purifier, TrainingAttack
from sanguinaria.steps.poisoning.blocks import PoisonBlock
from sanguinaria.texts import TextExtractor
from sanguinaria.triggers import Trigger
from sanguinaria.triggers._target_speech import TargetSpeechTrigger
from sanguinaria.victims import Victim
from sanguinaria.victims._encoders import SpeakerEncoderVictim
from sanguinaria.watermarks import Watermark

# The rooms whose entries have no stage of their own: their settings are part of the stage that they are used in.
WITHIN_OTHERS = ("distortions", "conversions", "embedders")

# Those that another stage is made of, which is upstream: nothing of them is in what refers to them.
OF_UPSTREAM = ("texts", "victims", "adversaries")


class Made(Protocol):
    """A stage, a table or a figure: whatever a rule makes."""

    rules: ClassVar[tuple[str, ...]]


class CodeHash(Protocol):
    """Hashes the code of a result: of the rules that make it, the plug-ins that they call, and further modules."""

    def __call__(self, made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = (), /) -> str: ...


@dataclass
class _Resolved:
    """An entry that refers to stages and settings rather than to names, and those stages."""

    plugin: Plugin
    corpus: CorpusStage | None = None
    watermark: WatermarkStage | None = None
    purifier: PurifierStage | None = None


class Expander:
    """Makes the stages of entries.

    ``names`` has entries in the form in which stages have them, with their names, where that form is another.
    """

    def __init__(self, entries: Mapping[str, Mapping[str, Plugin]], code: CodeHash) -> None:
        self.entries = entries
        self.code = code
        self.names: list[tuple[Plugin, str]] = []

    @cache
    def victim(self, poisoned: PoisonedStage, victim: str, seed: int) -> VictimStage:
        plugin = self._resolved("victims", victim).plugin
        assert isinstance(plugin, Victim)
        return VictimStage(
            self.code(VictimStage, (plugin, *self.parts(self.entries["victims"][victim]))),
            plugin,
            poisoned,
            self.features(poisoned.corpus, plugin.front_end),
            tuple(self.features(block, plugin.front_end) for block in poisoned.blocks),
            tuple(self.features(block, plugin.front_end) for block in poisoned.cover_blocks),
            seed,
        )

    def unpoisoned(self, corpus: CorpusStage) -> PoisonedStage:
        return PoisonedStage(self.code(PoisonedStage, ()), corpus, (), (), None, "", "none", 0.0, 0)

    @cache
    def encoder(self, name: str, corpus: CorpusStage, seed: int) -> Encoder:
        """A speaker encoder, trained on the unpoisoned corpus unless it is pretrained."""
        plugin = self._resolved("victims", name).plugin
        assert isinstance(plugin, Victim) and isinstance(plugin, SpeakerEncoderVictim)
        return Encoder(plugin, None if plugin.is_pretrained else self.victim(self.unpoisoned(corpus), name, seed))

    def adversary(self, name: str) -> Adversary:
        plugin = self.entries["adversaries"][name]
        assert isinstance(plugin, Adversary)
        return plugin

    def attacked(
        self, trials: TrialsStage, encoder: Encoder, adversary: Adversary, defence: str | None, seed: int
    ) -> AttackedStage:
        """Attacked audio of trials; ``defence`` is the entry that the adversary attacks through, if there is one."""
        adversary = adversary.non_adaptive if defence is None else adversary
        plugins = [adversary, *([encoder.victim] if adversary.attacks_encoder else []), *self.input_plugins(defence)]
        return AttackedStage(
            self.code(AttackedStage, plugins),
            trials,
            adversary,
            encoder.victim if adversary.attacks_encoder else None,
            encoder.model if adversary.attacks_encoder else None,
            None if defence is None else self.resolved_defence(defence),
            None if defence is None else self.purifier_of(defence),
            None if defence is None else self.text_of(self.entries["defences"][defence], trials.corpus),
            # Nothing of an attack that follows gradients is random, so that seeds of a pretrained encoder share it.
            0 if adversary.attacks_encoder else seed,
        )

    def _attacked_training(self, attack: TrainingAttack, corpus: CorpusStage) -> AttackedStage:
        """Attacked training utterances of a corpus; the encoder is trained on the corpus, unless it is pretrained."""
        trials = TrialsStage(self.code(TrialsStage, ()), corpus, Trials(count=attack.trials), "", "train")
        # Pairs are read by the test side; which side is attacked makes no difference to the training.
        adversary = self.adversary(attack.adversary).model_copy(update={"side": "test"})
        return self.attacked(trials, self.encoder(attack.encoder, corpus, 0), adversary, None, 0)

    def trigger(self, name: str) -> Trigger:
        plugin = self.entries["triggers"][name]
        assert isinstance(plugin, Trigger)
        return plugin

    @cache
    def _resolved(self, room: str, name: str, reseeded: int = 0) -> _Resolved:
        """Resolve an entry: its references to names become those of a specification, as no name is in an identity.

        ``reseeded`` is added to its seed, and to that of the entry that it is fine-tuned from.
        """
        plugin = self.entries[room][name]
        if reseeded and isinstance(seed := getattr(plugin, "seed", None), int):
            plugin = plugin.model_copy(update={"seed": seed + reseeded})
        entry = _Resolved(plugin)
        resolved: dict[str, Reference | tuple[Reference, ...]] = {}
        for field, references in plugin.references.items():
            if isinstance(references, Reference):
                resolved[field] = self._resolved_reference(entry, references, reseeded)
            elif all(reference.room in WITHIN_OTHERS for reference in references):
                entries = (self.entries[reference.room][reference.name] for reference in references)
                resolved[field] = tuple(map(as_settings, entries))
            else:
                raise TypeError(f"{field}: a list of entries with a stage, but a stage has one upstream of each kind")
        entry.plugin = plugin.model_copy(update=resolved)
        self.names.append((entry.plugin, name))
        return entry

    def _resolved_reference(self, entry: _Resolved, reference: Reference, reseeded: int) -> Reference:
        """A reference as a specification has it; the stage that it names becomes part of ``entry``."""
        room, name = reference.room, reference.name
        if room in WITHIN_OTHERS:
            return as_settings(self.entries[room][name])
        if room in OF_UPSTREAM:
            return Reference(room)
        stage: CorpusStage | WatermarkStage | PurifierStage
        if room == "corpora":
            stage = entry.corpus = self.corpus(name)
        elif room == "purifiers":
            stage = entry.purifier = self.purifier(name)
        else:
            stage = entry.watermark = self.watermark(name, reseeded)
        return Reference(room, result=stage.key)

    def parts(self, plugin: Plugin) -> list[Plugin]:
        """The entries that an entry refers to and that have no stage of their own."""
        return [self.entries[room][entry] for _, room, entry in plugin.referenced_entries if room in WITHIN_OTHERS]

    def _called(self, plugin: Plugin) -> list[Plugin]:
        """The entries that an entry's stage calls or loads, whose code is part of the stage's."""
        called: list[Plugin] = []
        for _, room, name in plugin.referenced_entries:
            entry = self.entries[room][name]
            if room in WITHIN_OTHERS:
                called.append(entry)
            elif room == "purifiers":
                called += [entry, *self._called(entry)]
        return called

    def has_trained_generator(self, trigger: str) -> bool:
        """Whether a trigger's mark is of a generator that is trained here, so that another seed is another mark."""
        watermark = self._resolved("triggers", trigger).watermark
        return watermark is not None and watermark.corpus is not None

    def _of_generator(self, trigger: str, generator: int) -> _Resolved:
        return self._resolved("triggers", trigger, generator if self.has_trained_generator(trigger) else 0)

    @cache
    def triggered(
        self, corpus: CorpusStage, name: str, block: PoisonBlock | None, generator: int = 0
    ) -> TriggeredStage:
        """Triggered audio; a ``generator`` above 0 is another training of the trigger's generator, if it is trained."""
        resolved = self._of_generator(name, generator)
        trigger, watermark = resolved.plugin, resolved.watermark
        assert isinstance(trigger, Trigger)
        code = self._marking_code(TriggeredStage, name)
        if not isinstance(trigger, TargetSpeechTrigger):
            return TriggeredStage(code, corpus, trigger, watermark, block)
        source = "-".join(
            part.fingerprint() for part in self._called(self.trigger(name)) if isinstance(part, Conversion)
        )
        return ConvertedStage(code, corpus, trigger, watermark, block, self._speech(trigger, resolved.corpus), source)

    def _speech(self, trigger: TargetSpeechTrigger, corpus: CorpusStage | None) -> SpeechStage:
        return SpeechStage(
            self.code(SpeechStage, ()),
            corpus,
            None if trigger.file is None else str(trigger.file),
            trigger.file_fingerprint(),
            trigger.utterance,
            trigger.speaker,
            trigger.split,
            trigger.seconds,
            trigger.skip,
        )

    @cache
    def detection(self, name: str, audio: AudioStage, generator: int = 0) -> DetectionStage:
        resolved = self._of_generator(name, generator)
        trigger, watermark = resolved.plugin, resolved.watermark
        assert isinstance(trigger, Trigger)
        code = self._marking_code(DetectionStage, name)
        self.names.append((trigger.for_detection(), name))
        return DetectionStage(code, trigger.for_detection(), watermark, audio)

    def _marking_code(self, made: type[Stage], name: str) -> str:
        resolved = self._resolved("triggers", name)
        plugins = [] if resolved.watermark is None else resolved.watermark.plugins
        return self.code(made, [resolved.plugin, *plugins, *self._called(self.trigger(name))])

    def _defence(self, name: str) -> Defence:
        plugin = self.entries["defences"][name]
        assert isinstance(plugin, Defence)
        return plugin

    @cache
    def defended(self, audio: AudioStage, name: str) -> AudioStage:
        defence = self._defence(name)
        if defence.is_identity or defence.acts_on != "input":
            return audio
        code = self.code(DefendedStage, self.input_plugins(name))
        text = self.text_of(defence, audio)
        return DefendedStage(code, audio, self.resolved_defence(name), self.purifier_of(name), text)

    def text_of(
        self, plugin: Plugin, audio: AudioStage, splits: Mapping[str, int] = MappingProxyType({})
    ) -> TextStage | None:
        """The texts of audio, by the entry of `texts` that a plug-in refers to; ``None`` where it refers to none.

        ``splits`` of a corpus have a largest number of utterances each; without, all texts of the test split are made.
        """
        if not isinstance(reference := plugin.references.get("text"), Reference):
            return None
        text = self.entries["texts"][reference.name]
        assert isinstance(text, TextExtractor)
        return TextStage(self.code(TextStage, (text,)), text, audio, tuple(splits) or ("test",), tuple(splits.values()))

    def purifier_of(self, defence: str) -> PurifierStage | None:
        """The purifier that a defence refers to, if any."""
        return self._resolved("defences", defence).purifier

    def resolved_defence(self, name: str) -> Defence:
        """A defence of the input with resolved references."""
        resolved = self._resolved("defences", name).plugin
        assert isinstance(resolved, Defence)
        return resolved

    def input_plugins(self, name: str | None) -> list[Plugin]:
        """The plug-ins whose code a defence of the input consists of; none without a defence."""
        return [] if name is None else [self._defence(name), *self._called(self._defence(name))]

    @cache
    def repaired(self, victim: VictimStage, name: str, defences: tuple[str, ...]) -> RepairedStage | None:
        """The models after a defence of the model; ``None`` where the defence is none.

        ``defences`` are all of the table's: those that differ in their epochs of fine-tuning alone are one training, so
        that its identity depends on the configuration of the table, and on no other table or command line.
        """
        if self._leaves_model(name):
            return None
        defence, epochs = self._fine_tuning(name, defences)
        held_out = victim.clean_features if defence.needs_held_out else None
        return RepairedStage(self.code(RepairedStage, (defence, victim.victim)), defence, epochs, victim, held_out)

    @cache
    def _fine_tuning(self, name: str, defences: tuple[str, ...]) -> tuple[Defence, tuple[int, ...]]:
        """Of the defences that differ from one in their epochs alone the longest, and the epochs of all, ascending."""
        defence = self._defence(name)
        lengths = (self._defence(other) for other in defences if not self._leaves_model(other))
        epochs = {other.fine_tuning_epochs for other in lengths if other.with_epochs(0) == defence.with_epochs(0)}
        self.names.append((defence.with_epochs(max(epochs)), name))
        return defence.with_epochs(max(epochs)), tuple(sorted(epochs))

    def _leaves_model(self, name: str) -> bool:
        return self._defence(name).is_identity or self._defence(name).acts_on != "model"

    def fine_tuning_epochs(self, name: str) -> int:
        """The epochs that a defence fine-tunes for."""
        return self._defence(name).fine_tuning_epochs

    @cache
    def features(self, audio: AudioStage, front_end: FrontEnd) -> FeatureStage:
        return FeatureStage(self.code(FeatureStage, (front_end,)), audio, front_end)

    def metric(self, name: str) -> Metric:
        plugin = self.entries["metrics"][name]
        assert isinstance(plugin, Metric)
        return plugin

    def column_name(self, metric: str) -> str:
        """The column of a metric in tables."""
        return self.metric(metric).column_name(metric)

    def columns(self, metrics: Iterable[str]) -> Columns:
        """How tables show metrics, by column."""
        return Columns({self.column_name(name): self.metric(name).column(name) for name in metrics})

    def measured(self, metric: Metric) -> Metric:
        """A metric without the settings that change no value: its bound, and how many utterances it scores."""
        return metric.model_copy(update={"stealthy": None, "utterances": None})

    def limit(self, metric: Metric, utterances: int | None) -> int | None:
        """The number of utterances that a metric scores at most, where a table limits their number, too."""
        return min((count for count in (utterances, metric.utterances) if count is not None), default=None)

    def stealth_bounds(self) -> dict[str, dict[str, object]]:
        """By column, the values that a metric calls stealthy, of all metrics of the configuration: a metric that an
        experiment does not measure cannot agree."""
        metrics = {name: self.metric(name) for name in self.entries["metrics"]}
        return {
            self.column_name(name): {"better": metric.better, "value": metric.stealthy}
            for name, metric in metrics.items()
            if metric.stealthy is not None
        }

    def quality(
        self, metric: Metric, triggered: TriggeredStage | MarkedStage | CorpusStage, limit: int | None
    ) -> QualityStage:
        code = self.code(QualityStage, (metric,))
        return QualityStage(code, self.measured(metric), triggered, self.limit(metric, limit))

    def evaluation(
        self,
        kind: str,
        name: str,
        cells: tuple[Cell, ...],
        columns: Columns,
        comparison: Comparison | None,
        settings: Mapping[str, object] = MappingProxyType({}),
    ) -> Evaluation:
        """The table of an entry of the section ``kind``."""
        compared = None
        if comparison is not None:
            code = self.code(ComparedTable, ())
            compared = ComparedTable(code=code, kind=kind, columns=columns, comparison=comparison)
        return Evaluation(
            code=self.code(Evaluation, (), (f"sanguinaria.reports.{kind}",)),
            kind=kind,
            name=name,
            cells=cells,
            columns=columns,
            settings=settings,
            compared=compared,
        )

    @cache
    def corpus(self, name: str) -> CorpusStage:
        corpus = self.entries["corpora"][name]
        assert isinstance(corpus, Corpus)
        return CorpusStage(self.code(CorpusStage, (corpus,)), corpus, corpus.fingerprint())

    @cache
    def watermark(self, name: str, reseeded: int = 0) -> WatermarkStage:
        """A watermark's weights; a ``reseeded`` above 0 is a training with another seed."""
        configured = self.entries["watermarks"][name]
        resolved = self._resolved("watermarks", name, reseeded)
        watermark, corpus, base = resolved.plugin, resolved.corpus, resolved.watermark
        assert isinstance(configured, Watermark) and isinstance(watermark, Watermark)
        code = self.code(
            WatermarkStage, [watermark, *([] if base is None else base.plugins), *self._called(configured)]
        )
        return WatermarkStage(code, watermark, configured.fingerprint(), corpus, base)

    @cache
    def purifier(self, name: str) -> PurifierStage:
        configured = self.entries["purifiers"][name]
        resolved = self._resolved("purifiers", name)
        assert isinstance(configured, Purifier) and isinstance(resolved.plugin, Purifier)
        code = self.code(PurifierStage, [configured, *self._called(configured)])
        if (corpus := resolved.corpus) is None:
            return PurifierStage(code, resolved.plugin, None)
        training_texts, attacked = [self.text_of(configured, corpus, configured.training_utterances)], None
        if configured.training_attack is not None:
            attacked = self._attacked_training(configured.training_attack, corpus)
            training_texts.append(self.text_of(configured, attacked))
        texts = tuple(text for text in training_texts if text is not None)
        return PurifierStage(code, resolved.plugin, corpus, attacked, texts)
