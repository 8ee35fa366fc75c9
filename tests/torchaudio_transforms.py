"""The three classes of ``torchaudio.transforms`` that the package of Perth uses, by torch's own Fourier transforms.

Names and shapes of buffers are torchaudio's, as they are part of the package's checkpoint.
"""

from collections.abc import Callable

import torch


class Spectrogram(torch.nn.Module):
    """Complex short-time Fourier transform (…, samples) → (…, bins, frames), centred, with reflect padding."""

    def __init__(
        self,
        n_fft: int,
        win_length: int,
        hop_length: int,
        power: None,
        normalized: bool,
        window_fn: Callable[[int], torch.Tensor],
    ) -> None:
        super().__init__()
        assert power is None and not normalized
        self.sizes = (n_fft, hop_length, win_length)
        self.register_buffer("window", window_fn(win_length))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        return torch.stft(waveform, *self.sizes, window=self.window, pad_mode="reflect", return_complex=True)


class InverseSpectrogram(torch.nn.Module):
    """Inverse of :class:`Spectrogram`."""

    def __init__(
        self, n_fft: int, win_length: int, hop_length: int, normalized: bool, window_fn: Callable[[int], torch.Tensor]
    ) -> None:
        super().__init__()
        assert not normalized
        self.sizes = (n_fft, hop_length, win_length)
        self.register_buffer("window", window_fn(win_length))

    def forward(self, spectrogram: torch.Tensor, length: int | None = None) -> torch.Tensor:
        return torch.istft(spectrogram, *self.sizes, window=self.window, length=length)


class TimeStretch(torch.nn.Module):
    """Holder of a buffer: the package constructs it, and stretches spectra otherwise."""

    def __init__(self, n_freq: int, hop_length: int) -> None:
        super().__init__()
        self.register_buffer("phase_advance", torch.linspace(0, torch.pi * hop_length, n_freq)[..., None])
