"""LibriSpeech: segments are counted, split and balanced by speaker; so are those of a part of the real corpus."""

import hashlib
import os
import tarfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from listing import noise, put
from pydantic import ValidationError
from recordings import RATE, recordings_by_id

from sanguinaria.audio.segments import Segment
from sanguinaria.audio.utterances import read_rows
from sanguinaria.core import downloads
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import Recording, SplitShares, librispeech
from sanguinaria.corpora.librispeech import LibriSpeech
from sanguinaria.steps.corpora import build_shard, list_recordings


def recording(folder: Path, name: str, seconds: float) -> Path:
    """A recording where the archive has it: SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac."""
    speaker, chapter, _ = name.split("-")
    return put(folder / speaker / chapter / f"{name}.flac", noise(sum(map(ord, name)), seconds))


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's downloads with a part of dev-clean: a speaker with one recording, one with two, one with four."""
    monkeypatch.setenv(downloads.DOWNLOADS_VARIABLE, str(tmp_path / "downloads"))
    folder = tmp_path / "downloads/LibriSpeech/dev-clean"
    recording(folder, "84-1-0000", 10.3)
    for number in range(2):
        recording(folder, f"8-1-000{number}", 5.9)
    for number in range(4):
        recording(folder, f"174-{number}-0000", 3.1 + number)
    return folder


def part(**settings: object) -> LibriSpeech:
    return LibriSpeech.model_validate({"subset": "dev-clean", "partial": True, **settings})


def no_overlap(recordings: list[Recording]) -> bool:
    segments = sorted((Segment.parse(r.source) for r in recordings), key=lambda s: (s.path, s.start))
    return all(a.path != b.path or a.stop <= b.start for a, b in pairwise(segments))


def test_segments_are_counted_by_speaker(local: Path) -> None:
    found = recordings_by_id(part())
    assert Counter(r.label for r in found.values()) == {"84": 10, "8": 10, "174": 3 + 4 + 5 + 6}
    assert all(r.label == r.speaker for r in found.values())
    assert no_overlap(list(found.values()))
    assert found["8-1-0001/0002"].source == f"{local}/8/1/8-1-0001.flac#32000-48000"


@pytest.mark.parametrize("speaker", ["84", "8"])
def test_few_recordings_are_split_in_the_order_of_time(local: Path, speaker: str) -> None:
    own = [r for r in recordings_by_id(part()).values() if r.label == speaker]
    assert [r.split for r in own] == ["train"] * 7 + ["validation"] + ["test"] * 2


def test_many_recordings_are_dealt_whole(local: Path) -> None:
    own = [r for r in recordings_by_id(part()).values() if r.label == "174"]
    splits = {(Segment.parse(r.source).path, r.split) for r in own}
    assert len(splits) == 4
    assert Counter(split for _, split in splits) == {"train": 2, "validation": 1, "test": 1}


def test_the_duration_is_that_of_the_segments(local: Path) -> None:
    own = [r for r in recordings_by_id(part(duration=2.0, minimum_segments=3)).values() if r.label == "84"]
    assert [Segment.parse(r.source).stop for r in own] == [32000, 64000, 96000, 128000, 160000]


def test_a_maximum_takes_equally_from_all_recordings(local: Path) -> None:
    found = recordings_by_id(part(maximum_segments=10)).values()
    assert Counter(r.label for r in found) == {"84": 10, "8": 10, "174": 10}
    own = Counter(Segment.parse(r.source).path.stem for r in found if r.label == "174")
    assert own == {"174-0-0000": 3, "174-1-0000": 3, "174-2-0000": 2, "174-3-0000": 2}


def test_speakers_with_few_segments_are_left_out(local: Path) -> None:
    recording(local, "7-1-0000", 9.9)
    assert {r.label for r in part().recordings()} == {"84", "8", "174"}
    assert {r.label for r in part(minimum_segments=9).recordings()} == {"84", "8", "174", "7"}
    with pytest.raises(InputError, match=r"fewer than two speakers have 18 segments of 1 s \(the most is 18\): lower"):
        part(minimum_segments=18).recordings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subset": "train-clean"}, "train-clean-100"),
        ({"minimum_segments": 2}, "greater than or equal to 3"),
        ({"maximum_segments": 9}, "maximum_segments is below minimum_segments, which is 10"),
    ],
)
def test_unusable_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LibriSpeech.model_validate(settings)


def test_reading_is_what_the_file_holds(local: Path, tmp_path: Path) -> None:
    corpus = part(split=SplitShares())
    for r in corpus.recordings()[::5]:
        segment = Segment.parse(r.source)
        samples, rate, remarks = corpus.read(r.source)
        assert (rate, remarks, samples.shape, samples.dtype) == (RATE, [], (RATE, 1), np.float32)
        whole = noise(sum(map(ord, segment.path.stem)), 20)
        np.testing.assert_array_equal(samples[:, 0] * 32768, whole[segment.start : segment.stop])


def test_bad_files_are_told_all_at_once(local: Path, tmp_path: Path) -> None:
    first = recording(local, "84-1-0001", 3)
    second = recording(local, "8-1-0002", 3)
    first.write_bytes(b"")
    second.write_text("no audio")
    list_recordings(part(), tmp_path / "recordings.parquet")
    paths = tmp_path / "recordings.parquet", 0, tmp_path / "0.parquet", tmp_path / "0.json"
    with pytest.raises(InputError, match=r"2 of 40 recordings cannot be read") as caught:
        build_shard(part(), *paths)
    assert str(first) in str(caught.value) and str(second) in str(caught.value)
    build_shard(part(unreadable="refuse"), *paths)
    assert len(read_rows(tmp_path / "0.parquet")) == 38


