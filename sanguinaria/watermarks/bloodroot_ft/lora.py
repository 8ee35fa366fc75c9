"""Low-rank adaptation of a generator's decoder (Hu et al., 2022, arXiv:2106.09685), by the package peft.

peft adapts one-dimensional convolutions; it knows no transposed ones, which stay as they are, as do encoder, message
and biases. Weights are plain here (weight normalisation is folded where they are obtained): a merge into normalised
ones would be wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from sanguinaria.core.torchaudio_import import prepare
from sanguinaria.watermarks import WeightsError

# What peft's save_pretrained writes.
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
# What the package's streaming layers read off a convolution that they hold.
GEOMETRY = ("kernel_size", "stride", "dilation", "padding", "groups", "in_channels", "out_channels")


def adapted(decoder: nn.Module, rank: int, scale: float) -> Any:
    """The decoder with an untrained adapter of every one-dimensional convolution, its own weights frozen.

    Args:
        decoder: of the package's generator, with plain weights.
        rank: r, of the two factors of each change of weights.
        scale: peft's ``lora_alpha``; the change is scale / rank times the factors' product.

    Returns:
        A ``peft.PeftModel``; only the factors have gradients.
    """
    prepare()
    from peft import LoraConfig, get_peft_model

    names = [name for name, module in decoder.named_modules() if isinstance(module, nn.Conv1d)]
    model = get_peft_model(decoder, LoraConfig(r=rank, lora_alpha=scale, target_modules=names))  # type: ignore[arg-type]
    _tell_geometry(model)
    return model


def loaded(decoder: nn.Module, adapter: Path, rank: int) -> Any:
    """The decoder with an adapter that peft saved.

    Raises:
        WeightsError: it cannot be read, is of another rank, or belongs to another decoder.
    """
    prepare()
    from peft import LoraConfig, PeftModel
    from safetensors import SafetensorError

    # What is not there peft would look for on the model hub.
    for name in ADAPTER_FILES:
        if not (adapter / name).is_file():
            raise WeightsError(f"{adapter}: no {name}; give the folder that peft's save_pretrained wrote")
    try:
        found = LoraConfig.from_pretrained(str(adapter))
    except Exception as error:  # peft has no common one
        raise WeightsError(
            f"{adapter}: no adapter of peft ({error}); give the folder that save_pretrained wrote"
        ) from error
    if found.r != rank:
        raise WeightsError(f"{adapter}: its rank is {found.r}, not {rank}; set rank: {found.r}, or train another")
    try:
        model = PeftModel.from_pretrained(decoder, str(adapter))
    except (ValueError, RuntimeError, KeyError, OSError, SafetensorError) as error:
        cause = str(error).splitlines()[-1].strip()
        raise WeightsError(
            f"{adapter}: not an adapter of this decoder ({cause}); check filters and dimension"
        ) from error
    _check_complete(model, adapter)
    _tell_geometry(model)
    return model


def _check_complete(model: Any, adapter: Path) -> None:
    """peft itself only warns where a factor is absent, and leaves out one that the decoder has no place for."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(adapter / ADAPTER_FILES[1], "pt") as file:
        wrong = sorted(set(file.keys()) ^ set(get_peft_model_state_dict(model)))
    if wrong:
        raise WeightsError(f"{adapter}: not an adapter of this decoder ({wrong[0]} is in one of them alone)")


def _tell_geometry(model: nn.Module) -> None:
    """Give peft's layers the attributes that the package's streaming layers look for."""
    from peft.tuners.lora.layer import Conv1d

    for module in model.modules():
        if isinstance(module, Conv1d):
            base = module.get_base_layer()
            for name in GEOMETRY:
                setattr(module, name, getattr(base, name))


def merged(model: Any) -> nn.Module:
    """The plain decoder with the adapter's changes in its weights."""
    plain: nn.Module = model.merge_and_unload()
    return plain
