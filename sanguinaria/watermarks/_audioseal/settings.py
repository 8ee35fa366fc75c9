"""What plug-ins that train AudioSeal's networks ask alike of their settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from sanguinaria.core.plugins import Plugin
from sanguinaria.corpora import Corpus
from sanguinaria.watermarks._audioseal.networks import SAMPLE_RATE


def _rising(cutoffs: tuple[float, float]) -> tuple[float, float]:
    if not 0 < cutoffs[0] <= cutoffs[1] < SAMPLE_RATE / 2:
        raise ValueError(f"cutoffs should rise, and be above 0 and below {SAMPLE_RATE // 2} Hz")
    return cutoffs


# Hz, between which low-pass filters cut off in training.
Cutoffs = Annotated[tuple[float, float], AfterValidator(_rising)]


def corpus_problems(corpus: Plugin, crop: float) -> Iterator[tuple[str, str]]:
    """What keeps these networks from being trained on crops of a corpus, in seconds, as (field, message) pairs."""
    assert isinstance(corpus, Corpus)
    if corpus.sample_rate != SAMPLE_RATE:
        yield "corpus", f"AudioSeal marks audio at {SAMPLE_RATE:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
    if corpus.duration < crop:
        yield "crop", f"{crop:g} s are longer than the corpus's utterances of {corpus.duration:g} s"
