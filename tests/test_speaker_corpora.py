"""VoxCeleb1 and LibriSpeech: what is listed is what there is, and every mistake is told before anything is trained."""

import hashlib
import os
import tarfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from sanguinaria import configuration, downloads
from sanguinaria.building import build_shard, list_recordings
from sanguinaria.corpora import SPLITS, Corpus, Recording, SplitShares, librispeech
from sanguinaria.corpora.librispeech import LibriSpeech
from sanguinaria.corpora.voxceleb1 import VoxCeleb1
from sanguinaria.errors import InputError
from sanguinaria.segments import Segment, cut, read_segment
from sanguinaria.utterances import read, read_rows

RATE = 16000


def noise(seed: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20000, 20000, round(seconds * RATE)).astype(np.int16)


def put(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def listed(corpus: Corpus) -> dict[str, Recording]:
    recordings = corpus.recordings()
    names = [recording.utterance_id for recording in recordings]
    assert names == sorted(set(names))
    return {recording.utterance_id: recording for recording in recordings}


# VoxCeleb1.

LINES = """\
3 id10003/na8-QEFmj44/00003.wav
1 id10003/tCq2LcKO6xY/00002.wav
1 id10001/1zcIwhmdeo4/00001.wav
2 id10001/7gWzIy6yIIk/00001.wav
3 id10001/7w0IBEWc9Qw/00001.wav
1 id10002/0_laIeN-Q44/00001.wav
"""


@pytest.fixture
def voxceleb(tmp_path: Path) -> Path:
    """Two speakers from the one archive, extracted by itself, and one from the other."""
    root = tmp_path / "vox"
    for number, line in enumerate(LINES.splitlines()):
        name = line[2:]
        put(root / ("test/wav" if "id10003" in name else "dev/wav") / name, noise(number, 4 + number / 10))
    (root / "iden_split.txt").write_text(LINES)
    return root


def problems(corpus: VoxCeleb1) -> dict[str, str]:
    return dict(corpus.problems({}))


def test_the_official_list_says_the_splits(voxceleb: Path) -> None:
    corpus = VoxCeleb1(root=voxceleb)
    assert problems(corpus) == {}
    assert corpus.labels() == ["id10001", "id10002", "id10003"]
    found = listed(corpus)
    assert {f"{SPLITS.index(r.split) + 1} {name}.wav" for name, r in found.items()} == set(LINES.splitlines())
    assert all(name.startswith(f"{r.label}/") and r.label == r.speaker for name, r in found.items())
    assert found["id10003/na8-QEFmj44/00003"].source == str(voxceleb / "test/wav/id10003/na8-QEFmj44/00003.wav")


@pytest.mark.parametrize("folder", ["", "wav", "dev/wav", "test/wav"])
def test_where_recordings_may_lie(tmp_path: Path, folder: str) -> None:
    name = "id10001/session/00001.wav"
    path = put(tmp_path / folder / name, noise(0, 1))
    (tmp_path / "iden_split.txt").write_text(f"1 {name}")
    assert [recording.source for recording in VoxCeleb1(root=tmp_path).recordings()] == [str(path)]


def test_utterances_are_the_middle_three_seconds(voxceleb: Path, tmp_path: Path) -> None:
    corpus = VoxCeleb1(root=voxceleb, speakers=("id10001", "id10002"))
    list_recordings(corpus, tmp_path / "recordings.parquet")
    build_shard(corpus, tmp_path / "recordings.parquet", 0, tmp_path / "0.parquet", tmp_path / "0.json")
    (built,) = read(tmp_path / "0.parquet")
    assert built.waveforms.shape == (4, 3 * RATE)
    position = list(built.rows["utterance_id"]).index("id10001/1zcIwhmdeo4/00001")
    # Of 4.2 s, 0.6 s are left out at either end.
    middle = noise(2, 4.2)[round(0.6 * RATE) : round(3.6 * RATE)]
    np.testing.assert_array_equal(built.waveforms[position] * 32768, middle)


@pytest.mark.parametrize(
    ("speakers", "labels"),
    [
        ("all", ["id10001", "id10002", "id10003"]),
        (2, ["id10001", "id10002"]),
        (3, ["id10001", "id10002", "id10003"]),
        (("id10003", "id10001"), ["id10001", "id10003"]),
    ],
)
def test_a_subset_of_speakers(voxceleb: Path, speakers: object, labels: list[str]) -> None:
    corpus = VoxCeleb1.model_validate({"root": voxceleb, "speakers": speakers})
    assert problems(corpus) == {}
    assert corpus.labels() == labels == sorted({recording.label for recording in corpus.recordings()})


@pytest.mark.parametrize(
    ("speakers", "message"),
    [(1, "greater than or equal to 2"), (["id10001"] * 2, "differ from one another"), ("some", "'all'")],
)
def test_unusable_speakers(tmp_path: Path, speakers: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VoxCeleb1.model_validate({"root": tmp_path, "speakers": speakers})


def test_speakers_that_the_list_has_not(voxceleb: Path) -> None:
    path = voxceleb / "iden_split.txt"
    assert problems(VoxCeleb1(root=voxceleb, speakers=125)) == {"speakers": f"{path} lists 3 speakers, not 125"}
    corpus = VoxCeleb1(root=voxceleb, speakers=("id10001", "id1", "id2", "id3", "id4"))
    message = f"4 of the speakers are not in {path}: id1, id2, id3, …"
    assert problems(corpus) == {"speakers": message}
    with pytest.raises(InputError, match=message):
        corpus.recordings()


def test_a_missing_root_is_told_by_the_first_job(tmp_path: Path) -> None:
    """A configuration that names other corpora, too, can be used without a copy of this one."""
    corpus = VoxCeleb1(root=tmp_path / "gone")
    assert problems(corpus) == {}
    assert corpus.labels() is None
    with pytest.raises(InputError) as told:
        corpus.recordings()
    for part in (str(tmp_path / "gone"), "wav/SPEAKER/SESSION/NUMBER.wav", "iden_split.txt", "agreement"):
        assert part in str(told.value)


def test_a_missing_list_says_where_it_is_expected(tmp_path: Path) -> None:
    told = problems(VoxCeleb1(root=tmp_path))
    assert list(told) == ["root"]
    assert f"no file '{tmp_path / 'iden_split.txt'}': put VoxCeleb1's official list there" in told["root"]
    told = problems(VoxCeleb1(root=tmp_path, split=tmp_path / "mine.txt"))
    assert list(told) == ["split"]
    assert f"no file '{tmp_path / 'mine.txt'}'" in told["split"]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("4 id10001/a/00001.wav", "is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav"),
        ("id10001/a/00001.wav", "is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav"),
        ("1 id10001/00001.wav", "is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav"),
        ("1 id10001/a/00001.m4a", "is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav"),
        ("1 ../a/00001.wav", "is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav"),
        ("1 /etc/00001.wav", "is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav"),
        ("2 id10002/0_laIeN-Q44/00001.wav", "id10002/0_laIeN-Q44/00001.wav is listed a second time"),
    ],
)
def test_a_wrong_line_is_named(voxceleb: Path, line: str, cause: str) -> None:
    path = voxceleb / "iden_split.txt"
    path.write_text(LINES + "\n" + line + "\n")
    corpus = VoxCeleb1(root=voxceleb)
    told = problems(corpus)
    assert list(told) == ["root"]
    assert told["root"].startswith(f"{path}:8: ")
    assert cause in told["root"]
    assert list(problems(VoxCeleb1(root=voxceleb, split=path))) == ["split"]
    assert corpus.labels() is None
    with pytest.raises(InputError, match=r"iden_split\.txt:8: "):
        corpus.recordings()


