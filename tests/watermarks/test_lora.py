"""Low-rank adapters of a decoder: which layers are adapted, merging, saving and loading, and damaged files."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from toy_speech import equal_weights, random_audioseal

from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks.bloodroot_ft import lora

RANK, SCALE = 4, 8.0


def decoder(**settings) -> nn.Module:
    plugin = random_audioseal(**settings)
    return plugin.network("generator", plugin.obtain()).decoder.model.requires_grad_(False)


def hidden(channels: int = 16) -> torch.Tensor:
    return torch.randn(2, channels, 10, generator=torch.Generator().manual_seed(0))


def trained(plain: nn.Module):
    """The decoder with an adapter after three steps towards louder output."""
    torch.manual_seed(0)
    model = lora.add_adapter(plain, RANK, SCALE)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.01)
    for _ in range(3):
        optimiser.zero_grad()
        (-model(hidden()).square().mean()).backward()
        optimiser.step()
    return model


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Equal but for float32's rounding: to a millionth of the largest value."""
    return bool((first - second).abs().max() <= 1e-6 * second.abs().max())


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    trained(decoder()).save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "adapter"


@pytest.mark.parametrize("settings", [{}, {"lstm": 2}, {"filters": 8, "dimension": 32}])
def test_only_convolutions_are_adapted(settings):
    plain = decoder(**settings)
    shapes = {name: layer.weight.shape for name, layer in plain.named_modules() if isinstance(layer, nn.Conv1d)}
    assert len(shapes) == 10
    model = lora.add_adapter(plain, RANK, SCALE)
    trainable = {name: tuple(p.shape) for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {
        f"base_model.model.{name}.lora_{factor}.default.weight": shape
        for name, (outputs, inputs, length) in shapes.items()
        for factor, shape in (("A", (RANK, inputs, length)), ("B", (outputs, RANK, 1)))
    }


def test_an_untrained_adapter_changes_nothing():
    plain = decoder()
    before = plain(hidden())
    assert torch.equal(lora.add_adapter(plain, RANK, SCALE)(hidden()), before)


def test_the_decoders_own_weights_are_frozen():
    plain = decoder()
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    model = trained(plain)
    after = {
        name.removeprefix("base_model.model.").replace(".base_layer", ""): tensor
        for name, tensor in model.state_dict().items()
        if ".lora_" not in name
    }
    assert equal_weights(before, after)
    assert not close(model(hidden()), decoder()(hidden()))


def test_a_merged_decoder_has_the_bases_names_and_the_adapted_outputs():
    base = decoder()
    model = trained(copy.deepcopy(base))
    expected = model(hidden())
    plain = lora.merge_adapter(model)
    assert close(plain(hidden()), expected)
    assert plain.state_dict().keys() == base.state_dict().keys()
    for name, layer in base.named_modules():
        if isinstance(layer, nn.ConvTranspose1d):
            assert equal_weights(layer.state_dict(), plain.get_submodule(name).state_dict())
        elif isinstance(layer, nn.Conv1d):
            assert torch.equal(layer.bias, plain.get_submodule(name).bias)


def test_the_change_of_a_weight_is_the_product_of_the_factors():
    base = decoder()
    model = trained(copy.deepcopy(base))
    factors = {name.removeprefix("base_model.model."): tensor for name, tensor in model.state_dict().items()}
    plain = lora.merge_adapter(model).state_dict()
    for name, layer in base.named_modules():
        if isinstance(layer, nn.Conv1d):
            a, b = (factors[f"{name}.lora_{factor}.default.weight"] for factor in "AB")
            change = SCALE / RANK * torch.einsum("or,rit->oit", b[..., 0], a)
            torch.testing.assert_close(plain[f"{name}.weight"], layer.weight + change)


def test_a_saved_adapter_gives_the_same_outputs(adapter):
    assert {path.name for path in adapter.iterdir()} >= {"adapter_config.json", "adapter_model.safetensors"}
    settings = json.loads((adapter / "adapter_config.json").read_text())
    assert (settings["peft_type"], settings["r"], settings["lora_alpha"]) == ("LORA", RANK, SCALE)
    assert close(lora.load_adapter(decoder(), adapter, RANK)(hidden()), trained(decoder())(hidden()))


def test_another_rank_is_an_error(adapter):
    with pytest.raises(WeightsError, match=r"adapter: its rank is 4, not 8; set rank: 4"):
        lora.load_adapter(decoder(), adapter, 8)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [({"filters": 8}, "size mismatch"), ({"dimension": 32}, "size mismatch"), ({"lstm": 1}, "in one of them alone")],
)
def test_an_adapter_of_another_decoder_is_an_error(adapter, settings, cause):
    with pytest.raises(WeightsError, match=rf"adapter: not an adapter of this decoder \(.*{cause}"):
        lora.load_adapter(decoder(**settings), adapter, RANK)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_incomplete_folder_is_an_error_without_a_request_to_the_hub(adapter, name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: pytest.fail("request to the hub"))
    (adapter / name).unlink()
    with pytest.raises(WeightsError, match=rf"adapter: no {name}; give the folder"):
        lora.load_adapter(decoder(), adapter, RANK)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_damaged_file_is_an_error(adapter, name):
    (adapter / name).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=r"not an adapter of"):
        lora.load_adapter(decoder(), adapter, RANK)


def test_an_adapter_without_one_factor_is_an_error(adapter):
    factors = load_file(adapter / "adapter_model.safetensors")
    factors.pop(absent := min(factors))
    save_file(factors, adapter / "adapter_model.safetensors")
    with pytest.raises(WeightsError, match=absent):
        lora.load_adapter(decoder(), adapter, RANK)
