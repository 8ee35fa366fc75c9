"""Audio files: reading with validation, conversion to one format, and FLAC."""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path

import numpy as np
import soundfile

from sanguinaria.audio.containers import CHECKED, check_first_bytes, check_not_truncated, check_plausible
from sanguinaria.audio.mpeg_frames import Frames, read_frames
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
MPEG = CONTAINERS[".mp3"]
# First bytes of other containers, however they are named.
MAGIC = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff", b".snd", b"dns.", b"NIST", b"fLaC", b"OggS", b"Creative")
# Frames that libsndfile reports for a FLAC file of unknown length are 2⁶³ − 1; no recording has as many as these.
UNKNOWN_LENGTH = 1 << 40
# Samples beyond this are not a loud recording (18 dB over full scale) but integers written as floats.
LARGEST = 8.0
# A share of clipped samples from which the remark is another one: no hair of overshoot, but distortion throughout.
HEAVILY_CLIPPED = 0.01


def read_file(path: Path) -> tuple[np.ndarray, int, list[str]]:
    """Read an audio file.

    Returns:
        Samples (frames, channels) as float32, the sample rate in Hz, and remarks on irregularities that do no harm.

    Raises:
        InputError: the file is missing, empty, truncated, not audio, or scaled as integers; the message does not have
            the path.
    """
    try:
        _check_is_file(path)
        check_first_bytes(path)
        check_not_truncated(path)
        samples, rate, remarks = _decode(path)
    except InputError:
        raise
    except Exception as error:  # whatever a decoder raises at a damaged file, the message is to name this file
        raise InputError(f"not readable as audio: {cause_of(error)}") from error
    if len(samples) == 0:
        raise InputError("its header declares no samples")
    _check_values(samples)
    return samples, rate, remarks


def cause_of(error: Exception) -> str:
    """Return the cause of a decoder's or the operating system's error in words."""
    if isinstance(error, PermissionError):
        return "no right to read it; change its permissions or those of its folders"
    cause = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
    return str(cause) or type(error).__name__


def _check_is_file(path: Path) -> None:
    """Check that a path is that of a file with content, not of a link to an absent one."""
    if path.is_symlink() and not path.exists():
        raise InputError(
            f"a link to {os.readlink(path)!r}, which is not there; fetch its content, for instance with git annex get "
            "or dvc pull"
        )
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise InputError("not a file, but a folder or a device")
    if state.st_size == 0:
        raise InputError("the file is empty")


def _decode(path: Path) -> tuple[np.ndarray, int, list[str]]:
    """Samples (frames, channels), their rate, and remarks."""
    suffix, remarks = path.suffix.lower(), []
    mpeg = _mpeg_frames(path, suffix)
    with soundfile.SoundFile(path) as file:
        container, rate, declared = file.format, file.samplerate, file.frames
        if container not in CONTAINERS.get(suffix, (container,)):
            remarks.append(f"mislabelled: {container}")
        if container not in CHECKED or (container in MPEG and mpeg is None):
            remarks.append(f"completeness not checked: {container}")
        if declared >= UNKNOWN_LENGTH:
            return decode_with_ffmpeg(path), rate, remarks
        check_plausible(declared, path)
        # With the number of frames, as the decoders of some codecs (GSM 6.10) cannot seek.
        samples = file.read(declared, dtype="float32", always_2d=True)
    if container in MPEG and mpeg is not None and not mpeg.declared:
        if not mpeg.padded:  # a cut between two frames leaves no other trace
            remarks.append("perhaps truncated: MP3 that declares no length, and does not end with padding")
        # Without a declaration, libsndfile estimates the number of frames by the first one's bit rate.
        return samples if len(samples) >= mpeg.num_samples else decode_with_ffmpeg(path), rate, remarks
    if len(samples) < declared:
        raise InputError(f"truncated: it declares {declared} frames and holds {len(samples)}")
    return samples, rate, remarks


def _mpeg_frames(path: Path, suffix: str) -> Frames | None:
    """The frames of MPEG audio; ``None`` for other files, and for other layers than the third.

    Raises:
        InputError: the file is named MPEG audio and has none, which its decoder would report in hundreds of lines.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head.startswith(MAGIC) or not (suffix == ".mp3" or re.match(rb"ID3|\xff[\xe0-\xff]", head)):
        return None
    if not re.search(rb"\xff[\xe0-\xff]|ID3", head):
        raise InputError("not readable as audio: it has no frame of MPEG audio")
    return read_frames(path.read_bytes())


def decode_with_ffmpeg(path: Path) -> np.ndarray:
    """Decode a file whose length is not declared, up to its end.

    Returns:
        Samples (frames, channels), float32 in [-1, 1).

    Raises:
        InputError: it is truncated or damaged; the message does not have the path.
    """
    import av

    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="fltp")
            decoded = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    except av.error.InvalidDataError as error:
        raise InputError("truncated or damaged: it declares no length, and a part cannot be decoded") from error
    if not decoded:
        raise InputError("truncated: it has no complete part")
    samples: np.ndarray = np.concatenate([part.to_ndarray() for part in decoded], axis=1).T.astype(np.float32)
    return np.ascontiguousarray(samples)


def _check_values(samples: np.ndarray) -> None:
    """Check that samples are finite, and not integers written as floats."""
    if not np.isfinite(samples).all():
        raise InputError("it holds samples that are not finite")
    peak = float(np.abs(samples).max())
    if peak > LARGEST:
        raise InputError(
            f"its samples reach {peak:g}, and full scale is 1: they are integers written as floats; divide them by "
            "their full scale, which is 32768 for 16 bits"
        )


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
    clipped = float((np.abs(mono) > 1).mean())
    if clipped:
        remarks.append("heavily clipped" if clipped >= HEAVILY_CLIPPED else "clipped")
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
