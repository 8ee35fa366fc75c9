"""Re-recording: playback by a loudspeaker in a room, and a recording there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Rerecording(Distortion):
    """A simulated room, additive noise and a band-pass filter: the three parts of a re-recording in DeAR (AAAI 2023).

    The impulse response of a box-shaped room is simulated by the image-source method (Allen and Berkley, 1979), by the
    package ``pyroomacoustics``; the direct sound has no delay and a gain of 1. The defaults, a living room, are this
    project's. Only the noise is random.
    """

    dimensions: tuple[float, float, float] = Field(
        default=(5.0, 4.0, 3.0), description="length, width and height of the room, in metres"
    )
    rt60: float = Field(
        default=0.4, ge=0.1, le=1, description="reverberation time in seconds; longer ones take minutes to simulate"
    )
    distance: float = Field(
        default=1.0, gt=0, le=20, description="distance from the loudspeaker to the microphone, in metres"
    )
    snr: float = Field(
        default=30.0, ge=-20, le=100, description="signal-to-noise ratio in dB, of white noise at the microphone"
    )
    above: float = Field(default=100.0, gt=0, description="lower cut-off frequency of the microphone, in Hz")
    below: float = Field(default=7000.0, gt=0, description="upper cut-off frequency of the microphone, in Hz")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        from sanguinaria.audio.filters import convolve
        from sanguinaria.audio.room_acoustics import room_impulse_response
        from sanguinaria.distortions.filter import Filter
        from sanguinaria.distortions.noise import Noise

        response = room_impulse_response(self.dimensions, self.rt60, self.distance, sample_rate)
        reverberant = convolve(waveforms, torch.from_numpy(response[None]).to(waveforms))
        noisy = Noise(snr=self.snr).apply(reverberant, sample_rate, generator)
        # The microphone's upper cut-off may be above half the sample rate, where the recording has no frequencies.
        band = Filter(above=self.above, below=min(self.below, sample_rate / 2), order=2)
        return band.apply(noisy, sample_rate, generator)
