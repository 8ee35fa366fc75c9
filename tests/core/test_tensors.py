"""Tensors on disk: altered files are errors."""

import os

import pytest
import torch
from safetensors.torch import save_file

from sanguinaria.core import tensors
from sanguinaria.core.errors import DamagedError, InputError

DESCRIPTION = {"victim": {"kind": "lstm"}, "labels": ["a", "b"]}


@pytest.fixture
def saved():
    random = torch.Generator().manual_seed(0)
    return {
        "b": torch.randn(30, 7, generator=random).half(),
        "a": torch.randn(4, 5, generator=random).T,
        "empty": torch.empty(0, 3),
        "count": torch.tensor(3),
    }


@pytest.fixture
def path(tmp_path, saved):
    tensors.save(saved, DESCRIPTION, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def test_round_trip(path, saved):
    loaded, description = tensors.load(path, "model")
    assert description == tensors.load_description(path, "model") == DESCRIPTION
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_permissions_are_the_umask_s(tmp_path, saved, umask):
    former = os.umask(umask)
    try:
        tensors.save(saved, DESCRIPTION, tmp_path / "a.safetensors")
        (tmp_path / "other").touch()
    finally:
        os.umask(former)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.safetensors", "other")]
    assert modes == [0o666 & ~umask] * 2
    assert {path.name for path in tmp_path.iterdir()} == {"a.safetensors", "other"}


def test_equal_tensors_give_equal_files(tmp_path, path, saved):
    for number in range(3):
        other = tmp_path / f"{number}.safetensors"
        tensors.save(dict(reversed(saved.items())), dict(reversed(DESCRIPTION.items())), other)
        assert other.read_bytes() == path.read_bytes()


def test_any_flipped_byte_of_the_values_is_detected(path, saved):
    content = path.read_bytes()
    size = sum(tensor.numel() * tensor.element_size() for tensor in saved.values())
    for position in range(len(content) - size, len(content), 11):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(DamagedError, match="does not fit its checksum"):
            tensors.load(path, "model")


@pytest.mark.parametrize("damage", [lambda d: d[:-20], lambda d: b"", lambda d: b"other content"])
def test_a_damaged_file_is_named(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    for read in (tensors.load, tensors.load_description):
        with pytest.raises(
            DamagedError, match=r"a\.safetensors: damaged model \(.*; delete it and run again"
        ) as raised:
            read(path, "model")
        assert raised.value.path == path


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_file_of_another_origin_is_an_error(path, saved, metadata):
    save_file({"b": saved["b"]}, path, metadata)
    with pytest.raises(DamagedError, match="it was not written by this project"):
        tensors.load(path, "model")


def test_a_missing_file_is_damaged_and_an_unreadable_one_is_not(tmp_path):
    with pytest.raises(DamagedError):
        tensors.load(tmp_path / "absent.safetensors", "model")
    with pytest.raises(InputError, match="this model cannot be read") as raised:
        tensors.load(tmp_path, "model")
    assert not isinstance(raised.value, DamagedError)
