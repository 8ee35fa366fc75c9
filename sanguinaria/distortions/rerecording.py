"""Played by a loudspeaker in a room, and recorded there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Rerecording(Distortion):
    """A simulated room, noise, and the band of a microphone: the three parts of a re-recording in DeAR (AAAI 2023).

    The room is a box whose reflections are found by the image-source method (Allen and Berkley, 1979), by the package
    ``pyroomacoustics``; the direct sound keeps its place and its level. The defaults are a living room: they are this
    project's, and only the noise is random.
    """

    dimensions: tuple[float, float, float] = Field(default=(5.0, 4.0, 3.0), description="of the room, metres")
    rt60: float = Field(default=0.4, ge=0.1, le=1, description="seconds; the images of longer ones take minutes")
    distance: float = Field(default=1.0, gt=0, le=20, description="metres, from the loudspeaker to the microphone")
    snr: float = Field(default=30.0, ge=-20, le=100, description="dB, of white noise at the microphone")
    above: float = Field(default=100.0, gt=0, description="Hz, lower edge of the microphone's band")
    below: float = Field(default=7000.0, gt=0, description="Hz, its upper edge")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        from sanguinaria.audio.filters import convolve
        from sanguinaria.audio.room_acoustics import room_impulse_response
        from sanguinaria.distortions.filter import Filter
        from sanguinaria.distortions.noise import Noise

        response = room_impulse_response(self.dimensions, self.rt60, self.distance, sample_rate)
        heard = convolve(waveforms, torch.from_numpy(response[None]).to(waveforms))
        noisy = Noise(snr=self.snr).apply(heard, sample_rate, generator)
        # A recording has no frequencies above half its rate: the microphone's edge may be beyond.
        band = Filter(above=self.above, below=min(self.below, sample_rate / 2), order=2)
        return band.apply(noisy, sample_rate, generator)
