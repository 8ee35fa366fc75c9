"""VoxCeleb1: recordings are those of the official list, and every error is reported before any training."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from corpus_files import noise, put
from pydantic import ValidationError
from recordings import RATE, recordings_by_id

from sanguinaria.audio.utterances import read
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import SPLITS
from sanguinaria.corpora.voxceleb1 import VoxCeleb1
from sanguinaria.plan import configuration
from sanguinaria.steps.corpora import build_shard, list_recordings

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
    """Two speakers of one extracted archive, and one of the other."""
    root = tmp_path / "vox"
    for number, line in enumerate(LINES.splitlines()):
        name = line[2:]
        put(root / ("test/wav" if "id10003" in name else "dev/wav") / name, noise(number, 4 + number / 10))
    (root / "iden_split.txt").write_text(LINES)
    return root


def problems(corpus: VoxCeleb1) -> dict[str, str]:
    return dict(corpus.problems({}))


def test_splits_are_those_of_the_official_list(voxceleb: Path) -> None:
    corpus = VoxCeleb1(root=voxceleb)
    assert problems(corpus) == {}
    assert corpus.labels() == ["id10001", "id10002", "id10003"]
    recordings = recordings_by_id(corpus)
    assert {f"{SPLITS.index(r.split) + 1} {name}.wav" for name, r in recordings.items()} == set(LINES.splitlines())
    assert all(name.startswith(f"{r.label}/") and r.label == r.speaker for name, r in recordings.items())
    assert recordings["id10003/na8-QEFmj44/00003"].source == str(voxceleb / "test/wav/id10003/na8-QEFmj44/00003.wav")


@pytest.mark.parametrize("folder", ["", "wav", "dev/wav", "test/wav"])
def test_recordings_are_found_in_the_usual_folders(tmp_path: Path, folder: str) -> None:
    name = "id10001/session/00001.wav"
    path = put(tmp_path / folder / name, noise(0, 1))
    (tmp_path / "iden_split.txt").write_text(f"1 {name}")
    assert [recording.source for recording in VoxCeleb1(root=tmp_path).recordings()] == [str(path)]


def test_utterances_are_the_middle_three_seconds(voxceleb: Path, tmp_path: Path) -> None:
    corpus = VoxCeleb1(root=voxceleb, speakers=("id10001", "id10002"), incomplete_labels="allow")
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
def test_invalid_speakers_are_errors(tmp_path: Path, speakers: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VoxCeleb1.model_validate({"root": tmp_path, "speakers": speakers})


def test_speakers_absent_from_the_list_are_errors(voxceleb: Path) -> None:
    path = voxceleb / "iden_split.txt"
    assert problems(VoxCeleb1(root=voxceleb, speakers=125)) == {"speakers": f"{path} lists 3 speakers, not 125"}
    corpus = VoxCeleb1(root=voxceleb, speakers=("id10001", "id1", "id2", "id3", "id4"))
    message = f"4 of the speakers are not in {path}: id1, id2, id3, …"
    assert problems(corpus) == {"speakers": message}
    with pytest.raises(InputError, match=message):
        corpus.recordings()


def test_a_missing_root_is_reported_by_the_first_job(tmp_path: Path) -> None:
    """A configuration with other corpora can be used without a copy of this one."""
    corpus = VoxCeleb1(root=tmp_path / "gone")
    assert problems(corpus) == {}
    assert corpus.labels() is None
    with pytest.raises(InputError) as errors:
        corpus.recordings()
    for part in (str(tmp_path / "gone"), "wav/SPEAKER/SESSION/NUMBER.wav", "iden_split.txt", "agreement"):
        assert part in str(errors.value)


def test_a_missing_list_is_an_error_with_its_path(tmp_path: Path) -> None:
    errors = problems(VoxCeleb1(root=tmp_path))
    assert list(errors) == ["root"]
    assert f"no file '{tmp_path / 'iden_split.txt'}': put VoxCeleb1's official list there" in errors["root"]
    errors = problems(VoxCeleb1(root=tmp_path, split=tmp_path / "mine.txt"))
    assert list(errors) == ["split"]
    assert f"no file '{tmp_path / 'mine.txt'}'" in errors["split"]


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
def test_an_invalid_line_is_an_error_with_its_number(voxceleb: Path, line: str, cause: str) -> None:
    path = voxceleb / "iden_split.txt"
    path.write_text(LINES + "\n" + line + "\n")
    corpus = VoxCeleb1(root=voxceleb)
    errors = problems(corpus)
    assert list(errors) == ["root"]
    assert errors["root"].startswith(f"{path}:8: ")
    assert cause in errors["root"]
    assert list(problems(VoxCeleb1(root=voxceleb, split=path))) == ["split"]
    assert corpus.labels() is None
    with pytest.raises(InputError, match=r"iden_split\.txt:8: "):
        corpus.recordings()


@pytest.mark.parametrize(("data", "cause"), [(b"\n", "the list is empty"), (b"\xff\xfe1", "not readable")])
def test_an_empty_or_binary_list_is_an_error(voxceleb: Path, data: bytes, cause: str) -> None:
    (voxceleb / "iden_split.txt").write_bytes(data)
    assert cause in problems(VoxCeleb1(root=voxceleb))["root"]


def test_windows_line_ends_and_empty_lines_are_ignored(voxceleb: Path) -> None:
    before = recordings_by_id(VoxCeleb1(root=voxceleb))
    (voxceleb / "iden_split.txt").write_bytes(b"\xef\xbb\xbf" + LINES.replace("\n", "\r\n\r\n").encode())
    assert recordings_by_id(VoxCeleb1(root=voxceleb)) == before


def test_all_absent_recordings_are_reported_at_once(voxceleb: Path) -> None:
    for path in [*voxceleb.glob("dev/wav/id10001/*/*.wav"), *voxceleb.glob("test/wav/*/na8-QEFmj44/*.wav")]:
        path.unlink()
    with pytest.raises(InputError) as caught:
        VoxCeleb1(root=voxceleb).recordings()
    message = str(caught.value)
    assert "4 of the 6 listed recordings are absent" in message
    assert str(voxceleb / "dev/wav/id10001/1zcIwhmdeo4/00001.wav") in message
    assert message.count(".wav") == 3 and ", …;" in message


def test_another_list_changes_the_fingerprint(voxceleb: Path) -> None:
    corpus, path = VoxCeleb1(root=voxceleb), voxceleb / "iden_split.txt"
    before = corpus.fingerprint()
    assert before == hashlib.sha256(LINES.encode()).hexdigest()[:16]
    path.write_text(LINES.replace("2 id10001", "1 id10001"))
    assert corpus.fingerprint() != before
    assert {recording.split for recording in corpus.recordings()} == {"train", "test"}


def test_a_target_outside_the_subset_is_a_configuration_error(voxceleb: Path) -> None:
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
