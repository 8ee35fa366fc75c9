"""The work of making audio, texts and features: corpora, triggers, marks, defences, attacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, inf

from sanguinaria.plan.cost.audio import corpus_of, utterance_seconds, utterances
from sanguinaria.plan.cost.networks import gmac, is_counted
from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.plan.cost.work.parts import BATCH, TRAINING, Part, Work, network_part, precision_of, seconds_of, times
from sanguinaria.plan.cost.work.passes import marking, purification
from sanguinaria.plan.cost.work.training import repaired


def _corpora(stage: Specification) -> Work:
    kind = f"corpora/{stage['corpus']['kind']}"
    return Work(kind=kind, parts=(Part(rate=kind, units=seconds_of(stage)),))


def _target_speech(stage: Specification) -> Work:
    return Work(kind="target_speech", parts=(Part(rate="target_speech", units=stage["seconds"]),))


def _triggered(stage: Specification) -> Work:
    trigger, seconds, count = stage["trigger"], seconds_of(stage), utterances(stage)
    if stage["watermark"] is not None:
        return marking("triggered", stage["watermark"], seconds, count)
    kind = f"triggered/{trigger['kind']}"
    conversion = trigger.get("conversion")
    if conversion is None:
        return Work(kind=kind, parts=(Part(rate=kind, units=seconds),))
    settings = conversion["settings"]
    rate = f"conversions/{settings['kind']}"
    if not is_counted("conversions", settings["kind"]):
        return Work(kind=rate, parts=(Part(rate=rate, units=seconds),))
    part = network_part(rate, gmac("conversions", settings), seconds, passes=ceil(count / BATCH))
    return Work(kind=rate, parts=(part,), gpu=True)


def _marked(stage: Specification) -> Work:
    return marking("marked", stage["watermark"], seconds_of(stage), utterances(stage))


def _features(stage: Specification) -> Work:
    kind = f"features/{stage['front_end']['kind']}"
    return Work(kind=kind, parts=(Part(rate=kind, units=seconds_of(stage["audio_stage"])),))


def _poisoned(stage: Specification) -> Work:
    return Work(kind="poisoned", parts=(Part(rate="poisoned", units=utterances(stage["corpus"])),))


def _datasets(stage: Specification) -> Work:
    seconds = seconds_of(stage["poisoned"]["corpus"], "train")
    return Work(kind="datasets", parts=(Part(rate="datasets", units=seconds),))


def _defended(stage: Specification) -> Work:
    if "audio_stage" not in stage:
        return repaired(stage)
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


def _texts(stage: Specification) -> Work:
    kind, audio = f"texts/{stage['text']['kind']}", stage["audio_stage"]
    is_corpus = audio["stage"] == "corpora"
    maxima = stage["maxima"] or [inf] * len(stage["splits"])
    counts = (min(utterances(audio, split), most) for split, most in zip(stage["splits"], maxima, strict=True))
    count = sum(counts) if is_corpus else utterances(audio)
    if not is_counted("texts", stage["text"]["kind"]):
        return Work(kind=kind, parts=(Part(rate=kind, units=count),))
    # For an utterance of any length, whose answer is generated token by token.
    part = network_part(kind, gmac("texts", stage["text"]), count, passes=count, precision="bfloat16")
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
    parts = [network_part(victim, TRAINING * size, draws * seconds, passes=passes, precision=precision_of(adversary))]
    if stage["purifier"] is not None:
        purifier = purification(stage["purifier"]["purifier"], stage["defence"], draws * seconds, draws * count)
        # With gradient checkpointing, each reverse step is computed twice before its gradient.
        parts.append(times(purifier, TRAINING + 1))
        kind += "/adaptive"
    return Work(kind=kind, parts=tuple(parts), gpu=True)


# By the folder of the results.
WORK: Mapping[str, Callable[[Specification], Work]] = {
    "corpora": _corpora,
    "target_speech": _target_speech,
    "triggered": _triggered,
    "features": _features,
    "poisoned": _poisoned,
    "datasets": _datasets,
    "marked": _marked,
    "defended": _defended,
    "texts": _texts,
    "trials": _trials,
    "attacked": _attacked,
}
