"""Settings that the plug-ins which train AudioSeal's networks have in common, and their validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.corpora import Corpus
from sanguinaria.front_ends.log_mel import LogMel
from sanguinaria.watermarks._audioseal.forward import SAMPLE_RATE


def _ascending(cutoffs: tuple[float, float]) -> tuple[float, float]:
    if not 0 < cutoffs[0] <= cutoffs[1] < SAMPLE_RATE / 2:
        raise ValueError(f"cutoffs should be ascending, above 0 and below {SAMPLE_RATE // 2} Hz")
    return cutoffs


# Hz, the range of the cut-off frequencies of the low-pass filters in training.
Cutoffs = Annotated[tuple[float, float], AfterValidator(_ascending)]


class SurrogateSettings(LogMel):
    """A surrogate's front end and network."""

    network: Literal["convolutional", "recurrent"] = Field(
        default="convolutional", description="three strided convolutions, or a bidirectional LSTM over the frames"
    )


# Of the plug-ins that train against surrogates.
Surrogates = Annotated[
    tuple[SurrogateSettings, ...],
    Field(
        description="front ends and networks of the surrogates, one for each; one with the default front end where "
        "empty. With other front ends than the victims' the attack is a black box",
    ),
]
RenewalPeriod = Annotated[
    int,
    Field(
        ge=0,
        description="steps after which one of the surrogates is initialised anew, in turn, so that the mark does not "
        "depend on their weights; 0 for never",
    ),
]


def corpus_problems(corpus: Plugin, crop: float) -> Iterator[tuple[str, str]]:
    """Yield the reasons why these networks cannot be trained on a corpus, as (field, message) pairs.

    Args:
        corpus: of the training utterances.
        crop: length of the training crops, in seconds.
    """
    assert isinstance(corpus, Corpus)
    if corpus.sample_rate != SAMPLE_RATE:
        yield "corpus", f"AudioSeal marks audio at {SAMPLE_RATE:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
    if corpus.duration < crop:
        yield "crop", f"{crop:g} s are longer than the corpus's utterances of {corpus.duration:g} s"
