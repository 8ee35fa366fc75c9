"""The work of a stage, from its specification: what is computed, how often, and over how much audio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

from sanguinaria.plan.cost.audio import corpus_of, scored, utterance_seconds, utterances
from sanguinaria.plan.cost.networks import gmac, is_counted
from sanguinaria.plan.cost.specifications import Specification

# Passes of a network in a training step, in multiples of a forward pass: one forwards, and two backwards.
TRAINING = 3
# Utterances in one pass of a network that scores, embeds, marks or purifies.
BATCH = 64
# Utterances of an efficiency measurement, each of which is marked and read so often.
EFFICIENCY_PASSES = 50


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the work of a stage.

    Attributes:
        rate: of the table of rates (:mod:`sanguinaria.plan.cost.rates`); its beginning, where it has no row of its own.
        units: in the rate's unit: 10⁹ multiply-accumulates, or seconds of audio, utterances, …
        passes: of a network, each of which has an overhead.
        precision: of a network's arithmetic.
    """

    rate: str
    units: float
    passes: float = 0.0
    precision: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of a stage.

    Attributes:
        kind: by which measured durations are compared with stated ones.
        parts: one after the other.
        gpu: whether its jobs request a GPU.
    """

    kind: str
    parts: tuple[Part, ...]
    gpu: bool = False


def work_of(stage: Specification) -> Work:
    """Return the work of all jobs of a stage.

    Args:
        stage: nested specification (:mod:`sanguinaria.plan.cost.specifications`).
    """
    return WORK[stage["stage"]](stage)


def _seconds(audio: Specification, split: str | None = None) -> float:
    return utterances(audio, split) * utterance_seconds(audio)


def _network(rate: str, gmac_per_second: float, seconds: float, *, passes: float, precision: str = "float32") -> Part:
    return Part(rate=rate, units=gmac_per_second * seconds, passes=passes, precision=precision)


def _precision(settings: Mapping[str, Any]) -> str:
    precision: str = settings.get("precision", "float32")
    return precision


def _corpora(stage: Specification) -> Work:
    kind = f"corpora/{stage['corpus']['kind']}"
    return Work(kind=kind, parts=(Part(rate=kind, units=_seconds(stage)),))


def _target_speech(stage: Specification) -> Work:
    return Work(kind="target_speech", parts=(Part(rate="target_speech", units=stage["seconds"]),))


def _triggered(stage: Specification) -> Work:
    trigger, seconds, count = stage["trigger"], _seconds(stage), utterances(stage)
    if stage["watermark"] is not None:
        return _marking("triggered", stage["watermark"], seconds, count)
    kind = f"triggered/{trigger['kind']}"
    conversion = trigger.get("conversion")
    if conversion is None:
        return Work(kind=kind, parts=(Part(rate=kind, units=seconds),))
    settings = conversion["settings"]
    rate = f"conversions/{settings['kind']}"
    if not is_counted("conversions", settings["kind"]):
        return Work(kind=rate, parts=(Part(rate=rate, units=seconds),))
    part = _network(rate, gmac("conversions", settings), seconds, passes=ceil(count / BATCH))
    return Work(kind=rate, parts=(part,), gpu=True)


def _marked(stage: Specification) -> Work:
    return _marking("marked", stage["watermark"], _seconds(stage), utterances(stage))


def _marking(stage: str, watermark: Specification, seconds: float, count: float, detection: bool = False) -> Work:
    """The work of embedding a watermark or of its detection."""
    kind = f"{stage}/{watermark['watermark']['kind']}"
    rate = f"watermarks/{watermark['watermark']['kind']}"
    size = marking_gmac(watermark, detection)
    parts = [Part(rate=f"{stage}/audio", units=seconds)]
    if size:
        precision = _precision(watermark["watermark"])
        parts.append(_network(rate, size, seconds, passes=ceil(count / BATCH), precision=precision))
    else:
        parts.append(Part(rate=f"{rate}/audio", units=seconds))
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def marking_gmac(watermark: Specification, detection: bool) -> float:
    """Return 10⁹ multiply-accumulates of embedding or detection for a second of audio.

    A network that is not its own plug-in's is that of the watermark that it is trained from.
    """
    settings, base = watermark["watermark"], watermark["base"]
    own = gmac("watermarks", settings, detection)
    if base is not None and (not own or not is_counted("watermarks", settings["kind"])):
        return marking_gmac(base, detection)
    return own


def _detections(stage: Specification) -> Work:
    count = (
        scored(stage["audio_stage"]) if stage["audio_stage"]["stage"] == "corpora" else utterances(stage["audio_stage"])
    )
    seconds = count * utterance_seconds(stage["audio_stage"])
    if stage["watermark"] is not None:
        return _marking("detections", stage["watermark"], seconds, count, detection=True)
    kind = f"detections/{stage['trigger']['kind']}"
    return Work(kind=kind, parts=(Part(rate=kind, units=seconds),))


def _features(stage: Specification) -> Work:
    kind = f"features/{stage['front_end']['kind']}"
    return Work(kind=kind, parts=(Part(rate=kind, units=_seconds(stage["audio_stage"])),))


def _poisoned(stage: Specification) -> Work:
    return Work(kind="poisoned", parts=(Part(rate="poisoned", units=utterances(stage["corpus"])),))


def _datasets(stage: Specification) -> Work:
    seconds = _seconds(stage["poisoned"]["corpus"], "train")
    return Work(kind="datasets", parts=(Part(rate="datasets", units=seconds),))


def _victims(stage: Specification) -> Work:
    victim, corpus = stage["victim"], stage["poisoned"]["corpus"]
    train, validation, duration = (
        utterances(corpus, "train"),
        utterances(corpus, "validation"),
        utterance_seconds(corpus),
    )
    kind = f"victims/{victim['kind']}"
    passes = victim["epochs"] * (ceil(train / victim["batch_size"]) + ceil(validation / BATCH) / TRAINING)
    seconds = victim["epochs"] * (TRAINING * train * _trained_seconds(victim, corpus) + validation * duration)
    parts = [_network(kind, gmac("victims", victim), seconds, passes=passes, precision=_precision(victim))]
    distorted = victim["epochs"] * train * duration * (1 - victim.get("undistorted_share", 0.0))
    parts += _distorted(victim.get("augmentations", ()), distorted)
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def _trained_seconds(victim: Mapping[str, Any], corpus: Specification) -> float:
    """Seconds of an utterance that a network is trained on; a hop's where it is one window of many."""
    if "window" in victim and "hop" in victim:
        return float(victim["hop"] / corpus["corpus"]["sample_rate"])
    return utterance_seconds(corpus)