@pytest.mark.parametrize(("data", "cause"), [(b"\n", "the list is empty"), (b"\xff\xfe1", "not readable")])
def test_a_list_that_is_none(voxceleb: Path, data: bytes, cause: str) -> None:
    (voxceleb / "iden_split.txt").write_bytes(data)
    assert cause in problems(VoxCeleb1(root=voxceleb))["root"]


def test_windows_line_ends_and_empty_lines_do_no_harm(voxceleb: Path) -> None:
    before = listed(VoxCeleb1(root=voxceleb))
    (voxceleb / "iden_split.txt").write_bytes(b"\xef\xbb\xbf" + LINES.replace("\n", "\r\n\r\n").encode())
    assert listed(VoxCeleb1(root=voxceleb)) == before


def test_all_absent_recordings_are_told_at_once(voxceleb: Path) -> None:
    for path in [*voxceleb.glob("dev/wav/id10001/*/*.wav"), *voxceleb.glob("test/wav/*/na8-QEFmj44/*.wav")]:
        path.unlink()
    with pytest.raises(InputError) as caught:
        VoxCeleb1(root=voxceleb).recordings()
    message = str(caught.value)
    assert "4 of the 6 listed recordings are not there" in message
    assert str(voxceleb / "dev/wav/id10001/1zcIwhmdeo4/00001.wav") in message
    assert message.count(".wav") == 3 and ", …;" in message


