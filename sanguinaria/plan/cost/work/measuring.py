"""The work of measuring: scores, detections, readings, metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from sanguinaria.plan.cost.audio import scored, utterance_seconds, utterances
from sanguinaria.plan.cost.networks import gmac
from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.plan.cost.work.parts import BATCH, Part, Work, network_part, times
from sanguinaria.plan.cost.work.passes import marking, marking_gmac
from sanguinaria.plan.cost.work.training import trained_model

# Utterances of an efficiency measurement, each of which is marked and read so often.
EFFICIENCY_PASSES = 50


def _detections(stage: Specification) -> Work:
    count = (
        scored(stage["audio_stage"]) if stage["audio_stage"]["stage"] == "corpora" else utterances(stage["audio_stage"])
    )
    seconds = count * utterance_seconds(stage["audio_stage"])
    if stage["watermark"] is not None:
        return marking("detections", stage["watermark"], seconds, count, detection=True)
    kind = f"detections/{stage['trigger']['kind']}"
    return Work(kind=kind, parts=(Part(rate=kind, units=seconds),))


def _readings(stage: Specification) -> Work:
    audio = stage["audio_stage"]
    count = min(utterances(audio, stage["split"]) if audio["stage"] == "corpora" else utterances(audio), _limit(stage))
    seconds = count * utterance_seconds(audio)
    reading = marking("readings", stage["watermark"], seconds, count, detection=True)
    repeats = len(stage["distortions"]) * len(stage["secrets"])
    parts = [times(part, repeats) for part in reading.parts]
    for distortion in stage["distortions"]:
        parts.append(Part(rate=f"distortions/{distortion['kind']}", units=seconds))
    return Work(kind=reading.kind, parts=tuple(parts), gpu=True)


def _efficiency(stage: Specification) -> Work:
    seconds = EFFICIENCY_PASSES * utterance_seconds(stage["corpus"])
    size = marking_gmac(stage["watermark"], False) + marking_gmac(stage["watermark"], True)
    rate = f"watermarks/{stage['watermark']['watermark']['kind']}"
    part = network_part(rate, size, seconds, passes=2 * EFFICIENCY_PASSES)
    return Work(kind="efficiency", parts=(Part(rate="efficiency", units=1), part), gpu=True)


def _scores(stage: Specification) -> Work:
    model = trained_model(stage["victim"])
    sides = 1 if stage["triggered"] is None else 2
    audio = stage["clean"]["audio_stage"]
    kind = f"scores/{model['victim']['kind']}"
    count = sides * scored(audio)
    seconds, size = count * utterance_seconds(audio), gmac("victims", model["victim"])
    gpu = stage["clean"]["front_end"]["kind"] == "waveform"
    part = network_part(f"victims/{model['victim']['kind']}", size, seconds, passes=ceil(count / BATCH) if gpu else 0)
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


def _embeddings(stage: Specification) -> Work:
    audio = stage["audio_stage"]
    count = scored(audio) if audio["stage"] == "corpora" else utterances(audio)
    kind = f"embeddings/{stage['victim']['kind']}"
    seconds = count * utterance_seconds(audio)
    size = gmac("victims", stage["victim"])
    part = network_part(f"victims/{stage['victim']['kind']}", size, seconds, passes=ceil(count / BATCH))
    return Work(kind=kind, parts=(Part(rate="embeddings/audio", units=seconds), part), gpu=True)


def _trial_scores(stage: Specification) -> Work:
    return Work(kind="trial_scores", parts=(Part(rate="trial_scores", units=stage["trials"]["trials"]["count"]),))


# By the folder of the results.
WORK: Mapping[str, Callable[[Specification], Work]] = {
    "detections": _detections,
    "readings": _readings,
    "efficiency": _efficiency,
    "scores": _scores,
    "quality": _quality,
    "embeddings": _embeddings,
    "trial_scores": _trial_scores,
    "probe_quality": _probe_quality,
}
