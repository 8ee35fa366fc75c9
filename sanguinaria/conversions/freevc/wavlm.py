"""WavLM as an encoder of the content of speech: its architecture from ``transformers``, its weights from a file.

Chen et al., 2022, "WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech Processing",
arXiv:2110.13900. A frame is 20 ms at 16 kHz.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sanguinaria.conversions.freevc.files import WAVLM
from sanguinaria.core.errors import InputError
from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint

if TYPE_CHECKING:
    from transformers import WavLMConfig

# Receptive field of a frame and hop between frames, in samples.
RECEPTIVE_FIELD, HOP = 400, 320

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
    """Load the network of a checkpoint, whose configuration has its sizes.

    Args:
        path: of the checkpoint.

    Returns:
        The network in evaluation mode, and the number of features of a frame.

    Raises:
        InputError: the file is missing, or is not such a checkpoint.
    """
    from transformers import WavLMModel

    checkpoint = read_checkpoint(path, WAVLM)
    settings, weights = (checkpoint_entry(checkpoint, name, path, WAVLM) for name in ("cfg", "model"))
    try:
        network: torch.nn.Module = WavLMModel(_configuration(settings))
    except (LookupError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"{str(path)!r} is not {WAVLM}: its configuration is of another network ({error!r})"
        ) from error
    load_weights(network, {_rename(name): tensor for name, tensor in weights.items()}, path, WAVLM)
    network.train(False)
    return network, settings["encoder_embed_dim"]


def content_features(network: torch.nn.Module, waveforms: torch.Tensor) -> torch.Tensor:
    """Compute the last layer's features.

    The end is padded with zeros so that every sample is in a frame; the level is not normalised.

    Args:
        network: of :func:`load_wavlm`.
        waveforms: at 16 kHz, (utterances, samples).

    Returns:
        (utterances, features, ⌈samples/320⌉).
    """
    frames = -(-waveforms.shape[-1] // HOP)
    missing = max(0, (frames - 1) * HOP + RECEPTIVE_FIELD - waveforms.shape[-1])
    padded = torch.nn.functional.pad(waveforms, (0, missing))
    features: torch.Tensor = network(padded).last_hidden_state.transpose(1, 2)
    return features[..., :frames]


def _rename(name: str) -> str:
    """Convert a name of the authors' checkpoint to that in ``transformers``."""
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _configuration(settings: Mapping[str, Any]) -> WavLMConfig:
    """Convert the authors' configuration to that of ``transformers``; options of training alone are off."""
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
    """Parse (channels, size, stride) of each convolution.

    >>> _convolutions("[(512,10,5)] + [(512,3,2)] * 2")
    [(512, 10, 5), (512, 3, 2), (512, 3, 2)]
    """
    layers: list[tuple[int, ...]] = []
    for triple, times in re.findall(r"\(([\d, ]+)\)\]?(?:\s*\*\s*(\d+))?", text):
        sizes = tuple(int(number) for number in triple.split(","))
        layers += [sizes] * int(times or 1)
    return layers
