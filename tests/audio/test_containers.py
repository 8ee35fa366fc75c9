"""Damaged, undeclared and foreign files: what their containers declare against what is decoded."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sanguinaria.audio.files import read_file, standardise
from sanguinaria.audio.segments import read_segment, split_into_segments
from sanguinaria.core.errors import InputError

RATE = 16000
NOISE = np.random.default_rng(0).integers(-20000, 20000, 3 * RATE).astype(np.int16)
# Suffix, container and codec; each declares its length.
DECLARED = [
    ("wav", "NIST", "PCM_16"),
    ("sph", "NIST", "ULAW"),
    ("sph", "NIST", "PCM_24"),
    ("w64", "W64", "PCM_16"),
    ("w64", "W64", "ULAW"),
    ("caf", "CAF", "PCM_16"),
    ("caf", "CAF", "PCM_24"),
    ("svx", "SVX", "PCM_16"),
    ("voc", "VOC", "PCM_16"),
    ("wav", "WAV", "IMA_ADPCM"),
    ("wav", "WAV", "GSM610"),
    ("aiff", "AIFF", "PCM_24"),
]


def encoded(container: str, codec: str, samples: np.ndarray = NOISE, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=codec)
    return buffer.getvalue()


def mp3(rate: int, bit_rate: int, seconds: float = 2.0) -> bytes:
    """MP3 of a constant bit rate without an Info frame: nothing declares its length."""
    buffer = io.BytesIO()
    samples = np.random.default_rng(1).integers(-9000, 9000, (1, round(seconds * rate))).astype(np.int16)
    with av.open(buffer, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono", format="s16p", bit_rate=bit_rate)
        frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout="mono")
        frame.rate = rate
        for part in (frame, None):
            container.mux(stream.encode(part))
    return buffer.getvalue()


def undeclared_flac(samples: np.ndarray = NOISE, codec: str = "PCM_16") -> bytes:
    """FLAC as an encoder writes it into a pipe: the 36 bits of the total number of samples are 0."""
    data = bytearray(encoded("FLAC", codec, samples))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return bytes(data)


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def error_message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert str(path) not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("suffix", "container", "codec"), DECLARED)
def test_declared_lengths(tmp_path: Path, suffix: str, container: str, codec: str) -> None:
    data = encoded(container, codec)
    samples, _, remarks = read_file(put(tmp_path / f"a.{suffix}", data))
    assert len(samples) >= len(NOISE)
    assert not [remark for remark in remarks if "completeness" in remark]
    if codec == "PCM_16":
        np.testing.assert_array_equal(samples[:, 0] * 32768, NOISE)
    for share in (0.999, 0.7, 0.5, 0.1, 0.002):
        assert error_message(put(tmp_path / f"b.{suffix}", data[: int(share * len(data))]))


@pytest.mark.parametrize("container", ["NIST", "W64", "CAF"])
def test_one_byte_less_is_a_truncated_file(tmp_path: Path, container: str) -> None:
    # A Wave64 chunk is a multiple of eight bytes long, so its file may end with bytes that are no audio.
    data = encoded(container, "PCM_16")
    assert error_message(put(tmp_path / "a.wav", data[:-1])).startswith("truncated")


@pytest.mark.parametrize(("container", "codec"), [("PAF", "PCM_16"), ("IRCAM", "PCM_16"), ("PVF", "PCM_16")])
def test_a_container_that_is_not_checked_is_a_remark(tmp_path: Path, container: str, codec: str) -> None:
    samples, _, remarks = read_file(put(tmp_path / "a.bin", encoded(container, codec)))
    assert len(samples) == len(NOISE)
    assert remarks == [f"completeness not checked: {container}"]


@pytest.mark.parametrize("bit_rate", [32000, 64000, 128000])
@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_mp3_that_declares_no_length(tmp_path: Path, rate: int, bit_rate: int) -> None:
    data = mp3(rate, bit_rate)
    samples, read_rate, remarks = read_file(put(tmp_path / "a.mp3", data))
    assert (read_rate, remarks) == (rate, [])
    # ffmpeg decodes every frame.
    with av.open(io.BytesIO(data)) as container:
        assert len(samples) == sum(frame.samples for frame in container.decode(audio=0))
    for cut in (1, 2, 3, 50, len(data) // 3 + 7):
        assert error_message(put(tmp_path / "b.mp3", data[:-cut])).startswith("truncated")


@pytest.mark.parametrize("bit_rate", [32000, 64000])
def test_a_cut_between_two_frames_of_such_mp3_is_a_remark(tmp_path: Path, bit_rate: int) -> None:
    data = mp3(16000, bit_rate)
    frame = 72 * bit_rate // 16000
    assert len(data) % frame == 0
    _, _, remarks = read_file(put(tmp_path / "a.mp3", data[: len(data) // frame // 2 * frame]))
    assert remarks == ["perhaps truncated: MP3 that declares no length, and does not end with padding"]


def test_mp3_of_variable_bit_rate_that_declares_no_length(tmp_path: Path) -> None:
    # Bit rates of the parts are 1 to 4, so an estimate by the first frame is too long or too short.
    for parts in ((32000, 128000), (128000, 32000)):
        data = b"".join(mp3(16000, bit_rate) for bit_rate in parts)
        samples, _, _ = read_file(put(tmp_path / "a.mp3", data))
        with av.open(io.BytesIO(data)) as container:
            assert len(samples) == sum(frame.samples for frame in container.decode(audio=0))


def test_tags_around_mp3_are_no_audio(tmp_path: Path) -> None:
    data = mp3(16000, 64000)
    plain, _, _ = read_file(put(tmp_path / "a.mp3", data))
    tagged = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128) + data + b"TAG" + bytes(125)
    samples, _, remarks = read_file(put(tmp_path / "b.mp3", tagged))
    assert remarks == []
    np.testing.assert_array_equal(samples, plain)


@pytest.mark.parametrize("codec", ["PCM_16", "PCM_24"])
def test_flac_of_unknown_length(tmp_path: Path, codec: str) -> None:
    stereo = np.stack([NOISE, -NOISE], axis=1)
    for samples in (NOISE[:, None], stereo):
        expected, _, _ = read_file(put(tmp_path / "a.flac", encoded("FLAC", codec, samples)))
        decoded, rate, remarks = read_file(put(tmp_path / "b.flac", undeclared_flac(samples, codec)))
        assert (rate, remarks, decoded.dtype) == (RATE, [], np.float32)
        np.testing.assert_array_equal(decoded, expected)


def test_flac_of_unknown_length_that_is_cut(tmp_path: Path) -> None:
    data = undeclared_flac()
    for cut in (1, 100, len(data) // 2):
        assert "truncated" in error_message(put(tmp_path / "a.flac", data[:-cut]))


def test_flac_that_declares_more_than_its_bytes_can_hold(tmp_path: Path) -> None:
    data = bytearray(encoded("FLAC", "PCM_16"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    path = put(tmp_path / "a.flac", bytes(data))
    assert error_message(path) == f"damaged: it declares {2**36 - 1} frames, which its {len(data)} bytes cannot hold"
    with pytest.raises(InputError, match=r"a\.flac: damaged"):
        split_into_segments(path, 1.0)


def test_an_hour_of_silence_is_no_damage(tmp_path: Path) -> None:
    silence = np.zeros(3600 * 8000, np.int16)
    samples, _, remarks = read_file(put(tmp_path / "a.flac", encoded("FLAC", "PCM_16", silence, 8000)))
    assert (samples.shape, remarks) == ((len(silence), 1), [])


def test_segments_of_flac_of_unknown_length(tmp_path: Path) -> None:
    path = put(tmp_path / "a.flac", undeclared_flac())
    segments = split_into_segments(path, 1.0)
    assert [(segment.start, segment.stop) for segment in segments] == [(RATE * n, RATE * (n + 1)) for n in range(3)]
    for segment in segments:
        samples, _ = read_segment(segment)
        np.testing.assert_array_equal(samples[:, 0] * 32768, NOISE[segment.start : segment.stop])
    with pytest.raises(InputError, match=r"b\.flac: truncated"):
        split_into_segments(put(tmp_path / "b.flac", undeclared_flac()[:-9]), 1.0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\0\0\x20ftypM4A " + bytes(500), "MPEG-4"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s9--0.wav\n", "git annex get"),
        (b"\n<!DOCTYPE html><html><title>404</title></html>", "HTML"),
        (b"<html></html>", "HTML"),
        (b"\x1a\x45\xdf\xa3" + bytes(50), "WebM"),
        (b"\xff\xf1\x50\x80" + bytes(50), "AAC"),
        (b"PK\x03\x04" + bytes(50), "archive"),
        (b"not audio at all " * 50, "not readable as audio"),
    ],
)
@pytest.mark.parametrize("suffix", ["mp3", "wav"])
def test_foreign_files_are_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str, data: bytes, words: str
) -> None:
    assert words in error_message(put(tmp_path / f"a.{suffix}", data))
    # The decoder's own notes would hide the message.
    assert capfd.readouterr().err == ""


def test_a_link_to_absent_content(tmp_path: Path) -> None:
    link = tmp_path / "a.wav"
    link.symlink_to(tmp_path / ".git" / "annex" / "objects" / "x.wav")
    with pytest.raises(InputError, match=r"a link to .*which is not there; fetch its content"):
        read_file(link)


def test_a_folder_or_a_device_is_not_read(tmp_path: Path) -> None:
    assert "folder or a device" in error_message(tmp_path)


def test_no_right_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "a.wav", encoded("WAV", "PCM_16"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert "no right to read it" in error_message(path)


@pytest.mark.parametrize("scale", [32768, 2**23])
def test_floats_that_are_scaled_as_integers_are_an_error(tmp_path: Path, scale: int) -> None:
    samples = NOISE.astype(np.float32) / 32768
    assert "integers written as floats" in error_message(
        put(tmp_path / "a.wav", encoded("WAV", "FLOAT", samples * scale))
    )
    np.testing.assert_array_equal(
        read_file(put(tmp_path / "b.wav", encoded("WAV", "FLOAT", samples)))[0][:, 0], samples
    )


def test_overshoot_and_ruin_are_two_remarks() -> None:
    quiet = np.zeros(1000, np.float32)
    quiet[:9] = 1.01
    assert standardise(quiet[:, None], RATE, RATE, 1000)[1] == ["clipped"]
    quiet[:10] = 1.01
    assert standardise(quiet[:, None], RATE, RATE, 1000)[1] == ["heavily clipped"]


WHOLE = {
    "wav": encoded("WAV", "PCM_16", NOISE[:2000]),
    "sph": encoded("NIST", "PCM_16", NOISE[:2000]),
    "caf": encoded("CAF", "PCM_16", NOISE[:2000]),
    "voc": encoded("VOC", "PCM_16", NOISE[:2000]),
    "flac": undeclared_flac(NOISE[:9000]),
    "mp3": mp3(16000, 32000, 0.3),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(WHOLE)), position=st.floats(0, 1, exclude_max=True), bytes_=st.binary(max_size=8))
def test_whatever_the_damage_only_one_kind_of_error_is_raised(
    tmp_path: Path, name: str, position: float, bytes_: bytes
) -> None:
    data = WHOLE[name]
    start = int(position * len(data))
    path = put(tmp_path / f"a.{name}", data[:start] + bytes_ + data[start + len(bytes_) :])
    try:
        samples, rate, _ = read_file(path)
    except InputError:
        return
    assert samples.ndim == 2
    assert len(samples) > 0
    assert rate > 0
    assert np.isfinite(samples).all()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["wav", "sph", "caf", "flac"]), kept=st.floats(0, 1, exclude_max=True))
def test_no_cut_is_read_silently(tmp_path: Path, name: str, kept: float) -> None:
    assert error_message(put(tmp_path / f"a.{name}", WHOLE[name][: int(kept * len(WHOLE[name]))]))
