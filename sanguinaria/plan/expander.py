"""From entries of the configuration to stages: equal stages are equal dataclasses, so that work is shared by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sanguinaria.conversions import Conversion
from sanguinaria.core.plugins import Plugin
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.distortions import to_text
from sanguinaria.front_ends import FrontEnd
from sanguinaria.metrics import Metric
from sanguinaria.plan.stages.benchmarks import MarkedStage
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.defended import DefendedStage, RepairedStage
from sanguinaria.plan.stages.purifiers import PurifierStage
from sanguinaria.plan.stages.scores import QualityStage
from sanguinaria.plan.stages.speech import SpeechStage
from sanguinaria.plan.stages.stage import AudioStage
from sanguinaria.plan.stages.texts import TextStage
from sanguinaria.plan.stages.triggered import ConvertedStage, DetectionStage, TriggeredStage
from sanguinaria.plan.stages.victims import FeatureStage, PoisonedStage, VictimStage
from sanguinaria.plan.stages.watermarks import WatermarkStage
from sanguinaria.plan.verifications import attacked_training
from sanguinaria.purifiers import Purifier
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

# What the code of a stage's rule is: the name of its workflow script and the plug-ins that it calls.
CodeHash = Callable[[str, Sequence[Plugin]], str]


@dataclass
class _Resolved:
    """An entry that refers to stages and settings rather than to names, and those stages."""

    plugin: Plugin
    corpus: CorpusStage | None = None
    watermark: WatermarkStage | None = None
    purifier: PurifierStage | None = None


class Expander:
    """Makes stages from entries; equal stages are equal dataclasses, so work is shared by itself."""

    def __init__(self, entries: Mapping[str, Mapping[str, Plugin]], code: CodeHash) -> None:
        self.entries = entries
        self.code = code

    @cache
    def victim(self, poisoned: PoisonedStage, victim: str, seed: int) -> VictimStage:
        plugin = self._resolved("victims", victim).plugin
        assert isinstance(plugin, Victim)
        return VictimStage(
            self.code("victims", (plugin, *self.parts(self.entries["victims"][victim]))),
            plugin,
            poisoned,
            self.features(poisoned.corpus, plugin.front_end),
            tuple(self.features(block, plugin.front_end) for block in poisoned.blocks),
            tuple(self.features(block, plugin.front_end) for block in poisoned.cover_blocks),
            seed,
        )

    def unpoisoned(self, corpus: CorpusStage) -> PoisonedStage:
        return PoisonedStage(self.code("poisoned", ()), corpus, (), (), None, "", "none", 0.0, 0)

    def encoder(self, name: str, corpus: CorpusStage, seed: int) -> tuple[Victim, VictimStage | None]:
        """A speaker encoder, and its training on a corpus as it is, if it is not pretrained."""
        plugin = self._resolved("victims", name).plugin
        assert isinstance(plugin, Victim) and isinstance(plugin, SpeakerEncoderVictim)
        return plugin, None if plugin.is_pretrained else self.victim(self.unpoisoned(corpus), name, seed)

    def trigger(self, name: str) -> Trigger:
        plugin = self.entries["triggers"][name]
        assert isinstance(plugin, Trigger)
        return plugin

    @cache
    def _resolved(self, room: str, name: str, reseeded: int = 0) -> _Resolved:
        """An entry, with what it refers to in place of the names: the name of an entry is in no identity. What is
        trained, and what it is fine-tuned from, has ``reseeded`` added to its seed."""
        plugin = self.entries[room][name]
        if reseeded and isinstance(seed := getattr(plugin, "seed", None), int):
            plugin = plugin.model_copy(update={"seed": seed + reseeded})
        found = _Resolved(plugin)
        keys: dict[str, str | tuple[str, ...]] = {}
        for field, (referenced, entry) in plugin.references.items():
            if referenced in WITHIN_OTHERS:
                settings = self.entries[referenced]
                if isinstance(entry, str):
                    keys[field] = to_text(settings[entry])
                else:
                    keys[field] = tuple(to_text(settings[name]) for name in entry)
            elif not isinstance(entry, str):
                raise TypeError(f"{field}: a list of {referenced}, but a stage has one upstream of each kind")
            elif referenced == "corpora":
                found.corpus = self.corpus(entry)
                keys[field] = found.corpus.key
            elif referenced == "purifiers":
                found.purifier = self.purifier(entry)
                keys[field] = found.purifier.key
            elif referenced in OF_UPSTREAM:
                keys[field] = ""
            else:
                found.watermark = self.watermark(entry, reseeded)
                keys[field] = found.watermark.key
        found.plugin = plugin.model_copy(update=keys)
        return found

    def parts(self, plugin: Plugin) -> list[Plugin]:
        """What an entry refers to that has no stage of its own."""
        return [self.entries[room][entry] for _, room, entry in plugin.referenced_entries if room in WITHIN_OTHERS]

    def _called(self, plugin: Plugin) -> list[Plugin]:
        """What an entry refers to that works within its stage, or is loaded there: code of it is the stage's, too."""
        called: list[Plugin] = []
        for _, room, name in plugin.referenced_entries:
            entry = self.entries[room][name]
            if room in WITHIN_OTHERS:
                called.append(entry)
            elif room == "purifiers":
                called += [entry, *self._called(entry)]
        return called

    @cache
    def triggered(self, corpus: CorpusStage, name: str, block: PoisonBlock | None) -> TriggeredStage:
        resolved = self._resolved("triggers", name)
        trigger, watermark = resolved.plugin, resolved.watermark
        assert isinstance(trigger, Trigger)
        code = self._marking_code("triggered", name)
        if not isinstance(trigger, TargetSpeechTrigger):
            return TriggeredStage(code, corpus, trigger, watermark, block)
        source = "-".join(
            part.fingerprint() for part in self._called(self.trigger(name)) if isinstance(part, Conversion)
        )
        return ConvertedStage(code, corpus, trigger, watermark, block, self._speech(trigger, resolved.corpus), source)

    def _speech(self, trigger: TargetSpeechTrigger, corpus: CorpusStage | None) -> SpeechStage:
        return SpeechStage(
            self.code("speech", ()),
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
    def detection(self, name: str, audio: AudioStage) -> DetectionStage:
        resolved = self._resolved("triggers", name)
        trigger, watermark = resolved.plugin, resolved.watermark
        assert isinstance(trigger, Trigger)
        code = self._marking_code("detections", name)
        return DetectionStage(code, trigger.for_detection(), watermark, audio)

    def _marking_code(self, script: str, name: str) -> str:
        resolved = self._resolved("triggers", name)
        plugins = [] if resolved.watermark is None else resolved.watermark.plugins
        return self.code(script, [resolved.plugin, *plugins, *self._called(self.trigger(name))])

    def _defence(self, name: str) -> Defence:
        plugin = self.entries["defences"][name]
        assert isinstance(plugin, Defence)
        return plugin

    @cache
    def defended(self, audio: AudioStage, name: str) -> AudioStage:
        defence = self._defence(name)
        if defence.is_identity or defence.acts_on != "input":
            return audio
        code = self.code("defended_audio", self.input_plugins(name))
        text = self.text_of(defence, audio, "test")
        return DefendedStage(code, audio, self.resolved_defence(name), self.purifier_of(name), text)

    def text_of(self, plugin: Plugin, audio: AudioStage, *splits: str) -> TextStage | None:
        """What is said in audio, by the entry of `texts` that a plug-in refers to, if it does."""
        if (reference := plugin.references.get("text")) is None:
            return None
        text = self.entries["texts"][str(reference[1])]
        assert isinstance(text, TextExtractor)
        return TextStage(self.code("texts", (text,)), text, audio, splits)

    def purifier_of(self, defence: str) -> PurifierStage | None:
        """The purifier that a defence refers to, if any."""
        return self._resolved("defences", defence).purifier

    def resolved_defence(self, name: str) -> Defence:
        """A defence that acts on the input, with what it refers to in place of names."""
        resolved = self._resolved("defences", name).plugin
        assert isinstance(resolved, Defence)
        return resolved

    def input_plugins(self, name: str | None) -> list[Plugin]:
        """Those whose code a defence that acts on the input is; none for no defence."""
        return [] if name is None else [self._defence(name), *self._called(self._defence(name))]

    @cache
    def repaired(self, victim: VictimStage, name: str) -> VictimStage | RepairedStage:
        defence = self._defence(name)
        if defence.is_identity or defence.acts_on != "model":
            return victim
        code = self.code("defended_model", (defence, victim.victim))
        return RepairedStage(code, defence, victim, victim.clean_features if defence.needs_held_out else None)

    @cache
    def features(self, audio: AudioStage, front_end: FrontEnd) -> FeatureStage:
        return FeatureStage(self.code("features", (front_end,)), audio, front_end)

    def metric(self, name: str) -> Metric:
        plugin = self.entries["metrics"][name]
        assert isinstance(plugin, Metric)
        return plugin

    def quality(
        self, metric: Metric, triggered: TriggeredStage | MarkedStage | CorpusStage, limit: int | None
    ) -> QualityStage:
        # What a value is called does not change it.
        measured = metric.model_copy(update={"stealthy": None, "utterances": None})
        limits = [count for count in (limit, metric.utterances) if count is not None]
        return QualityStage(self.code("quality", (metric,)), measured, triggered, min(limits, default=None))

    @cache
    def corpus(self, name: str) -> CorpusStage:
        corpus = self.entries["corpora"][name]
        assert isinstance(corpus, Corpus)
        return CorpusStage(self.code("corpora", (corpus,)), corpus, corpus.fingerprint())

    @cache
    def watermark(self, name: str, reseeded: int = 0) -> WatermarkStage:
        """A watermark's weights, of the configured training or of another one."""
        configured = self.entries["watermarks"][name]
        resolved = self._resolved("watermarks", name, reseeded)
        watermark, corpus, base = resolved.plugin, resolved.corpus, resolved.watermark
        assert isinstance(configured, Watermark) and isinstance(watermark, Watermark)
        code = self.code("watermarks", [watermark, *([] if base is None else base.plugins), *self._called(configured)])
        return WatermarkStage(code, watermark, configured.fingerprint(), corpus, base)

    @cache
    def purifier(self, name: str) -> PurifierStage:
        configured = self.entries["purifiers"][name]
        resolved = self._resolved("purifiers", name)
        assert isinstance(configured, Purifier) and isinstance(resolved.plugin, Purifier)
        code = self.code("purifiers", [configured, *self._called(configured)])
        if (corpus := resolved.corpus) is None:
            return PurifierStage(code, resolved.plugin, None)
        heard, attacked = [self.text_of(configured, corpus, "train", "validation")], None
        if configured.training_attack is not None:
            attacked = attacked_training(self, configured.training_attack, corpus)
            heard.append(self.text_of(configured, attacked, "test"))
        texts = tuple(text for text in heard if text is not None)
        return PurifierStage(code, resolved.plugin, corpus, attacked, texts)
