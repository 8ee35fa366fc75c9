"""Small tables on disk as Parquet, with checksums that are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import DamagedError, InputError

# What pyarrow and pandas raise on a file that is cut or altered.
_DAMAGE = (pa.ArrowException, OSError, LookupError, ValueError, InputError)


# Rows that are encoded at once: no slower, and a long list does not take its memory a second time.
ROW_GROUP = 4096


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table without its index, atomically."""
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, row_group_size=ROW_GROUP, write_page_checksum=True)


def read(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """What :func:`write` wrote, or some of its columns.

    Raises:
        DamagedError: it was cut or altered since.
        InputError: it cannot be read for another reason.
    """
    with open_parquet(path, "table") as file:
        if absent := set(columns or ()) - set(file.schema_arrow.names):
            raise LookupError(f"no column {sorted(absent)[0]}")
        found: pd.DataFrame = file.read(columns).to_pandas()
        return found


@contextmanager
def open_parquet(path: Path, what: str) -> Iterator[pq.ParquetFile]:
    """A result, for reading: errors in the block, too, tell of damage, where it is not the system that cannot read."""
    try:
        with path.open("rb") as file:
            yield pq.ParquetFile(file, page_checksum_verification=True)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno and path.exists():
            raise InputError(f"{path}: this {what} cannot be read ({error})") from error
        raise DamagedError(path, what, error) from error
