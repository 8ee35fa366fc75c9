"""Batches that are prepared in advance are those of plain iteration, in the same order."""

import itertools
import threading

import pytest
import torch

from sanguinaria.nn import prefetching
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.prefetching import in_background, on_device


def dataset() -> FeatureDataset:
    features = torch.randn(37, 4, 6, generator=torch.Generator().manual_seed(0)).half()
    return FeatureDataset(Features(features.split((20, 17))), torch.arange(37) % 5)


def orders() -> tuple[torch.Tensor, ...]:
    return torch.randperm(37, generator=torch.Generator().manual_seed(1)).split(8)


def test_background_batches_are_those_of_plain_iteration():
    examples = dataset()
    expected = [examples.batch(positions) for positions in orders()]
    plain = list(on_device(orders(), examples.batch, torch.device("cpu")))
    for batches in (plain, list(in_background(orders(), examples.batch))):
        assert len(batches) == 5
        for batch, reference in zip(batches, expected, strict=True):
            assert all(
                first.dtype == second.dtype and torch.equal(first, second)
                for first, second in zip(batch, reference, strict=True)
            )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_batches_on_a_gpu_are_those_of_plain_iteration():
    examples = dataset()
    for batch, positions in zip(on_device(orders(), examples.batch, torch.device("cuda")), orders(), strict=True):
        assert all(
            torch.equal(first.cpu(), second) for first, second in zip(batch, examples.batch(positions), strict=True)
        )


def test_a_bounded_number_of_batches_is_prepared_in_advance():
    gathered: list[int] = []
    batches = in_background(itertools.count(), lambda number: gathered.append(number) or number)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    assert len(gathered) <= 3 + prefetching.AHEAD
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


def test_an_error_is_raised_at_its_batch():
    batches = in_background([1, 2, 0, 4], lambda number: 12 // number)
    assert [next(batches), next(batches)] == [12, 6]
    with pytest.raises(ZeroDivisionError):
        next(batches)
