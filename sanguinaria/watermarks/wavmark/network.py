"""WavMark's network, which marks chunks repeatedly until the mark is strong enough, and decodes their messages.

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

# As the package loads it (wavmark/__init__.py, `load_model`): samples of a chunk, which is a second at 16 kHz; bits of
# a chunk, the pattern's among them; samples of a window and between two; and blocks of the invertible network.
CHUNK, BITS, FFT, HOP, BLOCKS = 16_000, 32, 1000, 400, 8
# Bits of the pattern at the beginning of each chunk (`encode_watermark`).
PATTERN_BITS = 16
# Maximum number of times that a chunk is marked again (utils/wm_add_util.py, `encode_trunck_with_snr_check`).
MAXIMUM_ROUNDS = 10
# Standard deviation of the weights in each stack's last layer of an untrained network. The package begins with 0, so
# that the network marks nothing; with these, marks are some 25 dB below speech.
LAST_LAYER_DEVIATION = 3e-4


@dataclass(frozen=True)
class WavmarkNetwork:
    """Encoder and decoder of one-second chunks for :class:`sanguinaria.watermarks._pkdmark.marker.SyncMarker`.

    Attributes:
        model: the package's network, on a device.
        min_snr: signal-to-watermark ratio of a chunk's first mark, in dB, below which the chunk is left unmarked.
        max_snr: likewise, above which a chunk is marked again, up to :data:`MAXIMUM_ROUNDS` times.
    """

    # wavmark.models.my_model.Model; the package is not typed.
    model: Any
    min_snr: float
    max_snr: float
    bits: ClassVar[int] = BITS
    band: ClassVar[Band] = Band(FFT, HOP, 0, FFT // 2 + 1)

    def mark(self, waveforms: torch.Tensor, messages: torch.Tensor, ratio: float | None = None) -> torch.Tensor:
        """Compute the mark of each chunk, which is to be added to it.

        Args:
            waveforms: in [−1, 1], (chunks, samples).
            messages: 0 and 1, the pattern's bits among them, (chunks, bits).
            ratio: ``None``, as levels follow from ``min_snr`` and ``max_snr``.

        Returns:
            (chunks, samples).
        """
        assert ratio is None
        bits = messages.to(waveforms)
        marked = self.model.encode(waveforms, bits)
        # The ratio of silence that stays silent is NaN, and compares as too low.
        imperceptible = _snr(waveforms, marked) >= self.min_snr
        for _ in range(MAXIMUM_ROUNDS):
            weak = imperceptible & (_snr(waveforms, marked) >= self.max_snr)
            if not weak.any():
                break
            marked[weak] = self.model.encode(marked[weak], bits[weak])
        return torch.where(imperceptible[:, None], marked - waveforms, 0.0)

    def decode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the probability of a 1 for each bit, (chunks, samples) → (chunks, bits).

        The network's outputs, from −1 to 1, are fitted to 0 and 1, and the package decodes at least ½ as a 1.
        """
        outputs: torch.Tensor = self.model.decode(waveforms)
        return outputs.clamp(min=0)


def _snr(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Signal-to-watermark ratio of each chunk in dB, (chunks, samples) each → (chunks,)."""
    return 10 * torch.log10(before.square().sum(-1) / (after - before).square().sum(-1))


def random_weights(seed: int) -> dict[str, torch.Tensor]:
    """Draw the weights of an untrained network whose marks are not 0.

    Raises:
        sanguinaria.watermarks.WeightsError: the package is not installed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state: dict[str, torch.Tensor] = _build().state_dict()
        for name, weight in state.items():
            if name.endswith(".conv5.weight"):
                torch.nn.init.normal_(weight, std=LAST_LAYER_DEVIATION)
    return state


def build_network(weights: Mapping[str, torch.Tensor]) -> Any:
    """Build the package's network with its weights, float32, in evaluation mode and without gradients.

    Raises:
        sanguinaria.watermarks.WeightsError: they are not this network's, or the package is not installed.
    """
    check_weights(weights, "these weights")
    with torch.device("meta"):
        model = _build()
    model.load_state_dict({name: weight.float().clone() for name, weight in weights.items()}, assign=True)
    return model.requires_grad_(False).eval()


def check_weights(weights: Mapping[str, object], origin: str) -> None:
    """Compare names and shapes of weights with the network's.

    Args:
        weights: a state dict.
        origin: of the weights, for the error message.

    Raises:
        sanguinaria.watermarks.WeightsError: they differ; the message names the first weight that does.
    """
    with torch.device("meta"):
        state = _build().state_dict()
    if (difference := mismatch(weights, shapes(state))) is not None:
        raise WeightsError(
            f"{origin}: not WavMark's, as {difference}. Give the state dict of the package's network, as published"
        )


def pattern() -> tuple[int, ...]:
    """Return the bits at the beginning of each chunk.

    Raises:
        sanguinaria.watermarks.WeightsError: the package is not installed.
    """
    return tuple(_package()[1][:PATTERN_BITS])


def _build() -> Any:
    """The package's untrained network, on torch's default device."""
    return _package()[0](CHUNK, num_bit=BITS, n_fft=FFT, hop_length=HOP, num_layers=BLOCKS)


def _package() -> tuple[Any, list[int]]:
    """The class of the package's network, and its pattern."""
    try:
        from wavmark.models.my_model import Model
        from wavmark.utils.wm_add_util import fix_pattern
    except ImportError as error:  # the package imports others that nothing here needs, and that may be absent
        raise WeightsError(
            f"WavMark's network is in the package wavmark, which cannot be imported ({error}): "
            "pip install wavmark==0.0.3"
        ) from error
    return Model, fix_pattern
