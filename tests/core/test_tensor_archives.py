"""Archives of tensors: members are read alone, and altered files are errors."""

import zipfile

import pytest
import torch
from safetensors.torch import load

from sanguinaria.core import tensor_archives
from sanguinaria.core.errors import DamagedError, InputError

DESCRIPTION = {"labels": ["a", "b"], "count": 2}
MEMBERS = {
    "1": {"b": torch.arange(30.0).reshape(6, 5).T, "a": torch.tensor(3)},
    "20": {"b": -torch.arange(4).half(), "empty": torch.empty(0, 3)},
}


@pytest.fixture
def path(tmp_path):
    tensor_archives.save(MEMBERS.items(), DESCRIPTION, tmp_path / "a.zip")
    return tmp_path / "a.zip"


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_read_alone(path, member):
    loaded, description = tensor_archives.load(path, member, "model")
    assert description == DESCRIPTION
    assert loaded.keys() == MEMBERS[member].keys()
    assert all(torch.equal(loaded[name], value) for name, value in MEMBERS[member].items())


def test_other_programs_can_read_it(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["description.json", "1.safetensors", "20.safetensors"]
        assert torch.equal(load(archive.read("20.safetensors"))["b"], MEMBERS["20"]["b"])


def test_members_are_written_as_they_come(tmp_path):
    weights = torch.zeros(3)

    def trained():
        for epoch in range(3):
            yield str(epoch), {"weights": weights}
            weights.add_(1)  # one network, whose weights change

    tensor_archives.save(trained(), {}, tmp_path / "a.zip")
    loaded = [tensor_archives.load(tmp_path / "a.zip", str(epoch), "model")[0]["weights"] for epoch in range(3)]
    assert [value.tolist() for value in loaded] == [[0.0] * 3, [1.0] * 3, [2.0] * 3]


def test_equal_contents_give_equal_files(path, tmp_path):
    reordered = {member: dict(reversed(tensors.items())) for member, tensors in MEMBERS.items()}
    tensor_archives.save(reordered.items(), dict(reversed(DESCRIPTION.items())), tmp_path / "b.zip")
    assert path.read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_interrupted_training_leaves_no_file(tmp_path):
    def interrupted():
        yield "1", MEMBERS["1"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tensor_archives.save(interrupted(), DESCRIPTION, tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_any_flipped_byte_of_the_values_is_detected(path):
    content = path.read_bytes()
    start = content.index(torch.arange(30.0).reshape(6, 5).T.contiguous().numpy().tobytes())
    for position in range(start, start + 120, 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(DamagedError, match="Bad CRC-32"):
            tensor_archives.load(path, "1", "model")


@pytest.mark.parametrize("damage", [lambda d: d[:-20], lambda d: b"", lambda d: b"other content"])
def test_a_damaged_file_is_named(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedError, match=r"a\.zip: damaged model \(.*; delete it and run again") as raised:
        tensor_archives.load(path, "1", "model")
    assert raised.value.path == path


def test_an_absent_member_is_an_error(path):
    with pytest.raises(DamagedError, match=r"'2\.safetensors'"):
        tensor_archives.load(path, "2", "model")


def test_an_unreadable_file_is_not_damaged(tmp_path):
    with pytest.raises(InputError, match="this model cannot be read") as raised:
        tensor_archives.load(tmp_path, "1", "model")
    assert not isinstance(raised.value, DamagedError)
