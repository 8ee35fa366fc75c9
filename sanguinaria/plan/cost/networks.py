"""Multiply-accumulates of networks: of one pass over a second of audio, in 10⁹, by the settings that change their size.

They are those of matrix products and convolutions, as torch counts them; recurrent layers, which it does not count, are
4 h (i + h) for each frame and layer. Fourier transforms and element-wise operations are left out. A network that is not
in the table counts as its room's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any


@dataclass(frozen=True)
class Network:
    """Size of a network.

    Attributes:
        gmac: 10⁹ multiply-accumulates for a second of audio at the reference settings; of a watermark, to embed it.
        detection: likewise, to detect it.
        references: by setting its reference, and the exponent by which the number grows with the setting.
    """

    gmac: float
    detection: float = 0.0
    references: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def scale(self, settings: Mapping[str, Any]) -> float:
        """Return the factor of other settings on the numbers."""
        size: float = prod(
            (settings[name] / reference) ** exponent for name, (reference, exponent) in self.references.items()
        )
        spectrogram = settings.get("log_mel")
        # The reference spectrogram has 80 bands, and 80 frames a second.
        return size if spectrogram is None else float(size * spectrogram["bands"] / 80 * 200 / spectrogram["hop"])


NETWORKS: Mapping[str, Network] = {
    "victims": Network(1.0),
    "victims/resnet18": Network(0.945, references={"width": (64, 2)}),
    "victims/resnet18/pooled": Network(0.24, references={"width": (64, 2)}),
    "victims/lstm": Network(0.0056, references={"hidden": (64, 1.5)}),
    "victims/vgg19": Network(2.78, references={"width": (64, 2)}),
    "victims/wide_resnet50": Network(1.71, references={"width": (64, 2)}),
    # Of all windows, 10 ms apart, as in evaluation; in training it is one window of an utterance.
    "victims/sincnet": Network(10.4, references={"filters": (80, 1), "window": (3200, 1), "hop": (160, -1)}),
    "victims/rawnet3": Network(4.77, references={"width": (1024, 2), "stride": (10, -1)}),
    "victims/ecapa_tdnn": Network(0.517, references={"channels": (512, 1.7)}),
    # Three recurrent layers of 256 units at 100 frames a second.
    "victims/resemblyzer": Network(0.135),
    # One reverse step.
    "purifiers": Network(15.8),
    "purifiers/audiopure": Network(303.0, references={"layers": (36, 1), "channels": (256, 2)}),
    "purifiers/dap": Network(15.8, references={"layers": (30, 1), "channels": (64, 1.8)}),
    "purifiers/tdap": Network(15.8, references={"layers": (30, 1), "channels": (64, 1.8)}),
    "watermarks": Network(2.0, 2.0),
    # With the recurrent layers of both, 0.21 each.
    "watermarks/audioseal": Network(1.56, 0.96, {"filters": (32, 2)}),
    "watermarks/audioseal_trained": Network(1.56, 0.96, {"filters": (32, 2)}),
    "watermarks/perth": Network(0.24, 0.7),
    # WAKE's network is WavMark's.
    "watermarks/wavmark": Network(29.5, 29.8),
    "watermarks/dither_modulation": Network(0.0, 0.0),
    "watermarks/wake/dense": Network(29.5, 29.8, {"blocks": (8, 1), "bins": (501, 1)}),
    "watermarks/wake/conv1d": Network(0.0195, 0.0544, {"blocks": (4, 1), "bins": (96, 1), "width": (48, 1)}),
    "watermarks/keyed_mask/dense": Network(39.4, 4.38, {"blocks": (4, 1), "bins": (96, 1)}),
    "watermarks/keyed_mask/conv1d": Network(0.452, 0.0541, {"blocks": (4, 1), "bins": (96, 1), "width": (48, 1)}),
    "watermarks/pkdmark_teacher/plain": Network(
        14.5, 14.5, {"blocks": (8, 1), "bins": (513, 1), "channels": (32, 2), "hop": (600, -1)}
    ),
    "watermarks/pkdmark_teacher/conv1d": Network(0.0491, 0.0488, {"blocks": (4, 1), "channels": (96, 2)}),
    "watermarks/pkdmark": Network(0.945, references={"blocks": (2, 1), "channels": (16, 2)}),
    # Of an utterance: 8.2 billion parameters, some 800 tokens before the answer (Chu et al., 2024, arXiv:2407.10759).
    "texts/qwen_audio": Network(7500.0),
    # Likewise: an encoder of 637 million parameters, always over thirty seconds (Radford et al., 2023, large).
    "texts/whisper": Network(1000.0),
    "conversions": Network(1.0),
    # WavLM-Large (Chen et al., 2022: 316 million parameters, 50 frames a second, and its convolutions), and a vocoder
    # of HiFi-GAN's size.
    "conversions/freevc": Network(45.0),
}


def gmac(room: str, settings: Mapping[str, Any], detection: bool = False) -> float:
    """Return 10⁹ multiply-accumulates of a network for a second of audio.

    Args:
        room: of the plug-in.
        settings: of the plug-in, with its ``kind``.
        detection: of a watermark: of its detection rather than of its embedding.
    """
    kind = f"{room}/{settings['kind']}"
    variant = f"{kind}/{settings.get('layout', settings.get('stem'))}"
    network = NETWORKS.get(variant) or NETWORKS.get(kind) or NETWORKS[room]
    return (network.detection if detection else network.gmac) * network.scale(settings)


def is_counted(room: str, kind: str) -> bool:
    """Return whether a kind has a network of its own in the table."""
    return any(name.split("/")[:2] == [room, kind] for name in NETWORKS)
