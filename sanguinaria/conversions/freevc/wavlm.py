"""WavLM, a network that hears what is said: its architecture from ``transformers``, its weights from a file.

Chen et al., 2022, "WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech Processing",
arXiv:2110.13900. A frame is 20 ms at 16 kHz.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sanguinaria.core.errors import InputError
from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint

if TYPE_CHECKING:
    from transformers import WavLMConfig

WHAT = "a checkpoint of WavLM as its authors publish it (WavLM-Large.pt)"
# A frame sees so many samples, and frames lie so many apart.
SEEN, HOP = 400, 320

# Names in the authors' checkpoint → names in `transformers`, in this order.
NAMES = (
    (r"^feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"^feature_extractor\.conv_layers\.(\d+)\.2\.(1\.)?", r"feature_extractor.conv_layers.\1.layer_norm."),
    (r"^layer_norm\.", "feature_projection.layer_norm."),
    (r"^post_extract_proj\.", "feature_projection.projection."),
    (r"^mask_emb$", "masked_spec_embed"),
    (r"^encoder\.pos_conv\.0\.weight_g$", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    (r"^encoder\.pos_conv\.0\.weight_v$", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    (r"^encoder\.pos_conv\.0\.", "encoder.pos_conv_embed.conv."),
    (r"\.self_attn\.grep_linear\.", ".attention.gru_rel_pos_linear."),
    (r"\.self_attn\.grep_a$", ".attention.gru_rel_pos_const"),
    (r"\.self_attn\.relative_attention_bias\.", ".attention.rel_attn_embed."),
    (r"\.self_attn\.", ".attention."),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
)


def load_wavlm(path: Path) -> tuple[torch.nn.Module, int]:
    """The network of a checkpoint, at whatever size its configuration says, and the numbers in a frame.

    Raises:
        InputError: the file is absent, or is no such checkpoint.
    """
    from transformers import WavLMModel

    checkpoint = read_checkpoint(path, WHAT)
    settings, weights = (checkpoint_entry(checkpoint, name, path, WHAT) for name in ("cfg", "model"))
    try:
        network: torch.nn.Module = WavLMModel(_configuration(settings))
    except (LookupError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{str(path)!r} is not {WHAT}: its configuration is another one's ({error!r})") from error
    load_weights(network, {_renamed(name): tensor for name, tensor in weights.items()}, path, WHAT)
    network.train(False)
    return network, settings["encoder_embed_dim"]


def content_of(network: torch.nn.Module, waveforms: torch.Tensor) -> torch.Tensor:
    """Features of waveforms at 16 kHz: (utterances, samples) → (utterances, features, ⌈samples/320⌉).

    They are the last layer's. The end is filled with zeros so that every sample is in a frame; levels are left alone.
    """
    frames = -(-waveforms.shape[-1] // HOP)
    missing = max(0, (frames - 1) * HOP + SEEN - waveforms.shape[-1])
    padded = torch.nn.functional.pad(waveforms, (0, missing))
    features: torch.Tensor = network(padded).last_hidden_state.transpose(1, 2)
    return features[..., :frames]


def _renamed(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _configuration(settings: Mapping[str, Any]) -> WavLMConfig:
    """The authors' configuration in the words of ``transformers``; what only trains is off."""
    from transformers import WavLMConfig

    convolutions = _convolutions(settings["conv_feature_layers"])
    dimensions, kernels, strides = zip(*convolutions, strict=True)
    return WavLMConfig(
        hidden_size=settings["encoder_embed_dim"],
        num_hidden_layers=settings["encoder_layers"],
        num_attention_heads=settings["encoder_attention_heads"],
        intermediate_size=settings["encoder_ffn_embed_dim"],
        hidden_act=settings["activation_fn"],
        do_stable_layer_norm=settings["layer_norm_first"],
        feat_extract_norm="layer" if settings["extractor_mode"] == "layer_norm" else "group",
        conv_bias=settings["conv_bias"],
        conv_dim=dimensions,
        conv_kernel=kernels,
        conv_stride=strides,
        num_conv_pos_embeddings=settings["conv_pos"],
        num_conv_pos_embedding_groups=settings["conv_pos_groups"],
        num_buckets=settings["num_buckets"],
        max_bucket_distance=settings["max_distance"],
        layerdrop=0.0,
        apply_spec_augment=False,
    )


def _convolutions(text: str) -> list[tuple[int, ...]]:
    """(channels, size, stride) of each convolution, from text such as "[(512,10,5)] + [(512,3,2)] * 4"."""
    found: list[tuple[int, ...]] = []
    for triple, times in re.findall(r"\(([\d, ]+)\)\]?(?:\s*\*\s*(\d+))?", text):
        numbers = tuple(int(number) for number in triple.split(","))
        found += [numbers] * int(times or 1)
    return found
