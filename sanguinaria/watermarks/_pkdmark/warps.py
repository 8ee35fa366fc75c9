"""Search over known factors of frequency: the detector undoes each, and decodes where the code matches best.

Another speed or pitch scales the frequencies of a mark, which is decoded again once the time axis is resampled so that
they are where they were embedded. The mark's frames begin where they did if the audio is as long as its speed makes it,
or if it was cropped or padded to its former length at both ends alike: each factor is undone in both ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from julius.resample import resample_frac

from sanguinaria.audio.time_stretching import to_fraction
from sanguinaria.watermarks._pkdmark.sync_code import SyncCode


def undo_warp(waveforms: torch.Tensor, factor: float) -> torch.Tensor:
    """Divide all frequencies by a factor, which multiplies the duration by it.

    Args:
        waveforms: (utterances, samples).
        factor: by which a change of speed or pitch multiplied the frequencies.

    Returns:
        (utterances, samples · factor).

    >>> undo_warp(torch.zeros(1, 900), 1.1).shape
    torch.Size([1, 990])
    """
    fraction = to_fraction(factor)
    length = max(1, round(waveforms.shape[-1] * fraction))
    undone: torch.Tensor = resample_frac(waveforms, fraction.denominator, fraction.numerator, output_length=length)
    return undone


def undone_warps(waveforms: torch.Tensor, factors: Sequence[float]) -> list[torch.Tensor]:
    """Return the waveforms without each factor: as they are, and zero-padded or cropped at both ends to their length.

    Args:
        waveforms: (utterances, samples).
        factors: of frequency.

    Returns:
        Two for each factor, (utterances, samples · factor) and (utterances, samples).
    """
    undone = [undo_warp(waveforms, factor) for factor in factors]
    return [each for warp in undone for each in (warp, _centred(warp, waveforms.shape[-1]))]


def _centred(waveforms: torch.Tensor, length: int) -> torch.Tensor:
    """Zero-pad or crop both ends equally, (utterances, samples) → (utterances, length)."""
    before = (length - waveforms.shape[-1]) // 2
    return torch.nn.functional.pad(waveforms, (before, length - waveforms.shape[-1] - before))


def best_decoding(code: SyncCode, codes: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the index of the decoding with the most matching bits of the code, (utterances,).

    Among those of as many bits, the one whose probabilities agree most with the code; then the first.

    Args:
        code: the synchronisation code.
        codes: its bits' probabilities of a 1 in each decoding, (utterances, bits).
    """
    return torch.stack([code.matches(each) + (1 + code.agreement(each)) / 4 for each in codes]).argmax(0)
