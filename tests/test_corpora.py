"""Corpora: every recording is read, changed with a remark, or refused by name; splits that share no speaker."""

import csv
import hashlib
import io
import json
import os
import struct
import time
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from pydantic import ValidationError

from sanguinaria import configuration, downloads, plugins
from sanguinaria.building import build_index, build_shard, list_recordings
from sanguinaria.corpora import SPLITS, Corpus, Recording, SplitShares, speech_commands
from sanguinaria.corpora.folder import Folder
from sanguinaria.corpora.speech_commands import ALL, LISTS, SC10, SC30, SpeechCommands
from sanguinaria.corpora.synthetic import Synthetic
from sanguinaria.errors import InputError

RATE = 16000
HALVES = SplitShares(validation=0, test=0.5)

real = pytest.mark.skipif(
    not os.environ.get(downloads.DOWNLOADS_VARIABLE),
    reason=f"{downloads.DOWNLOADS_VARIABLE} names no folder with Speech Commands' test archive",
)


def noise(seed: int, length: int = RATE) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20000, 20000, length).astype(np.int16)


def wav_bytes(samples: np.ndarray, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def float_wav(samples: np.ndarray) -> bytes:
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, RATE, 4 * RATE, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flac(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="FLAC")
    return buffer.getvalue()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def listed(corpus: Corpus) -> dict[str, Recording]:
    recordings = corpus.recordings()
    names = [recording.utterance_id for recording in recordings]
    assert names == sorted(set(names))
    return {recording.utterance_id: recording for recording in recordings}


def built(corpus: Corpus, out: Path) -> tuple[pd.DataFrame, dict]:
    """A corpus's index and report, from all of its shards."""
    list_recordings(corpus, out / "recordings.parquet")
    audio = [out / f"{shard}.parquet" for shard in range(corpus.shards)]
    remarks = [out / f"{shard}.json" for shard in range(corpus.shards)]
    for shard in range(corpus.shards):
        build_shard(corpus, out / "recordings.parquet", shard, audio[shard], remarks[shard])
    build_index(audio, remarks, out / "index.parquet", out / "report.json")
    return pd.read_parquet(out / "index.parquet"), json.loads((out / "report.json").read_text())


# Building, over a folder in which much is odd.

GOOD = {f"{word}/good{number}.wav": noise(10 * len(word) + number) for word in ("yes", "no") for number in range(4)}
ODD = {
    "yes/stereo.wav": (wav_bytes(np.stack([noise(1), noise(2)], axis=1)), "mixed down"),
    "yes/slow.wav": (wav_bytes(noise(3, 8000) // 4, 8000), "resampled from 8000 Hz"),
    "yes/fast.wav": (wav_bytes(noise(4, 44100), 44100), "resampled from 44100 Hz"),
    "no/loud.wav": (float_wav(np.linspace(-1.5, 1.5, RATE)), "clipped"),
    "no/short.wav": (wav_bytes(noise(5, 9001)), "padded"),
    "no/long.wav": (wav_bytes(noise(6, 20000)), "cropped"),
    "no/flac.wav": (flac(noise(7)), "mislabelled: FLAC"),
    "no/quiet.wav": (wav_bytes(np.zeros(RATE)), "silent"),
}
BAD = {
    "yes/empty.wav": (b"", "empty"),
    "yes/nothing.wav": (wav_bytes(noise(8, 0)), "no samples"),
    "yes/cut.wav": (wav_bytes(noise(9))[:-1], "truncated"),
    "no/cut.flac": (flac(noise(10))[:9000], "not readable"),
    "no/text.wav": (b"no audio at all", "not readable"),
    "no/nan.wav": (float_wav(np.array([0.1, np.nan])), "not numbers"),
    "no/phone.m4a": (b"\0\0\0\x20ftypM4A " + b"a" * 50, "not readable"),
}


@pytest.fixture(scope="module")
def good_and_odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {name: wav_bytes(samples) for name, samples in GOOD.items()}
    return put(tmp_path_factory.mktemp("odd"), files | {name: data for name, (data, _) in ODD.items()})


@pytest.fixture(scope="module")
def with_bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {name: wav_bytes(samples) for name, samples in GOOD.items()}
    return put(tmp_path_factory.mktemp("bad"), files | {name: data for name, (data, _) in BAD.items()})


def test_good_files_stay_as_they_are(good_and_odd: Path, tmp_path: Path) -> None:
    index, _ = built(Folder(path=good_and_odd, split=HALVES), tmp_path)
    digests = dict(zip(index["utterance_id"], index["sha256"], strict=True))
    for name, samples in GOOD.items():
        assert digests[name] == hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()
    assert digests["no/flac.wav"] == hashlib.sha256(noise(7).astype("<i2").tobytes()).hexdigest()
    assert list(index.columns) == [*pq.read_schema(tmp_path / "0.parquet").names[:-1], "shard"]
    assert index["utterance_id"].is_monotonic_increasing
    assert set(index["num_samples"]) == {RATE}


def test_report_counts_every_change(good_and_odd: Path, tmp_path: Path) -> None:
    index, report = built(Folder(path=good_and_odd, split=HALVES), tmp_path)
    assert report["listed"] == report["read"] == len(index) == len(GOOD) + len(ODD)
    assert report["changes"] == {change: 1 for _, change in ODD.values()}
    assert (report["refused"], report["refusals"]) == (0, {})
    assert report["labels"] == {"no": 9, "yes": 7}
    assert report["seconds"] == 16
    assert sum(report["utterances"].values()) == sum(report["speakers"].values()) == 16
    assert report["same_audio"] == []


def test_the_number_of_shards_changes_nothing_but_the_shard(good_and_odd: Path, tmp_path: Path) -> None:
    one, one_report = built(Folder(path=good_and_odd, split=HALVES), tmp_path / "1")
    three, three_report = built(Folder(path=good_and_odd, split=HALVES, shards=3), tmp_path / "3")
    pd.testing.assert_frame_equal(one.drop(columns="shard"), three.drop(columns="shard"))
    assert one_report == three_report
    assert sorted(Counter(three["shard"]).values()) == [5, 5, 6]
    for number, group in three.groupby("shard"):
        assert pq.read_table(tmp_path / "3" / f"{number}.parquet")["utterance_id"].to_pylist() == list(
            group["utterance_id"]
        )


def test_more_shards_than_recordings(good_and_odd: Path, tmp_path: Path) -> None:
    one, _ = built(Folder(path=good_and_odd, split=HALVES), tmp_path / "1")
    many, _ = built(Folder(path=good_and_odd, split=HALVES, shards=20), tmp_path / "20")
    pd.testing.assert_frame_equal(one.drop(columns="shard"), many.drop(columns="shard"))


def test_rate_and_duration_are_the_corpus_own(good_and_odd: Path, tmp_path: Path) -> None:
    index, report = built(Folder(path=good_and_odd, split=HALVES, sample_rate=8000, duration=0.5), tmp_path)
    assert set(zip(index["num_samples"], index["sample_rate"], strict=True)) == {(4000, 8000)}
    assert report["changes"]["cropped"] == len(index)
    assert report["changes"]["resampled from 16000 Hz"] == len(index) - 2


def test_the_same_audio_twice_is_reported(tmp_path: Path) -> None:
    files = {f"yes/{number}.wav": wav_bytes(noise(number)) for number in range(6)}
    put(tmp_path / "in", files | {"no/copy.wav": files["yes/3.wav"]})
    _, report = built(Folder(path=tmp_path / "in", split=HALVES), tmp_path / "out")
    assert report["same_audio"] == ["no/copy.wav", "yes/3.wav"]


def test_stop_names_all_bad_files_at_once(with_bad: Path, tmp_path: Path) -> None:
    corpus = Folder(path=with_bad, split=HALVES)
    list_recordings(corpus, tmp_path / "recordings.parquet")
    with pytest.raises(InputError) as caught:
        build_shard(corpus, tmp_path / "recordings.parquet", 0, tmp_path / "0.parquet", tmp_path / "0.json")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("7 of 15 recordings")
    for name, (_, reason) in BAD.items():
        assert [line for line in lines if str(with_bad / name) in line and reason in line]
    assert [path.name for path in tmp_path.iterdir()] == ["recordings.parquet"]


@pytest.mark.parametrize("shards", [1, 3])
def test_refuse_counts_bad_files(with_bad: Path, tmp_path: Path, shards: int) -> None:
    index, report = built(Folder(path=with_bad, split=HALVES, unreadable="refuse", shards=shards), tmp_path)
    assert set(index["utterance_id"]) == set(GOOD)
    assert (report["listed"], report["read"]) == (len(GOOD) + len(BAD), len(GOOD))
    assert report["refused"] == len(BAD)
    assert set(report["refusals"]) == {str(with_bad / name) for name in BAD}
    for name, (_, reason) in BAD.items():
        assert reason in report["refusals"][str(with_bad / name)]


def test_nothing_left_to_test_on_is_an_error(tmp_path: Path) -> None:
    files = {"a/1.wav": wav_bytes(noise(1)), "a/2.wav": b""}
    table = write_csv(
        tmp_path / "t.csv", [("path", "label", "split"), ("a/1.wav", "a", "train"), ("a/2.wav", "a", "test")]
    )
    corpus = Folder(path=put(tmp_path / "in", files), table=table, unreadable="refuse")
    with pytest.raises(InputError, match=r"no test utterances left, as 1 of its 2 .*a/2\.wav \(the file is empty\)"):
        built(corpus, tmp_path / "out")
    assert not (tmp_path / "out" / "index.parquet").exists()


@pytest.mark.parametrize(("shares", "absent"), [((0, 0), "test"), ((0.5, 0.5), "train")])
def test_no_test_or_training_utterances(good_and_odd: Path, tmp_path: Path, shares: tuple, absent: str) -> None:
    corpus = Folder(path=good_and_odd, split=SplitShares(validation=shares[0], test=shares[1]))
    with pytest.raises(InputError, match=f"no {absent} utterances among its 16"):
        list_recordings(corpus, tmp_path / "recordings.parquet")
    assert list(tmp_path.iterdir()) == []


# Shares.


def test_shares_are_met_by_many_speakers() -> None:
    counts = Counter(SplitShares().of(f"speaker {number}") for number in range(10000))
    # Three standard deviations of a binomial with 10,000 draws are at most 120.
    assert counts["test"] == pytest.approx(2000, abs=120)
    assert counts["validation"] == pytest.approx(1000, abs=90)


def test_a_larger_test_share_keeps_the_smaller_one() -> None:
    names = [f"speaker {number}" for number in range(500)]
    small, large = (
        {name for name in names if SplitShares(test=share, validation=0).of(name) == "test"} for share in (0.1, 0.3)
    )
    assert small < large


@pytest.mark.parametrize(("count", "expected"), [(3, (1, 1, 1)), (5, (3, 1, 1)), (10, (7, 1, 2)), (100, (70, 10, 20))])
def test_dealt_shares_are_exact(count: int, expected: tuple[int, int, int]) -> None:
    names = [f"clip {number}" for number in range(count)]
    dealt = SplitShares().deal(names)
    assert set(dealt) == set(names)
    assert tuple(Counter(dealt.values())[split] for split in SPLITS) == expected
    assert SplitShares().deal(names[::-1]) == dealt


def test_a_share_of_nothing_is_dealt_to_none() -> None:
    assert Counter(SplitShares(validation=0).deal(list("abcde")).values()) == {"train": 4, "test": 1}


# Folder.


def empty_files(folder: Path, *names: str) -> Path:
    return put(folder, dict.fromkeys(names, b""))


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_labels_are_the_top_folders(tmp_path: Path) -> None:
    empty_files(tmp_path, "yes/a.wav", "yes/deep/er/b.FLAC", "no/c.mp3", "no/notes.txt", "no/.hidden.wav", ".git/d.wav")
    corpus = Folder(path=tmp_path)
    assert corpus.labels() == ["no", "yes"]
    assert {name: recording.label for name, recording in listed(corpus).items()} == {
        "no/c.mp3": "no",
        "yes/a.wav": "yes",
        "yes/deep/er/b.FLAC": "yes",
    }


def test_without_a_pattern_every_file_is_its_own_speaker(tmp_path: Path) -> None:
    found = listed(Folder(path=empty_files(tmp_path, "yes/a.wav", "no/a.wav")))
    assert {name: recording.speaker for name, recording in found.items()} == {name: name for name in found}
    assert found["yes/a.wav"].source == str(tmp_path / "yes/a.wav")


def test_audio_without_a_label_is_named(tmp_path: Path) -> None:
    empty_files(tmp_path, "yes/a.wav", "stray.wav", "other.wav", "README.md")
    with pytest.raises(InputError, match=r"2 audio files lie in no sub-folder.*'other\.wav' first"):
        Folder(path=tmp_path).recordings()


def test_speaker_pattern_keeps_speakers_together(tmp_path: Path) -> None:
    names = [f"{word}/{speaker}_{take}.wav" for word in ("yes", "no") for speaker in range(20) for take in range(3)]
    empty_files(tmp_path, *names)
    found = listed(Folder(path=tmp_path, speaker_pattern=r"/(\d+)_"))
    assert {recording.speaker for recording in found.values()} == {str(speaker) for speaker in range(20)}
    assert found["yes/7_2.wav"].speaker == "7"
    splits = {speaker: {r.split for r in found.values() if r.speaker == speaker} for speaker in map(str, range(20))}
    assert all(len(split) == 1 for split in splits.values())
    assert {split for (split,) in splits.values()} == set(SPLITS)


@pytest.mark.parametrize("pattern", [r"/(\d+)_", r"/(\d+_)?", r"/(\d*)"], ids=["no match", "no group", "empty"])
def test_a_pattern_that_finds_no_speaker(tmp_path: Path, pattern: str) -> None:
    empty_files(tmp_path, "yes/ann.wav")
    with pytest.raises(InputError, match=r"finds no speaker in 'yes/ann\.wav'"):
        Folder(path=tmp_path, speaker_pattern=pattern).recordings()


@pytest.mark.parametrize("pattern", [r"\d+", r"(\d)(\d)", r"(\d"], ids=["no group", "two groups", "no expression"])
def test_an_unusable_pattern_is_a_validation_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"group|regular expression"):
        Folder(path=tmp_path, speaker_pattern=pattern)


ROWS = [
    ("path", "label", "speaker", "split"),
    ("b.wav", "null", "ann", "test"),
    ("deep/a.wav", "on", "007", "train"),
    ("c.wav", "NA", "none", "validation"),
]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_table(tmp_path: Path, suffix: str) -> None:
    folder = empty_files(tmp_path / "in", "b.wav", "deep/a.wav", "c.wav", "unlisted/d.wav")
    path = tmp_path / f"table.{suffix}"
    if suffix == "csv":
        write_csv(path, ROWS)
    else:
        pd.DataFrame(ROWS[1:], columns=ROWS[0]).to_parquet(path)
    corpus = Folder(path=folder, table=path)
    # A CSV file tells them while the configuration is checked; to read Parquet then would take too long.
    assert corpus.labels() == (sorted({row[1] for row in ROWS[1:]}) if suffix == "csv" else None)
    assert [(r.utterance_id, r.label, r.speaker, r.split) for r in corpus.recordings()] == sorted(ROWS[1:])
    assert listed(corpus)["deep/a.wav"].source == str(folder / "deep/a.wav")


def test_table_of_numbers(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "0.wav", "1.wav")
    pd.DataFrame({"path": ["0.wav", "1.wav"], "label": [0, 1], "speaker": [10, 11]}).to_parquet(tmp_path / "t.parquet")
    found = listed(Folder(path=folder, table=tmp_path / "t.parquet"))
    assert (found["1.wav"].label, found["1.wav"].speaker) == ("1", "11")


def test_table_without_speakers_and_splits(tmp_path: Path) -> None:
    names = [f"{number}.wav" for number in range(40)]
    table = write_csv(tmp_path / "t.csv", [("label", "path", "remark"), *(("yes", name, "") for name in names)])
    found = listed(Folder(path=empty_files(tmp_path / "in", *names), table=table))
    assert {recording.split for recording in found.values()} == set(SPLITS)
    assert all(recording.speaker == name for name, recording in found.items())
    assert all(recording.split == SplitShares().of(name) for name, recording in found.items())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("path", "label"), ("a.wav", "x"), ("gone.wav", "x")], r"1 of 2 files are not there, 'gone\.wav' first"),
        ([("path", "word"), ("a.wav", "x")], "needs the columns path and label; it has path, word"),
        (
            [("path", "label", "split"), ("a.wav", "x", "dev")],
            "unknown split 'dev'; there are: train, validation, test",
        ),
        ([("path", "label"), ("a.wav", "x"), ("b.wav", "")], "row 2 after the header has an empty value"),
        ([("path", "label"), ("../in/a.wav", "x")], "is not below the corpus's folder"),
        ([("path", "label"), ("/etc/passwd", "x")], "is not below the corpus's folder"),
        ([("path", "label"), ("a.wav", "x"), ("b.wav", "x"), ("a.wav", "y")], r"1 recordings twice, a\.wav first"),
        ([("path", "label"), ("a.wav", "x"), ("./a.wav", "x")], r"1 recordings twice, a\.wav first"),
        ([("path", "label"), ("a.wav", "x"), ("b.wav", "x", "much")], "not a readable CSV"),
    ],
    ids=["missing", "column", "split", "empty", "outside", "absolute", "twice", "spelling", "ragged"],
)
def test_bad_tables(tmp_path: Path, rows: list[tuple[str, ...]], message: str) -> None:
    folder = empty_files(tmp_path / "in", "a.wav", "b.wav")
    table = write_csv(tmp_path / "t.csv", rows)
    with pytest.raises(InputError, match=message) as caught:
        Folder(path=folder, table=table).recordings()
    assert str(table) in str(caught.value)