def _distorted(distortions: Sequence[Mapping[str, Any]], seconds: float) -> list[Part]:
    """The work of distorting audio in training, by each of some distortions in turn."""
    kinds = [distortion["settings"]["kind"] for distortion in distortions]
    return [Part(rate=f"distortions/{kind}", units=seconds / len(kinds)) for kind in kinds]


def _trained(model: Specification) -> Specification:
    """The training of a model, which a defence may have repaired."""
    return model if model["stage"] == "victims" else _trained(model["victim"])


def _repaired(stage: Specification) -> Work:
    defence, model = stage["defence"], _trained(stage["victim"])
    kind = f"defended_model/{defence['kind']}"
    epochs = defence.get("fine_tune_epochs", defence.get("epochs", 0))
    if not epochs:
        return Work(kind=kind, parts=(Part(rate=kind, units=1),))
    corpus, victim = model["poisoned"]["corpus"], model["victim"]
    count = utterances(corpus, "validation")
    size = gmac("victims", victim) * (1 - defence.get("share", 0.0)) ** 2
    seconds = TRAINING * epochs * count * utterance_seconds(corpus)
    passes = epochs * ceil(count / defence["batch_size"])
    part = _network(f"victims/{victim['kind']}", size, seconds, passes=passes)
    return Work(kind=kind, parts=(Part(rate=kind, units=1), part), gpu=True)


def _defended(stage: Specification) -> Work:
    if "audio_stage" not in stage:
        return _repaired(stage)
    audio, defence = stage["audio_stage"], stage["defence"]
    count = utterances(stage)
    seconds = count * utterance_seconds(audio)
    if stage["purifier"] is None:
        kind = f"defended_audio/{defence['kind']}"
        settings = defence.get("distortion")
        rate = kind if settings is None else f"distortions/{settings['settings']['kind']}"
        return Work(kind=kind, parts=(Part(rate=rate, units=seconds),))
    purifier = stage["purifier"]["purifier"]
    kind = f"defended_audio/{purifier['kind']}"
    part = purification(purifier, defence, seconds, count)
    return Work(kind=kind, parts=(Part(rate="defended_audio/audio", units=seconds), part), gpu=True)