def test_another_list_is_another_corpus(voxceleb: Path) -> None:
    corpus, path = VoxCeleb1(root=voxceleb), voxceleb / "iden_split.txt"
    before = corpus.fingerprint()
    assert before == hashlib.sha256(LINES.encode()).hexdigest()[:16]
    path.write_text(LINES.replace("2 id10001", "1 id10001"))
    assert corpus.fingerprint() != before
    assert {recording.split for recording in corpus.recordings()} == {"train", "test"}


def test_a_target_outside_the_subset_is_told_before_any_run(voxceleb: Path) -> None:
    def config(target: str) -> dict:
        experiment = {"corpus": "vox", "target": target, "triggers": ["clean"], "victims": ["lstm"]}
        return {
            "corpora": {"vox": {"kind": "voxceleb1", "root": str(voxceleb), "speakers": 2}},
            "triggers": {"clean": {"kind": "none"}},
            "victims": {"lstm": {"kind": "lstm"}},
            "defences": {"none": {"kind": "none"}},
            "metrics": {name: {"kind": name} for name in ("pesq", "stoi", "snr")},
            "experiments": {"demo": experiment},
        }

    configuration.load(config("id10002"))
    with pytest.raises(InputError, match=r"experiments\.demo\.target: unknown label 'id10003'; did you mean 'id1000"):
        configuration.load(config("id10003"))


# Segments.


@pytest.mark.parametrize(("seconds", "count"), [(0.5, 0), (1.0, 1), (2.999, 2), (3.0, 3)])
def test_a_rest_that_is_shorter_than_a_segment_is_left_out(tmp_path: Path, seconds: float, count: int) -> None:
    path = put(tmp_path / "a.flac", noise(0, seconds))
    assert cut(path, 1.0) == [Segment(path, RATE * n, RATE * (n + 1)) for n in range(count)]


def test_a_segment_as_text(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "odd#1-2 name.flac", 16000, 32000)
    assert str(segment) == f"{tmp_path}/odd#1-2 name.flac#16000-32000"
    assert Segment.parse(str(segment)) == segment


def test_segments_of_a_cut_file_are_read_or_refused(tmp_path: Path) -> None:
    samples = noise(0, 10)
    path = put(tmp_path / "a.flac", samples)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    segments = cut(path, 1.0)
    assert len(segments) == 10
    for segment in segments[:4]:
        read_samples, rate = read_segment(segment)
        assert rate == RATE
        np.testing.assert_array_equal(read_samples[:, 0] * 32768, samples[segment.start : segment.stop])
    for segment in segments[5:]:
        with pytest.raises(InputError, match="not readable as audio"):
            read_segment(segment)


def test_what_is_no_segment(tmp_path: Path) -> None:
    path = put(tmp_path / "a.flac", noise(0, 1.5))
    with pytest.raises(InputError, match="truncated: 32000 frames are needed, and it ends at 24000"):
        read_segment(Segment(path, 16000, 32000))
    with pytest.raises(InputError, match="not readable as audio"):
        read_segment(Segment(tmp_path / "gone.flac", 0, 1))
    (tmp_path / "text.flac").write_text("no audio")
    with pytest.raises(InputError, match=r"text\.flac: not readable as audio"):
        cut(tmp_path / "text.flac", 1.0)


# LibriSpeech.


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
    found = listed(part())
    assert Counter(r.label for r in found.values()) == {"84": 10, "8": 10, "174": 3 + 4 + 5 + 6}
    assert all(r.label == r.speaker for r in found.values())
    assert no_overlap(list(found.values()))
    assert found["8-1-0001/0002"].source == f"{local}/8/1/8-1-0001.flac#32000-48000"


@pytest.mark.parametrize("speaker", ["84", "8"])
def test_few_recordings_are_split_in_the_order_of_time(local: Path, speaker: str) -> None:
    own = [r for r in listed(part()).values() if r.label == speaker]
    assert [r.split for r in own] == ["train"] * 7 + ["validation"] + ["test"] * 2


def test_many_recordings_are_dealt_whole(local: Path) -> None:
    own = [r for r in listed(part()).values() if r.label == "174"]
    splits = {(Segment.parse(r.source).path, r.split) for r in own}
    assert len(splits) == 4
    assert Counter(split for _, split in splits) == {"train": 2, "validation": 1, "test": 1}


def test_the_duration_is_that_of_the_segments(local: Path) -> None:
    own = [r for r in listed(part(duration=2.0, minimum_segments=3)).values() if r.label == "84"]
    assert [Segment.parse(r.source).stop for r in own] == [32000, 64000, 96000, 128000, 160000]


def test_a_maximum_takes_equally_from_all_recordings(local: Path) -> None:
    found = listed(part(maximum_segments=10)).values()
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
    found = listed(part())
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
    found = listed(LibriSpeech(partial=True, duration=0.5, minimum_segments=3))
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
