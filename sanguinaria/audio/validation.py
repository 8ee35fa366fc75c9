"""Validation of waveforms: finite samples, and silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NON_FINITE = "the audio has samples that are not finite"
SILENT = "the audio is silent"


def is_usable(waveforms: torch.Tensor) -> torch.Tensor:
    """Return which waveforms (utterances, samples) are finite and not silent: booleans (utterances,)."""
    return is_finite(waveforms) & (waveforms != 0).any(-1)


def is_finite(waveforms: torch.Tensor) -> torch.Tensor:
    """Return which waveforms (…, samples) have finite samples only: booleans (…,)."""
    import torch

    return torch.isfinite(waveforms).all(-1)


def waveform_problems(waveforms: torch.Tensor) -> list[str]:
    """Return the problem of each waveform (utterances, samples): silence, non-finite samples, or "" for none."""
    silent = (waveforms == 0).all(-1).tolist()
    return [
        SILENT if is_silent else "" if finite else NON_FINITE
        for finite, is_silent in zip(is_finite(waveforms).tolist(), silent, strict=True)
    ]
