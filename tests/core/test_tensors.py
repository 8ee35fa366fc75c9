"""Tensors on disk: what was altered is never taken for a result."""

import pytest
import torch
from safetensors.torch import save_file

from sanguinaria.core import tensors
from sanguinaria.core.errors import DamagedError, InputError

DESCRIPTION = {"victim": {"kind": "lstm"}, "labels": ["a", "b"]}


@pytest.fixture
def kept():
    random = torch.Generator().manual_seed(0)
    return {
        "b": torch.randn(30, 7, generator=random).half(),
        "a": torch.randn(4, 5, generator=random).T,
        "empty": torch.empty(0, 3),
        "count": torch.tensor(3),
    }


@pytest.fixture
def path(tmp_path, kept):
    tensors.save(kept, DESCRIPTION, tmp_path / "a.safetensors")
    return tmp_path / "a.safetensors"


def test_there_and_back(path, kept):
    found, description = tensors.load(path, "model")
    assert description == tensors.load_description(path, "model") == DESCRIPTION
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[name], kept[name]) for name in kept)


def test_equal_tensors_are_equal_files(tmp_path, path, kept):
    for number in range(3):
        other = tmp_path / f"{number}.safetensors"
        tensors.save(dict(reversed(kept.items())), dict(reversed(DESCRIPTION.items())), other)
        assert other.read_bytes() == path.read_bytes()


def test_any_flipped_byte_of_the_numbers_is_noticed(path, kept):
    whole = path.read_bytes()
    numbers = sum(tensor.numel() * tensor.element_size() for tensor in kept.values())
    for place in range(len(whole) - numbers, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedError, match="does not fit its checksum"):
            tensors.load(path, "model")


@pytest.mark.parametrize("damage", [lambda d: d[:-20], lambda d: b"", lambda d: b"no such thing"])
def test_damage_is_told(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    for read in (tensors.load, tensors.load_description):
        with pytest.raises(DamagedError, match=r"a\.safetensors: damaged model \(.*; delete it and run again") as told:
            read(path, "model")
        assert told.value.path == path


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_file_of_another_origin_is_told(path, kept, metadata):
    save_file({"b": kept["b"]}, path, metadata)
    with pytest.raises(DamagedError, match="it was not written by this project"):
        tensors.load(path, "model")


def test_what_is_gone_counts_as_damaged_and_what_cannot_be_read_does_not(tmp_path):
    with pytest.raises(DamagedError):
        tensors.load(tmp_path / "absent.safetensors", "model")
    with pytest.raises(InputError, match="this model cannot be read") as told:
        tensors.load(tmp_path, "model")
    assert not isinstance(told.value, DamagedError)


def test_single_rows_are_read_from_the_file(tmp_path):
    tensor = torch.randn(7, 5, 3, generator=torch.Generator().manual_seed(0)).half()
    tensors.save({"first": torch.arange(4), "second": tensor}, {}, tmp_path / "a.safetensors")
    rows = tensors.TensorRows(tmp_path / "a.safetensors", "second")
    assert len(rows) == 7 and rows.shape == (7, 5, 3)
    assert all(torch.equal(rows[number], tensor[number]) for number in range(7))
    with pytest.raises(ValueError, match="first is of I64"):
        tensors.TensorRows(tmp_path / "a.safetensors", "first")
