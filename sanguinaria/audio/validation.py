"""What makes a waveform nothing that could be attacked or heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NO_NUMBERS = "the audio is not made of numbers"
SILENT = "the audio is silent"


def problems(waveforms: torch.Tensor) -> list[str]:
    """For each of some waveforms (utterances, samples) what is wrong with it, empty where nothing is."""
    import torch

    finite = torch.isfinite(waveforms).all(-1).tolist()
    silent = (waveforms == 0).all(-1).tolist()
    return [
        SILENT if no_sound else "" if numbers else NO_NUMBERS for numbers, no_sound in zip(finite, silent, strict=True)
    ]
