"""Features in files, against the same features in tensors."""

from pathlib import Path

import pytest
import torch

from sanguinaria.core import tensors
from sanguinaria.nn.feature_dataset import Features, empty_dataset
from sanguinaria.steps.features import load_features

SIZES = (3, 0, 5)


@pytest.fixture
def tensor():
    return torch.randn(8, 4, 6, generator=torch.Generator().manual_seed(0)).half()


@pytest.fixture
def files(tmp_path, tensor):
    paths = [tmp_path / f"{number}.safetensors" for number in range(3)]
    for path, part, start in zip(paths, tensor.split(SIZES), (0, 3, 3), strict=True):
        names = [f"u{number}" for number in range(start, start + len(part))]
        tensors.save({"inputs": part}, {"utterance_ids": names}, path)
    return paths


def test_shards_are_concatenated(files, tensor):
    names, inputs = load_features(files)
    assert names == [f"u{number}" for number in range(8)]
    assert len(inputs) == 8
    assert inputs.shape == (4, 6)
    assert torch.equal(inputs[torch.arange(8)], tensor)
    assert torch.equal(inputs[torch.tensor([7, 0, 7])], tensor[[7, 0, 7]])


def test_a_subset_of_a_subset(files, tensor):
    subset = load_features(files)[1].subset([6, 1, 4]).subset(torch.tensor([2, 0]))
    assert torch.equal(subset[torch.arange(2)], tensor[[4, 6]])


def test_sums_are_concatenations(tensor):
    concatenated = Features(tensor.split(SIZES)) + Features([tensor + 1]).subset([5])
    assert len(concatenated) == 9
    assert torch.equal(concatenated[torch.tensor([8, 4])], torch.stack([tensor[5] + 1, tensor[4]]))


def test_features_in_memory_are_the_same(files, tensor):
    subset = load_features(files)[1].subset([6, 1, 4])
    assert torch.equal(subset.in_memory()[torch.arange(3)], tensor[[6, 1, 4]])
    size = 3 * 4 * 6 * 2
    assert subset.in_memory(limit=size - 1) is subset
    assert subset.in_memory(limit=size) is not subset
    assert len(Features([]).in_memory()) == 0


def test_features_in_memory_survive_their_files(files, tensor):
    held = load_features(files)[1].in_memory()
    for path in files:
        path.write_bytes(b"other content")
    assert torch.equal(held[torch.tensor([7, 0])], tensor[[7, 0]])


def test_empty_features_and_data_sets():
    assert len(Features([])) == 0
    assert empty_dataset((16, 20)).features.shape == (16, 20)
    assert len(empty_dataset((16, 20)).labels) == 0


def anonymous_memory() -> int:
    """Bytes of this process that are not backed by a file; known on Linux alone."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("the system does not report memory that is not backed by a file")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) * 1024


def test_a_large_file_is_not_held_in_memory(tmp_path):
    size = 64 * 2**20
    tensors.save({"inputs": torch.zeros(size // 8192, 64, 64).half()}, {"utterance_ids": []}, tmp_path / "large")
    before = anonymous_memory()
    _, inputs = load_features([tmp_path / "large"])
    for batch in torch.split(torch.arange(len(inputs)), 64):
        assert not inputs[batch].any()
    assert anonymous_memory() - before < size / 8
