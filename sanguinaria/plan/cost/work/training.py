"""The work of training: victims, defences that train, watermarks, purifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from sanguinaria.plan.cost.audio import utterance_seconds, utterances
from sanguinaria.plan.cost.networks import gmac
from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.plan.cost.work.parts import BATCH, TRAINING, Part, Work, network_part, precision_of
from sanguinaria.plan.cost.work.passes import distorting, marking_gmac


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
    parts = [network_part(kind, gmac("victims", victim), seconds, passes=passes, precision=precision_of(victim))]
    distorted = victim["epochs"] * train * duration * (1 - victim.get("undistorted_share", 0.0))
    parts += distorting(victim.get("augmentations", ()), distorted)
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def _trained_seconds(victim: Mapping[str, Any], corpus: Specification) -> float:
    """Seconds of an utterance that a network is trained on; a hop's where it is one window of many."""
    if "window" in victim and "hop" in victim:
        return float(victim["hop"] / corpus["corpus"]["sample_rate"])
    return utterance_seconds(corpus)


def trained_model(model: Specification) -> Specification:
    """Return the training of a model, which a defence may have repaired."""
    return model if model["stage"] == "victims" else trained_model(model["victim"])


def repaired(stage: Specification) -> Work:
    """Return the work of a defence that acts on the model."""
    defence, model = stage["defence"], trained_model(stage["victim"])
    kind = f"defended_model/{defence['kind']}"
    epochs = defence.get("fine_tune_epochs", defence.get("epochs", 0))
    if not epochs:
        return Work(kind=kind, parts=(Part(rate=kind, units=1),))
    corpus, victim = model["poisoned"]["corpus"], model["victim"]
    count = utterances(corpus, "validation")
    size = gmac("victims", victim) * (1 - defence.get("share", 0.0)) ** 2
    seconds = TRAINING * epochs * count * utterance_seconds(corpus)
    passes = epochs * ceil(count / defence["batch_size"])
    part = network_part(f"victims/{victim['kind']}", size, seconds, passes=passes)
    return Work(kind=kind, parts=(Part(rate=kind, units=1), part), gpu=True)


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
    part = network_part(kind, 1.5 * TRAINING * size, seconds, passes=steps, precision=precision_of(settings))
    parts = [loading, part]
    parts += distorting(settings.get("distortions", ()), seconds)
    return Work(kind=kind, parts=tuple(parts), gpu=True)


def _purifiers(stage: Specification) -> Work:
    settings, kind = stage["purifier"], f"purifiers/{stage['purifier']['kind']}"
    steps = settings["steps"] + settings.get("pretraining", 0)
    seconds = TRAINING * steps * settings["batch_size"] * settings["crop"]
    precision = precision_of(settings)
    part = network_part(kind, gmac("purifiers", settings), seconds, passes=steps, precision=precision)
    return Work(kind=f"{kind}/training", parts=(part,), gpu=True)


# By the folder of the results.
WORK: Mapping[str, Callable[[Specification], Work]] = {
    "victims": _victims,
    "watermarks": _watermarks,
    "purifiers": _purifiers,
}
