"""Settings of diffusions that are conditioned on the spectrum of the noisy speech."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.purifiers import SamplingSettings
from sanguinaria.purifiers._diffusion.settings import SAMPLE_RATE, DiffusionPurifier

if TYPE_CHECKING:
    from sanguinaria.purifiers._diffusion.condition_encoder import ConditionEncoder

# The variances of TDAP's fast sampling (section 4.1), DiffWave's own for a training of 50 steps.
FAST_SAMPLING = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5)
# The attention's channels are a multiple of this: see `sanguinaria.purifiers._diffusion.condition_encoder`.
CHANNEL_MULTIPLE = 8


class SpectrumConditionedPurifier(DiffusionPurifier):
    """A diffusion conditioned on the spectrum of the noisy speech. The defaults are TDAP's sizes (section 4.1)."""

    renamed: ClassVar[Mapping[str, str]] = {
        **DiffusionPurifier.renamed,
        "attention": "attention_channels",
        "projected": "condition_channels",
    }
    default_sampling: ClassVar[SamplingSettings] = SamplingSettings(steps=FAST_SAMPLING)

    layers: int = Field(default=30, ge=1, description="residual layers")
    channels: int = Field(default=64, ge=1, description="channels of each residual layer")
    diffusion_steps: int = Field(default=50, ge=1, le=10_000, description="T")
    last_variance: float = Field(default=0.05, gt=0, lt=1, description="β_T")
    learning_rate: float = Field(default=3e-5, gt=0, description="Adam's, at its highest")
    steps: int = Field(default=1_200_000, ge=1, description="training steps")
    window: int = Field(default=1024, ge=16, multiple_of=2, description="window length of the spectrum in samples")
    hop: int = Field(default=256, ge=1, description="hop length of the spectrum in samples")
    attention_channels: int = Field(
        default=128,
        ge=CHANNEL_MULTIPLE,
        multiple_of=CHANNEL_MULTIPLE,
        description="channels of the attention over the spectrum",
    )
    condition_channels: int = Field(
        default=80, ge=1, description="channels of the condition, after the linear projection"
    )

    @model_validator(mode="after")
    def _windows_leave_no_gaps(self) -> SpectrumConditionedPurifier:
        if self.hop > self.window // 2:
            raise ValueError(f"hop ({self.hop}) is above half of window ({self.window}): windows would leave gaps")
        if self.crop * SAMPLE_RATE < self.window:
            raise ValueError(f"crop ({self.crop:g} s) is shorter than window ({self.window} samples)")
        return self

    @property
    def text_size(self) -> int:
        """Features of a text embedding that the network is conditioned on; 0 without conditioning on text."""
        return 0

    @property
    def condition_shape(self) -> tuple[int, int]:
        return self.condition_channels, self.hop

    def condition_encoder(self) -> ConditionEncoder | None:
        from sanguinaria.purifiers._diffusion.condition_encoder import ConditionEncoder

        return ConditionEncoder(
            window=self.window,
            hop=self.hop,
            width=self.attention_channels,
            text=self.text_size,
            channels=self.condition_channels,
        )
