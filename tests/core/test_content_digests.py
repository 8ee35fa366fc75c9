"""Digests of files' contents, kept by size and modification time."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanguinaria.core.content_digests import content_digests
from sanguinaria.core.paths import CONTENTS

pytestmark = pytest.mark.usefixtures("working_folder")

LONG_AGO = 1_000_000_000_000_000_000


def aged(path: Path, data: bytes, modified: int = LONG_AGO) -> Path:
    """Write a file with a modification time in the past, in nanoseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(modified, modified))
    return path


def reads(folder: Path, names: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    """Digests, and the number of files that were read for them."""
    opened: list[object] = []
    digest = hashlib.file_digest
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "file_digest", lambda *given: opened.append(given) or digest(*given))
        digests = content_digests(folder, names)
    return digests, len(opened)


def test_digests_are_blake2b_in_the_order_of_the_names(tmp_path: Path) -> None:
    contents = {"b": b"1", "a/c": b"22" * 100_000, "d": b""}
    for name, data in contents.items():
        aged(tmp_path / "in" / name, data)
    expected = [hashlib.blake2b(data, digest_size=16).hexdigest() for data in contents.values()]
    assert content_digests(tmp_path / "in", list(contents)) == expected
    assert content_digests(tmp_path / "in", list(contents)) == expected


def test_a_file_is_read_again_if_its_size_or_time_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = aged(tmp_path / "in" / "a", b"1").parent
    aged(folder / "b", b"2")
    before, count = reads(folder, ["a", "b"], monkeypatch)
    assert count == 2
    assert reads(folder, ["a", "b"], monkeypatch) == (before, 0)
    aged(folder / "a", b"1", LONG_AGO + 1)  # touched
    assert reads(folder, ["a", "b"], monkeypatch) == (before, 1)
    aged(folder / "a", b"3", LONG_AGO + 2)
    after, count = reads(folder, ["a", "b"], monkeypatch)
    assert count == 1 and after[0] != before[0] and after[1] == before[1]


def test_a_file_that_has_just_changed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    first = content_digests(folder, ["a"])
    status = (folder / "a").stat()
    (folder / "a").write_bytes(b"2")
    os.utime(folder / "a", ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert content_digests(folder, ["a"]) != first


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"a": 1}', b'{"a": ["x", 1, 2]}', b"\xff"])
def test_a_damaged_store_is_ignored(tmp_path: Path, damage: bytes) -> None:
    folder = aged(tmp_path / "in" / "a", b"1").parent
    before = content_digests(folder, ["a"])
    (store,) = CONTENTS.iterdir()
    store.write_bytes(damage)
    assert content_digests(folder, ["a"]) == before


def test_a_file_that_cannot_be_read_has_the_reason(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    assert content_digests(tmp_path, ["link", "folder"]) == ["FileNotFoundError", "IsADirectoryError"]


def test_a_folder_that_cannot_be_written_costs_the_time_alone(tmp_path: Path) -> None:
    CONTENTS.parent.parent.mkdir(exist_ok=True)
    CONTENTS.parent.write_text("a file where the folder would be")
    aged(tmp_path / "in" / "a", b"1")
    assert content_digests(tmp_path / "in", ["a"]) == [hashlib.blake2b(b"1", digest_size=16).hexdigest()]


@given(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=20), min_size=1))
def test_equal_contents_have_equal_digests_wherever_they_lie(tmp_path_factory, contents: dict[str, bytes]) -> None:
    digests = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("in")
        for name, data in contents.items():
            aged(folder / name, data)
        digests.append(content_digests(folder, list(contents)))
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == len(set(contents.values()))
