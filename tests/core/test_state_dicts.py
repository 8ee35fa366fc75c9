"""Comparison of the names and shapes of weights."""

from __future__ import annotations

import pytest
import torch

from sanguinaria.core.state_dicts import mismatch, mismatches, shapes

EXPECTED = {"second.weight": (2, 3), "first.bias": (4,), "scale": ()}


def weights(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    state = {name: torch.zeros(shape) for name, shape in EXPECTED.items()} | changes
    return {name: weight for name, weight in state.items() if weight is not None}


def test_shapes_of_a_network() -> None:
    assert shapes(torch.nn.Linear(3, 2, device="meta").state_dict()) == {"weight": (2, 3), "bias": (2,)}


def test_weights_in_any_order_agree() -> None:
    assert mismatch(weights(), EXPECTED) is None
    assert mismatches(dict(reversed(weights().items())), EXPECTED) == []


@pytest.mark.parametrize(
    ("changes", "described"),
    [
        ({"first.bias": torch.zeros(5)}, "first.bias is (5,), not (4,)"),
        ({"first.bias": None}, "first.bias is absent, not (4,)"),
        ({"extra": torch.zeros(2)}, "extra is (2,), not expected"),
        ({"scale": torch.zeros(1)}, "scale is (1,), not ()"),
    ],
)
def test_first_mismatch_has_both_shapes(changes: dict[str, torch.Tensor | None], described: str) -> None:
    assert mismatch(weights(**changes), EXPECTED) == described


def test_expected_weights_come_in_their_order_and_unexpected_ones_after_them_by_name() -> None:
    state = {"z": torch.zeros(1), "a": torch.zeros(1), "scale": torch.zeros(())}
    assert [description.split()[0] for description in mismatches(state, EXPECTED)] == [
        "second.weight",
        "first.bias",
        "a",
        "z",
    ]


def test_a_value_that_is_no_tensor_has_no_dimensions() -> None:
    assert mismatch({**weights(), "first.bias": [0.0] * 4}, EXPECTED) == "first.bias is (), not (4,)"
