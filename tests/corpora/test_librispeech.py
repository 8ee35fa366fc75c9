"""LibriSpeech: segments are counted, split and balanced by speaker, in a miniature and in the real corpus."""

import hashlib
import os
import tarfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_files import noise, put
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
    """Write a recording at its path in the archive: SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac."""
    speaker, chapter, _ = name.split("-")
    return put(folder / speaker / chapter / f"{name}.flac", noise(sum(map(ord, name)), seconds))


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Downloads with a partial copy of dev-clean: a speaker with one recording, one with two, and one with four."""
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
    recordings = recordings_by_id(part())
    assert Counter(r.label for r in recordings.values()) == {"84": 10, "8": 10, "174": 3 + 4 + 5 + 6}
    assert all(r.label == r.speaker for r in recordings.values())
    assert no_overlap(list(recordings.values()))
    assert recordings["8-1-0001/0002"].source == f"{local}/8/1/8-1-0001.flac#32000-48000"


@pytest.mark.parametrize("speaker", ["84", "8"])
def test_few_recordings_are_split_in_the_order_of_time(local: Path, speaker: str) -> None:
    selected = [r for r in recordings_by_id(part()).values() if r.label == speaker]
    assert [r.split for r in selected] == ["train"] * 7 + ["validation"] + ["test"] * 2


def test_many_recordings_are_assigned_whole(local: Path) -> None:
    selected = [r for r in recordings_by_id(part()).values() if r.label == "174"]
    splits = {(Segment.parse(r.source).path, r.split) for r in selected}
    assert len(splits) == 4
    assert Counter(split for _, split in splits) == {"train": 2, "validation": 1, "test": 1}


def test_the_duration_is_that_of_the_segments(local: Path) -> None:
    selected = [r for r in recordings_by_id(part(duration=2.0, minimum_segments=3)).values() if r.label == "84"]
    assert [Segment.parse(r.source).stop for r in selected] == [32000, 64000, 96000, 128000, 160000]


def test_a_maximum_takes_equally_from_all_recordings(local: Path) -> None:
    recordings = recordings_by_id(part(maximum_segments=10)).values()
    assert Counter(r.label for r in recordings) == {"84": 10, "8": 10, "174": 10}
    selected = Counter(Segment.parse(r.source).path.stem for r in recordings if r.label == "174")
    assert selected == {"174-0-0000": 3, "174-1-0000": 3, "174-2-0000": 2, "174-3-0000": 2}


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
def test_invalid_settings_are_errors(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LibriSpeech.model_validate(settings)


def test_read_audio_is_that_of_the_segment(local: Path, tmp_path: Path) -> None:
    corpus = part(split=SplitShares())
    for r in corpus.recordings()[::5]:
        segment = Segment.parse(r.source)
        samples, rate, remarks = corpus.read(r.source)
        assert (rate, remarks, samples.shape, samples.dtype) == (RATE, [], (RATE, 1), np.float32)
        whole = noise(sum(map(ord, segment.path.stem)), 20)
        np.testing.assert_array_equal(samples[:, 0] * 32768, whole[segment.start : segment.stop])


def test_all_unreadable_files_are_reported_at_once(local: Path, tmp_path: Path) -> None:
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


def test_a_partial_copy_is_an_error_unless_allowed(local: Path) -> None:
    with pytest.raises(InputError) as caught:
        part(partial=False).recordings()
    message = str(caught.value)
    assert str(local) in message
    assert "it holds 7 recordings instead of 2703, which `partial: true` allows" in message
    assert "dev-clean.tar.gz" in message


def test_a_complete_copy_needs_no_setting(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(librispeech.UTTERANCES, "dev-clean", 7)
    assert part(partial=False).recordings() == part().recordings()
    assert part(partial=False).fingerprint() == ""


def test_misnamed_duplicate_and_absent_recordings_are_errors(local: Path) -> None:
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


def test_other_files_of_a_partial_copy_change_the_fingerprint(local: Path) -> None:
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
def test_extracted_copies_are_found_under_their_usual_names(
    local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, relative: bool
) -> None:
    expected = {r.utterance_id: r.split for r in part().recordings()}
    (tmp_path / "elsewhere" / name).parent.mkdir(parents=True)
    local.rename(tmp_path / "elsewhere" / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(downloads.DOWNLOADS_VARIABLE, "elsewhere" if relative else str(tmp_path / "elsewhere"))
    recordings = recordings_by_id(part())
    assert {utterance: r.split for utterance, r in recordings.items()} == expected
    assert recordings["84-1-0000/0000"].source.startswith(str(tmp_path / "elsewhere" / name))
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


def test_without_a_local_copy_the_archive_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    archives = []

    def fail(archive: downloads.Archive, *_: object) -> Path:
        archives.append(archive)
        raise downloads.DownloadError("no network")

    monkeypatch.delenv(downloads.DOWNLOADS_VARIABLE, raising=False)
    monkeypatch.setattr(downloads, "obtain", fail)
    with pytest.raises(InputError, match="no network"):
        LibriSpeech().recordings()
    assert (archives[0].name, archives[0].folder) == ("train-clean-100.tar.gz", "train-clean-100")
    assert archives[0].url == "https://www.openslr.org/resources/12/train-clean-100.tar.gz"


# A part of the real corpus.

DOWNLOADS = Path(os.environ.get(downloads.DOWNLOADS_VARIABLE) or "/nonexistent")
real = pytest.mark.skipif(
    not any((DOWNLOADS / name.format(subset="train-clean-100")).is_dir() for name in librispeech.FOLDERS),
    reason=f"{downloads.DOWNLOADS_VARIABLE} names no folder with LibriSpeech's train-clean-100",
)


@real
def test_every_speaker_of_the_real_corpus_is_found() -> None:
    recordings = recordings_by_id(LibriSpeech(partial=True, duration=0.5, minimum_segments=3))
    splits = {(r.label, r.split) for r in recordings.values()}
    assert len({label for label, _ in splits}) == 251
    assert len(splits) == 3 * 251
    assert no_overlap(list(recordings.values()))


@real
def test_real_speakers_are_balanced_by_a_maximum() -> None:
    recordings = LibriSpeech(partial=True, minimum_segments=12, maximum_segments=12).recordings()
    counts = Counter(r.label for r in recordings)
    assert len(counts) > 150
    assert set(counts.values()) == {12}
    assert len({r.source for r in recordings}) == len(recordings)


@real
def test_real_segments_are_those_of_the_files() -> None:
    corpus = LibriSpeech(partial=True)
    for r in corpus.recordings()[::500]:
        segment = Segment.parse(r.source)
        whole, rate = soundfile.read(segment.path, dtype="float32", always_2d=True)
        samples, read_rate, _ = corpus.read(r.source)
        assert read_rate == rate
        np.testing.assert_array_equal(samples, whole[segment.start : segment.stop])
