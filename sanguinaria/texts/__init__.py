"""Texts: what is said in an utterance, by whatever finds it out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

# From waveforms (utterances, samples) and their labels in the corpus to texts; an empty one where nothing is known.
Extract = Callable[["torch.Tensor", Sequence[str]], list[str]]


class Text(Plugin):
    """The protocol of what extracts texts."""

    room: ClassVar[str] = "texts"
    # Whether a text is what the audio is to be recognised as.
    is_label: ClassVar[bool] = False
    # Whether it computes with a network, which a GPU is good for.
    has_network: ClassVar[bool] = False

    @abstractmethod
    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        """A function from utterances at ``sample_rate`` Hz to what is said in them.

        Raises:
            InputError: a model or a package is absent; the message says where it belongs.
        """
