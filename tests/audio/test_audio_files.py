"""Reading and conversion of audio files: formats, remarks on changes, and errors of unreadable files."""

import hashlib
import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import signal

from sanguinaria.audio.containers import check_complete_ogg
from sanguinaria.audio.files import (
    decode_flac,
    encode_flac,
    read_file,
    standardise,
    to_int16,
)
from sanguinaria.audio.resampling import resample_polyphase
from sanguinaria.core.errors import InputError

RATE = 16000
NOISE = np.random.default_rng(0).integers(-20000, 20000, RATE).astype(np.int16)
PCM, FLOAT = 1, 3


def riff(data: bytes, code: int = PCM, bits: int = 16, channels: int = 1, rate: int = RATE, size: int = -1) -> bytes:
    """A WAV file by hand: `code` is its format's, and `size` what it declares for the data where that is a lie."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits)
    length = len(data) if size < 0 else size
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", length) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Write 16-bit samples (frames,) or (frames, channels) with the standard library."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def encoded(container: str, subtype: str, endian: str = "FILE", seconds: int = 1) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.tile(NOISE, seconds), RATE, format=container, subtype=subtype, endian=endian)
    return buffer.getvalue()


def tone(frequency: float, rate: int, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def peak(samples: np.ndarray, rate: int) -> float:
    """The strongest frequency in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def standardised(path: Path, length: int = RATE) -> tuple[np.ndarray, list[str]]:
    """Audio of a file as a corpus holds it, and all remarks on it."""
    samples, rate, remarks = read_file(path)
    fitted, changes = standardise(samples, rate, RATE, length)
    return fitted, remarks + changes


def error_message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert str(path) not in str(caught.value)
    return str(caught.value)


# Audio that needs no conversion.


def test_16_bit_samples_are_unchanged(tmp_path: Path) -> None:
    samples = NOISE.copy()
    samples[:4] = -32768, 32767, 0, -1
    fitted, remarks = standardised(wav(tmp_path / "a.wav", samples))
    assert remarks == []
    assert fitted.dtype == np.int16
    np.testing.assert_array_equal(fitted, samples)


def test_16_bit_values_round_trip_through_float() -> None:
    every = np.arange(-32768, 32768)
    np.testing.assert_array_equal(to_int16((every / 32768).astype(np.float32)), every)


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, 32767), (-1.0, -32768), (1.5, 32767), (-7.0, -32768), (0.25, 8192), (1e-9, 0)]
)
def test_values_beyond_the_range_are_clipped(value: float, expected: int) -> None:
    assert to_int16(np.array([value], np.float32)).tolist() == [expected]


def test_flac_is_lossless() -> None:
    samples = np.concatenate([NOISE, np.array([-32768, 32767], np.int16)])
    data = encode_flac(samples, RATE)
    # A FLAC file itself holds the MD5 of its samples: the last 16 bytes of its first block.
    assert data[26:42] == hashlib.md5(samples.astype("<i2").tobytes()).digest()
    np.testing.assert_array_equal(decode_flac(data), samples.astype(np.float64) / 32768)


@pytest.mark.parametrize("data", [b"", b"not FLAC", encode_flac(NOISE, RATE)[:5000]], ids=["empty", "text", "cut"])
def test_damaged_flac_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError, match="corrupt"):
        decode_flac(data)


# Other sample formats.


def test_24_bits_are_rounded(tmp_path: Path) -> None:
    values = np.concatenate([np.random.default_rng(1).integers(-(2**23), 2**23, 998), [-(2**23), 2**23 - 1]])
    data = b"".join(int(value).to_bytes(3, "little", signed=True) for value in values)
    fitted, remarks = standardised(put(tmp_path / "a.wav", riff(data, bits=24)), 1000)
    assert remarks == []
    np.testing.assert_array_equal(fitted, np.minimum(np.rint(values / 256), 32767))


def test_8_bits_are_unsigned(tmp_path: Path) -> None:
    fitted, _ = standardised(put(tmp_path / "a.wav", riff(bytes([0, 64, 128, 255]), bits=8)), 4)
    assert fitted.tolist() == [-32768, -16384, 0, 127 * 256]


