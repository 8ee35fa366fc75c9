"""AudioPure: purification by an unconditional diffusion of clean speech, from an early step of the forward process.

Wu et al., "Defending against Adversarial Audio via Diffusion Model", ICLR 2023, arXiv:2303.01507. The defaults are the
sizes of the DiffWave that it uses (36 layers of 256 channels, T = 200) and its t* of 3.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sanguinaria.purifiers import SamplingSettings
from sanguinaria.purifiers._diffusion.settings import DiffusionPurifier


class AudioPure(DiffusionPurifier):
    """An ordinary diffusion without conditioning, beside the noisy speech that it starts from."""

    default_sampling: ClassVar[SamplingSettings] = SamplingSettings(steps="all", start=3)

    layers: int = Field(default=36, ge=1, description="residual layers")
    channels: int = Field(default=256, ge=1, description="channels of each residual layer")
    dilation_cycle: int = Field(default=12, ge=1, le=16, description="layers in which dilations double from 1 on")
    diffusion_steps: int = Field(default=200, ge=1, le=10_000, description="T")
    last_variance: float = Field(default=0.02, gt=0, lt=1, description="β_T")
    steps: int = Field(default=500_000, ge=1, description="training steps")
    learning_rate: float = Field(default=2e-4, gt=0, description="Adam's, at its highest")
