"""Measurements of PKDMark's encoder and decoder on held-out speech during their training."""

from __future__ import annotations

import torch

from sanguinaria.distortions import distort
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.watermarks._invertible.validation import (
    VALIDATION_SEED,
    bit_error_rate,
    random_messages,
    signal_to_watermark_ratio,
)
from sanguinaria.watermarks._pkdmark.network import PkdNetwork


def validate(
    encoder: PkdNetwork, decoder: PkdNetwork, chunks: torch.Tensor, attacks: AttackLayer, ratio: float | None
) -> dict[str, float]:
    """Compute bit error rates, undistorted and as a mean over the distortions, and the signal-to-watermark ratio.

    Args:
        encoder: on the device of the chunks.
        decoder: likewise.
        chunks: unmarked speech, (utterances, samples).
        attacks: each of whose distortions is applied.
        ratio: that marks are scaled to, in dB, or ``None``.
    """
    random = torch.Generator().manual_seed(VALIDATION_SEED)
    messages = random_messages(len(chunks), encoder.bits, random).to(chunks.device)
    with torch.no_grad():
        mark = encoder.mark(chunks, messages, ratio)
        marked = chunks + mark
        distorted_rates = [
            bit_error_rate(decoder.decode(distort(attack, marked, attacks.sample_rate, random)) > 0.5, messages)
            for attack in attacks.distortions
        ]
        rate = bit_error_rate(decoder.decode(marked) > 0.5, messages)
        return {
            "validation_bit_error_rate": rate,
            "validation_distorted_bit_error_rate": (
                sum(distorted_rates) / len(distorted_rates) if distorted_rates else rate
            ),
            "validation_snr": signal_to_watermark_ratio(chunks, mark),
        }
