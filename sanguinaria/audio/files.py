"""Audio in and out: any readable file becomes mono, of one rate and one length; nothing is lost in silence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import soundfile

from sanguinaria.audio.resampling import resample_polyphase
from sanguinaria.core.errors import InputError

# libsndfile's name of a container, by suffix: a file that is something else is mislabelled, though readable.
CONTAINERS = {
    ".wav": ("WAV", "WAVEX", "RF64"),
    ".flac": ("FLAC",),
    ".ogg": ("OGG",),
    ".opus": ("OGG",),
    ".mp3": ("MP3", "MPEG"),
    ".aif": ("AIFF",),
    ".aiff": ("AIFF",),
    ".au": ("AU",),
}
# First bytes of the containers that are made of chunks, with their byte order and the name of the chunk with the audio.
CHUNKED: dict[bytes, tuple[Literal["little", "big"], bytes]] = {
    b"RIFF": ("little", b"data"),
    b"RIFX": ("big", b"data"),
    b"FORM": ("big", b"SSND"),
}
# Streaming writers cannot go back to fill a size in. They leave the maximum (ffmpeg), 2³¹ (arecord), or a little less
# (sox): sizes which no utterance comes near.
PLACEHOLDER = 0x7FFFF000


def read_file(path: Path) -> tuple[np.ndarray, int, list[str]]:
    """Read an audio file.

    Returns:
        Samples (frames, channels) as float32, the rate in Hz, and remarks: what was not as expected and was dealt with.

    Raises:
        InputError: the file is missing, empty, truncated, or not audio; the message does not repeat the path.
    """
    remarks = []
    try:
        if path.stat().st_size == 0:
            raise InputError("the file is empty")
        with soundfile.SoundFile(path) as file:
            if file.format not in CONTAINERS.get(path.suffix.lower(), (file.format,)):
                remarks.append(f"mislabelled: {file.format}")
            _refuse_truncated(path)
            samples = file.read(dtype="float32", always_2d=True)
            rate, declared = file.samplerate, file.frames
    except (soundfile.LibsndfileError, OSError, TypeError) as error:  # TypeError: a .raw file, which has no header
        cause = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise InputError(f"not readable as audio: {cause}") from error
    if len(samples) == 0:
        raise InputError("its header declares no samples")
    if len(samples) < declared:
        raise InputError(f"truncated: it declares {declared} frames and holds {len(samples)}")
    if not np.isfinite(samples).all():
        raise InputError("it holds samples that are not numbers")
    return samples, rate, remarks


def _refuse_truncated(path: Path) -> None:
    """libsndfile reads what is left of a cut file without a word, so what it declares is compared with its size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(4)
        if magic == b"OggS":
            _refuse_unfinished_ogg(path.read_bytes())
        end = _declared_end(file, magic)
    if end > size:
        raise InputError(f"truncated: its audio should end at byte {end}, and the file ends at byte {size}")


def _declared_end(file: BinaryIO, magic: bytes) -> int:
    """Where the audio of a file (read up to its magic number) ends; 0 where its header does not say."""
    if magic in (b".snd", b"dns."):
        order: Literal["little", "big"] = "big" if magic == b".snd" else "little"
        start, length = (int.from_bytes(file.read(4), order) for _ in range(2))
        return start + length if length < PLACEHOLDER else 0
    if magic == b"RF64":  # its first chunk, ds64, starts with the size of all that follows the first 8 bytes
        file.seek(20)
        length = int.from_bytes(file.read(8), "little")
        return 8 + length if length < PLACEHOLDER else 0
    return _end_of_chunk(file, *CHUNKED[magic]) if magic in CHUNKED else 0


def _end_of_chunk(file: BinaryIO, order: Literal["little", "big"], name: bytes) -> int:
    file.seek(12)
    while len(header := file.read(8)) == 8:
        length = int.from_bytes(header[4:], order)
        if header[:4] == name:
            return file.tell() + length if length < PLACEHOLDER else 0
        file.seek(length + length % 2, io.SEEK_CUR)
    return 0


def _refuse_unfinished_ogg(data: bytes) -> None:
    """An Ogg file declares no length, but it ends with a page that is marked as the last, and whole."""
    start = data.rfind(b"OggS")
    header = data[start : start + 27]
    if len(header) == 27 and header[5] & 4:
        body = start + 27 + header[26]
        if body + sum(data[start + 27 : body]) <= len(data):
            return
    raise InputError("truncated: its last page is missing or cut")


def standardise(samples: np.ndarray, rate: int, sample_rate: int, num_samples: int) -> tuple[np.ndarray, list[str]]:
    """Make audio mono, of one rate, and of one length.

    Args:
        samples: (frames, channels) float32 at ``rate`` Hz.
        sample_rate: wanted, in Hz.
        num_samples: wanted; cropped or padded with zeros evenly at both ends.

    Returns:
        16-bit samples (num_samples,), and remarks on what was changed.
    """
    remarks = []
    mono = samples.mean(axis=1)
    if samples.shape[1] > 1:
        remarks.append("mixed down")
    if rate != sample_rate:
        mono = resample_polyphase(mono, rate, sample_rate)
        remarks.append(f"resampled from {rate} Hz")
    if len(mono) != num_samples:
        remarks.append("padded" if len(mono) < num_samples else "cropped")
        mono = _fit(mono, num_samples)
    if np.abs(mono).max() > 1:
        remarks.append("clipped")
    fitted = to_int16(mono)
    if not fitted.any():
        remarks.append("silent")
    return fitted, remarks


def _fit(samples: np.ndarray, length: int) -> np.ndarray:
    missing = length - len(samples)
    if missing >= 0:
        return np.pad(samples, (missing // 2, missing - missing // 2))
    start = -missing // 2
    return samples[start : start + length]


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples in [-1, 1] as 16-bit integers: the inverse of division by 2¹⁵, exact for what came from 16 bits."""
    scaled: np.ndarray = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return scaled


def encode_flac(samples: np.ndarray, sample_rate: int) -> bytes:
    """16-bit samples (num_samples,) as a FLAC file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def decode_flac(data: bytes) -> np.ndarray:
    """The samples of a FLAC file (num_samples,) as float32 in [-1, 1).

    Raises:
        InputError: the bytes are not a FLAC file.
    """
    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise InputError(f"a stored utterance is corrupt: {error.error_string}") from error
    decoded: np.ndarray = samples
    return decoded
