"""Watermarks: generators that embed a mark in speech, and detectors that decode it.

From Python, :func:`marker` loads a watermark, :meth:`Marker.mark` embeds it and :meth:`Marker.detect` detects it
(``docs/from_python.md``). In the workflow, a :class:`Watermark` is an entry of the configuration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import ValidationError

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.suggestions import unknown_name

if TYPE_CHECKING:
    import torch


class Detection(NamedTuple):
    """Output of a detector for a batch of utterances.

    Attributes:
        scores: score in [0, 1] that each utterance is marked, (utterances,); 0.5 is the detector's own threshold.
        bits: probability that each bit of the message is 1, (utterances, bits).
    """

    scores: torch.Tensor
    bits: torch.Tensor

    @property
    def messages(self) -> list[str]:
        """The decoded message of each utterance as text of 0 and 1; empty for a mark that carries none."""
        return ["".join(str(int(bit >= 0.5)) for bit in row) for row in self.bits.tolist()]


class Marker(ABC):
    """A generator and its detector, loaded on a device.

    Both split their input into passes of a bounded size, and return tensors on the device of the waveforms.
    """

    @abstractmethod
    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """Compute the watermark w of each utterance, which is to be added to it.

        Args:
            waveforms: clean audio in [-1, 1], (utterances, samples).
            message: (bits,) or (utterances, bits) of 0 and 1, or ``None`` for a generator that carries none.

        Returns:
            The watermarks, (utterances, samples).

        Raises:
            ValueError: the message has another shape or other values than the watermark carries.
        """

    @abstractmethod
    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Detect the mark and decode the message of each utterance.

        Args:
            waveforms: (utterances, samples).
        """

    def mark(
        self, waveforms: torch.Tensor, message: torch.Tensor | str | Sequence[str] | None = None, strength: float = 1.0
    ) -> torch.Tensor:
        """Embed the watermark: x + α·w, clipped to [-1, 1].

        Args:
            waveforms: clean audio in [-1, 1], (utterances, samples).
            message: one for all utterances or one for each, as text of 0 and 1 or as a tensor (bits,) or (utterances,
                bits); ``None`` or empty text for a generator that carries none.
            strength: the gain α.

        Returns:
            Marked audio, (utterances, samples). Samples for which the generator gave no finite number are NaN, so that
            clipping does not hide them.

        Raises:
            ValueError: the message has another shape or other values than the watermark carries.
        """
        import torch

        from sanguinaria.watermarks._message_parts import message_tensor

        bits = message if isinstance(message, torch.Tensor) else message_tensor(message, waveforms.device)
        marked = waveforms + strength * self.watermark(waveforms, bits)
        return torch.where(marked.isfinite(), marked.clamp(-1, 1), torch.nan)


@dataclass(frozen=True)
class Sources:
    """Inputs, beside a watermark's settings, from which its weights are made.

    Attributes:
        audio: shards of the corpus to which the watermark refers.
        base: weights of the watermark to which it refers.
        folder: where checkpoints, the history and other outputs of a training are written.
        device: where a training computes.
    """

    audio: tuple[Path, ...] = ()
    base: Path | None = None
    folder: Path = Path()
    device: torch.device | str = "cpu"


NO_SOURCES = Sources()


class Watermark(Plugin):
    """The protocol of a watermark.

    A trained watermark refers to an entry of ``corpora``, a fine-tuned one to another entry of ``watermarks``. The key
    is not a setting, as one trained network serves every key: it is an argument of :meth:`load`.
    """

    room: ClassVar[str] = "watermarks"

    @property
    @abstractmethod
    def message_bits(self) -> int:
        """Length of the message in bits; 0 for a watermark that only signals its presence."""

    def fingerprint(self) -> str:
        """Return a hash of the user's own files, on which the weights depend beside the settings; empty for none."""
        return ""

    @abstractmethod
    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Download, read, draw or train the weights of generator and detector, and return them as one state dict.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are not available; the message names the file's place.
        """

    def weights_reader(self, sources: Sources) -> Watermark:
        """Return the plug-in whose :meth:`load` takes these weights: this one, or that of the fine-tuned networks."""
        return self

    def key_problem(self, key: str | None) -> str | None:
        """Return why :meth:`load` refuses a key and how to correct it, or ``None`` for a valid key."""
        return None if key is None else "this watermark has no keys: remove it"

    @abstractmethod
    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> Marker:
        """Build generator and detector from their weights.

        Args:
            weights: state dict returned by :meth:`obtain`.
            sample_rate: of the audio, in Hz.
            device: where the networks compute.
            key: with which marks are embedded and decoded; ``None`` for a watermark without keys.

        Raises:
            InputError: the network does not support this sample rate or this key.
            sanguinaria.watermarks.WeightsError: the weights are not this network's.
        """


class WeightsError(InputError):
    """Missing weights, or weights of another network; the message names the file, the cause and the fix."""


def marker(
    watermark: str | Path | Watermark,
    sample_rate: int,
    *,
    key: str | None = None,
    device: torch.device | str = "cpu",
    sources: Sources = NO_SOURCES,
) -> Marker:
    """Load a watermark's generator and detector, ready to mark and to detect.

    Args:
        watermark: the kind of a watermark with its default settings (``"perth"``), a plug-in with settings of its own
            (``AudioSeal(source="file", …)``), or the path of weights that the workflow wrote
            (``Path("results/watermarks/…/weights.safetensors")``).
        sample_rate: of the audio, in Hz.
        key: with which marks are embedded and decoded, for a watermark that has keys.
        device: where the networks compute.
        sources: corpus, base and folder of a watermark that is to be trained.

    Returns:
        The loaded marker, on the device.

    Raises:
        InputError: an unknown kind, an invalid key or sample rate, or a watermark that has to be trained first.
        sanguinaria.watermarks.WeightsError: the weights are not available.
    """
    import torch

    from sanguinaria.watermarks._weights import load_marker

    device = torch.device(device)
    if isinstance(watermark, Path):
        return load_marker(watermark, sample_rate, device, key)
    plugin = _default(watermark) if isinstance(watermark, str) else watermark
    if (problem := plugin.key_problem(key)) is not None:
        raise InputError(f"key: {problem}")
    if plugin.references and sources == NO_SOURCES:
        raise InputError(
            f"the watermark {plugins.kind_of(plugin)} has to be trained: give the path of the weights.safetensors that "
            "the workflow wrote for it, or `sources` with a corpus and a folder"
        )
    weights = plugin.obtain(sources)
    return plugin.weights_reader(sources).load(weights, sample_rate, device, key)


def _default(kind: str) -> Watermark:
    """The watermark of a kind with its default settings."""
    if kind not in plugins.kinds("watermarks"):
        raise InputError(unknown_name("watermark", kind, plugins.kinds("watermarks")))
    try:
        plugin = plugins.build("watermarks", {"kind": kind})
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        raise InputError(
            f"the watermark {kind} has no default for {fields}: build the plug-in with these settings, or give the "
            "path of weights that the workflow wrote"
        ) from error
    assert isinstance(plugin, Watermark)
    return plugin