@pytest.mark.parametrize(("name", "data"), [("t.csv", b""), ("t.csv", b"\xff\xfe\0"), ("t.parquet", b"PAR1")])
def test_unreadable_tables(tmp_path: Path, name: str, data: bytes) -> None:
    put(tmp_path, {name: data})
    with pytest.raises(InputError, match="not a readable CSV or Parquet table"):
        Folder(path=tmp_path, table=tmp_path / name).recordings()


def test_problems(tmp_path: Path) -> None:
    def fields(corpus: Folder) -> dict[str, str]:
        return dict(corpus.problems({}))

    missing = fields(Folder(path=tmp_path / "gone"))
    assert list(missing) == ["path"]
    assert str(tmp_path / "gone") in missing["path"]
    assert "no audio" in fields(Folder(path=tmp_path))["path"]
    assert list(fields(Folder(path=tmp_path, table=tmp_path / "gone.csv"))) == ["table"]
    assert fields(Folder(path=empty_files(tmp_path, "yes/a.wav"))) == {}


@pytest.mark.parametrize("with_table", [False, True])
def test_an_exchanged_recording_is_another_corpus(tmp_path: Path, with_table: bool) -> None:
    name = "a.wav" if with_table else "yes/a.wav"
    folder = put(tmp_path / "in", {name: b"one"})
    table = write_csv(tmp_path / "t.csv", [("path", "label"), (name, "yes")]) if with_table else None
    corpus = Folder(path=folder, table=table)
    before = corpus.fingerprint()
    assert corpus.fingerprint() == before
    put(folder, {name: b"other"})
    assert corpus.fingerprint() != before


