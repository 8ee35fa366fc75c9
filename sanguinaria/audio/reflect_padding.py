"""What lies beyond the ends of a signal, mirrored there, with a gradient that is the same each time."""

from __future__ import annotations

import torch


def reflect_pad(signals: torch.Tensor, beyond: int) -> torch.Tensor:
    """Signals (…, samples) → (…, samples + 2 · beyond), the ends not repeated.

    It is what ``torch.nn.functional.pad`` and ``torch.stft`` mean by "reflect", whose gradient on a GPU differs from
    run to run.

    Raises:
        ValueError: the signals have no more samples than lie beyond an end.
    """
    samples = signals.shape[-1]
    if beyond >= samples:
        raise ValueError(f"{samples} samples cannot be mirrored {beyond} samples beyond their ends")
    before, after = signals[..., 1 : beyond + 1].flip(-1), signals[..., samples - 1 - beyond : samples - 1].flip(-1)
    return torch.cat([before, signals, after], dim=-1)


def reflect_padded_stft(waveforms: torch.Tensor, window: torch.Tensor, hop: int) -> torch.Tensor:
    """Normalised spectra of waveforms that are mirrored beyond their ends: (utterances, samples) → (utterances, bins,
    frames), complex; a frame's middle is at every ``hop``-th sample."""
    size = len(window)
    audio = reflect_pad(waveforms, size // 2)
    return torch.stft(audio, size, hop, window=window, center=False, normalized=True, return_complex=True)
