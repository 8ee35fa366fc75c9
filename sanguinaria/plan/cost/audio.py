"""Utterances and seconds of audio stages before they are computed."""

from __future__ import annotations

from math import inf

from sanguinaria.plan.cost.corpora import utterances_by_split
from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.steps.poisoning.blocks import PoisonBlock


def corpus_of(audio: Specification) -> Specification:
    """Return the corpus that an audio stage is made of.

    Args:
        audio: nested specification.
    """
    while audio["stage"] != "corpora":
        audio = audio["corpus"] if "corpus" in audio else audio["trials" if "trials" in audio else "audio_stage"]
    return audio


def utterance_seconds(audio: Specification) -> float:
    """Return the duration of each utterance of an audio stage in seconds.

    Args:
        audio: nested specification.
    """
    duration: float = corpus_of(audio)["corpus"]["duration"]
    return duration


def utterances(audio: Specification, split: str | None = None) -> float:
    """Return the number of utterances of an audio stage.

    Args:
        audio: nested specification.
        split: of a corpus; ``None`` for all of it. Other audio stages hold test utterances alone, or training ones.

    Raises:
        ValueError: the stage writes no audio.
    """
    match audio["stage"]:
        case "corpora":
            sizes = utterances_by_split(audio)
            return sum(sizes.values()) if split is None else sizes[split]
        case "triggered" if audio["block"] is not None:
            return len(PoisonBlock(**audio["block"]).ranks(round(utterances(audio["corpus"], "train"))))
        case "triggered":
            return utterances(audio["corpus"], "test")
        case "marked":
            return min(utterances(audio["audio_stage"], "test"), _limit(audio))
        case "attacked":
            return probes(audio["trials"], audio["adversary"]["side"], audio["victim"] is not None)
        case "defended":
            return utterances(audio["audio_stage"], "test")
    raise ValueError(f"{audio['stage']} is no stage of audio")


def probes(trials: Specification, side: str, per_trial: bool) -> float:
    """Return the number of utterances of trials that an adversary changes.

    Args:
        trials: nested specification.
        side: of a trial that is changed.
        per_trial: whether each trial has an utterance of its own.
    """
    count: float = trials["trials"]["count"]
    if per_trial:
        return count
    return min(count, utterances(trials["corpus"], trials["split"]))


def scored(audio: Specification, limit: float | None = None) -> float:
    """Return the number of test utterances of a corpus.

    Args:
        audio: nested specification.
        limit: largest number.
    """
    return min(utterances(audio, "test"), inf if limit is None else limit)


def _limit(stage: Specification) -> float:
    return inf if stage["limit"] is None else float(stage["limit"])
