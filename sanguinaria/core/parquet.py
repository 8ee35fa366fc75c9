"""Small tables on disk as Parquet, with verified page checksums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import DamagedError, InputError

# Exceptions of pyarrow and pandas for a file that was truncated or altered.
_DAMAGE = (pa.ArrowException, OSError, LookupError, ValueError, InputError)


# Rows of a row group: encoding one at a time is as fast, and a long table does not take its memory twice.
ROW_GROUP = 4096


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, atomically."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, row_group_size=ROW_GROUP, write_page_checksum=True)


def read(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table of :func:`write`.

    Args:
        path: the table's file.
        columns: the columns to read; all where ``None``.

    Returns:
        The table.

    Raises:
        DamagedError: the file was truncated or altered.
        InputError: the file cannot be read for another reason.
    """
    with open_parquet(path, "table") as file:
        if absent := set(columns or ()) - set(file.schema_arrow.names):
            raise LookupError(f"no column {sorted(absent)[0]}")
        table: pd.DataFrame = file.read(columns).to_pandas()
        return table


@contextmanager
def open_parquet(path: Path, what: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, and convert errors of the file and of the block.

    Args:
        path: the file.
        what: the kind of the result, such as "table", for the message.

    Yields:
        The open file, whose page checksums are verified.

    Raises:
        DamagedError: the file was truncated or altered.
        InputError: the operating system cannot read the file.
    """
    try:
        with path.open("rb") as file:
            yield pq.ParquetFile(file, page_checksum_verification=True)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno and path.exists():
            raise InputError(f"{path}: this {what} cannot be read ({error})") from error
        raise DamagedError(path, what, error) from error
