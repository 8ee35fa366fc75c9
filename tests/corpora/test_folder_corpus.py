"""Corpora of the user's own recordings: folders of labels, and tables."""

import os
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from sanguinaria.core.errors import InputError
from sanguinaria.corpora import SPLITS, SplitShares
from sanguinaria.corpora.folder import Folder
from tests.recordings import empty_files, put, recordings_by_id, write_csv

# Digests of recordings are kept in the working directory.
pytestmark = pytest.mark.usefixtures("working_folder")


def test_labels_are_the_top_folders(tmp_path: Path) -> None:
    empty_files(tmp_path, "yes/a.wav", "yes/deep/er/b.FLAC", "no/c.mp3", "no/notes.txt", "no/.hidden.wav", ".git/d.wav")
    corpus = Folder(path=tmp_path)
    assert corpus.labels() == ["no", "yes"]
    assert {name: recording.label for name, recording in recordings_by_id(corpus).items()} == {
        "no/c.mp3": "no",
        "yes/a.wav": "yes",
        "yes/deep/er/b.FLAC": "yes",
    }


def test_without_a_pattern_every_file_is_its_own_speaker(tmp_path: Path) -> None:
    recordings = recordings_by_id(Folder(path=empty_files(tmp_path, "yes/a.wav", "no/a.wav")))
    assert {name: recording.speaker for name, recording in recordings.items()} == {name: name for name in recordings}
    assert recordings["yes/a.wav"].source == "yes/a.wav"


def test_audio_without_a_label_is_an_error(tmp_path: Path) -> None:
    empty_files(tmp_path, "yes/a.wav", "stray.wav", "other.wav", "README.md")
    with pytest.raises(InputError, match=r"2 audio files lie in no sub-folder.*'other\.wav' first"):
        Folder(path=tmp_path).recordings()


def test_speaker_pattern_keeps_speakers_together(tmp_path: Path) -> None:
    names = [f"{word}/{speaker}_{take}.wav" for word in ("yes", "no") for speaker in range(20) for take in range(3)]
    empty_files(tmp_path, *names)
    recordings = recordings_by_id(Folder(path=tmp_path, speaker_pattern=r"/(\d+)_"))
    assert {recording.speaker for recording in recordings.values()} == {str(speaker) for speaker in range(20)}
    assert recordings["yes/7_2.wav"].speaker == "7"
    splits = {
        speaker: {r.split for r in recordings.values() if r.speaker == speaker} for speaker in map(str, range(20))
    }
    assert all(len(split) == 1 for split in splits.values())
    assert {split for (split,) in splits.values()} == set(SPLITS)


@pytest.mark.parametrize("pattern", [r"/(\d+)_", r"/(\d+_)?", r"/(\d*)"], ids=["no match", "no group", "empty"])
def test_a_pattern_without_a_match_is_an_error(tmp_path: Path, pattern: str) -> None:
    empty_files(tmp_path, "yes/ann.wav")
    with pytest.raises(InputError, match=r"finds no speaker in 'yes/ann\.wav'"):
        Folder(path=tmp_path, speaker_pattern=pattern).recordings()


@pytest.mark.parametrize("pattern", [r"\d+", r"(\d)(\d)", r"(\d"], ids=["no group", "two groups", "no expression"])
def test_an_invalid_pattern_is_a_validation_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"group|regular expression"):
        Folder(path=tmp_path, speaker_pattern=pattern)


