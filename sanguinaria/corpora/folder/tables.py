"""Tables that list the recordings of a corpus, as CSV or Parquet: the checks and the jobs read them by one function."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Settings

# Separators of fields by their names in messages, in the order in which they are tried. Spaces separate lists without
# a line of names alone, such as the lines "a.wav left": each run of spaces is one.
SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", " ": "spaces"}


class Columns(Settings):
    """Names of the columns of a table."""

    path: str = Field(default="path", description="of the audio file, below `path` or absolute")
    label: str | None = Field(default=None, description="`label` where absent, if there is such a column")
    speaker: str | None = Field(default=None, description="`speaker` where absent, if there is such a column")
    split: str | None = Field(default=None, description="`split` where absent, if there is such a column")


class Row(NamedTuple):
    """A row of a table; ``None`` for a column that it does not have."""

    path: str
    label: str | None
    speaker: str | None
    split: str | None


def read_table(
    path: Path, columns: Columns, header: tuple[str, ...] | None = None, required: tuple[str, ...] = ("path", "label")
) -> Sequence[Row]:
    """Read the rows of a table.

    Args:
        path: a Parquet file if its name ends so, else text in UTF-8: fields separated by commas, tabs, semicolons or,
            with ``header``, by spaces, whichever separator the first line has.
        columns: names of its columns.
        header: names of all columns in their order, of a text without a first line of names.
        required: fields of :class:`Row` that the table must have.

    Returns:
        The rows, with every field as text.

    Raises:
        InputError: the table cannot be read, or a column is absent or there twice, or a row has another number of
            fields or an empty one; the message has the line.
    """
    try:
        state = path.stat()
        return _read(path, columns, header, required, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise InputError(f"{path}: not a readable CSV or Parquet table: {error.strerror or error}") from error


@lru_cache(maxsize=8)
def _read(
    path: Path, columns: Columns, header: tuple[str, ...] | None, required: tuple[str, ...], modified: int, size: int
) -> tuple[Row, ...]:
    """Read a table once for each state of the file: the checks of a configuration need it several times."""
    if path.suffix == ".parquet":
        names, rows = _parquet(path)
    else:
        names, rows = _text(path, columns, header)
    places = _places(path, names, columns, required)
    return tuple(_row(path, line, fields, places, names) for line, fields in rows)


def _row(path: Path, line: int, fields: Sequence[str], places: Mapping[str, int], names: Sequence[str]) -> Row:
    """The row of a line's fields, none of which may be empty."""
    for place in places.values():
        if not fields[place]:
            raise InputError(f"{path}: line {line} has an empty {names[place]}: complete or remove it")
    label, speaker, split = (fields[places[name]] if name in places else None for name in Row._fields[1:])
    return Row(fields[places["path"]], label, speaker, split)


def _places(path: Path, names: Sequence[str], columns: Columns, required: tuple[str, ...]) -> dict[str, int]:
    """Positions of the columns by their meaning, without optional ones that are absent."""
    places, absent = {}, []
    for meaning in Row._fields:
        given = getattr(columns, meaning)
        name = given or meaning
        if names.count(name) > 1:
            raise InputError(f"{path}: has {names.count(name)} columns {name!r}: rename all but one")
        if name in names:
            places[meaning] = names.index(name)
        elif given is not None or meaning in required:
            absent.append(name)
    if absent:
        needed = " and ".join(getattr(columns, meaning) or meaning for meaning in required)
        raise InputError(
            f"{path}: needs the columns {needed}; it has {', '.join(names)} and not {', '.join(absent)}: name its "
            "columns in `columns`, or all of them in `header` where its first line has no names"
        )
    return places


def _parquet(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Names of the columns, and rows numbered from 1."""
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except Exception as error:
        raise InputError(f"{path}: not a readable CSV or Parquet table: {error}") from error
    values = [column.to_pylist() for column in table.columns]
    rows = zip(*([_as_text(value) for value in column] for column in values), strict=True)
    return list(table.column_names), ((number, list(row)) for number, row in enumerate(rows, 1))


def _as_text(value: object) -> str:
    """A value of a Parquet table as a CSV file has it, where an absent one is empty; not a number is absent, too."""
    return "" if value is None or value != value else str(value)


def _text(
    path: Path, columns: Columns, header: tuple[str, ...] | None
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Names of the columns, and rows with the numbers of their lines."""
    lines = _lines(path)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise InputError(f"{path}: not a readable CSV or Parquet table: it is empty")
    separator = _separator(first, columns, header)
    rows = _fields(path, lines, separator)
    names = list(header) if header is not None else [name.strip() for name in next(rows)[1]]
    return names, _of_one_width(path, rows, len(names), separator)


def _lines(path: Path) -> list[str]:
    """Lines of a text, with their ends, as a quoted field may hold one."""
    data = path.read_bytes()
    try:
        return list(io.StringIO(data.decode("utf-8-sig"), newline=""))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: not a readable CSV or Parquet table: line {line} is not in UTF-8; save it in this encoding"
        ) from error


def _separator(first: str, columns: Columns, header: tuple[str, ...] | None) -> str:
    """The separator that fits the first line: it has the names of columns, or as many fields as the header."""
    for separator in SEPARATORS:
        fields = _split(first, separator)
        if header is not None and len(fields) == len(header):
            return separator
        if header is None and separator != " " and columns.path in map(str.strip, fields):
            return separator
    return max(",\t;", key=first.count)


def _split(line: str, separator: str) -> list[str]:
    return line.split() if separator == " " else next(csv.reader([line], delimiter=separator), [])


def _fields(path: Path, lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line; blank lines are left out."""
    if separator == " ":
        yield from ((number, fields) for number, line in enumerate(lines, 1) if (fields := line.split()))
        return
    # Strict, so that a quotation mark that is not closed is an error, and not a field of the rest of the table.
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, fields
    except csv.Error as error:
        raise InputError(
            f"{path}: not a readable CSV or Parquet table: line {reader.line_num}: {error}; correct its quotation marks"
        ) from error


def _of_one_width(
    path: Path, rows: Iterator[tuple[int, list[str]]], width: int, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """The rows, each of which must have as many fields as there are columns."""
    for line, fields in rows:
        if len(fields) != width:
            raise InputError(
                f"{path}: not a readable CSV or Parquet table: line {line} has {len(fields)} fields, separated by "
                f"{SEPARATORS[separator]}, and there are {width} columns; put quotation marks around a field with "
                "its separator, and complete missing ones"
            )
        yield line, fields
