"""What diffusions share that are told the spectrum of the noisy speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.purifiers import Sampling
from sanguinaria.purifiers._diffusion.settings import SAMPLE_RATE, DiffusionPurifier

if TYPE_CHECKING:
    from sanguinaria.purifiers._diffusion.condition import Condition

# The variances of TDAP's fast sampling (section 4.1), DiffWave's own for a training of 50 steps.
SIX_STEPS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5)
# Numbers of channels that its attention takes: see `sanguinaria.purifiers._diffusion.condition`.
MULTIPLE = 8


class ConditionedPurifier(DiffusionPurifier):
    """A diffusion with a condition. The defaults are TDAP's sizes (section 4.1)."""

    usual: ClassVar[Sampling] = Sampling(variances=SIX_STEPS)

    layers: int = Field(default=30, ge=1, description="residual layers")
    channels: int = Field(default=64, ge=1, description="of each")
    diffusion_steps: int = Field(default=50, ge=1, le=10_000, description="T")
    last_variance: float = Field(default=0.05, gt=0, lt=1, description="β_T")
    learning_rate: float = Field(default=3e-5, gt=0, description="Adam's, at its highest")
    steps: int = Field(default=1_200_000, ge=1, description="of the training")
    window: int = Field(default=1024, ge=16, multiple_of=2, description="samples of a window of the spectrum")
    hop: int = Field(default=256, ge=1, description="samples between windows")
    attention: int = Field(
        default=128, ge=MULTIPLE, multiple_of=MULTIPLE, description="channels of the attention over the spectrum"
    )
    projected: int = Field(default=80, ge=1, description="channels of the condition, after the linear projection")

    @model_validator(mode="after")
    def _windows_leave_no_gaps(self) -> ConditionedPurifier:
        if self.hop > self.window // 2:
            raise ValueError(f"hop ({self.hop}) is above half of window ({self.window}): windows would leave gaps")
        if self.crop * SAMPLE_RATE < self.window:
            raise ValueError(f"crop ({self.crop:g} s) is shorter than window ({self.window} samples)")
        return self

    @property
    def text_size(self) -> int:
        """Features of a text that the network is told; 0 for a network that is told none."""
        return 0

    @property
    def condition_size(self) -> tuple[int, int]:
        return self.projected, self.hop

    def condition(self) -> Condition | None:
        from sanguinaria.purifiers._diffusion.condition import Condition

        return Condition(self.window, self.hop, self.attention, self.text_size, self.projected)
