"""Speaker encoders: victims whose networks compute embeddings before the logits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from sanguinaria.victims import Victim


class SpeakerEncoderVictim:
    """A second base class of victims whose last layer turns embeddings into logits."""

    @property
    def is_pretrained(self) -> bool:
        """Whether embeddings are available without a training."""
        return False

    def embedding_network(self, network: torch.nn.Module) -> torch.nn.Module:
        """Return the part of a victim's network that computes embeddings.

        Args:
            network: as :meth:`sanguinaria.victims.Victim.network` builds it.

        Returns:
            A module from features (utterances, channels, times) to embeddings (utterances, dimensions).
        """
        from torch import nn

        assert isinstance(network, nn.Sequential)
        return network[:-1]

    def pretrained_network(self) -> torch.nn.Module:
        """Return the embedding network with its pretrained weights, where ``is_pretrained``.

        Raises:
            InputError: the weights are absent.
        """
        raise NotImplementedError


@runtime_checkable
class EmbeddingFunction(Protocol):
    """A differentiable function from waveforms (utterances, samples) to embeddings (utterances, dimensions).

    The embedding of an utterance depends on no other utterance.
    """

    def __call__(self, waveforms: torch.Tensor, /) -> torch.Tensor: ...


def load_encoder(victim: Victim, model: Path | None, sample_rate: int, device: torch.device) -> EmbeddingFunction:
    """Load a speaker encoder.

    Args:
        victim: one that derives from :class:`SpeakerEncoderVictim`.
        model: the trained model's file; ``None`` for a pretrained victim.
        sample_rate: of the waveforms, in Hz.
        device: on which embeddings are computed.

    Returns:
        A function from waveforms to embeddings. Its weights are frozen, so gradients are those of the audio alone.

    Raises:
        InputError: the victim has no embeddings, takes another sample rate, or its weights are absent.
        DamagedError: the model was cut or altered since it was written.
    """
    from sanguinaria.core.plugins import kind_of

    if not isinstance(victim, SpeakerEncoderVictim):
        raise InputError(f"a victim of kind {kind_of(victim)} computes no embeddings: name a speaker encoder")
    victim.require_sample_rate(sample_rate)
    if model is None:
        if not victim.is_pretrained:
            raise InputError(f"{kind_of(victim)} has to be trained before it computes embeddings")
        network = victim.pretrained_network()
    else:
        from sanguinaria.victims._models import load_model

        network = victim.embedding_network(load_model(model, device)[0])
    # Frozen, so that a gradient with respect to the audio costs none with respect to the weights.
    network = network.to(device).eval().requires_grad_(False)
    transform = victim.front_end.transform(sample_rate, device)
    return lambda waveforms: network(transform(waveforms)).float()
