"""Trials: VoxCeleb1's format, and trials of a corpus: balanced, of different utterances, of all speakers alike."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.steps.verification.trials import make_trials, read_trials, write_trials

LIST = """1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav
0 id10270/x6uYqmx31kE/00001.wav id10300/ize_eiCFEg0/00003.wav
"""


def corpus(speakers: int, utterances: int) -> pd.DataFrame:
    names = [(f"s{s:03d}/{u}", f"s{s:03d}") for s in range(speakers) for u in range(utterances)]
    return pd.DataFrame(names, columns=["utterance_id", "speaker"]).assign(split="test")


def voxceleb() -> pd.DataFrame:
    names = ["id10270/x6uYqmx31kE/00001", "id10270/8jEAjG6SegY/00008", "id10300/ize_eiCFEg0/00003"]
    return pd.DataFrame(
        {"utterance_id": names, "speaker": [name[:7] for name in names], "split": ["test", "test", "test"]}
    )


def written(folder: Path, text: str) -> Path:
    path = folder / "veri_test.txt"
    path.write_text(text)
    return path


def test_the_list_of_voxceleb_is_read(tmp_path):
    found = read_trials(written(tmp_path, LIST), voxceleb())
    assert found["target"].tolist() == [True, False]
    assert found["enrolment"].tolist() == ["id10270/x6uYqmx31kE/00001"] * 2
    assert found["test"].tolist() == ["id10270/8jEAjG6SegY/00008", "id10300/ize_eiCFEg0/00003"]
    assert found["test_speaker"].tolist() == ["id10270", "id10300"]
    assert found["trial"].tolist() == ["trial-000000", "trial-000001"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 id10270/x6uYqmx31kE/00001.wav id10271/a/00001.wav", "1 of the 2 utterances are not in the corpus: id10271"),
        ("1 id10270/x6uYqmx31kE/00001.wav", "veri_test.txt:1: .* is not '0 or 1'"),
        ("2 a.wav b.wav", "veri_test.txt:1: .* is not '0 or 1'"),
        (LIST + "0 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav", "veri_test.txt:3: .* label"),
        ("1 id10270/x6uYqmx31kE/00001.wav id10270/x6uYqmx31kE/00001.wav", "compares an utterance with itself"),
        ("\n", "the list of trials is empty"),
    ],
)
def test_wrong_lists_are_told(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_trials(written(tmp_path, text), voxceleb())


def test_utterances_of_the_training_are_told(tmp_path):
    rows = voxceleb().assign(split=["test", "test", "train"])
    with pytest.raises(InputError, match="1 of the 3 utterances are of the corpus's train split"):
        read_trials(written(tmp_path, LIST), rows)
    with pytest.raises(InputError, match="not readable as a list of trials"):
        read_trials(tmp_path / "absent.txt", rows)


@pytest.mark.parametrize(("speakers", "utterances"), [(20, 30), (300, 10)])
def test_made_trials_are_balanced_and_differ(speakers, utterances):
    found = make_trials(corpus(speakers, utterances), 4000, seed=0)
    assert len(found) == 4000 and found["target"].sum() == 2000
    assert (found["enrolment"] != found["test"]).all()
    assert (found["target"] == (found["enrolment_speaker"] == found["test_speaker"])).all()
    assert all(name.startswith(speaker) for name, speaker in zip(found["test"], found["test_speaker"], strict=True))
    assert len({frozenset(pair) for pair in zip(found["enrolment"], found["test"], strict=True)}) == 4000
    counts = Counter(found["test_speaker"][found["target"]])
    assert len(counts) == speakers and max(counts.values()) - min(counts.values()) <= 1
    pd.testing.assert_frame_equal(found, make_trials(corpus(speakers, utterances), 4000, seed=0))
    assert not found.equals(make_trials(corpus(speakers, utterances), 4000, seed=1))


def test_where_there_are_fewer_pairs_all_are_taken():
    rows = corpus(3, 3)
    rows = rows.drop(index=8)  # 3 + 3 + 1 target pairs, 3·3 + 3·2 + 3·2 others
    found = make_trials(rows, 4000, seed=0)
    assert found["target"].sum() == 7 and len(found) == 14


@pytest.mark.parametrize(("speakers", "utterances"), [(1, 5), (5, 1)])
def test_where_there_are_no_pairs_that_is_told(speakers, utterances):
    with pytest.raises(InputError, match="no trials can be made"):
        make_trials(corpus(speakers, utterances), 10, seed=0)


def test_trials_are_of_the_test_split_and_of_a_list_some_are_taken(tmp_path):
    rows = corpus(4, 6)
    rows.loc[rows["utterance_id"].str.endswith(("/0", "/1")), "split"] = "train"
    parquet.write(rows, tmp_path / "index.parquet")
    write_trials(
        index=tmp_path / "index.parquet", trial_list=None, count=20, seed=0, destination=tmp_path / "trials.parquet"
    )
    found = parquet.read(tmp_path / "trials.parquet")
    assert len(found) == 20 and not found["test"].str.endswith(("/0", "/1")).any()
    listed = "".join(f"{int(row.target)} {row.enrolment}.wav {row.test}.wav\n" for row in found.itertuples())
    write_trials(
        index=tmp_path / "index.parquet",
        trial_list=written(tmp_path, listed),
        count=8,
        seed=0,
        destination=tmp_path / "some.parquet",
    )
    some = parquet.read(tmp_path / "some.parquet")
    assert len(some) == 8 and some["target"].sum() == 4
