"""Audio files: reading with validation, conversion to one format, and FLAC."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import soundfile

from sanguinaria.audio.resampling import resample_polyphase
from sanguinaria.core.errors import InputError

# libsndfile's names of the containers of a suffix: another container is mislabelled, though readable.
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
# First bytes of the containers with chunks, their byte order, and the name of the chunk with the audio.
CHUNKED: dict[bytes, tuple[Literal["little", "big"], bytes]] = {
    b"RIFF": ("little", b"data"),
    b"RIFX": ("big", b"data"),
    b"FORM": ("big", b"SSND"),
}
# Streaming writers cannot write the final size. They leave the maximum (ffmpeg), 2³¹ (arecord), or a little less (sox):
# sizes that no utterance has.
PLACEHOLDER = 0x7FFFF000


def read_file(path: Path) -> tuple[np.ndarray, int, list[str]]:
    """Read an audio file.

    Returns:
        Samples (frames, channels) as float32, the sample rate in Hz, and remarks on irregularities that do no harm.

    Raises:
        InputError: the file is missing, empty, truncated, or not audio; the message does not have the path.
    """
    remarks = []
    try:
        if path.stat().st_size == 0:
            raise InputError("the file is empty")
        with soundfile.SoundFile(path) as file:
            if file.format not in CONTAINERS.get(path.suffix.lower(), (file.format,)):
                remarks.append(f"mislabelled: {file.format}")
            _check_not_truncated(path)
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
        raise InputError("it holds samples that are not finite")
    return samples, rate, remarks


def _check_not_truncated(path: Path) -> None:
    """Compare the declared end of the audio with the file's size, since libsndfile silently reads a truncated file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(4)
        if magic == b"OggS":
            _check_complete_ogg(path.read_bytes())
        end = _declared_end(file, magic)
    if end > size:
        raise InputError(f"truncated: its audio should end at byte {end}, and the file ends at byte {size}")


def _declared_end(file: BinaryIO, magic: bytes) -> int:
    """Position of the audio's end in a file, read up to its magic number; 0 where the header does not state it."""
    if magic in (b".snd", b"dns."):
        order: Literal["little", "big"] = "big" if magic == b".snd" else "little"
        start, length = (int.from_bytes(file.read(4), order) for _ in range(2))
        return start + length if length < PLACEHOLDER else 0
    if magic == b"RF64":  # its first chunk, ds64, starts with the size of the file after the first 8 bytes
        file.seek(20)
        length = int.from_bytes(file.read(8), "little")
        return 8 + length if length < PLACEHOLDER else 0
    return _end_of_chunk(file, *CHUNKED[magic]) if magic in CHUNKED else 0


def _end_of_chunk(file: BinaryIO, order: Literal["little", "big"], name: bytes) -> int:
    """Position of the end of a named chunk; 0 without one, or with a placeholder for its size."""
    file.seek(12)
    while len(header := file.read(8)) == 8:
        length = int.from_bytes(header[4:], order)
        if header[:4] == name:
            return file.tell() + length if length < PLACEHOLDER else 0
        file.seek(length + length % 2, io.SEEK_CUR)
    return 0


def _check_complete_ogg(data: bytes) -> None:
    """Check that an Ogg file, which declares no length, ends with a complete page that is marked as the last."""
    start = data.rfind(b"OggS")
    header = data[start : start + 27]
    if len(header) == 27 and header[5] & 4:
        body = start + 27 + header[26]
        if body + sum(data[start + 27 : body]) <= len(data):
            return
    raise InputError("truncated: its last page is missing or cut")


def standardise(samples: np.ndarray, rate: int, sample_rate: int, num_samples: int) -> tuple[np.ndarray, list[str]]:
    """Convert audio to mono, to a sample rate and to a length.

    Args:
        samples: (frames, channels), float32.
        rate: the sample rate of ``samples``, in Hz.
        sample_rate: the sample rate of the result, in Hz.
        num_samples: the length of the result; both ends are cropped or zero-padded equally.

    Returns:
        16-bit samples (num_samples,), and remarks on the changes.
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
        mono = _fit_length(mono, num_samples)
    if np.abs(mono).max() > 1:
        remarks.append("clipped")
    fitted = to_int16(mono)
    if not fitted.any():
        remarks.append("silent")
    return fitted, remarks


def _fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Crop or zero-pad both ends equally."""
    missing = length - len(samples)
    if missing >= 0:
        return np.pad(samples, (missing // 2, missing - missing // 2))
    start = -missing // 2
    return samples[start : start + length]


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Convert samples in [-1, 1] to 16-bit integers, the inverse of division by 2¹⁵; exact for samples of 16 bits.

    >>> to_int16(np.array([-1.0, 0.5, 1.0]))
    array([-32768,  16384,  32767], dtype=int16)
    """
    quantised: np.ndarray = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    return quantised


def encode_flac(samples: np.ndarray, sample_rate: int) -> bytes:
    """Encode 16-bit samples (num_samples,) as a FLAC file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def decode_flac(data: bytes) -> np.ndarray:
    """Decode a FLAC file to samples (num_samples,), float32 in [-1, 1).

    Raises:
        InputError: the bytes are not a FLAC file.
    """
    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise InputError(f"a stored utterance is corrupt: {error.error_string}") from error
    decoded: np.ndarray = samples
    return decoded
