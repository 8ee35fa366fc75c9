"""The victims' networks: published sizes, any length."""

import pytest
import torch

from sanguinaria import plugins


def network(kind, labels=10, **settings):
    return plugins.build("victims", {"kind": kind, **settings}).network(labels).eval()


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_resnet18_has_the_published_size():
    # 11,689,512 for three channels and 1,000 labels (torchvision's model card); one channel takes 2·7·7·64 weights
    # away, ten labels 990·(512 + 1), and the normalisation of 64 bands adds 128.
    found = size(network("resnet18", width=64, stem="pooled", log_mel={"bands": 64}))
    assert found == 11_689_512 - 2 * 7 * 7 * 64 - 990 * 513 + 128


def test_the_lstm_has_the_published_size():
    # 71 thousand in the paper's repository, on 80 bands: normalisation, two layers of four gates, one linear layer.
    gates = 4 * 64 * (80 + 64) + 2 * 4 * 64 + 4 * 64 * (64 + 64) + 2 * 4 * 64
    assert size(network("lstm")) == 2 * 80 + gates + 10 * 64 + 10 == 71_466


@pytest.mark.parametrize("kind", ["lstm", "resnet18"])
@pytest.mark.parametrize("frames", [7, 63, 400])
def test_any_number_of_frames(kind, frames):
    with torch.inference_mode():
        logits = network(kind, labels=3)(torch.randn(2, 80, frames))
    assert logits.shape == (2, 3)
    assert torch.isfinite(logits).all()


def test_a_window_longer_than_the_transform_is_refused():
    with pytest.raises(ValueError, match="window of 512 samples is longer than the transform of 256"):
        plugins.build("victims", {"kind": "lstm", "log_mel": {"fft": 256, "window": 512}})
