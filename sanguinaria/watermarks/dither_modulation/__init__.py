"""Spread-transform dither modulation: a keyed watermark without a network (Chen and Wornell, 2001).

The key's hash chooses a carrier for each bit and the offset of its quantisation lattice. Decoding rejects the host
signal: the projection of the speech on the carriers causes no bit errors, so that the mark may be far below it. The
noise that the mark survives follows from its level, and is a setting. It is an alternative to WAKE's keys, with another
mechanism.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks.dither_modulation.marker import DitherMarker, StepSizes

# Hz, and samples of a chunk: as in WAKE, there is one message in each second.
SAMPLE_RATE = CHUNK = 16_000
# Ratio of consecutive step sizes that the detector tries: 3 dB, so that a step is at most 3 dB larger than necessary.
GROWTH = 2**0.5


class DitherModulation(Watermark):
    """The same message in every second of audio.

    Marks are as quiet as the noise allows that they have to survive: the larger of `noise`, which is absolute, and
    `noise_ratio` below the speech. A quarter of a step is `margin` standard deviations of that noise, so that by the
    normal distribution 4.7 bits in 10,000 are wrong in it with a margin of 3.5.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        **Watermark.renamed,
        "lowest": "minimum_frequency",
        "highest": "maximum_frequency",
        "loudest": "minimum_ratio",
        "follow": "shaping_exponent",
        "smallest": "minimum_step",
        "step_sizes": "step_count",
        "delay": "maximum_delay",
    }

    bits: int = Field(default=32, ge=1, le=256, description="of the message in each second")
    minimum_frequency: float = Field(default=750.0, gt=0, description="Hz: above the cut-off of high-pass filters")
    maximum_frequency: float = Field(default=3700.0, le=8000, description="Hz: below the cut-off of low-pass filters")
    noise: float = Field(default=0.001, ge=0, le=1, description="standard deviation of white noise to survive")
    noise_ratio: float = Field(default=36.0, description="dB, signal-to-noise ratio of white noise to survive")
    margin: float = Field(default=3.5, gt=0, description="standard deviations of the noise in a quarter of a step")
    minimum_ratio: float = Field(
        default=20.0, description="dB, minimum signal-to-watermark ratio of a second of speech, whatever the noise"
    )
    shaping_exponent: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="exponent of the speech's energy, cell by cell of its spectrum, in the mark's amplitude: at 0 the "
        "mark has the least energy, and is audible in pauses",
    )
    minimum_step: float = Field(
        default=0.02, gt=0, description="smallest step relative to the speech's level in the band"
    )
    step_count: int = Field(default=20, ge=1, description="number of steps that the detector tries, each 3 dB larger")
    maximum_delay: float = Field(
        default=0.05, ge=0, le=0.5, description="seconds, delay or advance of marked audio that the detector searches"
    )
    fade: float = Field(default=0.02, gt=0, le=0.25, description="seconds of the mark's fade at both ends of a second")

    @model_validator(mode="after")
    def _band_is_wide_enough(self) -> DitherModulation:
        if self.minimum_frequency + 500 > self.maximum_frequency:
            raise ValueError(
                f"minimum_frequency ({self.minimum_frequency:g} Hz) is not at least 500 Hz below maximum_frequency "
                f"({self.maximum_frequency:g} Hz)"
            )
        return self

    @property
    def message_bits(self) -> int:
        """Length of the message in bits."""
        return self.bits

    def key_problem(self, key: str | None) -> str | None:
        return None if key else "give a key, any text that is not empty"

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Return no weights: carriers follow from the settings and the key."""
        return {}

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if self.maximum_frequency <= sample_rate / 2:
            return None
        return (
            f"this watermark reaches up to {self.maximum_frequency:,.0f} Hz, beyond half the sample rate of "
            f"{sample_rate:,} Hz: use audio of a higher rate, or set `maximum_frequency`"
        )

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> DitherMarker:
        """Build a marker with a key; see :meth:`Watermark.load`.

        Audio at another rate than 16 kHz is resampled to that, and the mark back.

        Raises:
            InputError: the band is not below half the sample rate, or there is no key.
        """
        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks.dither_modulation.carriers import FFT, derive_carriers
        from sanguinaria.watermarks.dither_modulation.marker import DitherMarker

        if (problem := self.key_problem(key)) is not None:
            raise InputError(f"key: {problem}")
        assert key is not None
        self.require_sample_rate(sample_rate)
        fade = round(self.fade * SAMPLE_RATE)
        band = (self.minimum_frequency, self.maximum_frequency)
        first, last = (round(frequency * FFT / SAMPLE_RATE) for frequency in band)
        return DitherMarker(
            carriers=derive_carriers(key, bits=self.bits, samples=CHUNK, fade=fade, band=(first, last)).to(device),
            band=band,
            steps=self._step_sizes(device),
            shaping_exponent=self.shaping_exponent,
            chunking=Chunking(CHUNK, 0),
            fade=fade,
            maximum_delay=round(self.maximum_delay * SAMPLE_RATE),
            carrier_rate=SAMPLE_RATE,
            sample_rate=sample_rate,
            device=device,
        )

    def _step_sizes(self, device: torch.device) -> StepSizes:
        import torch

        from sanguinaria.watermarks.dither_modulation.marker import StepSizes

        return StepSizes(
            ratios=(self.minimum_step * GROWTH ** torch.arange(self.step_count)).to(device),
            noise=self.noise,
            noise_ratio=10 ** (-self.noise_ratio / 20),
            margin=self.margin,
            maximum_ratio=10 ** (-self.minimum_ratio / 20),
        )
