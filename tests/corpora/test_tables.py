"""Tables of recordings: one reader for the configuration's checks and for the job, names of columns, and lists."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sanguinaria.core.errors import InputError
from sanguinaria.corpora.folder import Folder
from sanguinaria.corpora.folder.tables import Columns, Row, read_table
from tests.recordings import empty_files, put, recordings_by_id, write_csv

# Digests of recordings are kept in the working directory.
pytestmark = pytest.mark.usefixtures("working_folder")

FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1).filter(str.strip)


def corpus_of(tmp_path: Path, text: str, name: str = "t.csv", **settings: object) -> Folder:
    put(tmp_path, {name: text.encode()})
    return Folder(path=empty_files(tmp_path / "in", "a.wav", "b.wav"), table=tmp_path / name, **settings)


def rejected(corpus: Folder) -> str:
    """The message about a table, which the dry run and the job have to agree on."""
    with pytest.raises(InputError) as caught:
        corpus.recordings()
    assert [message for _, message in corpus.problems({})] == [str(caught.value)]
    return str(caught.value)


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    assert "has 2 columns 'label': rename" in rejected(corpus_of(tmp_path, "path,label,label\na.wav,yes,no\n"))


def test_two_columns_of_one_name_in_parquet_are_an_error(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_arrays([pa.array(["a.wav"])] * 3, names=["path", "label", "label"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="has 2 columns 'label'"):
        read_table(tmp_path / "t.parquet", Columns())


def test_unused_columns_may_share_a_name(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "path,,label,\na.wav,1,yes,2\nb.wav,,no,\n")
    assert corpus.labels() == ["no", "yes"]


@pytest.mark.parametrize(("row", "count"), [("b.wav,no,extra", 3), ("b.wav", 1), ('"b.wav,no"', 1)])
def test_a_row_of_another_width_is_an_error_with_its_line(tmp_path: Path, row: str, count: int) -> None:
    message = rejected(corpus_of(tmp_path, f"path,label\na.wav,yes\n\n{row}\n"))
    assert f"line 4 has {count} fields, separated by commas, and there are 2 columns" in message


def test_a_first_row_with_a_field_too_many_is_no_index(tmp_path: Path) -> None:
    message = rejected(corpus_of(tmp_path, "path,label\na.wav,yes,x\nb.wav,no,x\n"))
    assert "line 2 has 3 fields" in message
    assert "absent" not in message


@pytest.mark.parametrize("row", ['"b.wav,no', 'b.wav,"no"x'], ids=["open", "inside"])
def test_wrong_quotation_marks_are_an_error(tmp_path: Path, row: str) -> None:
    assert "quotation marks" in rejected(corpus_of(tmp_path, f"path,label\na.wav,yes\n{row}\n"))


def test_another_encoding_is_an_error_with_its_line(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "path,label\na.wav,yes\n")
    put(tmp_path, {"t.csv": "path,label\na.wav,yes\nb.wav,\u00e9t\u00e9\n".encode("latin-1")})
    assert "line 3 is not in UTF-8" in rejected(corpus)


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_the_separator_is_that_of_the_header(tmp_path: Path, separator: str, mark: str) -> None:
    lines = (("path", "label"), ("a.wav", "zoom in"), ("b.wav", "no"))
    corpus = corpus_of(tmp_path, mark + "\r\n".join(map(separator.join, lines)))
    assert corpus.labels() == ["no", "zoom in"]


def test_columns_are_named_in_the_configuration(tmp_path: Path) -> None:
    names = {"path": "file", "label": "class", "speaker": "client id", "split": "set"}
    corpus = corpus_of(
        tmp_path, "file,class,client id,set,label\na.wav,yes,ann,test,x\nb.wav,yes,bob,train,x\n", columns=names
    )
    recording = recordings_by_id(corpus)["a.wav"]
    assert (recording.label, recording.speaker, recording.split) == ("yes", "ann", "test")
    assert list(corpus.problems({})) == []


def test_splits_have_the_names_of_the_table(tmp_path: Path) -> None:
    text = "path,label,split\na.wav,yes,training\nb.wav,yes,test\n"
    assert "unknown split 'training'; there are: train, validation, test; give others in `split_names`" in rejected(
        corpus_of(tmp_path, text)
    )
    corpus = corpus_of(tmp_path, text, split_names={"train": ["training"]})
    assert [each.split for each in corpus.recordings()] == ["train", "test"]
    assert list(corpus.problems({})) == []
    assert hash(corpus)  # as a part of specifications


def test_backslashes_are_named_as_the_cause(tmp_path: Path) -> None:
    assert r"'in\\a.wav' first; separate folders by /" in rejected(corpus_of(tmp_path, "path,label\nin\\a.wav,yes\n"))


def test_a_column_that_is_named_and_absent_is_an_error(tmp_path: Path) -> None:
    message = rejected(corpus_of(tmp_path, "path,label\na.wav,yes\n", columns={"speaker": "client"}))
    assert "it has path, label and not client" in message


@pytest.mark.parametrize("text", ["a.wav yes\nb.wav  no\n", "a.wav\tyes\nb.wav\tno\n", "a.wav,yes\nb.wav,no\n"])
def test_a_table_without_names_has_them_in_the_configuration(tmp_path: Path, text: str) -> None:
    corpus = corpus_of(tmp_path, text, name="list.txt", header=("path", "label"))
    assert {name: each.label for name, each in recordings_by_id(corpus).items()} == {"a.wav": "yes", "b.wav": "no"}


def test_a_table_without_names_is_no_header(tmp_path: Path) -> None:
    assert "`header` where its first line has no names" in rejected(corpus_of(tmp_path, "a.wav,yes\nb.wav,no\n"))


def test_absolute_paths_below_the_folder_are_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    table = write_csv(
        tmp_path / "t.csv", [("path", "label"), (f"{tmp_path}/in/a.wav", "yes"), ("~/in/b.wav", "no"), ("c.wav", "no")]
    )
    corpus = Folder(path=empty_files(tmp_path / "in", "a.wav", "b.wav", "c.wav"), table=table)
    assert list(recordings_by_id(corpus)) == ["a.wav", "b.wav", "c.wav"]
    (tmp_path / "link").symlink_to(tmp_path / "in")
    # The folder may be named by a link, or relative to the working directory.
    monkeypatch.chdir(tmp_path)
    for path in ("link", "in"):
        assert list(recordings_by_id(Folder(path=path, table=table))) == ["a.wav", "b.wav", "c.wav"]


def test_the_home_is_expanded_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    corpus_of(tmp_path, "path,label\na.wav,yes\nb.wav,no\n")
    corpus = Folder(path="~/in", table="~/t.csv")
    assert corpus.labels() == ["no", "yes"]
    assert corpus.path == tmp_path / "in"
    with pytest.raises(ValidationError, match="the home of '~nobody-of-this-name' is not known"):
        Folder(path="~nobody-of-this-name/in")


def lists(tmp_path: Path, **rows: list[tuple[str, ...]]) -> dict[str, Path]:
    return {split: write_csv(tmp_path / f"{split}.csv", [("file", "class"), *each]) for split, each in rows.items()}


def test_a_list_of_each_split(tmp_path: Path) -> None:
    folder = empty_files(tmp_path / "in", *(f"{number}.wav" for number in range(3)))
    paths = lists(tmp_path, train=[("0.wav", "x")], validation=[("1.wav", "x")], test=[("2.wav", "y")])
    corpus = Folder(path=folder, lists=paths, columns={"path": "file", "label": "class"})
    assert [each.split for each in corpus.recordings()] == ["train", "validation", "test"]
    assert corpus.labels() == ["x", "y"]
    before = corpus.fingerprint()
    lists(tmp_path, test=[("2.wav", "other")])
    assert corpus.fingerprint() != before


def test_a_recording_in_two_lists_is_an_error(tmp_path: Path) -> None:
    paths = lists(tmp_path, train=[("0.wav", "x")], test=[("0.wav", "x")])
    corpus = Folder(path=empty_files(tmp_path / "in", "0.wav"), lists=paths, columns={"path": "file", "label": "class"})
    assert "1 recordings twice, 0.wav first" in rejected(corpus)


def test_an_absent_list_is_a_problem(tmp_path: Path) -> None:
    paths = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}
    problems = list(Folder(path=empty_files(tmp_path / "in", "0.wav"), lists=paths).problems({}))
    assert problems == [("lists", f"no file {str(tmp_path / 'train.csv')!r}")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table": "t.csv", "lists": {"train": "a", "test": "b"}}, "leave one of them out"),
        ({"header": ("path",)}, "describe a table"),
        ({"columns": {"path": "file"}}, "describe a table"),
        ({"split_names": {"validation": ["dev"]}}, "describe a table"),
        ({"lists": {"train": "a", "test": "b"}, "columns": {"split": "set"}}, "`lists` name the splits"),
        ({"pattern": "(?P<speaker>a)", "speaker_pattern": "(a)"}, "leave `speaker_pattern` out"),
        ({"pattern": "(a)"}, "needs named groups"),
        ({"pattern": "(?P<word>a)"}, "of label, speaker, train, validation, test"),
        ({"pattern": "(?P<label>a"}, "not a regular expression"),
    ],
)
def test_settings_that_exclude_one_another(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Folder(path=".", **settings)


SPOKEN = r"(?P<label>[0-9])_(?P<speaker>[a-z]+)_((?P<test>[0-4])|(?P<train>[0-9]+))\.wav"


def test_a_pattern_reads_label_speaker_and_split(tmp_path: Path) -> None:
    folder = empty_files(tmp_path, "7_ann_0.wav", "deep/3_bob_40.wav", "notes.txt", ".hidden.wav")
    recordings = recordings_by_id(corpus := Folder(path=folder, pattern=SPOKEN))
    assert [(name, each.label, each.speaker, each.split) for name, each in recordings.items()] == [
        ("7_ann_0.wav", "7", "ann", "test"),
        ("deep/3_bob_40.wav", "3", "bob", "train"),
    ]
    assert corpus.labels() == ["3", "7"]


@pytest.mark.parametrize(
    ("name", "pattern", "message"),
    [
        ("seven.wav", SPOKEN, "does not match 'seven.wav'"),
        ("7.wav", "(?P<label>[0-9])|(?P<speaker>a)", "finds no speaker in '7.wav'"),
        ("7.wav", "(?P<label>[0-9])(?P<test>t)?", "finds 0 splits in '7.wav'"),
        ("7tt.wav", "(?P<label>[0-9])(?P<test>t)?(?P<train>t)?", "finds 2 splits in '7tt.wav'"),
    ],
)
def test_a_path_without_the_parts_is_an_error(tmp_path: Path, name: str, pattern: str, message: str) -> None:
    assert message in rejected(Folder(path=empty_files(tmp_path, name), pattern=pattern))


def test_a_pattern_completes_a_table(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "path,label\na.wav,yes\nb.wav,no\n", pattern=r"(?P<speaker>.)\.wav")
    assert [(each.label, each.speaker) for each in corpus.recordings()] == [("yes", "a"), ("no", "b")]
    twice = corpus_of(tmp_path, "path,label\na.wav,yes\nb.wav,no\n", pattern=r"(?P<label>.)\.wav")
    assert "has a column for the label, and `pattern` a group" in rejected(twice)


@given(st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1), st.sampled_from(",\t;"))
def test_any_table_that_is_written_is_read(tmp_path_factory, rows: list[tuple[str, str, str]], separator: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows([("speaker", "path", "label"), *rows])
    path = tmp_path_factory.mktemp("tables") / "t.csv"
    path.write_bytes(text.getvalue().encode())
    expected = [Row(name, label, speaker, None) for speaker, name, label in rows]
    assert list(read_table(path, Columns())) == expected
    pd.DataFrame(rows, columns=["speaker", "path", "label"]).to_parquet(path.with_suffix(".parquet"))
    assert list(read_table(path.with_suffix(".parquet"), Columns())) == expected


@given(st.binary(max_size=200), st.sampled_from([None, ("path", "label")]))
def test_any_bytes_are_read_or_refused_with_the_file(tmp_path_factory, data: bytes, header) -> None:
    path = tmp_path_factory.mktemp("bytes") / "t.csv"
    path.write_bytes(data)
    try:
        rows = read_table(path, Columns(), header)
    except InputError as error:
        message = str(error)
    else:
        assert all(row.path and row.label for row in rows)
        return
    assert str(path) in message
