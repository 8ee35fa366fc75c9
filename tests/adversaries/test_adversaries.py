"""Adversaries: their budgets, what they reach, whom they harm, and how they get past a defence."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from sanguinaria.adversaries import UNIT, Aim
from sanguinaria.adversaries.pgd.projected_gradients import NO_GRADIENT, Budget, ascend
from sanguinaria.audio.validation import NON_FINITE, SILENT
from sanguinaria.core import plugins
from sanguinaria.distortions import to_text
from sanguinaria.steps.defence_gradients import passes_gradients, purifiers

CPU = torch.device("cpu")
LABELS = ["left", "right"]
BUDGETS = {"linf": 30, "l2": 6400}
each = pytest.mark.parametrize("norm", sorted(BUDGETS))


def pgd(norm, **settings):
    return plugins.build("adversaries", {"kind": "pgd", "norm": norm, "epsilon": BUDGETS[norm], **settings})


def encoder(samples: int = 2000, size: int = 16):
    """A smooth encoder, which gradient attacks get the better of."""
    weights = torch.randn(samples, size, generator=torch.Generator().manual_seed(0)) / samples**0.5
    return lambda waveforms: torch.tanh(20 * waveforms @ weights)


def speech(count: int, samples: int = 2000) -> torch.Tensor:
    """Noise in whole units of a 16-bit sample."""
    noise = 0.05 * torch.randn(count, samples, generator=torch.Generator().manual_seed(1))
    return (noise / UNIT).round().clamp(-32768, 32767) * UNIT


def aimed(waveforms, **more) -> Aim:
    embed = encoder(waveforms.shape[-1])
    others = embed(speech(len(waveforms), waveforms.shape[-1]).flip(0))
    targets = torch.arange(len(waveforms)) % 2 == 0
    return Aim(embed, others, targets, **more)


def norms(changes: torch.Tensor, norm: str) -> torch.Tensor:
    changes = changes.double() / UNIT
    return changes.abs().amax(-1) if norm == "linf" else changes.norm(dim=-1)


@each
def test_budgets_are_kept_and_reached(norm):
    audio = speech(6)
    audio[0, :1000], audio[1, :1000] = 1 - UNIT, -1  # at full scale already
    found, told = pgd(norm).changed(audio, aimed(audio), 0)
    assert told == [""] * 6
    assert found.min() >= -1 and found.max() <= 1
    changed = norms(found - audio, norm)
    assert (changed <= BUDGETS[norm]).all()
    # Rounding to whole units towards 0 costs half a unit of each sample on average.
    assert (changed[2:] > (0.99 if norm == "l2" else 0.95) * BUDGETS[norm]).all()
    whole = (found / UNIT).numpy()
    np.testing.assert_array_equal(whole, whole.round())


def test_the_papers_step_reaches_no_budget_in_l2():
    audio = speech(2)
    found, _ = pgd("l2", step=1).changed(audio, aimed(audio), 0)
    assert (norms(found - audio, "l2") <= 50).all()


@each
def test_targets_are_rejected_and_others_accepted(norm):
    audio = speech(8)
    aim = aimed(audio)
    found, _ = pgd(norm, steps=20).changed(audio, aim, 0)
    before, after = (cosine_similarity(aim.embed(waveforms), aim.others) for waveforms in (audio, found))
    assert (after[::2] < before[::2] - 0.05).all() and (after[1::2] > before[1::2] + 0.05).all()


@each
def test_an_attack_is_the_best_change_of_a_linear_score(norm):
    """Where the slope is the same everywhere, the best change is known: Hölder's inequality."""
    gradient = torch.randn(1, 500, generator=torch.Generator().manual_seed(2))
    budget = Budget(norm, BUDGETS[norm] * UNIT, 2.5 * BUDGETS[norm] * UNIT / 10)
    found, _ = ascend(torch.full((1, 500), 0.1), lambda audio, places: gradient, budget, 10)
    gained = float((found - 0.1)[0] @ gradient[0])
    dual = gradient.abs().sum() if norm == "linf" else gradient.norm()
    assert gained == pytest.approx(float(budget.epsilon * dual), rel=0.06)


@each
def test_what_is_no_audio_is_told_and_the_rest_unharmed(norm):
    audio = speech(6)  # an even number: of an odd one the middle is compared with itself, which has no slope
    alone, _ = pgd(norm, steps=5).changed(audio, aimed(audio), 0)
    spoiled = audio.clone()
    spoiled[1, 7], spoiled[3], spoiled[4, 0] = float("nan"), 0, float("inf")
    found, told = pgd(norm, steps=5).changed(spoiled, aimed(audio), 0)
    assert told == ["", NON_FINITE, "", SILENT, NON_FINITE, ""]
    torch.testing.assert_close(found[[0, 2, 5]], alone[[0, 2, 5]], atol=1.5 * UNIT, rtol=0)
    assert (found[3] == 0).all() and torch.isnan(found[1, 7]) and not torch.isnan(found[1]).all()


