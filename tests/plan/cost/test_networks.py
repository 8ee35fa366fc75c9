"""Multiply-accumulates of networks, beside those that torch counts in a forward pass."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sanguinaria.core import plugins
from sanguinaria.plan.cost.networks import gmac

CPU = torch.device("cpu")
SAMPLE_RATE = 16_000
# The table is for estimates of hours.
LARGEST_FACTOR = 1.6


def counted(network: torch.nn.Module, *inputs: torch.Tensor) -> float:
    """10⁹ multiply-accumulates of a forward pass; torch counts two operations for each."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(*inputs)
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("resnet18", {"width": 8}),
        ("resnet18", {"width": 16, "log_mel": {"bands": 40, "hop": 400}}),
        ("resnet18", {"width": 16, "stem": "pooled"}),
        ("vgg19", {"width": 8}),
        ("wide_resnet50", {"width": 8}),
        ("sincnet", {"channels": 24, "window": 1600, "hop": 1600, "filters": 16, "hidden": 128, "layers": 1}),
        ("rawnet3", {"width": 256}),
        ("rawnet3", {"width": 64, "stride": 80}),
        ("ecapa_tdnn", {"channels": 128}),
    ],
)
def test_a_victim_s_network_has_the_stated_size_at_any_settings(kind, settings):
    victim = plugins.find("victims", kind)(**settings)
    features = victim.front_end.transform(SAMPLE_RATE, CPU)(torch.randn(1, SAMPLE_RATE)).float()
    size = counted(victim.network(10), features)
    assert 1 / LARGEST_FACTOR < gmac("victims", plugins.describe(victim)) / size < LARGEST_FACTOR


@pytest.mark.parametrize(
    ("kind", "layers", "channels"), [("dap", 10, 32), ("dap", 6, 64), ("audiopure", 6, 64), ("audiopure", 4, 128)]
)
def test_a_purifier_s_network_has_the_stated_size_at_any_settings(kind, layers, channels):
    purifier = plugins.find("purifiers", kind)(corpus="none", layers=layers, channels=channels, dilation_cycle=4)
    speech = torch.randn(1, SAMPLE_RATE)
    size = counted(purifier.network(), speech, speech, torch.ones(1))
    assert 1 / LARGEST_FACTOR < gmac("purifiers", plugins.describe(purifier)) / size < LARGEST_FACTOR


def test_a_recurrent_network_has_four_gates_of_its_inputs_and_states():
    # 80 frames a second, 80 bands, 64 units, 2 layers.
    assert gmac("victims", plugins.describe(plugins.find("victims", "lstm")())) == pytest.approx(
        80 * 4 * 64 * ((80 + 64) + (64 + 64)) / 1e9, rel=0.1
    )


def test_an_unknown_network_has_its_room_s_size():
    assert gmac("victims", {"kind": "mine"}) == 1.0