ROWS = [
    ("path", "label", "speaker", "split"),
    ("b.wav", "null", "ann", "test"),
    ("deep/a.wav", "on", "007", "train"),
    ("c.wav", "NA", "none", "validation"),
]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_recordings_of_a_table(tmp_path: Path, suffix: str) -> None:
    folder = empty_files(tmp_path / "in", "b.wav", "deep/a.wav", "c.wav", "unlisted/d.wav")
    path = tmp_path / f"table.{suffix}"
    if suffix == "csv":
        write_csv(path, ROWS)
    else:
        pd.DataFrame(ROWS[1:], columns=ROWS[0]).to_parquet(path)
    corpus = Folder(path=folder, table=path)
    # Labels are read from CSV files while the configuration is checked; reading Parquet then would take too long.
    assert corpus.labels() == (sorted({row[1] for row in ROWS[1:]}) if suffix == "csv" else None)
    assert [(r.utterance_id, r.label, r.speaker, r.split) for r in corpus.recordings()] == sorted(ROWS[1:])
    assert corpus.place_of(recordings_by_id(corpus)["deep/a.wav"].source) == str(folder / "deep/a.wav")


def test_numbers_in_a_table_are_text(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "0.wav", "1.wav")
    pd.DataFrame({"path": ["0.wav", "1.wav"], "label": [0, 1], "speaker": [10, 11]}).to_parquet(tmp_path / "t.parquet")
    recordings = recordings_by_id(Folder(path=folder, table=tmp_path / "t.parquet"))
    assert (recordings["1.wav"].label, recordings["1.wav"].speaker) == ("1", "11")


def test_speakers_and_splits_of_a_table_are_optional(tmp_path: Path) -> None:
    names = [f"{number}.wav" for number in range(40)]
    table = write_csv(tmp_path / "t.csv", [("label", "path", "remark"), *(("yes", name, "") for name in names)])
    recordings = recordings_by_id(Folder(path=empty_files(tmp_path / "in", *names), table=table))
    assert {recording.split for recording in recordings.values()} == set(SPLITS)
    assert all(recording.speaker == name for name, recording in recordings.items())
    assert all(recording.split == SplitShares().split_of(name) for name, recording in recordings.items())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("path", "label"), ("a.wav", "x"), ("gone.wav", "x")], r"1 of 2 files are absent, 'gone\.wav' first"),
        ([("path", "word"), ("a.wav", "x")], "needs the columns path and label; it has path, word and not label"),
        (
            [("path", "label", "split"), ("a.wav", "x", "dev")],
            "unknown split 'dev'; there are: train, validation, test",
        ),
        ([("path", "label"), ("a.wav", "x"), ("b.wav", "")], "line 3 has an empty label"),
        ([("path", "label"), ("../in/a.wav", "x")], "is not below the corpus's folder"),
        ([("path", "label"), ("/etc/passwd", "x")], "is not below the corpus's folder"),
        ([("path", "label"), ("a.wav", "x"), ("b.wav", "x"), ("a.wav", "y")], r"1 recordings twice, a\.wav first"),
        ([("path", "label"), ("a.wav", "x"), ("./a.wav", "x")], r"1 recordings twice, a\.wav first"),
        ([("path", "label"), ("a.wav", "x"), ("b.wav", "x", "much")], "not a readable CSV"),
    ],
    ids=["missing", "column", "split", "empty", "outside", "absolute", "twice", "spelling", "ragged"],
)
def test_invalid_tables_are_errors(tmp_path: Path, rows: list[tuple[str, ...]], message: str) -> None:
    folder = empty_files(tmp_path / "in", "a.wav", "b.wav")
    table = write_csv(tmp_path / "t.csv", rows)
    with pytest.raises(InputError, match=message) as caught:
        Folder(path=folder, table=table).recordings()
    assert str(table) in str(caught.value)


@pytest.mark.parametrize(("name", "data"), [("t.csv", b""), ("t.csv", b"\xff\xfe\0"), ("t.parquet", b"PAR1")])
def test_unreadable_tables_are_errors(tmp_path: Path, name: str, data: bytes) -> None:
    put(tmp_path, {name: data})
    with pytest.raises(InputError, match="not a readable CSV or Parquet table"):
        Folder(path=tmp_path, table=tmp_path / name).recordings()


