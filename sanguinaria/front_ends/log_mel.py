"""Log-mel spectrograms: channels are mel bands, times are frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.front_ends import FrontEnd

if TYPE_CHECKING:
    import torch

# Added to the mel energies before the logarithm: −60 dB below a full-scale bin, under the noise of 16-bit speech.
FLOOR = 1e-6
# Seconds of audio that a CPU transforms at once. The spectra of more do not fit into its cache, and take four times as
# long (benchmarks/features.py).
CACHED_SECONDS = 8


class LogMel(FrontEnd):
    """A log-mel front end; lengths in samples.

    The defaults are windows of 64 ms every 12.5 ms at 16 kHz. With half the window, a narrow-band mark is smeared over
    twice as many hertz (docs/bloodroot.md).
    """

    bands: int = Field(default=80, ge=8, le=256, description="mel bands")
    fft: int = Field(default=1024, ge=64, description="samples of the Fourier transform")
    window: int = Field(default=1024, ge=32, description="samples of the Hann window")
    hop: int = Field(default=200, ge=16, description="samples between frames")

    @model_validator(mode="after")
    def _window_fits(self) -> LogMel:
        if self.window > self.fft:
            raise ValueError(f"a window of {self.window} samples is longer than the transform of {self.fft}")
        return self

    @property
    def dummy_input_shape(self) -> tuple[int, int]:
        return self.bands, 1 + 16000 // self.hop

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function that computes log-mel spectrograms.

        Args:
            sample_rate: of the waveforms, in Hz.
            device: on which they are computed.

        Returns:
            A function from waveforms (utterances, samples) to natural logarithms of mel energies (utterances, bands,
            frames). There are 1 + samples // hop frames: they are centred, with zeros beyond the ends.
        """
        import torch

        from sanguinaria.audio.mel import htk_filters

        # A window shorter than the transform is centred in it, as torch.stft does.
        before = (self.fft - self.window) // 2
        after = self.fft - self.window - before
        window = torch.nn.functional.pad(torch.hann_window(self.window), (before, after)).to(device)
        filters = htk_filters(self.fft, self.bands, sample_rate, device=device)
        half = self.fft // 2

        def spectrograms(waveforms: torch.Tensor) -> torch.Tensor:
            frames = torch.nn.functional.pad(waveforms, (half, half)).unfold(1, self.fft, self.hop)
            spectra = torch.fft.rfft(frames * window)  # (utterances, frames, bins)
            power = spectra.real.square().addcmul_(spectra.imag, spectra.imag)
            return torch.log((power @ filters).add_(FLOOR)).transpose(1, 2)

        def transform(waveforms: torch.Tensor) -> torch.Tensor:
            batch_size = len(waveforms)
            if device.type == "cpu":
                batch_size = max(1, CACHED_SECONDS * sample_rate // waveforms.shape[-1])
            return torch.cat([spectrograms(batch) for batch in torch.split(waveforms, batch_size)])

        return transform
