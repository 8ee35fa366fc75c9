"""Encoding and decoding with lossy codecs, each sample at its place.

Containers tell of a codec's delay (LAME's header, MP4's edit list, Opus's pre-skip), and decoders of ffmpeg and
libsndfile take it out.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile

from sanguinaria.core.errors import InputError

# ffmpeg's encoder, the format of its samples, and a container that tells of the delay.
ENCODERS = {
    "mp3": ("libmp3lame", "fltp", "mp3"),
    "aac": ("aac", "fltp", "mp4"),
    "opus": ("libopus", "flt", "ogg"),
}
# Shorter audio is padded with silence meanwhile: of less than a frame some decoders give nothing back. In seconds.
MINIMUM_DURATION = 0.1


def codec_round_trip(waveform: np.ndarray, sample_rate: int, codec: str, bit_rate: int) -> np.ndarray:
    """A waveform (samples,), float32, after encoding at so many kbit/s and decoding; of the same length.

    Raises:
        InputError: the package ``av`` is missing, or has no such encoder.
    """
    encoded = encode(_padded(waveform, sample_rate), sample_rate, codec, bit_rate)
    return _fitted(decode(encoded, sample_rate), len(waveform))


def encode(waveform: np.ndarray, sample_rate: int, codec: str, bit_rate: int) -> bytes:
    """The file that :func:`codec_round_trip` makes."""
    av = _ffmpeg()
    encoder, layout, container = ENCODERS[codec]
    if encoder not in av.codecs_available:
        raise InputError(f"codec {codec}: the installed package av has no encoder {encoder}: pip install av")
    rate = _rate(av.Codec(encoder, "w").audio_rates, sample_rate)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = 1000 * bit_rate
        frame = av.AudioFrame.from_ndarray(waveform[None], format="flt", layout="mono")
        frame.sample_rate = sample_rate
        frame.pts = 0  # or the MP4 file does not tell of the delay
        resampler = av.AudioResampler(format=layout, layout="mono", rate=rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(piece))
    return file.getvalue()


def decode(encoded: bytes, sample_rate: int) -> np.ndarray:
    """What such a file holds, (samples,), float32; codecs with whole frames add some at the end."""
    av = _ffmpeg()
    with av.open(io.BytesIO(encoded)) as source:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=sample_rate)
        frames = [*source.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(pieces)


def vorbis_round_trip(waveform: np.ndarray, sample_rate: int, quality: float) -> np.ndarray:
    """As :func:`codec_round_trip`, with Vorbis at a quality of 0 to 1."""
    file = io.BytesIO()
    padded = _padded(waveform, sample_rate)
    soundfile.write(file, padded, sample_rate, format="OGG", subtype="VORBIS", compression_level=1 - quality)
    file.seek(0)
    return _fitted(soundfile.read(file, dtype="float32")[0], len(waveform))


def _ffmpeg() -> Any:
    try:
        import av
    except ImportError as error:
        raise InputError(
            "codecs mp3, aac and opus need ffmpeg's libraries, which the package av brings: pip install av"
        ) from error
    return av


def _rate(known: list[int] | None, sample_rate: int) -> int:
    """The rate, or the next higher one, or the highest that an encoder knows."""
    if known is None or sample_rate in known:
        return sample_rate
    return min((rate for rate in known if rate > sample_rate), default=max(known))


def _padded(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    return np.pad(waveform, (0, max(0, round(MINIMUM_DURATION * sample_rate) - len(waveform))))


def _fitted(waveform: np.ndarray, length: int) -> np.ndarray:
    """Cut or padded with zeros at the end."""
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))