def test_a_part_needs_to_be_allowed(local: Path) -> None:
    with pytest.raises(InputError) as caught:
        part(partial=False).recordings()
    message = str(caught.value)
    assert str(local) in message
    assert "it holds 7 recordings instead of 2703, which `partial: true` allows" in message
    assert "dev-clean.tar.gz" in message


def test_a_complete_copy_needs_nothing(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(librispeech.UTTERANCES, "dev-clean", 7)
    assert part(partial=False).recordings() == part().recordings()
    assert part(partial=False).fingerprint() == ""


def test_what_is_no_part_of_the_corpus(local: Path) -> None:
    stray = put(local / "stray.flac", noise(0, 1))
    with pytest.raises(InputError, match=r"stray\.flac is not named SPEAKER-CHAPTER-NUMBER\.flac"):
        part().recordings()
    stray.rename(local / "84-1-0000.flac")
    with pytest.raises(InputError, match=r"it holds 84-1-0000\.flac 2 times"):
        part().recordings()
    for path in local.rglob("*.flac"):
        path.unlink()
    with pytest.raises(InputError, match=r"it holds no \.flac files"):
        part().recordings()


def test_another_part_is_another_corpus(local: Path) -> None:
    before = part().fingerprint()
    assert before == part(duration=2.0).fingerprint() != ""
    path = recording(local, "84-1-0001", 1.0)
    with_one_more = part().fingerprint()
    recording(local, "84-1-0001", 1.5)
    assert len({before, with_one_more, part().fingerprint()}) == 3
    path.unlink()
    assert part().fingerprint() == before


@pytest.mark.parametrize("name", ["LibriSpeech/dev-clean", "dev-clean", "librispeech/librispeech_dev-clean"])
@pytest.mark.parametrize("relative", [False, True])
def test_where_an_extracted_copy_is_found(
    local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, relative: bool
) -> None:
    expected = {r.utterance_id: r.split for r in part().recordings()}
    (tmp_path / "elsewhere" / name).parent.mkdir(parents=True)
    local.rename(tmp_path / "elsewhere" / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(downloads.DOWNLOADS_VARIABLE, "elsewhere" if relative else str(tmp_path / "elsewhere"))
    found = recordings_by_id(part())
    assert {utterance: r.split for utterance, r in found.items()} == expected
    assert found["84-1-0000/0000"].source.startswith(str(tmp_path / "elsewhere" / name))
    assert part().fingerprint() != ""


def test_an_archive_is_extracted(local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {r.utterance_id: r.split for r in part().recordings()}
    archives = tmp_path / "archives"
    archives.mkdir()
    with tarfile.open(archives / "dev-clean.tar.gz", "w:gz") as archive:
        archive.add(local.parent, "LibriSpeech")
    digest = hashlib.sha256((archives / "dev-clean.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(librispeech.SHA256, "dev-clean", digest)
    monkeypatch.setitem(librispeech.UTTERANCES, "dev-clean", 7)
    monkeypatch.setattr(librispeech, "DOWNLOADS", tmp_path / "cache")
    monkeypatch.setenv(downloads.DOWNLOADS_VARIABLE, str(archives))
    assert {r.utterance_id: r.split for r in part(partial=False).recordings()} == expected
    assert part().fingerprint() == ""


def test_without_a_local_copy_the_archive_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail(archive: downloads.Archive, *_: object) -> Path:
        asked.append(archive)
        raise downloads.DownloadError("no network")

    monkeypatch.delenv(downloads.DOWNLOADS_VARIABLE, raising=False)
    monkeypatch.setattr(downloads, "obtain", fail)
    with pytest.raises(InputError, match="no network"):
        LibriSpeech().recordings()
    assert (asked[0].name, asked[0].folder) == ("train-clean-100.tar.gz", "train-clean-100")
    assert asked[0].url == "https://www.openslr.org/resources/12/train-clean-100.tar.gz"


# A part of the real corpus.

PLACE = Path(os.environ.get(downloads.DOWNLOADS_VARIABLE) or "/nonexistent")
real = pytest.mark.skipif(
    not any((PLACE / name.format(subset="train-clean-100")).is_dir() for name in librispeech.FOLDERS),
    reason=f"{downloads.DOWNLOADS_VARIABLE} names no folder with LibriSpeech's train-clean-100",
)


@real
def test_every_speaker_of_the_real_corpus_is_found() -> None:
    found = recordings_by_id(LibriSpeech(partial=True, duration=0.5, minimum_segments=3))
    splits = {(r.label, r.split) for r in found.values()}
    assert len({label for label, _ in splits}) == 251
    assert len(splits) == 3 * 251
    assert no_overlap(list(found.values()))


@real
def test_real_speakers_are_balanced_by_a_maximum() -> None:
    found = LibriSpeech(partial=True, minimum_segments=12, maximum_segments=12).recordings()
    counts = Counter(r.label for r in found)
    assert len(counts) > 150
    assert set(counts.values()) == {12}
    assert len({r.source for r in found}) == len(found)


@real
def test_real_segments_are_what_the_files_hold() -> None:
    corpus = LibriSpeech(partial=True)
    for r in corpus.recordings()[::500]:
        segment = Segment.parse(r.source)
        whole, rate = soundfile.read(segment.path, dtype="float32", always_2d=True)
        samples, read_rate, _ = corpus.read(r.source)
        assert read_rate == rate
        np.testing.assert_array_equal(samples, whole[segment.start : segment.stop])
