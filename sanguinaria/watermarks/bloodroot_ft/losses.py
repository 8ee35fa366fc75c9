"""The losses of Bloodroot-FT (Bloodroot, section 2.4, Eq. 1–5).

The paper states neither the type nor the sizes of its spectrograms; these are those of its public code: three Fourier
transforms with a quarter of each as hop, 64 mel bands, means for norms. "Predicted" is the marked audio, "original" the
clean.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sanguinaria.audio.mel import htk_filters

# λ_sup, λ_stft, λ_mel, λ_amp (section 3.1).
WEIGHTS = {"supervised": 20_000.0, "stft": 10.0, "mel": 10.0, "amplitude": 0.1}
RESOLUTIONS = (512, 1024, 2048)
MEL_BANDS, MEL_FFT, MEL_HOP = 64, 1024, 256
# The small offset ε of Eq. 2; for Eq. 3 as well, where the paper has none and digital silence would be −∞ dB.
EPSILON = 1e-5


def supervised(watermark: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Eq. 1: the mean of |ŵ − w_p| over watermarks (utterances, samples).

    >>> supervised(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0]]))
    tensor(2.5000)
    """
    return (watermark - target).abs().mean()


def amplitude(watermark: torch.Tensor) -> torch.Tensor:
    """Eq. 4: ‖ŵ‖² / BT of watermarks (utterances, samples).

    >>> amplitude(torch.tensor([[1.0, -2.0]]))
    tensor(2.5000)
    """
    return watermark.square().mean()


def multi_scale_stft(marked: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Eq. 2: L1 distance of magnitudes plus that of their logarithms, averaged over the resolutions.

    Args:
        marked, clean: audio, (utterances, samples).

    Returns:
        The loss, a scalar.
    """
    return torch.stack([_stft_distance(marked, clean, size) for size in RESOLUTIONS]).mean()


def _stft_distance(marked: torch.Tensor, clean: torch.Tensor, size: int) -> torch.Tensor:
    """Eq. 2 at one size of the Fourier transform."""
    window = torch.hann_window(size, device=clean.device)
    first, second = (
        torch.stft(audio, size, size // 4, window=window, pad_mode="constant", return_complex=True).abs()
        for audio in (marked, clean)
    )
    logarithms = (torch.log(first + EPSILON) - torch.log(second + EPSILON)).abs().mean()
    return (first - second).abs().mean() + logarithms


def log_mel_distance(sample_rate: int, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Eq. 3: the mean of |dB(M̂) − dB(M)|, M being mel energies.

    Args:
        sample_rate: in Hz.
        device: where it computes.

    Returns:
        A function of marked and clean audio, (utterances, samples) each.
    """
    filters = htk_filters(MEL_FFT, MEL_BANDS, sample_rate, device=device)
    window = torch.hann_window(MEL_FFT, device=device)

    def decibels(audio: torch.Tensor) -> torch.Tensor:
        spectra = torch.stft(audio, MEL_FFT, MEL_HOP, window=window, pad_mode="constant", return_complex=True)
        return 10 * torch.log10(spectra.abs().square().transpose(1, 2) @ filters + EPSILON)

    return lambda marked, clean: (decibels(marked) - decibels(clean)).abs().mean()
