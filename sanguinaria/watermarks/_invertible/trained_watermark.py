"""Settings of watermarks that are trained on a corpus of the configuration and mark audio in chunks of a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from sanguinaria.core.devices import Precision
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import CorpusReference, DistortionReference
from sanguinaria.corpora import Corpus
from sanguinaria.watermarks import Watermark

# Seconds of a chunk: capacities are per second.
CHUNK_SECONDS = 1


class TrainedWatermark(Watermark):
    """A watermark whose networks are trained on one-second crops of a corpus, with an attack layer."""

    renamed: ClassVar[Mapping[str, str]] = {"edits": "distortions"}

    corpus: CorpusReference = Field(
        description="entry of `corpora`, on whose training utterances, of at least a second, it trains"
    )
    utterances: int = Field(default=20_000, ge=1, description="maximum number of them, as they are held in memory")
    distortions: tuple[DistortionReference, ...] = Field(
        default=(),
        description="entries of `distortions`, of which each training step applies one to marked audio",
    )
    error_bound: float | None = Field(
        default=None,
        gt=0,
        lt=0.5,
        description="bit error rate of the training, with its distortions, up to which imperceptibility gains weight, "
        "and beyond which it loses weight: its weights are then the largest; where not given, the curriculum decides",
    )
    spread: int = Field(default=1, ge=1, description="number of one-second chunks over which a message is spread")
    overlap: float = Field(
        default=0.05, ge=0, le=0.5, description="seconds by which the one-second chunks of longer audio cross-fade"
    )
    precision: Precision = Field(
        default="float32",
        description="arithmetic of the networks, in training and in use; spectra, messages and losses are in float32",
    )
    seed: int = Field(default=0, ge=0, description="of initial weights and training")


def corpus_problems(corpus: Plugin, sample_rate: int) -> Iterator[tuple[str, str]]:
    """Yield why networks of a sample rate in Hz cannot be trained on a corpus, as (field, message) pairs."""
    assert isinstance(corpus, Corpus)
    if corpus.sample_rate != sample_rate:
        yield "corpus", f"it is trained at {sample_rate:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
    if corpus.duration < CHUNK_SECONDS:
        yield "corpus", f"it is trained on whole seconds, and the corpus's utterances have {corpus.duration:g} s"


def check_spectrum(*, fft: int, hop: int, first_bin: int, bins: int, sample_rate: int, maximum_hop: float) -> None:
    """Check that a band lies within the spectrum of a one-second chunk, without gaps between windows.

    Args:
        fft: samples of a window.
        hop: samples between windows.
        first_bin: lowest bin of the band.
        bins: of the band.
        sample_rate: in Hz.
        maximum_hop: the largest hop, as a share of the window.

    Raises:
        ValueError: it does not; the message names the settings.
    """
    if first_bin + bins > fft // 2 + 1:
        raise ValueError(f"first_bin and bins reach beyond the {fft // 2 + 1} bins of a window of {fft}")
    if hop > maximum_hop * fft:
        share = "half" if maximum_hop == 0.5 else f"{maximum_hop:g}"
        raise ValueError(f"hop ({hop}) is above {share} of fft ({fft}): windows would leave gaps")
    if fft > CHUNK_SECONDS * sample_rate:
        raise ValueError(f"fft ({fft}) is longer than a second at {sample_rate:,} Hz")
