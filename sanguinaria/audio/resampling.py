"""Audio as a marker's network hears it: on its device, at its rate, and long enough for a window."""

from __future__ import annotations

import torch

from sanguinaria.core.errors import InputError


def resampled(waveforms: torch.Tensor, before: int, after: int) -> torch.Tensor:
    """Waveforms (utterances, samples) of one rate at another, both in Hz."""
    if before == after:
        return waveforms
    from sanguinaria.core.torchaudio_import import prepare

    prepare()
    from torchaudio.functional import resample

    found: torch.Tensor = resample(waveforms, before, after)
    return found


def heard(
    waveforms: torch.Tensor, sample_rate: int, network_rate: int, window: int, device: torch.device
) -> torch.Tensor:
    """Waveforms at the network's rate and on its device, as float32.

    Raises:
        InputError: they are shorter than a window, in samples at the network's rate.
    """
    audio = resampled(waveforms.to(device, torch.float32), sample_rate, network_rate)
    if audio.shape[-1] < window:
        raise InputError(
            f"the utterances have {audio.shape[-1]} samples at {network_rate:,} Hz, fewer than one window of "
            f"{window}: use longer utterances"
        )
    return audio
