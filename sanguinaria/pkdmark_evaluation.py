"""What PKDMark is judged by: bit error rates and detection under each distortion, quality, and what marking costs.

The columns of the paper's Table I, the F1 score of section IV-C, and the operations of Table II.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from sanguinaria.distortions import Distortion, distorted
from sanguinaria.metrics import Metric, Unscorable
from sanguinaria.metrics.pesq import Pesq
from sanguinaria.metrics.snr import Snr
from sanguinaria.pkdmark_networks import MarkNetwork
from sanguinaria.watermarks import Marker

# From this score on a detector says that a mark is there.
THRESHOLD = 0.5


class MarkerOf(Protocol):
    """A marker of the same weights with this code and as many bits of message beside it."""

    def __call__(self, sync: str) -> Marker: ...


def evaluate(
    marker_of: MarkerOf,
    sync: str,
    bits: int,
    distortions: Mapping[str, Distortion],
    waveforms: torch.Tensor,
    sample_rate: int,
    seed: int = 0,
    judged: int | None = None,
) -> dict[str, float]:
    """Mark, distort and read, with random messages of the whole capacity, and again with the code in each.

    Args:
        marker_of: a marker by its code, which may be empty.
        sync: the code that detection looks for.
        bits: of the whole capacity.
        distortions: by name.
        waveforms: speech of held-out speakers, (utterances, samples).
        sample_rate: in Hz.
        seed: of the messages and of what is random about the distortions.
        judged: utterances that PESQ and SNR are measured of; all where ``None``.

    Returns:
        By name, ``bit_error_rate_…``, ``f1_…`` and ``false_positives_…`` for each distortion as shares, means of the
        first two over the distortions, and means of ``pesq`` and ``snr`` (dB) of utterances that can be scored, beside
        the number of those that cannot.
    """
    random = torch.Generator().manual_seed(seed)
    whole, coded = marker_of(""), marker_of(sync)
    messages = torch.randint(2, (len(waveforms), bits), generator=random)
    marked = waveforms + whole.watermark(waveforms, messages)
    synced = waveforms + coded.watermark(waveforms, messages[:, len(sync) :])
    rates, scores, found = {}, {}, {}
    for name, distortion in distortions.items():
        after, positive, negative = (
            distorted(distortion, audio, sample_rate, torch.Generator().manual_seed(seed))
            for audio in (marked, synced, waveforms)
        )
        rates[name] = float(((whole.detect(after)[1] >= 0.5) != (messages > 0)).float().mean())
        hits, alarms = (coded.detect(audio)[0] >= THRESHOLD for audio in (positive, negative))
        scores[name] = f1(int(hits.sum()), int(alarms.sum()), len(waveforms))
        found[f"false_positives_{name}"] = float(alarms.float().mean())
    found |= {f"bit_error_rate_{name}": rate for name, rate in rates.items()}
    found |= {f"f1_{name}": score for name, score in scores.items()}
    found |= {"bit_error_rate": float(np.mean(list(rates.values()))), "f1": float(np.mean(list(scores.values())))}
    for metric in (Snr(), Pesq()):
        found |= _judged(metric, waveforms[:judged], marked[:judged], sample_rate)
    return found


def f1(hits: int, alarms: int, marked: int) -> float:
    """2·TP / (2·TP + FP + FN), of so many marked utterances and unmarked ones in which marks were found."""
    return 2 * hits / (2 * hits + alarms + (marked - hits)) if hits else 0.0


def operations(network: MarkNetwork) -> int:
    """Floating-point operations of the invertible network in marking one piece, multiplications and additions each.

    Counted by torch, without computing anything. What transforms to the spectrum and back is left out.
    """
    band = network.band
    shape = (1, 2, band.bins, band.frames(network.samples))
    blocks = copy.deepcopy(network.keyed.invertible).to("meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        blocks(torch.empty(shape), torch.empty(shape), torch.empty(1, network.keyed.blocks))
    return int(counter.get_total_flops())


def parameters(network: MarkNetwork) -> int:
    """Of the invertible network."""
    return sum(weight.numel() for weight in network.keyed.invertible.parameters())


def _judged(metric: Metric, clean: torch.Tensor, marked: torch.Tensor, sample_rate: int) -> dict[str, float]:
    scores = []
    for before, after in zip(clean.numpy(), marked.numpy(), strict=True):
        try:
            scores.append(metric.score(before, after, sample_rate))
        except Unscorable:
            continue
    name = type(metric).__name__.lower()
    return {
        name: float(np.mean(scores)) if scores else float("nan"),
        f"{name}_unscorable": len(clean) - len(scores),
    }