def test_an_edited_table_is_another_corpus(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", "a.wav")
    corpus = Folder(path=folder, table=write_csv(tmp_path / "t.csv", [("path", "label"), ("a.wav", "yes")]))
    before = corpus.fingerprint()
    write_csv(tmp_path / "t.csv", [("path", "label"), ("a.wav", "no, yes")])
    assert corpus.fingerprint() != before


# Speech Commands.


def test_word_lists() -> None:
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
def test_unusable_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpeechCommands.model_validate(settings)


@pytest.mark.parametrize("kind", ["speech_commands", "synthetic"])
def test_words_that_yaml_takes_for_truth_values(kind: str) -> None:
    entry = yaml.safe_load(f"{{kind: {kind}, words: [yes, no, left]}}")
    with pytest.raises(ValidationError, match="valid string"):
        plugins.build("corpora", entry)
    with pytest.raises(InputError, match=r"corpora\.keywords\.words.*quotes"):
        configuration.load({"corpora": {"keywords": entry}})
    quoted = yaml.safe_load(f"{{kind: {kind}, words: ['yes', 'no', left]}}")
    assert plugins.build("corpora", quoted).labels() == ("left", "no", "yes")  # type: ignore[attr-defined]


def miniature(folder: Path, speakers: range, words: tuple[str, ...] = ("yes", "no")) -> Path:
    return empty_files(folder, *(f"{word}/{speaker:08x}_nohash_0.wav" for word in words for speaker in speakers))


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(downloads, "obtain", lambda archive, cache, check: folder)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A full archive of two words and ten speakers, with lists that no hash would make."""
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
    found = listed(SpeechCommands(words=("yes", "no")))
    assert len(found) == 20
    splits = {name: recording.split for name, recording in found.items() if recording.split != "train"}
    assert splits == {
        "yes/00000003_nohash_0": "validation",
        "no/00000003_nohash_0": "validation",
        "yes/00000005_nohash_0": "test",
    }
    assert found["no/00000007_nohash_0"] == Recording(
        "no/00000007_nohash_0", "no", "00000007", "train", str(full / "no/00000007_nohash_0.wav")
    )


def test_an_archive_without_its_lists_is_incomplete(tmp_path: Path) -> None:
    for word in ALL:
        (tmp_path / word).mkdir()
    assert speech_commands._complaint(tmp_path, "full") == "it lacks validation_list.txt, testing_list.txt"
    for name in LISTS:
        (tmp_path / name).touch()
    assert speech_commands._complaint(tmp_path, "full") == "it holds 0 keyword clips instead of 105829"
    assert speech_commands._complaint(tmp_path, "test") == "it holds 0 keyword clips instead of 4074"
    empty_files(tmp_path, "yes/yes.wav")
    assert "yes.wav is not named" in str(speech_commands._complaint(tmp_path, "full"))
    (tmp_path / "zero").rmdir()
    assert speech_commands._complaint(tmp_path, "full") == "it lacks zero"


def test_a_failed_download_is_the_inputs_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Path:
        raise downloads.DownloadError("no network")

    monkeypatch.setattr(downloads, "obtain", fail)
    with pytest.raises(InputError, match="no network"):
        SpeechCommands().recordings()


def test_a_speakers_split_does_not_depend_on_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = SpeechCommands(archive="test")
    serve(monkeypatch, miniature(tmp_path / "all", range(60)))
    everyone = listed(corpus)
    serve(monkeypatch, miniature(tmp_path / "some", range(7, 30)))
    some = listed(corpus)
    assert len(some) == 46
    assert {name: r.split for name, r in some.items()} == {name: everyone[name].split for name in some}
    assert {recording.split for recording in everyone.values()} == set(SPLITS)


def test_speakers_with_few_clips_are_left_out_of_the_speaker_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    miniature(tmp_path, range(8), SC10)
    serve(monkeypatch, miniature(tmp_path, range(8, 11), SC10[:9]))
    found = listed(SpeechCommands(archive="test", view="speakers", minimum_clips=10))
    assert {recording.label for recording in found.values()} == {f"{speaker:08x}" for speaker in range(8)}
    assert all(recording.label == recording.speaker for recording in found.values())
    assert Counter((r.label, r.split) for r in found.values()) == {
        (f"{speaker:08x}", split): count
        for speaker in range(8)
        for split, count in (("train", 7), ("validation", 1), ("test", 2))
    }
    with pytest.raises(InputError, match=r"fewer than two speakers have 11 clips \(the most is 10\)"):
        SpeechCommands(archive="test", view="speakers", minimum_clips=11).recordings()


@pytest.fixture(scope="module")
def archive() -> dict[str, Recording]:
    return listed(SpeechCommands(archive="test"))


@real
def test_archive_is_complete(archive: dict[str, Recording]) -> None:
    labels = Counter(recording.label for recording in archive.values())
    assert (len(archive), labels["left"], set(labels)) == (4074, 412, set(SC10))
    assert len({recording.speaker for recording in archive.values()}) == 239
    assert all(Path(recording.source).is_file() for recording in archive.values())


@real
def test_archive_splits_share_no_speaker(archive: dict[str, Recording]) -> None:
    assert len({(r.speaker, r.split) for r in archive.values()}) == 239
    assert {(r.label, r.split) for r in archive.values()} == {(word, split) for word in SC10 for split in SPLITS}


@real
def test_a_subset_of_words_keeps_the_splits(archive: dict[str, Recording]) -> None:
    subset = listed(SpeechCommands(archive="test", words=("left", "yes")))
    assert subset == {name: r for name, r in archive.items() if r.label in ("left", "yes")}


@real
@pytest.mark.parametrize(("minimum", "speakers"), [(30, 52), (10, 132)])
def test_every_speaker_is_in_every_split_of_the_speaker_view(minimum: int, speakers: int) -> None:
    found = listed(SpeechCommands(archive="test", view="speakers", minimum_clips=minimum)).values()
    clips = Counter(recording.label for recording in found)
    assert len(clips) == speakers
    assert min(clips.values()) >= minimum
    assert {(r.label, r.split) for r in found} == {(speaker, split) for speaker in clips for split in SPLITS}


@real
def test_real_clips_stay_as_they_are(archive: dict[str, Recording]) -> None:
    corpus = SpeechCommands(archive="test")
    for recording in list(archive.values())[::400]:
        with wave.open(recording.source) as file:
            raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        samples, rate, remarks = corpus.read(recording.source)
        assert (rate, remarks) == (RATE, [])
        np.testing.assert_array_equal(samples[:, 0] * 32768, raw)


# Synthetic.


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, dict, float]:
    """All voices and words at one pace, and the processor time that they took."""
    start = time.process_time()
    index, report = built(Synthetic(paces=(1.0,)), tmp_path_factory.mktemp("spoken"))
    return index, report, time.process_time() - start


def test_synthetic_by_default() -> None:
    found = listed(Synthetic())
    assert len({recording.speaker for recording in found.values()}) >= 60
    assert len({recording.label for recording in found.values()}) >= 10
    assert len(found) == 60 * 10 * 3
    assert Counter(recording.label for recording in found.values()) == dict.fromkeys(SC10, 180)


def test_synthetic_is_whole_and_quick(spoken: tuple[pd.DataFrame, dict, float]) -> None:
    index, report, seconds = spoken
    assert (report["listed"], report["read"], report["refused"], report["same_audio"]) == (600, 600, 0, [])
    assert "silent" not in report["changes"]
    assert index["speaker"].nunique() == 60
    # The default has three paces.
    assert 3 * seconds < 60


def test_synthetic_is_deterministic(spoken: tuple[pd.DataFrame, dict, float], tmp_path: Path) -> None:
    again, _ = built(Synthetic(paces=(1.0,), shards=2), tmp_path)
    assert again["sha256"].tolist() == spoken[0]["sha256"].tolist()


def test_synthetic_splits_share_no_voice(spoken: tuple[pd.DataFrame, dict, float]) -> None:
    index = spoken[0]
    assert (index.groupby("speaker")["split"].nunique() == 1).all()
    assert set(zip(index["label"], index["split"], strict=True)) == {(w, s) for w in SC10 for s in SPLITS}
    assert spoken[1]["speakers"] == {"train": 42, "validation": 6, "test": 12}


@pytest.mark.parametrize("voices", [4, 10, 33, 100])
def test_every_number_of_voices_is_split_by_the_shares(voices: int) -> None:
    found = listed(Synthetic(voices=voices, words=("yes", "no"), paces=(1.0,))).values()
    counts = Counter(split for _, split in {(r.speaker, r.split) for r in found})
    assert sum(counts.values()) == voices
    assert counts["test"] == pytest.approx(0.2 * voices, abs=1.01)
    assert counts["validation"] == pytest.approx(0.1 * voices, abs=1.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"words": ["yes"]}, "at least 2"),
        ({"words": ["yes", "yes"]}, "differ"),
        ({"words": ["yes", "no way"]}, "letters"),
        ({"voices": 3}, "greater than or equal to 4"),
        ({"paces": []}, "at least 1"),
        ({"paces": [1.0, 1.0]}, "differ"),
        ({"paces": [0.1]}, "between"),
        ({"paces": [3.0]}, "between"),
        ({"paces": [float("nan")]}, "between"),
    ],
)
def test_unspeakable_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Synthetic.model_validate(settings)


@pytest.mark.parametrize("pace", [0.6, 2.3])
def test_every_voice_speaks_at_the_extreme_paces(pace: float) -> None:
    corpus = Synthetic(voices=100, words=("go", "no"), paces=(pace,))
    slowest_and_fastest = [r for r in corpus.recordings() if r.label == "go"][::20]
    for recording in slowest_and_fastest:
        samples, rate, _ = corpus.read(recording.source)
        assert rate == 22050
        assert samples.any()


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