def test_float_beyond_one_is_clipped(tmp_path: Path) -> None:
    data = struct.pack("<5f", 0.5, 1.5, -1.5, -0.25, 0.0)
    fitted, remarks = standardised(put(tmp_path / "a.wav", riff(data, FLOAT, 32)), 5)
    assert fitted.tolist() == [16384, 32767, -32768, -8192, 0]
    assert remarks == ["heavily clipped"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_samples_are_an_error(tmp_path: Path, value: float) -> None:
    data = struct.pack("<3f", 0.5, value, 0.0)
    assert "not finite" in error_message(put(tmp_path / "a.wav", riff(data, FLOAT, 32)))


def test_a_double_beyond_the_range_of_float32_is_an_error(tmp_path: Path) -> None:
    assert "not finite" in error_message(put(tmp_path / "a.wav", riff(struct.pack("<d", 1e300), FLOAT, 64)))


# Channels, rates, lengths.


def test_stereo_is_mixed_down_to_its_mean(tmp_path: Path) -> None:
    left, right = np.array([100, -300, 32767]), np.array([300, -100, 32767])
    fitted, remarks = standardised(wav(tmp_path / "a.wav", np.stack([left, right], axis=1)), 3)
    assert fitted.tolist() == [200, -200, 32767]
    assert remarks == ["mixed down"]


def test_opposite_channels_cancel_to_silence(tmp_path: Path) -> None:
    fitted, remarks = standardised(wav(tmp_path / "a.wav", np.stack([NOISE, -NOISE], axis=1)))
    assert not fitted.any()
    assert remarks == ["mixed down", "silent"]


def test_samples_that_round_to_0_are_silent() -> None:
    fitted, remarks = standardise(np.full((100, 1), 1e-6, np.float32), RATE, RATE, 100)
    assert not fitted.any()
    assert remarks == ["silent"]


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_preserves_pitch_level_and_duration(tmp_path: Path, rate: int) -> None:
    path = wav(tmp_path / "a.wav", np.rint(tone(1234, rate) * 32767).astype(np.int16), rate)
    fitted, remarks = standardised(path)
    assert remarks == [f"resampled from {rate} Hz"]
    assert peak(fitted / 32768, RATE) == pytest.approx(1234, abs=1)
    assert rms(fitted / 32768) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize(("rate", "seconds"), [(8000, 0.5), (44100, 0.5), (44100, 2.0)])
def test_resampled_audio_has_the_same_duration(rate: int, seconds: float) -> None:
    assert len(resample_polyphase(tone(440, rate, seconds).astype(np.float32), rate, RATE)) == seconds * RATE


def test_frequencies_above_half_the_new_rate_are_filtered_out() -> None:
    # 12 kHz would fold to 4 kHz; the filter's edges ring at the clip's two ends.
    resampled = resample_polyphase(tone(12000, 44100).astype(np.float32), 44100, RATE)
    assert rms(resampled[500:-500]) < 0.001


def test_resampling_agrees_with_fourier_interpolation() -> None:
    samples = sum(tone(frequency, 8000, amplitude=0.2) for frequency in (200, 1100, 2500))
    difference = resample_polyphase(samples.astype(np.float32), 8000, RATE) - signal.resample(samples, RATE)
    assert np.abs(difference[500:-500]).max() < 0.002


@pytest.mark.parametrize(("length", "before", "after"), [(4, 3, 3), (5, 2, 3), (9, 0, 1), (10, 0, 0)])
def test_padding_is_equal_at_both_ends(length: int, before: int, after: int) -> None:
    samples = np.arange(1, length + 1) / 32768
    fitted, remarks = standardise(samples[:, None].astype(np.float32), RATE, RATE, 10)
    assert fitted.tolist() == [0] * before + list(range(1, length + 1)) + [0] * after
    assert remarks == (["padded"] if length < 10 else [])


@pytest.mark.parametrize(("length", "first"), [(11, 0), (12, 1), (15, 2), (20, 5)])
def test_cropping_is_equal_at_both_ends(length: int, first: int) -> None:
    samples = np.arange(1, length + 1) / 32768
    fitted, remarks = standardise(samples[:, None].astype(np.float32), RATE, RATE, 10)
    assert fitted.tolist() == list(range(first + 1, first + 11))
    assert remarks == ["cropped"]


def test_all_changes_at_once(tmp_path: Path) -> None:
    samples = np.rint(tone(500, 44100, 1.5) * 32767).astype(np.int16)
    fitted, remarks = standardised(wav(tmp_path / "a.wav", np.stack([samples, samples], axis=1), 44100))
    assert remarks == ["mixed down", "resampled from 44100 Hz", "cropped"]
    assert peak(fitted, RATE) == pytest.approx(500, abs=1)


# Containers, truncated files and mislabelled files.

CONTAINERS = {
    "wav": ("WAV", "PCM_16", "FILE"),
    "rifx.wav": ("WAV", "PCM_16", "BIG"),
    "wavex.wav": ("WAVEX", "PCM_16", "FILE"),
    "rf64.wav": ("RF64", "PCM_16", "FILE"),
    "flac": ("FLAC", "PCM_16", "FILE"),
    "aiff": ("AIFF", "PCM_16", "FILE"),
    "au": ("AU", "PCM_16", "FILE"),
    "little.au": ("AU", "PCM_16", "LITTLE"),
    "ogg": ("OGG", "VORBIS", "FILE"),
    "opus": ("OGG", "OPUS", "FILE"),
    "mp3": ("MP3", "MPEG_LAYER_III", "FILE"),
}
LOSSLESS = [name for name, (_, subtype, _) in CONTAINERS.items() if subtype == "PCM_16"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_complete_files_are_read(tmp_path: Path, name: str) -> None:
    samples, rate, remarks = read_file(put(tmp_path / f"a.{name}", encoded(*CONTAINERS[name])))
    assert (samples.shape, rate, remarks) == ((RATE, 1), RATE, [])
    if name in LOSSLESS:
        np.testing.assert_array_equal(samples[:, 0] * 32768, NOISE)


@pytest.mark.parametrize("name", CONTAINERS)
def test_files_truncated_at_any_byte_are_an_error(tmp_path: Path, name: str) -> None:
    # Three seconds, so that Ogg has several pages, and some cuts fall between them.
    data = encoded(*CONTAINERS[name], seconds=3)
    pages = [place for place in range(len(data)) if data.startswith(b"OggS", place)]
    cuts = [*np.linspace(0, len(data), 24, endpoint=False, dtype=int), len(data) - 1, len(data) - 2, *pages]
    for cut in cuts:
        assert error_message(put(tmp_path / f"a.{name}", data[: int(cut)]))


def test_a_truncated_file_is_reported_as_truncated(tmp_path: Path) -> None:
    data = wav(tmp_path / "a.wav", NOISE).read_bytes()
    message = error_message(put(tmp_path / "b.wav", data[:-1000]))
    assert message.startswith("truncated")
    assert str(len(data)) in message
    assert str(len(data) - 1000) in message


def test_the_last_page_of_an_ogg_file_may_be_empty() -> None:
    # Magic number, version, flags (4: the last page), position, stream, page, checksum, number of segments.
    page = b"OggS" + struct.pack("<BBqIIIB", 0, 4, RATE, 1, 2, 0, 0)
    check_complete_ogg(b"OggS and so on" + page)
    for cut in (page[:-1], page[:5] + b"\0" + page[6:], page[:-1] + b"\1", page[:-1] + b"\1\2."):
        with pytest.raises(InputError, match="last page"):
            check_complete_ogg(b"OggS and so on" + cut)


@pytest.mark.parametrize("extra", [b"LIST" + struct.pack("<I", 4) + b"INFO", b"rubbish"], ids=["chunk", "rubbish"])
def test_bytes_after_the_audio_are_ignored(tmp_path: Path, extra: bytes) -> None:
    fitted, _ = standardised(put(tmp_path / "a.wav", riff(NOISE.tobytes()) + extra))
    np.testing.assert_array_equal(fitted, NOISE)


@pytest.mark.parametrize("cut", [0, 100])
def test_a_chunk_of_odd_size_before_the_audio_is_skipped(tmp_path: Path, cut: int) -> None:
    whole = riff(NOISE.tobytes())
    data = whole[:12] + b"note" + struct.pack("<I", 5) + b"hello\0" + whole[12 : len(whole) - cut]
    path = put(tmp_path / "a.wav", data)
    if cut:
        assert error_message(path).startswith("truncated")
    else:
        np.testing.assert_array_equal(standardised(path)[0], NOISE)


# The maximum is ffmpeg's, 2³¹ arecord's, and the last sox's.
@pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFDB, 0x80000000, 0x7FFFF000])
def test_streamed_wav_of_unknown_size_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    fitted, remarks = standardised(put(tmp_path / "a.wav", riff(NOISE.tobytes(), size=size)))
    np.testing.assert_array_equal(fitted, NOISE)
    assert remarks == []


