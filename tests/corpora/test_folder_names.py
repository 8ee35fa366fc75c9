"""Names and links of a folder's recordings: invisible differences, encodings, and content that is not there."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanguinaria.core.errors import InputError
from sanguinaria.core.names import require_visible_differences, visible
from sanguinaria.corpora import Corpus, Recording, Split
from sanguinaria.corpora.folder import Folder
from sanguinaria.steps.corpora import build_shard, list_recordings
from tests.recordings import HALVES, build_corpus, empty_files, noise, put, wav_bytes, write_csv

# Digests of recordings are kept in the working directory.
pytestmark = pytest.mark.usefixtures("working_folder")


def messages(corpus: Corpus) -> list[str]:
    return [message for _, message in corpus.problems({})]


LOOKALIKES = [
    ("left", "left "),
    ("left", " left"),
    ("go up", "go  up"),
    ("go up", "go\u00a0up"),
    ("caf\u00e9", "cafe\u0301"),
    ("left", "le\u200bft"),
    ("left", "\ufeffleft"),
    ("left", "\uff4ceft"),
]


@pytest.mark.parametrize("labels", LOOKALIKES)
def test_labels_of_a_table_that_look_the_same_are_an_error(tmp_path: Path, labels: tuple[str, str]) -> None:
    folder = empty_files(tmp_path / "in", "a.wav", "b.wav")
    rows = [("path", "label"), *zip(("a.wav", "b.wav"), labels, strict=True)]
    corpus = Folder(path=folder, table=write_csv(tmp_path / "t.csv", rows))
    assert ["look the same" in message for message in messages(corpus)] == [True]
    with pytest.raises(InputError, match="look the same"):
        list_recordings(corpus, tmp_path / "recordings.parquet")


def test_speakers_that_look_the_same_are_an_error(tmp_path: Path) -> None:
    # They would be in two splits.
    folder = empty_files(tmp_path / "in", "a.wav", "b.wav")
    rows = [("path", "label", "speaker"), ("a.wav", "yes", "ann"), ("b.wav", "no", "ann ")]
    corpus = Folder(path=folder, table=write_csv(tmp_path / "t.csv", rows))
    with pytest.raises(InputError, match="speakers of the corpus: 'ann' and 'ann ' look the same"):
        list_recordings(corpus, tmp_path / "recordings.parquet")


@pytest.mark.parametrize("labels", LOOKALIKES)
def test_folders_that_look_the_same_are_a_problem_of_the_dry_run(tmp_path: Path, labels: tuple[str, str]) -> None:
    (message,) = messages(Folder(path=empty_files(tmp_path, *(f"{label}/a.wav" for label in labels))))
    assert "look the same" in message
    assert message.isascii()


@given(st.text(min_size=1), st.sampled_from(["", " ", "\u200b", "\ufeff", "\u3000"]))
def test_additions_without_ink_are_not_seen(name: str, addition: str) -> None:
    assert visible(visible(name)) == visible(name)
    assert visible(name + addition) == visible(name)


def test_visible_differences_are_allowed() -> None:
    names = ["left", "Left", "l\u00e9ft", "left up", "leftup"]
    require_visible_differences(names, "labels")
    assert len({visible(name) for name in names}) == len(names)


def test_a_name_that_is_not_utf_8_is_a_problem_of_the_dry_run(tmp_path: Path) -> None:
    folder = empty_files(tmp_path, "yes/a.wav", "yes/\u00e9.wav")
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/yes/caf\xe9.wav")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has names of UTF-8 only")
    corpus = Folder(path=folder)
    assert [message for message in messages(corpus) if "names of 1 files are not UTF-8" in message]
    messages(corpus)[0].encode()
    with pytest.raises(InputError, match=r"'yes/caf\\udce9\.wav' first; rename"):
        corpus.recordings()
    corpus.fingerprint()


def with_links(folder: Path, *names: str) -> Path:
    """Recordings, and links to content that is not there, as git-annex and DVC leave them."""
    put(folder, {f"yes/{number}.wav": wav_bytes(noise(number)) for number in range(8)})
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to("../.git/annex/objects/absent.wav")
    return folder


@pytest.mark.parametrize("with_table", [False, True])
def test_links_to_absent_content_are_recordings_that_cannot_be_read(tmp_path: Path, with_table: bool) -> None:
    links = ("no/a.wav", "no/b.wav")
    folder = with_links(tmp_path / "in", *links)
    names = [*links, *(f"yes/{number}.wav" for number in range(8))]
    rows = [("path", "label"), *((name, name.partition("/")[0]) for name in names)]
    table = write_csv(tmp_path / "t.csv", rows) if with_table else None
    corpus = Folder(path=folder, table=table, split=HALVES)
    assert corpus.labels() == ["no", "yes"]
    list_recordings(corpus, tmp_path / "recordings.parquet")
    with pytest.raises(InputError, match=r"(?s)2 of 10 recordings.*no/a\.wav: a link to .*git annex get"):
        build_shard(corpus, tmp_path / "recordings.parquet", 0, tmp_path / "0.parquet", tmp_path / "0.json")
    _, report = build_corpus(corpus.model_copy(update={"unreadable": "refuse"}), tmp_path / "out")
    assert sorted(report["refusals"]) == [str(folder / name) for name in links]


def test_a_link_to_an_absent_folder_is_a_problem(tmp_path: Path) -> None:
    empty_files(tmp_path, "yes/a.wav")
    (tmp_path / "no").symlink_to(tmp_path / "unmounted")
    (message,) = messages(Folder(path=tmp_path))
    assert f"{tmp_path / 'no'}: a link to" in message
    with pytest.raises(InputError, match="mount, fetch or remove it"):
        Folder(path=tmp_path).recordings()


def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_files(tmp_path, "yes/a.wav", "no/b.wav")
    scan = os.scandir

    def refuse(folder: str) -> object:
        if os.path.basename(folder) == "no":
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    (message,) = messages(Folder(path=tmp_path))
    assert f"{tmp_path / 'no'}: a folder that cannot be listed (Permission denied)" in message


class Careless(Corpus):
    """A corpus of one's own whose reader raises whatever occurs to it."""

    def recordings(self) -> list[Recording]:
        splits: tuple[Split, ...] = ("train", "test", "test")
        return [
            Recording(utterance_id=f"{number}", label="a", speaker=f"{number}", split=split, source=f"{number}.wav")
            for number, split in enumerate(splits)
        ]

    def read(self, source: str) -> tuple:
        if source == "2.wav":
            raise ZeroDivisionError("of a header")
        return noise(0)[:, None].astype("float32") / 32768, 16000, []


def test_any_error_of_a_reader_names_the_recording(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"1 of 3 recordings cannot be read:\n  2\.wav: ZeroDivisionError: of a header"
    ):
        build_corpus(Careless(), tmp_path / "stop")
    _, report = build_corpus(Careless(unreadable="refuse"), tmp_path / "refuse")
    assert report["refusals"] == {"2.wav": "ZeroDivisionError: of a header"}
