"""Tables on disk: altered files are errors."""

import pandas as pd
import pytest

from sanguinaria.core import parquet
from sanguinaria.core.errors import DamagedError, InputError


@pytest.fixture
def table():
    return pd.DataFrame({"utterance_id": [f"u{number}" for number in range(1000)], "value": range(1000)})


@pytest.fixture
def path(tmp_path, table):
    parquet.write(table, tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_round_trip(path, table):
    pd.testing.assert_frame_equal(parquet.read(path), table)
    assert parquet.read(path, ["value"]).columns.tolist() == ["value"]


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-20], lambda d: b"", lambda d: d[:1000] + bytes([d[1000] ^ 1]) + d[1001:]]
)
def test_a_damaged_file_is_named(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedError, match=r"a\.parquet: damaged table \(.*; delete it and run again") as raised:
        parquet.read(path)
    assert raised.value.path == path


def test_any_flipped_byte_of_the_content_is_detected(path, table):
    content = path.read_bytes()
    for position in range(100, len(content) // 2, 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :])
        with pytest.raises(DamagedError):
            parquet.read(path)


def test_a_missing_file_is_damaged(tmp_path):
    with pytest.raises(DamagedError, match="damaged table"):
        parquet.read(tmp_path / "absent.parquet")


def test_a_file_that_the_system_cannot_read_is_not_damaged(tmp_path):
    with pytest.raises(InputError, match="this table cannot be read") as raised:
        parquet.read(tmp_path)
    assert not isinstance(raised.value, DamagedError)
