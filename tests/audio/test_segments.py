"""Segments of recordings."""

from pathlib import Path

import numpy as np
import pytest
from recordings import RATE

from sanguinaria.audio.segments import Segment, read_segment, split_into_segments
from sanguinaria.core.errors import InputError
from tests.corpora.corpus_files import noise, put


@pytest.mark.parametrize(("seconds", "count"), [(0.5, 0), (1.0, 1), (2.999, 2), (3.0, 3)])
def test_a_last_part_shorter_than_a_segment_is_left_out(tmp_path: Path, seconds: float, count: int) -> None:
    path = put(tmp_path / "a.flac", noise(0, seconds))
    assert split_into_segments(path, 1.0) == [Segment(path, RATE * n, RATE * (n + 1)) for n in range(count)]


def test_a_segment_as_text(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "odd#1-2 name.flac", 16000, 32000)
    assert str(segment) == f"{tmp_path}/odd#1-2 name.flac#16000-32000"
    assert Segment.parse(str(segment)) == segment


def test_segments_of_a_truncated_file_are_read_or_an_error(tmp_path: Path) -> None:
    samples = noise(0, 10)
    path = put(tmp_path / "a.flac", samples)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    segments = split_into_segments(path, 1.0)
    assert len(segments) == 10
    for segment in segments[:4]:
        read_samples, rate = read_segment(segment)
        assert rate == RATE
        np.testing.assert_array_equal(read_samples[:, 0] * 32768, samples[segment.start : segment.stop])
    for segment in segments[5:]:
        with pytest.raises(InputError, match="not readable as audio"):
            read_segment(segment)


def test_errors_of_segments(tmp_path: Path) -> None:
    path = put(tmp_path / "a.flac", noise(0, 1.5))
    with pytest.raises(InputError, match="truncated: 32000 frames are needed, and it ends at 24000"):
        read_segment(Segment(path, 16000, 32000))
    with pytest.raises(InputError, match="not readable as audio"):
        read_segment(Segment(tmp_path / "gone.flac", 0, 1))
    (tmp_path / "text.flac").write_text("no audio")
    with pytest.raises(InputError, match=r"text\.flac: not readable as audio"):
        split_into_segments(tmp_path / "text.flac", 1.0)
