"""Lossy audio codecs: time-aligned encoding and decoding.

Containers state a codec's delay (LAME's header, MP4's edit list, Opus's pre-skip), and the decoders of ffmpeg and
libsndfile remove it.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile

from sanguinaria.core.errors import InputError

# ffmpeg's encoder, its sample format, and a container that states the delay.
ENCODERS = {
    "mp3": ("libmp3lame", "fltp", "mp3"),
    "aac": ("aac", "fltp", "mp4"),
    "opus": ("libopus", "flt", "ogg"),
}
# Shorter audio is zero-padded for coding: some decoders return nothing for less than a frame. In seconds.
MINIMUM_DURATION = 0.1


def codec_round_trip(waveform: np.ndarray, sample_rate: int, codec: str, bit_rate: int) -> np.ndarray:
    """Encode and decode a waveform.

    Args:
        waveform: (samples,), float32.
        sample_rate: in Hz.
        codec: ``mp3``, ``aac`` or ``opus``.
        bit_rate: in kbit/s.

    Returns:
        The decoded waveform, (samples,), float32, time-aligned.

    Raises:
        InputError: the package ``av`` is missing, or has no encoder for the codec.
    """
    encoded = encode(_pad(waveform, sample_rate), sample_rate, codec, bit_rate)
    return _fit_length(decode(encoded, sample_rate), len(waveform))


def encode(waveform: np.ndarray, sample_rate: int, codec: str, bit_rate: int) -> bytes:
    """Encode a waveform.

    Args:
        waveform: (samples,), float32.
        sample_rate: in Hz.
        codec: ``mp3``, ``aac`` or ``opus``.
        bit_rate: in kbit/s.

    Returns:
        The content of the encoded file.

    Raises:
        InputError: the package ``av`` is missing, or has no encoder for the codec.
    """
    av = _import_av()
    encoder, sample_format, container = ENCODERS[codec]
    if encoder not in av.codecs_available:
        raise InputError(f"codec {codec}: the installed package av has no encoder {encoder}: pip install av")
    rate = _encoder_rate(av.Codec(encoder, "w").audio_rates, sample_rate)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = 1000 * bit_rate
        frame = av.AudioFrame.from_ndarray(waveform[None], format="flt", layout="mono")
        frame.sample_rate = sample_rate
        frame.pts = 0  # without it, the MP4 file does not state the delay
        resampler = av.AudioResampler(format=sample_format, layout="mono", rate=rate)
        for resampled in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(resampled))
    return file.getvalue()


def decode(encoded: bytes, sample_rate: int) -> np.ndarray:
    """Decode a file of :func:`encode`.

    Returns:
        (samples',), float32, at ``sample_rate``. Codecs with whole frames add samples at the end.
    """
    av = _import_av()
    with av.open(io.BytesIO(encoded)) as source:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=sample_rate)
        frames = [*source.decode(audio=0), None]
        blocks = [resampled.to_ndarray()[0] for frame in frames for resampled in resampler.resample(frame)]
    return np.concatenate(blocks)


def vorbis_round_trip(waveform: np.ndarray, sample_rate: int, quality: float) -> np.ndarray:
    """Encode and decode a waveform by Vorbis.

    Args:
        waveform: (samples,), float32.
        sample_rate: in Hz.
        quality: of the encoder, in [0, 1].

    Returns:
        The decoded waveform, (samples,), float32, time-aligned.
    """
    file = io.BytesIO()
    padded = _pad(waveform, sample_rate)
    soundfile.write(file, padded, sample_rate, format="OGG", subtype="VORBIS", compression_level=1 - quality)
    file.seek(0)
    return _fit_length(soundfile.read(file, dtype="float32")[0], len(waveform))


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise InputError(
            "codecs mp3, aac and opus need ffmpeg's libraries, which the package av brings: pip install av"
        ) from error
    return av


def _encoder_rate(supported: list[int] | None, sample_rate: int) -> int:
    """The sample rate if the encoder supports it, else the next higher one, else the highest."""
    if supported is None or sample_rate in supported:
        return sample_rate
    return min((rate for rate in supported if rate > sample_rate), default=max(supported))


def _pad(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Zero-pad the end up to :data:`MINIMUM_DURATION`."""
    return np.pad(waveform, (0, max(0, round(MINIMUM_DURATION * sample_rate) - len(waveform))))


def _fit_length(waveform: np.ndarray, length: int) -> np.ndarray:
    """Crop or zero-pad the end."""
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))
