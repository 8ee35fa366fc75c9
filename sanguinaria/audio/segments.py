"""Segments of long recordings: named by path and frames, and read without what lies before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sanguinaria.core.errors import InputError


@dataclass(frozen=True)
class Segment:
    """Frames ``start`` (included) to ``stop`` (excluded) of an audio file; as text, PATH#START-STOP."""

    path: Path
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.path}#{self.start}-{self.stop}"

    @classmethod
    def parse(cls, text: str) -> Segment:
        path, _, frames = text.rpartition("#")
        start, _, stop = frames.partition("-")
        return cls(Path(path), int(start), int(stop))


def split_into_segments(path: Path, duration: float) -> list[Segment]:
    """A file's segments of ``duration`` seconds, end to end from its first frame; a shorter rest is left out.

    Only the header is read.

    Raises:
        InputError: the file is not readable as audio.
    """
    try:
        header = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path}: not readable as audio: {_cause(error)}") from error
    length = round(duration * header.samplerate)
    return [Segment(path, start, start + length) for start in range(0, header.frames - length + 1, length)]


def read_segment(segment: Segment) -> tuple[np.ndarray, int]:
    """The audio of a segment.

    Returns:
        Samples (stop − start, channels) as float32 in [-1, 1], and their rate in Hz.

    Raises:
        InputError: the file is missing, ends before the segment does, or is not audio; the message does not repeat
            the path.
    """
    try:
        with soundfile.SoundFile(segment.path) as file:
            file.seek(segment.start)
            samples: np.ndarray = file.read(segment.stop - segment.start, dtype="float32", always_2d=True)
            rate: int = file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"not readable as audio: {_cause(error)}") from error
    if len(samples) < segment.stop - segment.start:
        raise InputError(f"truncated: {segment.stop} frames are needed, and it ends at {segment.start + len(samples)}")
    return samples, rate


def _cause(error: Exception) -> object:
    return getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