def test_streamed_wav_without_declared_samples_is_an_error(tmp_path: Path) -> None:
    assert "declares no samples" in error_message(put(tmp_path / "a.wav", riff(NOISE.tobytes(), size=0)))


def test_wav_that_was_not_closed_is_read_to_its_end(tmp_path: Path) -> None:
    data = riff(NOISE.tobytes(), size=0)
    fitted, _ = standardised(put(tmp_path / "a.wav", data[:4] + struct.pack("<I", 8) + data[8:]))
    np.testing.assert_array_equal(fitted, NOISE)


def test_flac_named_wav_is_read_with_a_remark(tmp_path: Path) -> None:
    fitted, remarks = standardised(put(tmp_path / "a.wav", encoded("FLAC", "PCM_16")))
    np.testing.assert_array_equal(fitted, NOISE)
    assert remarks == ["mislabelled: FLAC"]


def test_the_case_of_a_suffix_is_ignored(tmp_path: Path) -> None:
    assert standardised(wav(tmp_path / "A.WAV", NOISE))[1] == []


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.wav", b"", "the file is empty"),
        ("a.wav", riff(b""), "declares no samples"),
        ("a.flac", encode_flac(NOISE[:0], RATE), ""),
        ("a.wav", b"I am a text, whatever my name says. " * 50, "not readable as audio"),
        ("a.m4a", b"\0\0\0\x20ftypM4A " + b"a" * 100, "not readable as audio"),
        ("a.raw", NOISE.tobytes(), "not readable as audio"),
    ],
    ids=["empty", "no samples", "no samples in FLAC", "text", "unsupported", "headerless"],
)
def test_a_file_without_audio_is_an_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    assert message in error_message(put(tmp_path / name, data))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert "No such file" in error_message(tmp_path / "a.wav")
