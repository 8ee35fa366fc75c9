"""Tables on disk: what was altered is never taken for a result."""

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


def test_there_and_back(path, table):
    pd.testing.assert_frame_equal(parquet.read(path), table)
    assert parquet.read(path, ["value"]).columns.tolist() == ["value"]


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-20], lambda d: b"", lambda d: d[:1000] + bytes([d[1000] ^ 1]) + d[1001:]]
)
def test_damage_is_told(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedError, match=r"a\.parquet: damaged table \(.*; delete it and run again") as told:
        parquet.read(path)
    assert told.value.path == path


def test_any_flipped_byte_of_the_content_is_noticed(path, table):
    whole = path.read_bytes()
    for place in range(100, len(whole) // 2, 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(DamagedError):
            parquet.read(path)


def test_what_is_gone_counts_as_damaged(tmp_path):
    with pytest.raises(DamagedError, match="damaged table"):
        parquet.read(tmp_path / "absent.parquet")


def test_what_the_system_does_not_let_be_read_does_not(tmp_path):
    with pytest.raises(InputError, match="this table cannot be read") as told:
        parquet.read(tmp_path)
    assert not isinstance(told.value, DamagedError)
