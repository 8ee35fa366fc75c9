"""Speaker encoders: victims whose networks make embeddings on the way to their labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from sanguinaria.victims import Victim


class SpeakerEncoderVictim:
    """What a victim derives from, too, if its network's last layer turns embeddings into logits."""

    @property
    def is_pretrained(self) -> bool:
        """Whether there are embeddings without a training."""
        return False

    def embedder(self, network: torch.nn.Module) -> torch.nn.Module:
        """Of a network as :meth:`sanguinaria.victims.Victim.network` makes them, the part from its inputs (utterances,
        channels, times) to embeddings (utterances, dimensions)."""
        from torch import nn

        assert isinstance(network, nn.Sequential)
        return network[:-1]

    def pretrained(self) -> torch.nn.Module:
        """That part without a training, where ``is_pretrained``.

        Raises:
            InputError: its weights are not there.
        """
        raise NotImplementedError

    def problem(self, sample_rate: int) -> str | None:
        """Why it cannot hear audio at so many Hz, if so."""
        return None


@runtime_checkable
class EmbeddingFunction(Protocol):
    """A function from waveforms (utterances, samples) to embeddings (utterances, dimensions), through which gradients
    pass. An utterance's embedding depends on no other one's."""

    def __call__(self, waveforms: torch.Tensor, /) -> torch.Tensor: ...


def load_encoder(victim: Victim, model: Path | None, sample_rate: int, device: torch.device) -> EmbeddingFunction:
    """The embeddings of a victim.

    Args:
        victim: one that derives from :class:`SpeakerEncoderVictim`.
        model: what its training kept; none for one that is pretrained.
        sample_rate: of the waveforms, Hz.
        device: where embeddings are made.

    Raises:
        InputError: the victim makes no embeddings, hears another sample rate, or there are no weights.
        DamagedError: the model was cut or altered since it was written.
    """
    from sanguinaria.core.plugins import kind_of

    if not isinstance(victim, SpeakerEncoderVictim):
        raise InputError(f"a victim of kind {kind_of(victim)} makes no embeddings: name a speaker encoder")
    if (problem := victim.problem(sample_rate)) is not None:
        raise InputError(f"{kind_of(victim)}: {problem}")
    if model is None:
        if not victim.is_pretrained:
            raise InputError(f"{kind_of(victim)} has to be trained before it makes embeddings")
        network = victim.pretrained()
    else:
        from sanguinaria.victims._models import load_model

        network = victim.embedder(load_model(model, device)[0])
    # Frozen, so that a gradient with respect to the audio costs none with respect to the weights.
    network = network.to(device).eval().requires_grad_(False)
    transform = victim.front_end.transform(sample_rate, device)
    return lambda waveforms: network(transform(waveforms)).float()
