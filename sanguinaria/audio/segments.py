"""Segments of long recordings: named by path and frames, and read without the rest of the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sanguinaria.audio.containers import check_plausible
from sanguinaria.audio.files import UNKNOWN_LENGTH, cause_of, decode_with_ffmpeg
from sanguinaria.core.errors import InputError


@dataclass(frozen=True)
class Segment:
    """Frames ``start`` (included) to ``stop`` (excluded) of an audio file; as text, PATH#START-STOP.

    >>> Segment.parse("speech/a.flac#0-16000")
    Segment(path=PosixPath('speech/a.flac'), start=0, stop=16000)
    """

    path: Path
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.path}#{self.start}-{self.stop}"

    @classmethod
    def parse(cls, text: str) -> Segment:
        """Return the segment of a text PATH#START-STOP."""
        path, _, frames = text.rpartition("#")
        start, _, stop = frames.partition("-")
        return cls(Path(path), int(start), int(stop))


def split_into_segments(path: Path, duration: float) -> list[Segment]:
    """Split a file into consecutive segments from its first frame; a shorter last one is left out.

    Only the header is read, unless it does not state the length.

    Args:
        path: an audio file.
        duration: of a segment, in seconds.

    Returns:
        The segments in the order of the file.

    Raises:
        InputError: the file is not readable as audio.
    """
    try:
        header = soundfile.info(path)
        frames = header.frames if header.frames < UNKNOWN_LENGTH else len(decode_with_ffmpeg(path))
        check_plausible(frames, path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:  # whatever a decoder raises at a damaged file, the message is to name this file
        raise InputError(f"{path}: not readable as audio: {cause_of(error)}") from error
    length = round(duration * header.samplerate)
    return [Segment(path, start, start + length) for start in range(0, frames - length + 1, length)]


def read_segment(segment: Segment) -> tuple[np.ndarray, int]:
    """Read the audio of a segment.

    Returns:
        Samples (stop − start, channels) as float32 in [-1, 1], and their rate in Hz.

    Raises:
        InputError: the file is missing, ends before the segment, or is not audio; the message does not have the path.
    """
    try:
        with soundfile.SoundFile(segment.path) as file:
            samples, rate = _read_frames(file, segment), file.samplerate
    except InputError:
        raise
    except Exception as error:  # whatever a decoder raises at a damaged file, the message is to name this file
        raise InputError(f"not readable as audio: {cause_of(error)}") from error
    if len(samples) < segment.stop - segment.start:
        raise InputError(f"truncated: {segment.stop} frames are needed, and it ends at {segment.start + len(samples)}")
    return samples, rate


def _read_frames(file: soundfile.SoundFile, segment: Segment) -> np.ndarray:
    """Samples (frames, channels) of a segment; fewer where the file ends before it."""
    if file.frames >= UNKNOWN_LENGTH:  # libsndfile cannot read such a file up to its end
        return decode_with_ffmpeg(segment.path)[segment.start : segment.stop]
    file.seek(segment.start)
    samples: np.ndarray = file.read(segment.stop - segment.start, dtype="float32", always_2d=True)
    return samples
