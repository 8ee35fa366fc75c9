"""Defences against their definitions."""

import numpy as np
import pytest
import torch
from scipy import signal

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import as_settings

CPU = torch.device("cpu")
RATE = 16000


def gain_db(frequency: float, **settings) -> float:
    """The gain at a frequency in dB, measured with a long sine."""
    transform = plugins.build("defences", {"kind": "lowpass", **settings}).transform(RATE, CPU)
    time = np.arange(4 * RATE) / RATE
    sine = torch.tensor(np.sin(2 * np.pi * frequency * time), dtype=torch.float32)[None]
    filtered = transform(sine)[0, RATE : 3 * RATE].double()  # the filter has settled
    return float(10 * torch.log10((filtered**2).mean() / 0.5))


def test_the_low_pass_is_a_sixth_order_butterworth():
    # |H|² = 1 / (1 + (tan(πf/fs) / tan(πfc/fs))^(2·6)): the bilinear transform's warped frequencies.
    warped = np.tan(np.pi * np.array([1000, 3800, 5000, 6500]) / RATE) / np.tan(np.pi * 3800 / RATE)
    expected = -10 * np.log10(1 + warped**12)
    measured = [gain_db(frequency) for frequency in (1000, 3800, 5000, 6500)]
    np.testing.assert_allclose(measured, expected, atol=0.05)
    assert measured[1] == pytest.approx(-3.01, abs=0.02)


def test_the_low_pass_does_not_depend_on_the_batch():
    transform = plugins.build("defences", {"kind": "lowpass"}).transform(RATE, CPU)
    batch = torch.randn(3, 2000)
    torch.testing.assert_close(transform(batch)[1:2], transform(batch[1:2]))


def test_the_low_pass_and_its_gradient_agree_with_scipy():
    batch = torch.randn(2, 3000, dtype=torch.float64, requires_grad=True)
    filtered = plugins.build("defences", {"kind": "lowpass"}).transform(RATE, CPU)(batch)
    sections = signal.butter(6, 3800, fs=RATE, output="sos")
    np.testing.assert_allclose(filtered.detach().numpy(), signal.sosfilt(sections, batch.detach().numpy()), atol=1e-12)
    weights = torch.randn(2, 3000, dtype=torch.float64)
    (filtered * weights).sum().backward()
    # The transpose of a causal filter runs from the end to the beginning.
    np.testing.assert_allclose(batch.grad, signal.sosfilt(sections, weights.flip(-1))[:, ::-1], atol=1e-12)


def test_a_cutoff_above_half_the_sample_rate_is_refused():
    with pytest.raises(InputError, match="cutoff of 9000 Hz"):
        plugins.build("defences", {"kind": "lowpass", "cutoff": 9000}).transform(RATE, CPU)


def distortion(seed: int = 0, rate: int = RATE, **settings):
    """The transform of a defence that is a distortion."""
    text = as_settings(plugins.build("distortions", settings))
    return plugins.build("defences", {"kind": "distortion", "distortion": text, "seed": seed}).transform(rate, CPU)


HISS = {"kind": "noise", "snr": 20}


def test_a_distortion_depends_on_the_utterance_and_the_seed_alone():
    batch = 0.1 * torch.randn(4, 2000)
    noisy = distortion(**HISS)(batch)
    # Neither on the batch, nor on earlier utterances.
    alone = [distortion(**HISS)(batch[row : row + 1]) for row in (3, 2, 1, 0)]
    assert torch.equal(noisy, torch.cat(alone[::-1]))
    transform = distortion(**HISS)
    assert torch.equal(transform(batch), transform(batch))
    noise = noisy - batch
    assert abs(np.corrcoef(noise.numpy())[0, 1]) < 0.1
    assert not torch.equal(distortion(seed=1, **HISS)(batch), noisy)


@pytest.mark.parametrize("settings", [HISS, {"kind": "speed", "factor": 0.9}, {"kind": "cropping", "kept_share": 0.5}])
def test_a_distortion_as_a_defence_keeps_the_length(settings):
    batch = 0.1 * torch.randn(3, 2000)
    with torch.inference_mode():
        distorted = distortion(**settings)(batch)
    assert distorted.shape == batch.shape
    assert not torch.equal(distorted, batch)


def test_a_distortion_as_a_defence_is_the_distortion():
    batch = 0.1 * torch.randn(3, 2000)
    torch.testing.assert_close(distortion(kind="gain", factor=0.9)(batch), 0.9 * batch)
    filtered = plugins.build("defences", {"kind": "lowpass"}).transform(RATE, CPU)(batch)
    torch.testing.assert_close(distortion(kind="filter", below=3800)(batch), filtered, atol=1e-6, rtol=0)


def test_a_distortion_that_does_not_fit_the_rate_is_refused():
    with pytest.raises(InputError, match="does not fit audio at 8000 Hz"):
        distortion(rate=8000, kind="filter", below=5000)(torch.randn(1, 100))


def test_defences_act_on_the_input_or_the_model():
    acts_on = {kind: plugins.find("defences", kind).acts_on for kind in plugins.kinds("defences")}
    assert acts_on["none"] == acts_on["lowpass"] == acts_on["distortion"] == "input"
    assert acts_on["pruning"] == "model"


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_an_invalid_share_is_an_error(share):
    with pytest.raises(ValueError, match="share"):
        plugins.build("defences", {"kind": "pruning", "share": share})


@pytest.mark.parametrize(("share", "epochs", "is_identity", "needs_held_out"), [
    (0, 0, True, False), (0.5, 0, False, False), (0, 1, False, True), (0.5, 1, False, True),
])  # fmt: skip
def test_pruning_is_the_identity_or_needs_held_out_utterances(share, epochs, is_identity, needs_held_out):
    pruning = plugins.build("defences", {"kind": "pruning", "share": share, "fine_tune_epochs": epochs})
    assert pruning.is_identity == is_identity
    assert pruning.needs_held_out == needs_held_out
