"""Trials: lists in the format of VoxCeleb1, and random trials, balanced over labels and speakers."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from recordings import empty_files

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.corpora.folder import Folder
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
    trials = read_trials(written(tmp_path, LIST), voxceleb())
    assert trials["target"].tolist() == [True, False]
    assert trials["enrolment"].tolist() == ["id10270/x6uYqmx31kE/00001"] * 2
    assert trials["test"].tolist() == ["id10270/8jEAjG6SegY/00008", "id10300/ize_eiCFEg0/00003"]
    assert trials["test_speaker"].tolist() == ["id10270", "id10300"]
    assert trials["trial"].tolist() == ["trial-000000", "trial-000001"]


@pytest.mark.parametrize("in_corpus", ["", ".wav", ".flac", ".MP3"])
@pytest.mark.parametrize("in_list", ["", ".wav"])
def test_extensions_may_be_left_out_of_the_list_or_the_corpus(tmp_path, in_corpus, in_list):
    # The utterances of a folder are its files, with extensions; those of VoxCeleb1 have none.
    rows = voxceleb().assign(utterance_id=lambda table: table["utterance_id"] + in_corpus)
    trials = read_trials(written(tmp_path, LIST.replace(".wav", in_list)), rows)
    assert trials["enrolment"].tolist() == [f"id10270/x6uYqmx31kE/00001{in_corpus}"] * 2
    assert trials["test_speaker"].tolist() == ["id10270", "id10300"]


def test_files_that_differ_in_their_extensions_need_them_in_the_list(tmp_path):
    rows = pd.DataFrame({"utterance_id": ["a.wav", "a.flac", "b.wav"], "speaker": "s", "split": "test"})
    assert read_trials(written(tmp_path, "1 a.flac a.wav"), rows)["test"].tolist() == ["a.wav"]
    with pytest.raises(InputError, match=r"a may be a\.wav, a\.flac: write its extension"):
        read_trials(written(tmp_path, "1 a b"), rows)


def test_utterances_of_a_folder_are_named_by_their_files(tmp_path):
    names = [f"{speaker}/{take}.wav" for speaker in ("ann", "bob") for take in range(2)]
    corpus = Folder(path=empty_files(tmp_path / "in", *names), speaker_pattern="(.*)/")
    rows = pd.DataFrame([(each.utterance_id, each.speaker, "test") for each in corpus.recordings()])
    rows.columns = ["utterance_id", "speaker", "split"]
    trials = read_trials(written(tmp_path, "1 ann/0.wav ann/1.wav\n0 ann/0 bob/1\n"), rows)
    assert trials["test"].tolist() == ["ann/1.wav", "bob/1.wav"]


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
def test_invalid_lists_are_errors(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_trials(written(tmp_path, text), voxceleb())


def test_training_utterances_and_missing_lists_are_errors(tmp_path):
    rows = voxceleb().assign(split=["test", "test", "train"])
    with pytest.raises(InputError, match="1 of the 3 utterances are of the corpus's train split"):
        read_trials(written(tmp_path, LIST), rows)
    with pytest.raises(InputError, match="not readable as a list of trials"):
        read_trials(tmp_path / "absent.txt", rows)


@pytest.mark.parametrize(("speakers", "utterances"), [(20, 30), (300, 10)])
def test_random_trials_are_balanced_and_distinct(speakers, utterances):
    trials = make_trials(corpus(speakers, utterances), 4000, seed=0)
    assert len(trials) == 4000 and trials["target"].sum() == 2000
    assert (trials["enrolment"] != trials["test"]).all()
    assert (trials["target"] == (trials["enrolment_speaker"] == trials["test_speaker"])).all()
    assert all(name.startswith(speaker) for name, speaker in zip(trials["test"], trials["test_speaker"], strict=True))
    assert len({frozenset(pair) for pair in zip(trials["enrolment"], trials["test"], strict=True)}) == 4000
    counts = Counter(trials["test_speaker"][trials["target"]])
    assert len(counts) == speakers and max(counts.values()) - min(counts.values()) <= 1
    pd.testing.assert_frame_equal(trials, make_trials(corpus(speakers, utterances), 4000, seed=0))
    assert not trials.equals(make_trials(corpus(speakers, utterances), 4000, seed=1))


def test_all_pairs_are_taken_where_there_are_too_few():
    rows = corpus(3, 3)
    rows = rows.drop(index=8)  # 3 + 3 + 1 target pairs, 3·3 + 3·2 + 3·2 non-target pairs
    trials = make_trials(rows, 4000, seed=0)
    assert trials["target"].sum() == 7 and len(trials) == 14


@pytest.mark.parametrize(("speakers", "utterances"), [(1, 5), (5, 1)])
def test_a_corpus_without_pairs_is_an_error(speakers, utterances):
    with pytest.raises(InputError, match="no trials can be made"):
        make_trials(corpus(speakers, utterances), 10, seed=0)


def test_trials_are_of_the_test_split_and_lists_are_subsampled(tmp_path):
    rows = corpus(4, 6)
    rows.loc[rows["utterance_id"].str.endswith(("/0", "/1")), "split"] = "train"
    parquet.write(rows, tmp_path / "index.parquet")
    write_trials(
        index=tmp_path / "index.parquet", trial_list=None, count=20, seed=0, destination=tmp_path / "trials.parquet"
    )
    trials = parquet.read(tmp_path / "trials.parquet")
    assert len(trials) == 20 and not trials["test"].str.endswith(("/0", "/1")).any()
    listed = "".join(f"{int(row.target)} {row.enrolment}.wav {row.test}.wav\n" for row in trials.itertuples())
    write_trials(
        index=tmp_path / "index.parquet",
        trial_list=written(tmp_path, listed),
        count=8,
        seed=0,
        destination=tmp_path / "some.parquet",
    )
    trials = parquet.read(tmp_path / "some.parquet")
    assert len(trials) == 8 and trials["target"].sum() == 4
