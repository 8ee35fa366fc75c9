"""Waveforms of queries, and answers from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.suspects import Answer


@dataclass(frozen=True)
class AudioFormat:
    """The audio that a model takes: mono, cropped or zero-padded at both ends.

    Attributes:
        sample_rate: in Hz.
        duration: in seconds.
    """

    sample_rate: int = 16000
    duration: float = 1.0


def read_waveforms(files: Sequence[Path], audio: AudioFormat) -> np.ndarray:
    """Read audio files as a corpus's are.

    Args:
        files: of the queries.
        audio: that the model takes.

    Returns:
        Waveforms (utterances, samples), float32 in [-1, 1).
    """
    from sanguinaria.audio.files import read_file, standardise

    length = round(audio.duration * audio.sample_rate)
    waveforms = []
    for path in files:
        samples, rate, _ = read_file(path)
        fitted, _ = standardise(samples, rate, audio.sample_rate, length)
        waveforms.append(fitted.astype(np.float32) / 32768)
    return np.stack(waveforms)


def answers_of_array(values: object, count: int, labels: Sequence[str], logits: bool) -> list[Answer]:
    """Return answers from the output of a model.

    Args:
        values: labels (count,) as texts, or an array (count, labels).
        count: number of queries.
        labels: in the order of the columns.
        logits: whether an array is of logits, of which the softmax is taken.

    Raises:
        InputError: the output has another shape.
    """
    if isinstance(values, Sequence | np.ndarray) and len(values) and all(isinstance(value, str) for value in values):
        texts: list[Answer] = [str(value) for value in values]
        if len(texts) == count:
            return texts
    array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if array.shape != (count, len(labels)) or array.dtype.kind not in "fiu":
        raise InputError(
            f"the model returned {array.dtype} {array.shape}, not one text for each of {count} waveforms or numbers "
            f"({count}, {len(labels)}); name the labels in the order of its outputs by --labels"
        )
    numbers = array.astype(float)
    if logits:
        numbers = np.exp(numbers - numbers.max(1, keepdims=True))
        numbers /= numbers.sum(1, keepdims=True)
    return [dict(zip(labels, row, strict=True)) for row in numbers.tolist()]
