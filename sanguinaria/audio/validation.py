"""What makes a waveform nothing that could be attacked or heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NON_FINITE = "the audio has samples that are not finite"
SILENT = "the audio is silent"


def waveform_problems(waveforms: torch.Tensor) -> list[str]:
    """For each of some waveforms (utterances, samples) what is wrong with it, empty where nothing is."""
    import torch

    finite = torch.isfinite(waveforms).all(-1).tolist()
    silent = (waveforms == 0).all(-1).tolist()
    return [
        SILENT if no_sound else "" if numbers else NON_FINITE for numbers, no_sound in zip(finite, silent, strict=True)
    ]
