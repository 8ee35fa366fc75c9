"""Texts: transcripts of utterances, from labels, speech recognisers or audio language models."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

# From waveforms (utterances, samples) and their labels in the corpus to texts; a text is empty where there is none.
ExtractTexts = Callable[["torch.Tensor", Sequence[str]], list[str]]


class TextExtractor(Plugin):
    """Protocol of a text extractor."""

    room: ClassVar[str] = "texts"
    # Whether the text is the label that a model is to predict.
    is_label: ClassVar[bool] = False
    # Whether it runs a network that benefits from a GPU.
    has_network: ClassVar[bool] = False

    @abstractmethod
    def extractor(self, sample_rate: int, device: torch.device) -> ExtractTexts:
        """Return a function from waveforms and labels to texts.

        Args:
            sample_rate: of the waveforms in Hz.
            device: of a network.

        Raises:
            InputError: a model or a package is absent; the message states where it belongs.
        """
