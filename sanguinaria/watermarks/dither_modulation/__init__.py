"""A keyed watermark that is not learnt: spread-transform dither modulation (Chen and Wornell, 2001).

The key's hash chooses a carrier for each bit and where its lattice lies. What the speech projects on the carriers has
no say in how bits are read, so the mark may be far below it; and how much noise it survives follows from its level, and
is a setting. It serves the ends of WAKE's keys, with another mechanism and no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks.dither_modulation.marker import DitherMarker

# Hz, and samples of a piece: as in WAKE, messages are counted by seconds.
SAMPLE_RATE = PIECE = 16_000
# Between two steps that the detector tries: half of an octave, so that each is at most 3 dB louder than it has to be.
GROWTH = 2**0.5


class DitherModulation(Watermark):
    """The same message in every second of audio.

    Marks are as quiet as the noise allows that they are to survive: the larger of `noise`, whatever the speech, and
    `noise_ratio` below it. A quarter of a step is `margin` standard deviations of that noise, so that by the normal law
    4.7 bits in 10,000 are read wrong in it where the margin is 3.5.
    """

    bits: int = Field(default=32, ge=1, le=256, description="of message in each second")
    lowest: float = Field(default=750.0, gt=0, description="Hz: above what high-pass filters take")
    highest: float = Field(default=3700.0, le=8000, description="Hz: below what low-pass filters take")
    noise: float = Field(default=0.001, ge=0, le=1, description="standard deviation of white noise to survive")
    noise_ratio: float = Field(default=36.0, description="dB, of a second of speech to white noise to survive")
    margin: float = Field(default=3.5, gt=0, description="standard deviations of the noise in a quarter of a step")
    loudest: float = Field(default=20.0, description="dB, of a second of speech to its mark, whatever the noise")
    follow: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="power of the speech's energy, cell by cell of its spectrum, by which the mark's amplitude follows "
        "it: 0 has the least energy, and is heard in pauses",
    )
    smallest: float = Field(default=0.02, gt=0, description="step by the speech's level in the band")
    step_sizes: int = Field(default=20, ge=1, description="how many steps the detector tries, each 3 dB larger")
    delay: float = Field(
        default=0.05, ge=0, le=0.5, description="seconds by which marked audio may come later or earlier and is found"
    )
    fade: float = Field(default=0.02, gt=0, le=0.25, description="seconds at both ends of a second in which it fades")

    @model_validator(mode="after")
    def _band_is_one(self) -> DitherModulation:
        if self.lowest + 500 > self.highest:
            raise ValueError(f"lowest ({self.lowest:g} Hz) is not at least 500 Hz below highest ({self.highest:g} Hz)")
        return self

    @property
    def message_bits(self) -> int:
        """Length of the message in bits."""
        return self.bits

    def key_problem(self, key: str | None) -> str | None:
        return None if key else "give a key, any text that is not empty"

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """No weights: everything follows from the settings and the key."""
        return {}

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> DitherMarker:
        """A marker with a key. Audio of another rate than 16 kHz is resampled to that, and the mark back.

        Raises:
            InputError: the band is not below half the sample rate, or there is no key.
        """
        import torch

        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks.dither_modulation.carriers import FFT, Carriers, carriers_of
        from sanguinaria.watermarks.dither_modulation.marker import DitherMarker, Steps

        if (problem := self.key_problem(key)) is not None:
            raise InputError(f"key: {problem}")
        assert key is not None
        if self.highest > sample_rate / 2:
            raise InputError(
                f"this watermark reaches up to {self.highest:,.0f} Hz, beyond half the sample rate of {sample_rate:,} "
                "Hz: use audio of a higher rate, or set `highest`"
            )
        fade = round(self.fade * SAMPLE_RATE)
        bins = (round(self.lowest * FFT / SAMPLE_RATE), round(self.highest * FFT / SAMPLE_RATE))
        carriers = carriers_of(key, self.bits, PIECE, fade, bins)
        ratios = self.smallest * GROWTH ** torch.arange(self.step_sizes)
        return DitherMarker(
            Carriers(carriers.waveforms.to(device), carriers.dithers.to(device)),
            (self.lowest, self.highest),
            Steps(
                ratios.to(device), self.noise, 10 ** (-self.noise_ratio / 20), self.margin, 10 ** (-self.loudest / 20)
            ),
            self.follow,
            Chunking(PIECE, 0),
            fade,
            round(self.delay * SAMPLE_RATE),
            SAMPLE_RATE,
            sample_rate,
            device,
        )
