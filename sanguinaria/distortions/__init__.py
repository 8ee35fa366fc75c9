"""Distortions of audio: channel effects and signal processing, accidental or meant to remove a mark."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import Reference

if TYPE_CHECKING:
    import torch


class Distortion(Plugin):
    """The protocol of a distortion.

    Settings are the distortion's strength; random quantities are drawn for each utterance. Use :func:`distort` in the
    training of a network, or where the number of samples must not change.
    """

    room: ClassVar[str] = "distortions"
    differentiable: ClassVar[bool] = True

    @property
    def is_identity(self) -> bool:
        """Whether the distortion returns its input."""
        return False

    @abstractmethod
    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        """Distort a batch.

        Args:
            waveforms: (utterances, samples), nominally in [-1, 1], on any device.
            sample_rate: in Hz.
            generator: a generator of the CPU, so that the draws are the same for every device. A deterministic
                distortion draws nothing from it.

        Returns:
            (utterances, samples'), on the same device, not clipped. The number of samples differs only where the
            distortion changes the duration.

        Raises:
            InputError: the settings do not fit the sample rate.
        """


def distort(
    distortion: Distortion, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator
) -> torch.Tensor:
    """Distort a batch at a constant length, with gradients.

    A distortion that is not differentiable has a straight-through gradient, that of the identity (Bengio et al., 2013,
    arXiv:1308.3432). Where the duration changes, both ends are cropped or zero-padded equally.

    Args:
        distortion: the distortion.
        waveforms: (utterances, samples), nominally in [-1, 1].
        sample_rate: in Hz.
        generator: a generator of the CPU.

    Returns:
        (utterances, samples), on the same device.
    """
    if distortion.differentiable:
        return _fit_length(distortion.apply(waveforms, sample_rate, generator), waveforms.shape[-1])
    constant = waveforms.detach()
    distorted = _fit_length(distortion.apply(constant, sample_rate, generator), waveforms.shape[-1])
    # The difference is exactly 0, so the sum is exactly the distorted audio; its gradient is that of the waveforms.
    return distorted.detach() + (waveforms - constant)


def distort_each(distortion: Distortion, sample_rate: int, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that distorts each waveform of a batch with a random stream of its own.

    The draws of a waveform follow from the seed and from its samples, and do not depend on the rest of the batch.

    Args:
        distortion: that is applied.
        sample_rate: in Hz.
        seed: the seed of the random streams.

    Returns:
        A function of waveforms (utterances, samples), whose result has the same shape.
    """
    import torch

    from sanguinaria.core.random_streams import utterance_generator

    def apply(waveforms: torch.Tensor) -> torch.Tensor:
        rows = (distort(distortion, row, sample_rate, utterance_generator(row, seed)) for row in waveforms[:, None])
        return torch.cat(list(rows))

    return apply


def _fit_length(waveforms: torch.Tensor, length: int) -> torch.Tensor:
    """Crop or zero-pad both ends equally."""
    from torch.nn.functional import pad

    missing = length - waveforms.shape[-1]
    before = missing // 2 if missing > 0 else -(-missing // 2)
    return pad(waveforms, (before, missing - before))


def resolve(reference: Reference) -> Distortion:
    """Return the distortion whose settings a reference of a specification has.

    >>> resolve(Reference("distortions", settings='{"kind": "gain", "factor": 0.5}'))
    Gain(factor=0.5)
    """
    distortion = plugins.resolve(reference)
    assert isinstance(distortion, Distortion)
    return distortion