def test_missing_folders_and_tables_are_problems(tmp_path: Path) -> None:
    def fields(corpus: Folder) -> dict[str, str]:
        return dict(corpus.problems({}))

    missing = fields(Folder(path=tmp_path / "gone"))
    assert list(missing) == ["path"]
    assert str(tmp_path / "gone") in missing["path"]
    assert "no audio" in fields(Folder(path=tmp_path))["path"]
    assert list(fields(Folder(path=tmp_path, table=tmp_path / "gone.csv"))) == ["table"]
    assert fields(Folder(path=empty_files(tmp_path, "yes/a.wav"), incomplete_labels="allow")) == {}


@pytest.mark.parametrize("with_table", [False, True])
def test_a_replaced_recording_changes_the_fingerprint(tmp_path: Path, with_table: bool) -> None:
    name = "a.wav" if with_table else "yes/a.wav"
    folder = put(tmp_path / "in", {name: b"one"})
    table = write_csv(tmp_path / "t.csv", [("path", "label"), (name, "yes")]) if with_table else None
    corpus = Folder(path=folder, table=table)
    before = corpus.fingerprint()
    assert corpus.fingerprint() == before
    put(folder, {name: b"other"})
    assert corpus.fingerprint() != before


@pytest.mark.parametrize("with_table", [False, True])
def test_a_touched_or_copied_recording_leaves_the_fingerprint(tmp_path: Path, with_table: bool) -> None:
    def corpus(name: str) -> Folder:
        folder = put(tmp_path / name, {"yes/a.wav": b"one", "no/b.wav": b"two"})
        rows = [("path", "label"), ("yes/a.wav", "yes"), ("no/b.wav", "no")]
        return Folder(path=folder, table=write_csv(tmp_path / f"{name}.csv", rows) if with_table else None)

    original = corpus("in")
    before = original.fingerprint()
    os.utime(original.path / "yes/a.wav", ns=(1, 1))
    assert original.fingerprint() == before
    put(original.path, {"unlisted.txt": b"notes"})
    assert original.fingerprint() == before
    assert corpus("elsewhere").fingerprint() == before


def test_a_table_of_another_form_leaves_the_fingerprint(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "a.wav", "b.wav")
    one = write_csv(tmp_path / "one.csv", [("path", "label"), ("a.wav", "yes"), ("b.wav", "no")])
    other = write_csv(tmp_path / "other.csv", [("label", "remark", "path"), ("no", "", "b.wav"), ("yes", "", "a.wav")])
    assert Folder(path=folder, table=one).fingerprint() == Folder(path=folder, table=other).fingerprint()


def test_labels_speakers_and_splits_are_in_the_fingerprint(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "a_1.wav", "b_2.wav")
    patterns = (
        r"(?P<label>[ab])_(?P<speaker>[12])",
        r"(?P<label>[ab])(?P<speaker>_[12])",
        r"(?P<label>[ab]_)(?P<speaker>[12])",
        r"(?P<label>[ab])_(?P<speaker>(?P<test>[12]))",
    )
    assert len({Folder(path=folder, pattern=pattern).fingerprint() for pattern in patterns}) == len(patterns)


def test_an_edited_table_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "a.wav")
    corpus = Folder(path=folder, table=write_csv(tmp_path / "t.csv", [("path", "label"), ("a.wav", "yes")]))
    before = corpus.fingerprint()
    write_csv(tmp_path / "t.csv", [("path", "label"), ("a.wav", "no, yes")])
    assert corpus.fingerprint() != before


def test_linked_folders_are_followed_and_a_loop_ends(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "up/a.wav", "down/b.wav")
    elsewhere = empty_files(tmp_path / "elsewhere", "c.wav")
    (folder / "up" / "linked").symlink_to(elsewhere)
    (folder / "up" / "loop").symlink_to(folder)
    corpus = Folder(path=folder)
    assert [recording.utterance_id for recording in corpus.recordings()] == [
        "down/b.wav",
        "up/a.wav",
        "up/linked/c.wav",
    ]
    before = corpus.fingerprint()
    (elsewhere / "c.wav").write_bytes(b"another")
    assert corpus.fingerprint() != before
