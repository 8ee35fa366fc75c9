"""Distortions: what happens to audio on its way, by accident or to remove a mark."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


class Distortion(Plugin):
    """The protocol of a distortion. Its settings are its strength; what is random about it is drawn for each utterance.

    Use :func:`distorted` where a network is trained, or where the length has to stay.
    """

    room: ClassVar[str] = "distortions"
    differentiable: ClassVar[bool] = True

    @property
    def is_identity(self) -> bool:
        """Whether the distortion does nothing."""
        return False

    @abstractmethod
    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        """Distort a batch.

        Args:
            waveforms: (utterances, samples), nominally in [-1, 1]; on any device.
            sample_rate: in Hz.
            generator: the CPU's, so that devices draw the same; only what is random draws from it.

        Returns:
            (utterances, samples'), on the same device, and not clipped. The number of samples is another one only where
            the distortion changes the duration.

        Raises:
            InputError: the settings do not fit the sample rate.
        """


def distorted(
    distortion: Distortion, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator
) -> torch.Tensor:
    """Distorted waveforms of the length of the given ones, (utterances, samples), through which gradients pass.

    Where the distortion is not differentiable they pass straight through, as if it did nothing (Bengio et al., 2013,
    arXiv:1308.3432). Where it changes the duration, both ends are cropped or padded with zeros alike.
    """
    if distortion.differentiable:
        return _fitted(distortion.apply(waveforms, sample_rate, generator), waveforms.shape[-1])
    still = waveforms.detach()
    changed = _fitted(distortion.apply(still, sample_rate, generator), waveforms.shape[-1])
    # The difference is exactly 0, so the result is exactly what was made; its gradient is that of the waveforms.
    return changed.detach() + (waveforms - still)


def each_distorted(text: str, sample_rate: int, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function that distorts each waveform of (utterances, samples) by itself, so that what is random follows from
    the seed and from its samples, and from no other one's. The distortion is one that :func:`to_text` told of.
    """
    import torch

    from sanguinaria.core.random_streams import utterance_generator

    distortion = from_text(text)

    def apply(waveforms: torch.Tensor) -> torch.Tensor:
        rows = (distorted(distortion, row, sample_rate, utterance_generator(row, seed)) for row in waveforms[:, None])
        return torch.cat(list(rows))

    return apply


def _fitted(waveforms: torch.Tensor, length: int) -> torch.Tensor:
    """Cropped, or padded with zeros, evenly at both ends."""
    from torch.nn.functional import pad

    missing = length - waveforms.shape[-1]
    before = missing // 2 if missing > 0 else -(-missing // 2)
    return pad(waveforms, (before, missing - before))


def to_text(distortion: Plugin) -> str:
    """The settings as text, what takes the place of an entry's name in the identity of a stage."""
    return json.dumps(plugins.describe(distortion), sort_keys=True)


def from_text(text: str) -> Distortion:
    """The distortion that :func:`to_text` tells of."""
    distortion = plugins.build("distortions", json.loads(text))
    assert isinstance(distortion, Distortion)
    return distortion
