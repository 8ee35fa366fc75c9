"""Low-rank adaptation of a generator's decoder (Hu et al., 2022, arXiv:2106.09685), by the package peft.

peft adapts one-dimensional convolutions; it knows no transposed ones, which stay as they are, as do encoder, message
and biases. Weights are plain here (weight normalisation is folded where they are obtained): a merge into normalised
ones would be wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from sanguinaria.compatibility import prepare
from sanguinaria.watermarks import WeightsError

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
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        cause = str(error).splitlines()[0]
        raise WeightsError(
            f"{adapter}: not an adapter of this decoder ({cause}); check filters and dimension"
        ) from error
    _tell_geometry(model)
    return model


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
