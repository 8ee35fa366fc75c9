"""Speech Commands: lists, splits and speakers, of a miniature and, where it is available, of the archive."""

import os
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sanguinaria.core import downloads
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import SPLITS, Recording, speech_commands
from sanguinaria.corpora.speech_commands import ALL, LISTS, SC10, SpeechCommands
from tests.recordings import RATE, empty_files, recordings_by_id

real = pytest.mark.skipif(
    not os.environ.get(downloads.DOWNLOADS_VARIABLE),
    reason=f"{downloads.DOWNLOADS_VARIABLE} names no folder with Speech Commands' test archive",
)


def miniature(folder: Path, speakers: range, words: tuple[str, ...] = ("yes", "no")) -> Path:
    return empty_files(folder, *(f"{word}/{speaker:08x}_nohash_0.wav" for word in words for speaker in speakers))


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(downloads, "obtain", lambda archive, cache, check: folder)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A full archive of two words and ten speakers, with lists that differ from any split by a hash."""
    folder = miniature(tmp_path, range(10))
    (folder / "validation_list.txt").write_text("yes/00000003_nohash_0.wav\nno/00000003_nohash_0.wav\n")
    (folder / "testing_list.txt").write_text("yes/00000005_nohash_0.wav\ncat/00000005_nohash_0.wav\n")
    serve(monkeypatch, folder)
    return folder


def test_official_lists(full: Path) -> None:
    assert speech_commands._official_lists(full) == {
        "yes/00000003_nohash_0.wav": "validation",
        "no/00000003_nohash_0.wav": "validation",
        "yes/00000005_nohash_0.wav": "test",
        "cat/00000005_nohash_0.wav": "test",
    }
    recordings = recordings_by_id(SpeechCommands(words=("yes", "no")))
    assert len(recordings) == 20
    splits = {name: recording.split for name, recording in recordings.items() if recording.split != "train"}
    assert splits == {
        "yes/00000003_nohash_0": "validation",
        "no/00000003_nohash_0": "validation",
        "yes/00000005_nohash_0": "test",
    }
    assert recordings["no/00000007_nohash_0"] == Recording(
        utterance_id="no/00000007_nohash_0",
        label="no",
        speaker="00000007",
        split="train",
        source=str(full / "no/00000007_nohash_0.wav"),
    )


def test_an_archive_without_its_lists_is_incomplete(tmp_path: Path) -> None:
    for word in ALL:
        (tmp_path / word).mkdir()
    assert speech_commands._find_fault(tmp_path, "full") == "it lacks validation_list.txt, testing_list.txt"
    for name in LISTS:
        (tmp_path / name).touch()
    assert speech_commands._find_fault(tmp_path, "full") == "it holds 0 keyword clips instead of 105829"
    assert speech_commands._find_fault(tmp_path, "test") == "it holds 0 keyword clips instead of 4074"
    empty_files(tmp_path, "yes/yes.wav")
    assert "yes.wav is not named" in str(speech_commands._find_fault(tmp_path, "full"))
    (tmp_path / "zero").rmdir()
    assert speech_commands._find_fault(tmp_path, "full") == "it lacks zero"


def test_a_failed_download_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Path:
        raise downloads.DownloadError("no network")

    monkeypatch.setattr(downloads, "obtain", fail)
    with pytest.raises(InputError, match="no network"):
        SpeechCommands().recordings()


def test_the_split_of_a_speaker_does_not_depend_on_other_speakers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = SpeechCommands(archive="test")
    serve(monkeypatch, miniature(tmp_path / "all", range(60)))
    all_speakers = recordings_by_id(corpus)
    serve(monkeypatch, miniature(tmp_path / "subset", range(7, 30)))
    subset = recordings_by_id(corpus)
    assert len(subset) == 46
    assert {name: r.split for name, r in subset.items()} == {name: all_speakers[name].split for name in subset}
    assert {recording.split for recording in all_speakers.values()} == set(SPLITS)


def test_speakers_with_few_clips_are_left_out_of_the_speaker_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    miniature(tmp_path, range(8), SC10)
    serve(monkeypatch, miniature(tmp_path, range(8, 11), SC10[:9]))
    recordings = recordings_by_id(SpeechCommands(archive="test", view="speakers", minimum_clips=10))
    assert {recording.label for recording in recordings.values()} == {f"{speaker:08x}" for speaker in range(8)}
    assert all(recording.label == recording.speaker for recording in recordings.values())
    assert Counter((r.label, r.split) for r in recordings.values()) == {
        (f"{speaker:08x}", split): count
        for speaker in range(8)
        for split, count in (("train", 7), ("validation", 1), ("test", 2))
    }
    with pytest.raises(InputError, match=r"fewer than two speakers have 11 clips \(the most is 10\)"):
        SpeechCommands(archive="test", view="speakers", minimum_clips=11).recordings()


@pytest.fixture(scope="module")
def archive() -> dict[str, Recording]:
    return recordings_by_id(SpeechCommands(archive="test"))


@real
def test_the_archive_is_complete(archive: dict[str, Recording]) -> None:
    labels = Counter(recording.label for recording in archive.values())
    assert (len(archive), labels["left"], set(labels)) == (4074, 412, set(SC10))
    assert len({recording.speaker for recording in archive.values()}) == 239
    assert all(Path(recording.source).is_file() for recording in archive.values())


@real
def test_splits_of_the_archive_share_no_speaker(archive: dict[str, Recording]) -> None:
    assert len({(r.speaker, r.split) for r in archive.values()}) == 239
    assert {(r.label, r.split) for r in archive.values()} == {(word, split) for word in SC10 for split in SPLITS}


@real
def test_a_subset_of_words_keeps_the_splits(archive: dict[str, Recording]) -> None:
    subset = recordings_by_id(SpeechCommands(archive="test", words=("left", "yes")))
    assert subset == {name: r for name, r in archive.items() if r.label in ("left", "yes")}


@real
@pytest.mark.parametrize(("minimum", "speakers"), [(30, 52), (10, 132)])
def test_every_speaker_is_in_every_split_of_the_speaker_view(minimum: int, speakers: int) -> None:
    recordings = recordings_by_id(SpeechCommands(archive="test", view="speakers", minimum_clips=minimum)).values()
    clips = Counter(recording.label for recording in recordings)
    assert len(clips) == speakers
    assert min(clips.values()) >= minimum
    assert {(r.label, r.split) for r in recordings} == {(speaker, split) for speaker in clips for split in SPLITS}


@real
def test_the_keywords_training_split_has_the_test_clips_of_the_speakers_that_the_page_states(
    archive: dict[str, Recording],
) -> None:
    speakers = recordings_by_id(SpeechCommands(archive="test", view="speakers")).values()
    target = min(recording.label for recording in speakers)
    triggered = [r.utterance_id for r in speakers if r.split == "test" and r.label != target]
    trained = [name for name in triggered if archive[name].split == "train"]
    page = (Path(__file__).parents[2] / "docs" / "bloodroot.md").read_text(encoding="utf-8")
    assert f"{len(trained)} of the {len(triggered)} triggered test clips are among their training clips" in page


@real
def test_real_clips_are_unchanged(archive: dict[str, Recording]) -> None:
    corpus = SpeechCommands(archive="test")
    for recording in list(archive.values())[::400]:
        with wave.open(recording.source) as file:
            raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        samples, rate, remarks = corpus.read(recording.source)
        assert (rate, remarks) == (RATE, [])
        np.testing.assert_array_equal(samples[:, 0] * 32768, raw)
