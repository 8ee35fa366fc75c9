"""What a keyed watermark is judged by: who reads it with which key, one of two marks, and how much of it is heard.

The numbers of WAKE's Table 1, and beside them each key that differs in one character, as a mean hides a dead one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from sanguinaria.metrics import Metric, Unscorable
from sanguinaria.metrics.pesq import Pesq
from sanguinaria.metrics.snr import Snr
from sanguinaria.watermarks import Marker

# From this score on a detector says that a mark is there.
THRESHOLD = 0.5


def evaluate(
    marker_of: Callable[[str], Marker],
    keys: Sequence[str],
    neighbours: Sequence[str],
    waveforms: torch.Tensor,
    bits: int,
    sample_rate: int,
    seed: int = 0,
    judged: int | None = None,
) -> dict[str, float]:
    """Mark with the first key, and again with the second, and read with all.

    Args:
        marker_of: a marker with a key.
        keys: the first two mark, the others are wrong.
        neighbours: keys that differ from the first in one character each.
        waveforms: speech of held-out speakers, (utterances, samples).
        bits: of a message; each utterance has a random one.
        sample_rate: in Hz.
        seed: of the messages.
        judged: utterances that PESQ and SNR are measured of; all where ``None``.

    Returns:
        Means by name: bit error rates as shares, detection rates, levels in dB. Utterances that a metric cannot score
        are left out, and counted.
    """
    random = torch.Generator().manual_seed(seed)
    messages = [torch.randint(2, (len(waveforms), bits), generator=random) for _ in range(2)]
    first, second = (marker_of(key) for key in keys[:2])
    once = waveforms + first.watermark(waveforms, messages[0])
    twice = once + second.watermark(once, messages[1])
    read, sure = _read(first, once, messages[0])
    wrong = [_read(marker_of(key), once, messages[0]) for key in keys[2:]]
    near = [_read(marker_of(key), once, messages[0])[0] for key in neighbours]
    found = {
        "bit_error_rate": read,
        "detected": sure,
        "false_positives": float((first.detect(waveforms)[0] >= THRESHOLD).float().mean()),
        "wrong_key_bit_error_rate": float(np.mean([rate for rate, _ in wrong])),
        "wrong_key_lowest": min(rate for rate, _ in wrong),
        "wrong_key_highest": max(rate for rate, _ in wrong),
        "wrong_key_detected": float(np.mean([rate for _, rate in wrong])),
        "first_of_two_bit_error_rate": _read(first, twice, messages[0])[0],
        "second_of_two_bit_error_rate": _read(second, twice, messages[1])[0],
    }
    found |= {f"neighbour_{place}_bit_error_rate": rate for place, rate in enumerate(near)}
    for name, marked in (("once", once), ("twice", twice)):
        for metric in (Snr(), Pesq()):
            found |= _judged(metric, name, waveforms[:judged], marked[:judged], sample_rate)
    return found


def _read(marker: Marker, waveforms: torch.Tensor, messages: torch.Tensor) -> tuple[float, float]:
    """The share of the bits that are read wrong, and that of the utterances in which a mark is found."""
    scores, bits = marker.detect(waveforms)
    wrong = (bits >= 0.5) != (messages > 0).to(bits.device)
    return float(wrong.float().mean()), float((scores >= THRESHOLD).float().mean())


def _judged(metric: Metric, name: str, clean: torch.Tensor, marked: torch.Tensor, sample_rate: int) -> dict[str, float]:
    scores = []
    for before, after in zip(clean.numpy(), marked.numpy(), strict=True):
        try:
            scores.append(metric.score(before, after, sample_rate))
        except Unscorable:
            continue
    prefix = f"{type(metric).__name__.lower()}_{name}"
    return {
        prefix: float(np.mean(scores)) if scores else float("nan"),
        f"{prefix}_unscorable": len(clean) - len(scores),
    }
