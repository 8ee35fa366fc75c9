"""Labels without training or without test utterances, and the counts in a corpus's report."""

from pathlib import Path

import pandas as pd
import pytest
from recordings import build_corpus, noise, put, wav_bytes, write_csv

from sanguinaria.core.errors import InputError
from sanguinaria.corpora.folder import Folder
from sanguinaria.steps.corpora import list_recordings

COUNTS = {"left": (3, 1, 2), "right": (2, 0, 1)}


def corpus(tmp_path: Path, counts: dict[str, tuple[int, int, int]], **settings: object) -> Folder:
    """A corpus with so many training, validation and test recordings of each label."""
    rows = [
        (f"{label}/{split}{number}.wav", label, split)
        for label, numbers in counts.items()
        for split, count in zip(("train", "validation", "test"), numbers, strict=True)
        for number in range(count)
    ]
    put(tmp_path / "in", {name: wav_bytes(noise(seed, 8000)) for seed, (name, _, _) in enumerate(rows)})
    table = write_csv(tmp_path / "t.csv", [("path", "label", "split"), *rows])
    return Folder(path=tmp_path / "in", table=table, duration=0.5, **settings)


def test_utterances_are_counted_by_label_and_split(tmp_path: Path) -> None:
    build_corpus(corpus(tmp_path, COUNTS), tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "labels.csv").set_index("label")
    assert list(table.columns) == ["train", "validation", "test"]
    assert {label: tuple(row) for label, row in table.iterrows()} == COUNTS


def test_refused_recordings_are_not_counted(tmp_path: Path) -> None:
    made = corpus(tmp_path, COUNTS, unreadable="refuse")
    put(tmp_path / "in", {"left/train0.wav": b""})
    build_corpus(made, tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "labels.csv")["train"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((0, 0, 2), r"1 label \('up'\) has test utterances and no training utterances: no model can predict them"),
        ((0, 3, 2), r"1 label \('up'\) has test utterances and no training utterances"),
        ((2, 3, 0), r"1 label \('up'\) has training utterances and no test utterances: no rate measures them"),
    ],
)
def test_a_label_of_one_split_is_an_error_of_the_dry_run_and_the_job(tmp_path: Path, counts, message: str) -> None:
    made = corpus(tmp_path, {**COUNTS, "up": counts})
    assert [field for field, _ in made.problems({})] == ["table"]
    with pytest.raises(InputError, match=message) as caught:
        list_recordings(made, tmp_path / "recordings.parquet")
    assert "incomplete_labels: allow" in str(caught.value)
    allowed = made.model_copy(update={"incomplete_labels": "allow"})
    assert list(allowed.problems({})) == []
    index, _ = build_corpus(allowed, tmp_path / "out")
    assert set(index["label"]) == {"left", "right", "up"}


def test_both_kinds_of_labels_are_named(tmp_path: Path) -> None:
    made = corpus(tmp_path, {**COUNTS, **{f"w{number}": (0, 0, 1) for number in range(7)}, "up": (1, 0, 0)})
    ((_, message),) = made.problems({})
    assert "7 labels ('w0', 'w1', 'w2', 'w3', 'w4', …) have test utterances" in message
    assert "; 1 label ('up') has training utterances" in message


def test_a_label_whose_last_test_recording_is_refused_is_an_error(tmp_path: Path) -> None:
    made = corpus(tmp_path, COUNTS, unreadable="refuse")
    put(tmp_path / "in", {"right/test0.wav": b""})
    with pytest.raises(InputError, match=r"as 1 of 9 recordings were refused .*1 label \('right'\) has training"):
        build_corpus(made, tmp_path / "out")
    assert not (tmp_path / "out" / "labels.csv").exists()
