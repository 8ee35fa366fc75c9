"""Victims on spectrograms: published sizes, inputs of any length, gradients."""

import pytest
import torch

from sanguinaria.core import plugins
from sanguinaria.victims.vgg19.pooling import AdaptiveAveragePooling


def network(kind, labels=10, **settings):
    return plugins.build("victims", {"kind": kind, **settings}).network(labels).eval()


def published(kind, **settings):
    """A network of the published size, without memory for its weights."""
    with torch.device("meta"):
        return network(kind, **settings)


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_resnet18_has_the_published_size():
    # 11,689,512 for three channels and 1,000 labels (torchvision's model card); one channel takes 2·7·7·64 weights
    # away, ten labels 990·(512 + 1), and the normalisation of 64 bands adds 128.
    parameters = size(network("resnet18", width=64, stem="pooled", log_mel={"bands": 64}))
    assert parameters == 11_689_512 - 2 * 7 * 7 * 64 - 990 * 513 + 128


def test_vgg19_has_the_published_size():
    # 143,678,248 for three channels and 1,000 labels (torchvision's model card of VGG-19-BN); one channel takes
    # 2·3·3·64 weights away, ten labels 990·(4,096 + 1), and the normalisation of 64 bands adds 128.
    parameters = size(published("vgg19", log_mel={"bands": 64}))
    assert parameters == 143_678_248 - 2 * 3 * 3 * 64 - 990 * 4097 + 128


def test_wide_resnet50_has_the_published_size():
    # 68,883,240 for three channels and 1,000 labels (torchvision's model card of Wide ResNet-50-2); one channel takes
    # 2·7·7·64 weights away, ten labels 990·(2,048 + 1), and the normalisation of 64 bands adds 128.
    parameters = size(published("wide_resnet50", log_mel={"bands": 64}))
    assert parameters == 68_883_240 - 2 * 7 * 7 * 64 - 990 * 2049 + 128


def test_the_lstm_has_the_published_size():
    # 71 thousand in the paper's repository, on 80 bands: normalisation, two layers of four gates, one linear layer.
    gates = 4 * 64 * (80 + 64) + 2 * 4 * 64 + 4 * 64 * (64 + 64) + 2 * 4 * 64
    assert size(network("lstm")) == 2 * 80 + gates + 10 * 64 + 10 == 71_466


def test_poolings_of_the_lstm_are_of_all_its_hidden_states():
    torch.manual_seed(0)
    last, mean = (network("lstm", pooling=pooling) for pooling in ("last", "mean"))
    mean.load_state_dict(last.state_dict())
    inputs = torch.randn(3, 80, 12)
    states, _ = last[2].lstm(last[0](inputs).transpose(1, 2))
    with torch.inference_mode():
        torch.testing.assert_close(last(inputs), last[-1](states[:, -1]))
        torch.testing.assert_close(mean(inputs), last[-1](states.mean(1)))
        assert network("lstm", pooling="attention")[3](states.transpose(1, 2)).shape == (3, 128)


SMALL = {"lstm": {}, "resnet18": {}, "vgg19": {"width": 8}, "wide_resnet50": {"width": 8}}
each_kind = pytest.mark.parametrize("kind", sorted(SMALL))


@each_kind
@pytest.mark.parametrize("frames", [1, 7, 63, 400])
def test_any_number_of_frames(kind, frames):
    with torch.inference_mode():
        logits = network(kind, labels=3, **SMALL[kind])(torch.randn(2, 80, frames))
    assert logits.shape == (2, 3)
    assert torch.isfinite(logits).all()


@each_kind
def test_gradients_reach_every_parameter(kind):
    torch.manual_seed(0)
    victim = network(kind, labels=3, **SMALL[kind]).train()
    torch.nn.functional.cross_entropy(victim(torch.randn(6, 80, 40)), torch.arange(6) % 3).backward()
    assert all(parameter.grad is not None for parameter in victim.parameters())
    assert all(parameter.grad.isfinite().all() for parameter in victim.parameters())
    without_gradient = [name for name, parameter in victim.named_parameters() if not parameter.grad.any()]
    assert not without_gradient


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 7), (5, 23), (20, 14)])
def test_pooling_to_a_grid_is_adaptive_pooling(shape):
    inputs = torch.randn(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, 7, 7, dtype=torch.float64)
    pooled, expected = (pooling(inputs) for pooling in (AdaptiveAveragePooling(7), torch.nn.AdaptiveAvgPool2d(7)))
    # The averages' weights are rounded to single precision.
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-6)
    gradients = (torch.autograd.grad((outputs * weights).sum(), inputs)[0] for outputs in (pooled, expected))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6)


def test_a_window_longer_than_the_transform_is_refused():
    with pytest.raises(ValueError, match="window of 512 samples is longer than the transform of 256"):
        plugins.build("victims", {"kind": "lstm", "log_mel": {"fft": 256, "window": 512}})