def purification(purifier: Mapping[str, Any], defence: Mapping[str, Any], seconds: float, count: float) -> Part:
    """Return the work of purifying audio.

    Args:
        purifier: its settings.
        defence: settings of the purification.
        seconds: of audio.
        count: of utterances.
    """
    steps = reverse_steps(purifier, defence)
    return _network(
        f"purifiers/{purifier['kind']}",
        gmac("purifiers", purifier),
        steps * seconds,
        passes=steps * ceil(count / BATCH),
        precision=_precision(purifier),
    )


def reverse_steps(purifier: Mapping[str, Any], defence: Mapping[str, Any]) -> int:
    """Return the number of reverse steps of a purification, each of which is one pass of the purifier's network."""
    from sanguinaria.core import plugins

    if not defence["reverse"]:
        return 0
    default = getattr(plugins.find("purifiers", purifier["kind"]), "default_sampling", None)
    steps, start = defence["steps"], defence["start"]
    if steps == "default" and default is not None:
        steps, start = default.steps, start or default.start
    return start or (purifier["diffusion_steps"] if isinstance(steps, str) else len(steps))


def _watermarks(stage: Specification) -> Work:
    settings = stage["watermark"]
    kind = f"watermarks/{settings['kind']}"
    loading = Part(rate="watermarks/load", units=1)
    if stage["corpus"] is None:
        return Work(kind="watermarks/load", parts=(loading,))
    steps = settings.get("steps", 0) + settings.get("detector_steps", 0)
    steps += settings.get("progressive_steps", 0) + settings.get("joint_steps", 0)
    seconds = steps * settings["batch_size"] * settings.get("crop", 1.0)
    size = marking_gmac(stage, False) + marking_gmac(stage, True)
    # A second mark on some utterances, a wrong key, and a discriminator or surrogate: half as much again.
    part = _network(kind, 1.5 * TRAINING * size, seconds, passes=steps, precision=_precision(settings))
    parts = [loading, part]
    parts += _distorted(settings.get("distortions", ()), seconds)
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def _purifiers(stage: Specification) -> Work:
    settings, kind = stage["purifier"], f"purifiers/{stage['purifier']['kind']}"
    steps = settings["steps"] + settings.get("pretraining", 0)
    seconds = TRAINING * steps * settings["batch_size"] * settings["crop"]
    precision = _precision(settings)
    part = _network(kind, gmac("purifiers", settings), seconds, passes=steps, precision=precision)
    return Work(kind=f"{kind}/training", parts=(part,), gpu=True)


def _texts(stage: Specification) -> Work:
    kind, audio = f"texts/{stage['text']['kind']}", stage["audio_stage"]
    is_corpus = audio["stage"] == "corpora"
    maxima = stage["maxima"] or [inf] * len(stage["splits"])
    counts = (min(utterances(audio, split), most) for split, most in zip(stage["splits"], maxima, strict=True))
    count = sum(counts) if is_corpus else utterances(audio)
    if not is_counted("texts", stage["text"]["kind"]):
        return Work(kind=kind, parts=(Part(rate=kind, units=count),))
    # For an utterance of any length, whose answer is generated token by token.
    part = _network(kind, gmac("texts", stage["text"]), count, passes=count, precision="bfloat16")
    return Work(kind=kind, parts=(part,), gpu=True)


def _trials(stage: Specification) -> Work:
    return Work(kind="trials", parts=(Part(rate="trials", units=stage["trials"]["count"]),))


def _attacked(stage: Specification) -> Work:
    adversary, audio = stage["adversary"], corpus_of(stage)
    kind, count = f"attacked/{adversary['kind']}", utterances(stage)
    seconds = count * utterance_seconds(audio)
    if stage["victim"] is None:
        return Work(kind=kind, parts=(Part(rate=kind, units=seconds),))
    draws = adversary["steps"] * (adversary["eot_samples"] if stage["defence"] is not None else 1)
    passes = draws * ceil(count / adversary["batch_size"])
    victim = f"victims/{stage['victim']['kind']}"
    size = gmac("victims", stage["victim"])
    parts = [_network(victim, TRAINING * size, draws * seconds, passes=passes, precision=_precision(adversary))]
    if stage["purifier"] is not None:
        purifier = purification(stage["purifier"]["purifier"], stage["defence"], draws * seconds, draws * count)
        # With gradient checkpointing, each reverse step is computed twice before its gradient.
        parts.append(_times(purifier, TRAINING + 1))
        kind += "/adaptive"
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def _times(part: Part, factor: float) -> Part:
    return Part(rate=part.rate, units=factor * part.units, passes=factor * part.passes, precision=part.precision)


