"""Texts: what is said in an utterance, by whatever finds it out."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from sanguinaria import plugins
from sanguinaria.plugins import Plugin

if TYPE_CHECKING:
    import torch

# From waveforms (utterances, samples) and their labels in the corpus to texts; an empty one where nothing is known.
Extract = Callable[["torch.Tensor", Sequence[str]], list[str]]


class Text(Plugin):
    """The protocol of what extracts texts."""

    room: ClassVar[str] = "texts"
    # Whether a text is what the audio is to be recognised as.
    is_label: ClassVar[bool] = False

    @abstractmethod
    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        """A function from utterances at ``sample_rate`` Hz to what is said in them.

        Raises:
            sanguinaria.errors.InputError: a model or a package is absent; the message says where it belongs.
        """


def from_text(text: str) -> Text:
    """The plug-in that the settings in the specification of a stage tell of."""
    found = plugins.build("texts", json.loads(text))
    assert isinstance(found, Text)
    return found
