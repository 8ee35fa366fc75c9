"""Low-rank adaptation of a generator's decoder (Hu et al., 2022, arXiv:2106.09685), by the package peft.

peft adapts one-dimensional convolutions; it does not support transposed ones, which stay unchanged, as do encoder,
message embedding and biases. Weights are plain here (weight normalisation is folded where they are obtained): a merge
into normalised ones would be wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from sanguinaria.watermarks import WeightsError

# Files that peft's save_pretrained writes.
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
# Attributes of a convolution that the package's streaming layers read.
GEOMETRY = ("kernel_size", "stride", "dilation", "padding", "groups", "in_channels", "out_channels")


def add_adapter(decoder: nn.Module, rank: int, scale: float) -> Any:
    """Add an untrained adapter to every one-dimensional convolution, and freeze the decoder's own weights.

    Args:
        decoder: of the package's generator, with plain weights.
        rank: r, of the two factors of each change of weights.
        scale: peft's ``lora_alpha``; the change is scale / rank times the factors' product.

    Returns:
        A ``peft.PeftModel``; only the factors have gradients.
    """
    from peft import LoraConfig, get_peft_model

    names = [name for name, module in decoder.named_modules() if isinstance(module, nn.Conv1d)]
    model = get_peft_model(decoder, LoraConfig(r=rank, lora_alpha=scale, target_modules=names))  # type: ignore[arg-type]
    _copy_geometry(model)
    return model


def load_adapter(decoder: nn.Module, adapter: Path, rank: int) -> Any:
    """Add an adapter that peft saved.

    Args:
        decoder: of the package's generator, with plain weights.
        adapter: folder that peft's ``save_pretrained`` wrote.
        rank: expected rank.

    Returns:
        A ``peft.PeftModel``.

    Raises:
        WeightsError: the adapter cannot be read, has another rank, or belongs to another decoder.
    """
    from peft import LoraConfig, PeftModel
    from safetensors import SafetensorError

    # peft would look for missing files on the model hub.
    for name in ADAPTER_FILES:
        if not (adapter / name).is_file():
            raise WeightsError(f"{adapter}: no {name}; give the folder that peft's save_pretrained wrote")
    try:
        settings = LoraConfig.from_pretrained(str(adapter))
    except Exception as error:  # peft has no common one
        raise WeightsError(
            f"{adapter}: not an adapter of peft ({error}); give the folder that save_pretrained wrote"
        ) from error
    if settings.r != rank:
        raise WeightsError(
            f"{adapter}: its rank is {settings.r}, not {rank}; set rank: {settings.r}, or train another adapter"
        )
    try:
        model = PeftModel.from_pretrained(decoder, str(adapter))
    except (ValueError, RuntimeError, KeyError, OSError, SafetensorError) as error:
        cause = str(error).splitlines()[-1].strip()
        raise WeightsError(
            f"{adapter}: not an adapter of this decoder ({cause}); check filters and dimension"
        ) from error
    _check_complete(model, adapter)
    _copy_geometry(model)
    return model


def _check_complete(model: Any, adapter: Path) -> None:
    """Compare the factors' names: peft only warns of a missing factor, and ignores one without a layer."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(adapter / ADAPTER_FILES[1], "pt") as file:
        mismatched = sorted(set(file.keys()) ^ set(get_peft_model_state_dict(model)))
    if mismatched:
        raise WeightsError(f"{adapter}: not an adapter of this decoder ({mismatched[0]} is in one of them alone)")


def _copy_geometry(model: nn.Module) -> None:
    """Give peft's layers the attributes that the package's streaming layers read."""
    from peft.tuners.lora.layer import Conv1d

    for module in model.modules():
        if isinstance(module, Conv1d):
            base = module.get_base_layer()
            for name in GEOMETRY:
                setattr(module, name, getattr(base, name))


def merge_adapter(model: Any) -> nn.Module:
    """Return the plain decoder with the adapter's changes merged into its weights."""
    plain: nn.Module = model.merge_and_unload()
    return plain
