"""WavMark's network, which marks pieces of audio again until the mark is loud enough, and reads messages from such.

Chen et al., "WavMark: Watermarking for Audio Generation", arXiv:2308.12770; its package ``wavmark`` 0.0.3 (MIT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from sanguinaria.core.state_dicts import mismatch, shapes
from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks._invertible.spectra import Band

# As the package loads it (wavmark/__init__.py, `load_model`): samples of a piece, which is a second at 16 kHz; bits of
# a piece, the pattern's among them; samples of a window and between two; and blocks of the invertible network.
PIECE, BITS, FFT, HOP, BLOCKS = 16_000, 32, 1000, 400, 8
# Bits of the pattern at the beginning of each piece (`encode_watermark`).
PATTERN_BITS = 16
# How often a piece is marked again at most (utils/wm_add_util.py, `encode_trunck_with_snr_check`).
ROUNDS = 10
# Standard deviation of the weights in each stack's last layer, where they are not trained. The package begins with 0,
# so that the network marks nothing; with these, marks are some 25 dB below speech.
LAST_LAYER = 3e-4


@dataclass(frozen=True)
class WavmarkNetwork:
    """Marks pieces of a second, and reads messages from such; what
    :class:`sanguinaria.watermarks._pkdmark.marker.SyncMarker` needs.

    Attributes:
        model: the package's network, on a device.
        min_snr: in dB, of a piece to its first mark; a piece with a louder one is left unmarked.
        max_snr: in dB; a piece with a quieter mark is marked again on top of it, up to :data:`ROUNDS` times.
    """

    # wavmark.models.my_model.Model; the package is not typed.
    model: Any
    min_snr: float
    max_snr: float
    bits: ClassVar[int] = BITS
    band: ClassVar[Band] = Band(FFT, HOP, 0, FFT // 2 + 1)

    def mark(self, waveforms: torch.Tensor, messages: torch.Tensor, ratio: float | None = None) -> torch.Tensor:
        """What is to be added to each piece, (pieces, samples) → same.

        Args:
            waveforms: in [−1, 1].
            messages: (pieces, bits) of 0 and 1, the pattern's among them.
            ratio: none, as levels follow from ``min_snr`` and ``max_snr``.
        """
        assert ratio is None
        bits = messages.to(waveforms)
        marked = self.model.encode(waveforms, bits)
        # Of silence that stays silent the ratio is no number, and compares as too low.
        kept = _snr(waveforms, marked) >= self.min_snr
        for _ in range(ROUNDS):
            faint = kept & (_snr(waveforms, marked) >= self.max_snr)
            if not faint.any():
                break
            marked[faint] = self.model.encode(marked[faint], bits[faint])
        return torch.where(kept[:, None], marked - waveforms, 0.0)

    def read(self, waveforms: torch.Tensor) -> torch.Tensor:
        """The probability of a 1 for each bit of pieces, (pieces, samples) → (pieces, bits).

        The network's outputs, from −1 to 1, are fitted to 0 and 1, and the package takes what is at least ½ for a 1.
        """
        found: torch.Tensor = self.model.decode(waveforms)
        return found.clamp(min=0)


def _snr(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Of each piece to its mark in dB, (pieces, samples) each → (pieces,)."""
    return 10 * torch.log10(before.square().sum(-1) / (after - before).square().sum(-1))


def untrained(seed: int) -> dict[str, torch.Tensor]:
    """Weights of a network that marks and reads, and was not trained.

    Raises:
        sanguinaria.watermarks.WeightsError: the package is not installed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state: dict[str, torch.Tensor] = _build().state_dict()
        for name, weight in state.items():
            if name.endswith(".conv5.weight"):
                torch.nn.init.normal_(weight, std=LAST_LAYER)
    return state


def filled(weights: Mapping[str, torch.Tensor]) -> Any:
    """The package's network with such weights, float32, for use without gradients.

    Raises:
        sanguinaria.watermarks.WeightsError: they are not this network's, or the package is not installed.
    """
    check(weights, "these weights")
    with torch.device("meta"):
        model = _build()
    model.load_state_dict({name: weight.float().clone() for name, weight in weights.items()}, assign=True)
    return model.requires_grad_(False).eval()


def check(weights: Mapping[str, object], what: str) -> None:
    """Compare names and shapes with the network's.

    Raises:
        sanguinaria.watermarks.WeightsError: they differ; it says ``what`` they are of, and names the first tensor.
    """
    with torch.device("meta"):
        state = _build().state_dict()
    if (difference := mismatch(weights, shapes(state))) is not None:
        raise WeightsError(
            f"{what}: not WavMark's, as {difference}. Give the state dict of the package's network, as published"
        )


def pattern() -> tuple[int, ...]:
    """The bits that each piece begins with.

    Raises:
        sanguinaria.watermarks.WeightsError: the package is not installed.
    """
    return tuple(_package()[1][:PATTERN_BITS])


def _build() -> Any:
    """The package's network, untrained, on torch's default device."""
    return _package()[0](PIECE, num_bit=BITS, n_fft=FFT, hop_length=HOP, num_layers=BLOCKS)


def _package() -> tuple[Any, list[int]]:
    """The class of the package's network, and its pattern."""
    try:
        from wavmark.models.my_model import Model
        from wavmark.utils.wm_add_util import fix_pattern
    except ImportError as error:  # it imports packages that nothing here needs; one of them may be what is absent
        raise WeightsError(
            f"WavMark's network is in the package wavmark, which cannot be imported ({error}): "
            "pip install wavmark==0.0.3"
        ) from error
    return Model, fix_pattern
