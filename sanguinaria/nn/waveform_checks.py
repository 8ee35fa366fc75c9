"""Checks of the waveforms that a network is given."""

from __future__ import annotations

import torch

from sanguinaria.core.errors import InputError


def check_length(waveforms: torch.Tensor, window: int) -> None:
    """Check that waveforms (utterances, 1, samples) are at least as long as a window of so many samples.

    Raises:
        InputError: they are shorter.
    """
    if waveforms.shape[-1] < window:
        raise InputError(
            f"the utterances have {waveforms.shape[-1]:,} samples, fewer than one window of {window:,}: "
            "use longer utterances, or a shorter window"
        )
