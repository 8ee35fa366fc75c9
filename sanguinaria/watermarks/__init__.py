"""Watermarks: generators that hide a mark in speech, and the detectors that find it again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


class Marker(Protocol):
    """A generator and its detector, loaded on a device.

    It splits what it is given into passes of its own size, and returns on the device of the waveforms.
    """

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """The watermark w of each utterance, to be added to it: (utterances, samples) → (utterances, samples).

        ``message`` is (bits,) or (utterances, bits) of 0 and 1, or ``None`` for a generator that carries none.

        Raises:
            ValueError: the message is not as the watermark carries it.
        """

    def detect(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score in [0, 1] that each utterance is marked, (utterances,), and the probability of a 1 for each bit of its
        message, (utterances, bits)."""


@dataclass(frozen=True)
class Sources:
    """What weights may be made from, beside a watermark's settings.

    ``audio`` are the shards of the corpus that it refers to, ``base`` the weights of the watermark that it refers to,
    and ``folder`` is where it may leave checkpoints and what else it makes.
    """

    audio: tuple[Path, ...] = ()
    base: Path | None = None
    folder: Path = Path()
    device: torch.device | str = "cpu"


NOWHERE = Sources()


class Watermark(Plugin):
    """The protocol of a watermark.

    One that is trained refers to an entry of ``corpora``, one that is fine-tuned to another entry of ``watermarks``. A
    key is no setting of it, as one trained network serves every key: whoever marks or reads gives one.
    """

    room: ClassVar[str] = "watermarks"

    @property
    @abstractmethod
    def message_bits(self) -> int:
        """Length of the message in bits; 0 where the mark says only that it is there."""

    def fingerprint(self) -> str:
        """What tells one state of the source from another, where the settings alone do not: the user's own files."""
        return ""

    @abstractmethod
    def obtain(self, sources: Sources = NOWHERE) -> dict[str, torch.Tensor]:
        """The weights of generator and detector, from wherever they come, as one flat state dict.

        Raises:
            sanguinaria.watermarks.WeightsError: they cannot be had; the message says where the file goes.
        """

    def reader(self, sources: Sources) -> Watermark:
        """The plug-in whose :meth:`load` reads these weights: this one, or the one whose networks were fine-tuned."""
        return self

    def key_problem(self, key: str | None) -> str | None:
        """What is wrong with a key, and what to do about it; ``None`` for one that :meth:`load` takes."""
        return None if key is None else "this watermark has no keys: remove it"

    @abstractmethod
    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> Marker:
        """A marker for audio at ``sample_rate`` Hz from what :meth:`obtain` returned, which marks and reads with a key.

        Raises:
            InputError: the network does not serve this sample rate, or not this key.
            sanguinaria.watermarks.WeightsError: the weights are not this network's.
        """


class WeightsError(InputError):
    """Weights that are absent or of another network; the message names the file, the cause and the fix."""