def test_a_gradient_that_is_no_number_ends_one_attack():
    def slope(audio, places):
        gradients = torch.ones_like(audio)
        gradients[places == 1] = float("nan")
        return gradients

    found, told = ascend(torch.full((3, 10), 0.1), slope, Budget("linf", 30 * UNIT, 10 * UNIT), 5)
    assert told == ["", NO_GRADIENT, ""]
    changed = ((found - 0.1) / UNIT).round()
    assert (changed[1] == 0).all() and (changed[[0, 2]] >= 29).all()


def test_batches_do_not_matter():
    audio = speech(4)
    aim = aimed(audio)
    together, _ = pgd("linf", steps=5).changed(audio, aim, 0)
    for place in range(4):
        own = Aim(aim.embed, aim.others[place : place + 1], aim.targets[place : place + 1])
        alone, _ = pgd("linf", steps=5).changed(audio[place : place + 1], own, 0)
        torch.testing.assert_close(alone[0], together[place], atol=1.5 * UNIT, rtol=0)


@pytest.mark.parametrize("level", [{"epsilon": 6400}, {"snr": 39}])
def test_noise_is_as_loud_as_it_says(level):
    audio = speech(3)
    audio[1] = 0
    adversary = plugins.build("adversaries", {"kind": "noise", **level})
    found, told = adversary.changed(audio, None, 0)
    assert told == ["", SILENT, ""] and torch.equal(found[1], audio[1])
    changed = norms(found - audio, "l2")[[0, 2]]
    ratio = 20 * torch.log10(audio.norm(dim=-1)[[0, 2]] / (changed * UNIT))
    expected = {"epsilon": (changed, 6400.0), "snr": (ratio, 39.0)}[next(iter(level))]
    torch.testing.assert_close(expected[0].double(), torch.full((2,), expected[1]).double(), rtol=1e-4, atol=0)
    assert torch.equal(found[2], adversary.changed(audio[2:], None, 0)[0][0])
    assert not torch.equal(found[2], adversary.changed(audio[2:], None, 1)[0][0])


def test_noise_has_one_level():
    with pytest.raises(ValueError, match="exactly one of"):
        plugins.build("adversaries", {"kind": "noise"})


def defence(**distortion):
    return plugins.build(
        "defences", {"kind": "distortion", "distortion": to_text(plugins.build("distortions", distortion))}
    )


def test_which_defences_pass_gradients():
    audio = speech(2)
    for function, passes in (
        (lambda waveforms: 0.5 * waveforms, True),
        (torch.round, False),  # a gradient of 0
        (lambda waveforms: torch.from_numpy(waveforms.numpy()), False),
        (torch.no_grad()(lambda waveforms: 0.5 * waveforms), False),
    ):
        assert passes_gradients(lambda waveforms, labels, of=function: of(waveforms), audio, LABELS[:1]) == passes


def test_too_little_memory_is_no_lack_of_gradients():
    def full(waveforms, labels):
        raise torch.OutOfMemoryError("no memory left")

    with pytest.raises(torch.OutOfMemoryError):
        passes_gradients(full, speech(1), LABELS[:1])


def test_gradients_pass_straight_through_what_has_none():
    chosen = defence(kind="quantisation", bits=6)
    (purify,) = purifiers(chosen, None, 1, 16000, CPU, 8000)
    audio = speech(2).requires_grad_()
    made = purify(audio, LABELS)
    torch.testing.assert_close(made, chosen.transform(16000, CPU)(audio.detach()))
    made.sum().backward()
    assert (audio.grad == 1).all()


def test_gradients_pass_through_what_has_them():
    (purify,) = purifiers(defence(kind="gain", factor=0.5), None, 1, 16000, CPU, 8000)
    silent = torch.zeros(2, 8000, requires_grad=True)
    purify(silent, LABELS).sum().backward()
    assert (silent.grad == 0.5).all()


def test_draws_of_a_defence_differ_and_none_is_its_own():
    chosen = defence(kind="noise", std=0.01)
    audio = speech(1)
    made = [function(audio, LABELS[:1]) for function in purifiers(chosen, None, 3, 16000, CPU, audio.shape[-1])]
    made.append(chosen.transform(16000, CPU)(audio))
    assert len({float(one[0, 0]) for one in made}) == 4


def test_an_attack_that_knows_the_defence_gets_further():
    """The defence turns the audio round, so an attack that does not know it goes the wrong way."""
    audio = speech(8)
    turn = lambda waveforms: waveforms.flip(-1)  # noqa: E731
    plain, knowing = aimed(audio), aimed(audio, purifiers=(lambda waveforms, places: turn(waveforms),))
    scores = []
    for aim in (plain, knowing):
        found, _ = pgd("linf", steps=10).changed(audio, aim, 0)
        score = cosine_similarity(aim.embed(turn(found)), aim.others)
        scores.append(torch.where(aim.targets, -score, score).mean())
    assert scores[1] > scores[0] + 0.05
