"""Reflect padding with a deterministic gradient."""

from __future__ import annotations

import torch


def reflect_pad(signals: torch.Tensor, padding: int) -> torch.Tensor:
    """Pad both ends by reflection; the end samples are not repeated.

    The values are those of ``torch.nn.functional.pad(…, mode="reflect")``, whose gradient on a GPU differs from run to
    run.

    >>> reflect_pad(torch.tensor([1, 2, 3]), 2)
    tensor([3, 2, 1, 2, 3, 2, 1])

    Args:
        signals: (…, samples).
        padding: the samples to add at each end.

    Returns:
        (…, samples + 2 · padding).

    Raises:
        ValueError: the padding is not shorter than the signals.
    """
    samples = signals.shape[-1]
    if padding >= samples:
        raise ValueError(f"reflect padding of {padding} samples needs longer signals than {samples} samples")
    before, after = signals[..., 1 : padding + 1].flip(-1), signals[..., samples - 1 - padding : samples - 1].flip(-1)
    return torch.cat([before, signals, after], dim=-1)


def reflect_padded_stft(waveforms: torch.Tensor, window: torch.Tensor, hop: int) -> torch.Tensor:
    """Compute normalised, centred short-time spectra with reflect padding.

    Args:
        waveforms: (utterances, samples).
        window: (size of the Fourier transform,).
        hop: the samples between the centres of successive frames.

    Returns:
        (utterances, bins, frames), complex.
    """
    size = len(window)
    padded = reflect_pad(waveforms, size // 2)
    return torch.stft(padded, size, hop, window=window, center=False, normalized=True, return_complex=True)