def _embeddings(stage: Specification) -> Work:
    audio = stage["audio_stage"]
    count = scored(audio) if audio["stage"] == "corpora" else utterances(audio)
    kind = f"embeddings/{stage['victim']['kind']}"
    seconds = count * utterance_seconds(audio)
    size = gmac("victims", stage["victim"])
    part = _network(f"victims/{stage['victim']['kind']}", size, seconds, passes=ceil(count / BATCH))
    return Work(kind=kind, parts=(Part(rate="embeddings/audio", units=seconds), part), gpu=True)


def _trial_scores(stage: Specification) -> Work:
    return Work(kind="trial_scores", parts=(Part(rate="trial_scores", units=stage["trials"]["trials"]["count"]),))


def _scores(stage: Specification) -> Work:
    model = _trained(stage["victim"])
    sides = 1 if stage["triggered"] is None else 2
    audio = stage["clean"]["audio_stage"]
    kind = f"scores/{model['victim']['kind']}"
    count = sides * scored(audio)
    seconds, size = count * utterance_seconds(audio), gmac("victims", model["victim"])
    gpu = stage["clean"]["front_end"]["kind"] == "waveform"
    part = _network(f"victims/{model['victim']['kind']}", size, seconds, passes=ceil(count / BATCH) if gpu else 0)
    return Work(kind=kind, parts=(part,), gpu=gpu)


def _quality(stage: Specification) -> Work:
    audio = stage["triggered"]
    return _metric(
        stage, min(scored(audio) if audio["stage"] == "corpora" else utterances(audio), _limit(stage)), audio
    )


def _probe_quality(stage: Specification) -> Work:
    return _metric(stage, min(utterances(stage["audio_stage"]), _limit(stage)), stage["audio_stage"])


def _limit(stage: Specification) -> float:
    return float("inf") if stage["limit"] is None else float(stage["limit"])


def _metric(stage: Specification, count: float, audio: Specification) -> Work:
    metric = stage["metric"]
    kind = f"{stage['stage']}/{metric['kind']}"
    sides = 2 if metric.get("of") == "change" else 1
    seconds = sides * count * utterance_seconds(audio)
    return Work(kind=kind, parts=(Part(rate=f"metrics/{metric['kind']}", units=seconds),))


def _readings(stage: Specification) -> Work:
    audio = stage["audio_stage"]
    count = min(utterances(audio, stage["split"]) if audio["stage"] == "corpora" else utterances(audio), _limit(stage))
    seconds = count * utterance_seconds(audio)
    marking = _marking("readings", stage["watermark"], seconds, count, detection=True)
    repeats = len(stage["distortions"]) * len(stage["secrets"])
    parts = [_times(part, repeats) for part in marking.parts]
    for distortion in stage["distortions"]:
        parts.append(Part(rate=f"distortions/{distortion['kind']}", units=seconds))
    return Work(kind=marking.kind, parts=tuple(parts), gpu=True)


def _efficiency(stage: Specification) -> Work:
    seconds = EFFICIENCY_PASSES * utterance_seconds(stage["corpus"])
    size = marking_gmac(stage["watermark"], False) + marking_gmac(stage["watermark"], True)
    rate = f"watermarks/{stage['watermark']['watermark']['kind']}"
    part = _network(rate, size, seconds, passes=2 * EFFICIENCY_PASSES)
    return Work(kind="efficiency", parts=(Part(rate="efficiency", units=1), part), gpu=True)


# By the folder of the results.
WORK: Mapping[str, Callable[[Specification], Work]] = {
    "corpora": _corpora,
    "target_speech": _target_speech,
    "triggered": _triggered,
    "detections": _detections,
    "features": _features,
    "poisoned": _poisoned,
    "datasets": _datasets,
    "victims": _victims,
    "watermarks": _watermarks,
    "marked": _marked,
    "readings": _readings,
    "efficiency": _efficiency,
    "scores": _scores,
    "quality": _quality,
    "defended": _defended,
    "purifiers": _purifiers,
    "texts": _texts,
    "trials": _trials,
    "attacked": _attacked,
    "embeddings": _embeddings,
    "trial_scores": _trial_scores,
    "probe_quality": _probe_quality,
}
