"""Common properties of all distortions: settings, random draws, gradients, lengths."""

from pathlib import Path

import pytest
import torch
import yaml

from sanguinaria.core import plugins
from sanguinaria.core.plugins import as_settings
from sanguinaria.distortions import distort, resolve
from tests.sounds import RATE, apply_distortion, build_distortion, seeded_generator, speech

ENTRIES = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))["distortions"]
WAKE = "up_down_sampling random_noise wake_pink_noise wake_low_pass high_pass band_pass boost duck shush".split()
PKDMARK = (
    "undistorted gaussian_noise median mp3_64 low_pass down_sampling quantisation amplitude_scaling echo slow fast "
    "reverberation pitch_up pitch_down"
).split()
CODECS = [name for name, settings in ENTRIES.items() if settings["kind"] == "codec"]
RANDOM_KINDS = {"noise", "reverberation", "rerecording"}
# Entries with a random position or delay.
RANDOM_POSITIONS = {"suppression", "cropping", "time_shift", "few_samples"}
NOISY = {"random_noise", "pink_noise", "wake_pink_noise"}  # of a level that does not depend on the utterance
# A median and the phases of a phase vocoder are not smooth, and the level of noise is a constant in its gradient.
INEXACT = {"median", "pitch_up", "pitch_down", "stretched", "shortened", "gaussian_noise", "rerecording"}


def test_the_distortions_of_the_papers_are_complete():
    assert len(WAKE) == 9 and len(PKDMARK) == 14
    assert set(WAKE) | set(PKDMARK) < set(ENTRIES)
    assert {settings["kind"] for settings in ENTRIES.values()} == set(plugins.kinds("distortions"))


@pytest.mark.parametrize("name", ENTRIES)
def test_text_round_trip(name):
    distortion = build_distortion(**ENTRIES[name])
    assert resolve(as_settings(distortion)) == distortion


@pytest.mark.parametrize("name", ENTRIES)
def test_random_draws_follow_from_the_generator(name):
    x = speech()
    distortion = build_distortion(**ENTRIES[name])
    first, repeated, different = (distortion.apply(x, RATE, seeded_generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, repeated)
    assert torch.equal(first, different) != (ENTRIES[name]["kind"] in RANDOM_KINDS or name in RANDOM_POSITIONS)


@pytest.mark.parametrize(
    "name", [n for n in ENTRIES if ENTRIES[n]["kind"] not in RANDOM_KINDS and n not in RANDOM_POSITIONS]
)
def test_deterministic_distortions_are_independent_of_the_batch(name):
    x = speech(3, 4000)
    distortion = build_distortion(**ENTRIES[name])
    separate = torch.cat([distortion.apply(row[None], RATE, seeded_generator()) for row in x])
    torch.testing.assert_close(distortion.apply(x, RATE, seeded_generator()), separate, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_input_is_not_modified(name):
    x = speech(2, 4000)
    before = x.clone()
    distort(build_distortion(**ENTRIES[name]), x, RATE, seeded_generator())
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", ENTRIES)
def test_silent_and_short_audio_gives_finite_values_and_gradients(name):
    distortion = build_distortion(**ENTRIES[name])
    for samples in (1, 2, 50, 3000):
        for x in (torch.zeros(2, samples), torch.full((2, samples), 0.5)):
            x.requires_grad_()
            y = distort(distortion, x, RATE, seeded_generator())
            assert y.shape == x.shape and y.isfinite().all()
            y.square().sum().backward()
            assert x.grad is not None and x.grad.isfinite().all()
            if (
                # Noise of an absolute level is added to silence, too.
                not {"std", "peak"} & set(ENTRIES[name]) and not x.any() and ENTRIES[name]["kind"] != "codec"
            ):
                assert not y.any()  # silence stays silent


@pytest.mark.parametrize("name", ENTRIES)
def test_gradients_against_central_differences(name):
    distortion = build_distortion(**ENTRIES[name])
    x = speech(2, 4000).requires_grad_()
    weights = torch.randn(2, 4000, generator=seeded_generator(5))
    (distort(distortion, x, RATE, seeded_generator()) * weights).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    if not distortion.differentiable:
        assert torch.equal(x.grad, weights)  # straight-through
        return
    assert (x.grad != 0).double().mean() > 0.5
    # The derivative along a direction, by central differences.
    direction, step = torch.randn(2, 4000, generator=seeded_generator(6)) * 0.1, 1e-2
    with torch.no_grad():
        ahead, behind = (
            (distort(distortion, x + sign * step * direction, RATE, seeded_generator()).double() * weights).sum()
            for sign in (1, -1)
        )
    if name not in INEXACT:
        expected = float(ahead - behind) / (2 * step)
        assert float((x.grad.double() * direction).sum()) == pytest.approx(expected, rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("name", [*CODECS, "quantisation", "compressor"])
def test_a_straight_through_gradient_does_not_change_the_output(name):
    distortion = build_distortion(**ENTRIES[name])
    x = speech(2, 4000)
    distorted = distort(distortion, x.clone().requires_grad_(), RATE, seeded_generator())
    assert torch.equal(distorted.detach(), distortion.apply(x, RATE, seeded_generator()))


def test_the_length_is_restored_at_both_ends_equally():
    ramp = torch.arange(1.0, 101.0)[None]
    restored = distort(
        build_distortion(kind="cropping", kept_share=0.5, position="start"), ramp, RATE, seeded_generator()
    )
    expected = torch.zeros(1, 100)
    expected[0, 25:75] = torch.arange(1.0, 51.0)
    assert torch.equal(restored, expected)
    x = speech(1)
    slow = apply_distortion(x, kind="speed", factor=0.9)
    assert torch.equal(
        distort(build_distortion(kind="speed", factor=0.9), x, RATE, seeded_generator()), slow[:, 889 : 889 + RATE]
    )


def test_no_distortion_is_the_identity():
    identities = [name for name in ENTRIES if build_distortion(**ENTRIES[name]).is_identity]
    assert identities == ["undistorted"]
    assert torch.equal(apply_distortion(speech(), kind="none"), speech())
