"""Augmentation: shifts, masks, and mixtures, each counted or computed by hand."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from sanguinaria.core import plugins
from sanguinaria.nn import augmentation
from sanguinaria.nn import supervised_training as training


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_time_shifts_repeat_the_first_or_last_frame():
    ramp = torch.arange(10.0).expand(200, 3, 10)
    shifted = augmentation.shift_in_time(ramp, 0.2, seeded())
    moves = {tuple(row) for row in shifted[:, 0].tolist()}
    expected = {tuple(float(min(max(frame + move, 0), 9)) for frame in range(10)) for move in range(-2, 3)}
    assert moves == expected


def test_masks_have_widths_from_zero_to_the_largest():
    features = torch.randn(3000, 16, 20, generator=seeded(1)).double()
    masked = augmentation.mask(features, 1, 0.25, 0.2, seeded())
    means = features.mean((1, 2))[:, None, None]
    hidden = masked == means
    assert torch.equal(masked, torch.where(hidden, means, features))
    # An utterance has one range of bands and one of times, of all widths up to 4 of 16 and 4 of 20, and all else stays.
    bands, times = hidden.all(2), hidden.all(1)
    assert torch.equal(hidden, bands[:, :, None] | times[:, None, :])
    for ranges in (bands, times):
        widths = ranges.sum(1)
        counts = torch.bincount(widths, minlength=5)
        assert len(counts) == 5
        assert ((counts - 600).abs() < 5 * 600**0.5).all()  # uniform: within five standard deviations
        edges = torch.nn.functional.pad(ranges.int(), (1, 1)).diff(dim=1).abs().sum(1)
        assert torch.equal(edges, 2 * (widths > 0).int())
    assert bands.any(0).all()
    assert times.any(0).all()


def test_more_masks_hide_more():
    features = torch.randn(500, 16, 20, generator=seeded(1))
    shares = [(augmentation.mask(features, n, 0.25, 0.2, seeded()) != features).float().mean() for n in (1, 2, 4)]
    # A mask hides a tenth of the bands or times in the mean, and masks are independent.
    for number, share in zip((1, 2, 4), shares, strict=True):
        assert float(share) == pytest.approx(1 - (1 - 2 / 16) ** number * (1 - 2 / 20) ** number, abs=0.03)


def test_a_waveform_is_masked_in_time_alone():
    waveform = torch.randn(50, 1, 400, generator=seeded(1))
    changed = augmentation.mask(waveform, 1, 0.1875, 0.2, seeded()) != waveform
    assert changed.any()
    assert changed.sum((1, 2)).max() <= 80


def test_without_augmentation_nothing_is_drawn():
    features, generator = torch.randn(4, 3, 10), seeded()
    state = generator.get_state()
    assert augmentation.shift_in_time(features, 0.0, generator) is features
    assert augmentation.mask(features, 0, 0.5, 0.5, generator) is features
    assert augmentation.mixing(4, 0.0, generator) is None
    assert torch.equal(generator.get_state(), state)


def test_shares_of_mixtures_have_the_moments_of_the_beta_distribution():
    generator = seeded()
    draws = [augmentation.mixing(4, 0.4, generator) for _ in range(4000)]
    shares = torch.tensor([share for share, _ in draws])
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(shares.var()) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.01)
    assert all(sorted(partners.tolist()) == [0, 1, 2, 3] for _, partners in draws)


def test_the_loss_of_a_mixture_by_hand():
    victim = plugins.build("victims", {"kind": "lstm", "mixup": 0.4})
    features, generator = torch.randn(6, 80, 5), seeded(3)
    logits, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    mixed, mixture = training._augment(features, victim, generator)
    share, partners = mixture
    assert 0 < share < 1
    targets = torch.zeros(6, 4)
    for utterance, partner in enumerate(partners.tolist()):
        expected = share * features[utterance] + (1 - share) * features[partner]
        torch.testing.assert_close(mixed[utterance], expected)
        targets[utterance, labels[utterance]] += share
        targets[utterance, labels[partner]] += 1 - share
    # Cross entropy against the mixed one-hot labels (Zhang et al., Eq. 1), which the mixture of two losses equals.
    torch.testing.assert_close(training._loss(victim, logits, labels, mixture), cross_entropy(logits, targets))
