"""The pretrained speaker encoder of the package Resemblyzer 0.1.4, whose wheel holds the weights.

Its embeddings need no training. As a victim that is trained, it keeps the encoder as it is and learns a direction for
each label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.encoders import Encoding
from sanguinaria.errors import InputError
from sanguinaria.victims import WaveformVictim

if TYPE_CHECKING:
    import torch

PACKAGE = "resemblyzer"
# Of pretrained.pt in the wheel of version 0.1.4.
SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"


class Resemblyzer(Encoding, WaveformVictim):
    """A recurrent network of mel energies at 16 kHz, trained by its authors on LibriSpeech and VoxCeleb."""

    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=1e-2, gt=0, description="at the first step")
    scale: float = Field(default=30.0, gt=0, description="factor on the cosines")

    @property
    def is_pretrained(self) -> bool:
        return True

    def problem(self, sample_rate: int) -> str | None:
        from sanguinaria.ge2e_network import SAMPLE_RATE

        return None if sample_rate == SAMPLE_RATE else f"it hears audio at {SAMPLE_RATE} Hz, not at {sample_rate} Hz"

    def pretrained(self) -> torch.nn.Module:
        """
        Raises:
            InputError: the package is not installed, or is another version.
        """
        import torch

        from sanguinaria.ge2e_network import load_ge2e

        return load_ge2e(torch.load(_weights(), map_location="cpu", weights_only=True)["model_state"])

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.ge2e_network import SIZE
        from sanguinaria.margins import Directions

        encoder = self.pretrained().requires_grad_(False)
        return nn.Sequential(encoder, Directions(SIZE, labels, self.scale))


def _weights() -> str:
    """The path of the checkpoint; the package itself, which needs librosa, is not imported."""
    import hashlib
    from importlib.util import find_spec
    from pathlib import Path

    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise InputError("resemblyzer: its package is not installed: `pip install Resemblyzer==0.1.4`")
    path = Path(found.origin).with_name("pretrained.pt")
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise InputError(f"{path}: not the weights of Resemblyzer 0.1.4: `pip install Resemblyzer==0.1.4`")
    return str(path)
