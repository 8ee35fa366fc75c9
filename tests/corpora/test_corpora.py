"""Corpora: recordings are read, changed with a remark, or reported by name; no two splits share a speaker."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import ValidationError

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import SPLITS, SplitShares
from sanguinaria.corpora.folder import Folder
from sanguinaria.corpora.speech_commands import ALL, SC10, SC30, SpeechCommands
from sanguinaria.plan import configuration
from sanguinaria.steps.corpora import build_shard, list_recordings
from tests.recordings import HALVES, RATE, build_corpus, flac, float_wav, noise, put, wav_bytes, write_csv

VALID = {f"{word}/good{number}.wav": noise(10 * len(word) + number) for word in ("yes", "no") for number in range(4)}


CHANGED = {
    "yes/stereo.wav": (wav_bytes(np.stack([noise(1), noise(2)], axis=1)), "mixed down"),
    "yes/slow.wav": (wav_bytes(noise(3, 8000) // 4, 8000), "resampled from 8000 Hz"),
    "yes/fast.wav": (wav_bytes(noise(4, 44100), 44100), "resampled from 44100 Hz"),
    "no/loud.wav": (float_wav(np.linspace(-1.5, 1.5, RATE)), "heavily clipped"),
    "no/short.wav": (wav_bytes(noise(5, 9001)), "padded"),
    "no/long.wav": (wav_bytes(noise(6, 20000)), "cropped"),
    "no/flac.wav": (flac(noise(7)), "mislabelled: FLAC"),
    "no/quiet.wav": (wav_bytes(np.zeros(RATE)), "silent"),
}


UNREADABLE = {
    "yes/empty.wav": (b"", "empty"),
    "yes/nothing.wav": (wav_bytes(noise(8, 0)), "no samples"),
    "yes/cut.wav": (wav_bytes(noise(9))[:-1], "truncated"),
    "no/cut.flac": (flac(noise(10))[:9000], "not readable"),
    "no/text.wav": (b"no audio at all", "not readable"),
    "no/nan.wav": (float_wav(np.array([0.1, np.nan])), "not finite"),
    "no/phone.m4a": (b"\0\0\0\x20ftypM4A " + b"a" * 50, "not readable"),
}


@pytest.fixture(scope="module")
def valid_and_changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {name: wav_bytes(samples) for name, samples in VALID.items()}
    return put(tmp_path_factory.mktemp("odd"), files | {name: data for name, (data, _) in CHANGED.items()})


@pytest.fixture(scope="module")
def with_unreadable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {name: wav_bytes(samples) for name, samples in VALID.items()}
    return put(tmp_path_factory.mktemp("bad"), files | {name: data for name, (data, _) in UNREADABLE.items()})


def test_valid_files_are_unchanged(valid_and_changed: Path, tmp_path: Path) -> None:
    index, _ = build_corpus(Folder(path=valid_and_changed, split=HALVES), tmp_path)
    digests = dict(zip(index["utterance_id"], index["sha256"], strict=True))
    for name, samples in VALID.items():
        assert digests[name] == hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()
    assert digests["no/flac.wav"] == hashlib.sha256(noise(7).astype("<i2").tobytes()).hexdigest()
    assert list(index.columns) == [*pq.read_schema(tmp_path / "0.parquet").names[:-1], "shard"]
    assert index["utterance_id"].is_monotonic_increasing
    assert set(index["num_samples"]) == {RATE}


def test_report_counts_every_change(valid_and_changed: Path, tmp_path: Path) -> None:
    index, report = build_corpus(Folder(path=valid_and_changed, split=HALVES), tmp_path)
    assert report["listed"] == report["read"] == len(index) == len(VALID) + len(CHANGED)
    assert report["changes"] == {change: 1 for _, change in CHANGED.values()}
    assert (report["refused"], report["refusals"]) == (0, {})
    assert report["labels"] == {"no": 9, "yes": 7}
    assert report["seconds"] == 16
    assert sum(report["utterances"].values()) == sum(report["speakers"].values()) == 16
    assert report["same_audio"] == []


def test_the_number_of_shards_changes_nothing_but_the_shard(valid_and_changed: Path, tmp_path: Path) -> None:
    one, one_report = build_corpus(Folder(path=valid_and_changed, split=HALVES), tmp_path / "1")
    three, three_report = build_corpus(Folder(path=valid_and_changed, split=HALVES, shards=3), tmp_path / "3")
    pd.testing.assert_frame_equal(one.drop(columns="shard"), three.drop(columns="shard"))
    assert one_report == three_report
    assert sorted(Counter(three["shard"]).values()) == [5, 5, 6]
    for number, group in three.groupby("shard"):
        assert pq.read_table(tmp_path / "3" / f"{number}.parquet")["utterance_id"].to_pylist() == list(
            group["utterance_id"]
        )


def test_there_may_be_more_shards_than_recordings(valid_and_changed: Path, tmp_path: Path) -> None:
    one, _ = build_corpus(Folder(path=valid_and_changed, split=HALVES), tmp_path / "1")
    many, _ = build_corpus(Folder(path=valid_and_changed, split=HALVES, shards=20), tmp_path / "20")
    pd.testing.assert_frame_equal(one.drop(columns="shard"), many.drop(columns="shard"))


def test_audio_has_the_corpus_sample_rate_and_duration(valid_and_changed: Path, tmp_path: Path) -> None:
    index, report = build_corpus(Folder(path=valid_and_changed, split=HALVES, sample_rate=8000, duration=0.5), tmp_path)
    assert set(zip(index["num_samples"], index["sample_rate"], strict=True)) == {(4000, 8000)}
    assert report["changes"]["cropped"] == len(index)
    assert report["changes"]["resampled from 16000 Hz"] == len(index) - 2


def test_duplicate_audio_is_reported(tmp_path: Path) -> None:
    files = {f"yes/{number}.wav": wav_bytes(noise(number)) for number in range(6)}
    put(tmp_path / "in", files | {"no/copy.wav": files["yes/3.wav"]})
    _, report = build_corpus(Folder(path=tmp_path / "in", split=HALVES, incomplete_labels="allow"), tmp_path / "out")
    assert report["same_audio"] == ["no/copy.wav", "yes/3.wav"]


def test_stop_names_all_unreadable_files_at_once(with_unreadable: Path, tmp_path: Path) -> None:
    corpus = Folder(path=with_unreadable, split=HALVES)
    list_recordings(corpus, tmp_path / "recordings.parquet")
    with pytest.raises(InputError) as caught:
        build_shard(corpus, tmp_path / "recordings.parquet", 0, tmp_path / "0.parquet", tmp_path / "0.json")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("7 of 15 recordings")
    for name, (_, reason) in UNREADABLE.items():
        assert [line for line in lines if str(with_unreadable / name) in line and reason in line]
    assert [path.name for path in tmp_path.iterdir()] == ["recordings.parquet"]


@pytest.mark.parametrize("shards", [1, 3])
def test_refuse_counts_unreadable_files(with_unreadable: Path, tmp_path: Path, shards: int) -> None:
    index, report = build_corpus(
        Folder(path=with_unreadable, split=HALVES, unreadable="refuse", shards=shards, incomplete_labels="allow"),
        tmp_path,
    )
    assert set(index["utterance_id"]) == set(VALID)
    assert (report["listed"], report["read"]) == (len(VALID) + len(UNREADABLE), len(VALID))
    assert report["refused"] == len(UNREADABLE)
    assert set(report["refusals"]) == {str(with_unreadable / name) for name in UNREADABLE}
    for name, (_, reason) in UNREADABLE.items():
        assert reason in report["refusals"][str(with_unreadable / name)]


def test_a_corpus_without_test_utterances_left_is_an_error(tmp_path: Path) -> None:
    files = {"a/1.wav": wav_bytes(noise(1)), "a/2.wav": b""}
    table = write_csv(
        tmp_path / "t.csv", [("path", "label", "split"), ("a/1.wav", "a", "train"), ("a/2.wav", "a", "test")]
    )
    corpus = Folder(path=put(tmp_path / "in", files), table=table, unreadable="refuse")
    with pytest.raises(InputError, match=r"no test utterances left, as 1 of its 2 .*a/2\.wav \(the file is empty\)"):
        build_corpus(corpus, tmp_path / "out")
    assert not (tmp_path / "out" / "index.parquet").exists()


@pytest.mark.parametrize(("shares", "absent"), [((0, 0), "test"), ((0.5, 0.5), "train")])
def test_an_empty_test_or_training_split_is_an_error(
    valid_and_changed: Path, tmp_path: Path, shares: tuple, absent: str
) -> None:
    corpus = Folder(path=valid_and_changed, split=SplitShares(validation=shares[0], test=shares[1]))
    with pytest.raises(InputError, match=f"no {absent} utterances among its 16"):
        list_recordings(corpus, tmp_path / "recordings.parquet")
    assert list(tmp_path.iterdir()) == []


def test_shares_of_many_speakers_are_those_of_the_settings() -> None:
    counts = Counter(SplitShares().split_of(f"speaker {number}") for number in range(10000))
    # Three standard deviations of a binomial with 10,000 draws are at most 120.
    assert counts["test"] == pytest.approx(2000, abs=120)
    assert counts["validation"] == pytest.approx(1000, abs=90)


def test_a_larger_test_split_contains_the_smaller_one() -> None:
    names = [f"speaker {number}" for number in range(500)]
    small, large = (
        {name for name in names if SplitShares(test=share, validation=0).split_of(name) == "test"}
        for share in (0.1, 0.3)
    )
    assert small < large


@pytest.mark.parametrize(("count", "expected"), [(3, (1, 1, 1)), (5, (3, 1, 1)), (10, (7, 1, 2)), (100, (70, 10, 20))])
def test_assigned_shares_are_exact(count: int, expected: tuple[int, int, int]) -> None:
    names = [f"clip {number}" for number in range(count)]
    splits = SplitShares().assign(names)
    assert set(splits) == set(names)
    assert tuple(Counter(splits.values())[split] for split in SPLITS) == expected
    assert SplitShares().assign(names[::-1]) == splits


def test_a_share_of_zero_is_assigned_to_no_name() -> None:
    assert Counter(SplitShares(validation=0).assign(list("abcde")).values()) == {"train": 4, "test": 1}


def test_keyword_lists_are_those_of_the_papers() -> None:
    assert [len(set(words)) for words in (SC10, SC30, ALL)] == [10, 30, 35]
    assert set(SC10) < set(SC30) < set(ALL)
    assert set(ALL) - set(SC30) == {"backward", "follow", "forward", "learn", "visual"}
    assert SpeechCommands(words="sc30").labels() == SC30
    assert SpeechCommands(words="all", archive="test").labels() == SC10
    assert SpeechCommands(words=("yes", "cat")).labels() == ("cat", "yes")
    assert SpeechCommands(view="speakers").labels() is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"archive": "test", "words": "sc30"}, "ten keywords of sc10 only"),
        ({"archive": "test", "words": ["yes", "cat"]}, "no such keywords in the test archive: cat"),
        ({"words": ["yes", "quark"]}, "no such keywords in the full archive: quark"),
        ({"words": ["yes", "no", "yes"]}, "words must differ"),
        ({"minimum_clips": 2}, "minimum_clips"),
    ],
)
def test_invalid_settings_are_errors(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpeechCommands.model_validate(settings)


@pytest.mark.parametrize("kind", ["speech_commands", "synthetic"])
def test_unquoted_words_that_yaml_reads_as_booleans_are_errors(kind: str) -> None:
    entry = yaml.safe_load(f"{{kind: {kind}, words: [yes, no, left]}}")
    with pytest.raises(ValidationError, match="valid string"):
        plugins.build("corpora", entry)
    with pytest.raises(InputError, match=r"corpora\.keywords\.words.*quotes"):
        configuration.load({"corpora": {"keywords": entry}})
    quoted = yaml.safe_load(f"{{kind: {kind}, words: ['yes', 'no', left]}}")
    assert plugins.build("corpora", quoted).labels() == ("left", "no", "yes")  # type: ignore[attr-defined]
