"""Adversaries: budgets, effect on the scores of trials, invalid audio, and attacks through a defence."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from sanguinaria.adversaries import QUANTISATION_STEP, AttackObjective
from sanguinaria.adversaries.pgd.projected_gradients import NON_FINITE_GRADIENT, Budget, ascend
from sanguinaria.audio.validation import NON_FINITE, SILENT
from sanguinaria.core import plugins
from sanguinaria.core.plugins import as_settings
from sanguinaria.steps.verification.defence_gradients import differentiable_defences, passes_gradients

CPU = torch.device("cpu")
LABELS = ["left", "right"]
BUDGETS = {"linf": 30, "l2": 6400}
each_norm = pytest.mark.parametrize("norm", sorted(BUDGETS))


def pgd(norm, **settings):
    return plugins.build("adversaries", {"kind": "pgd", "norm": norm, "epsilon": BUDGETS[norm], **settings})


def encoder(samples: int = 2000, size: int = 16):
    """A smooth encoder, on which gradient attacks succeed."""
    weights = torch.randn(samples, size, generator=torch.Generator().manual_seed(0)) / samples**0.5
    return lambda waveforms: torch.tanh(20 * waveforms @ weights)


def speech(count: int, samples: int = 2000) -> torch.Tensor:
    """Noise in whole quantisation steps of 16-bit audio."""
    noise = 0.05 * torch.randn(count, samples, generator=torch.Generator().manual_seed(1))
    return (noise / QUANTISATION_STEP).round().clamp(-32768, 32767) * QUANTISATION_STEP


def objective_of(waveforms, **more) -> AttackObjective:
    embed = encoder(waveforms.shape[-1])
    references = embed(speech(len(waveforms), waveforms.shape[-1]).flip(0))
    is_target = torch.arange(len(waveforms)) % 2 == 0
    return AttackObjective(embed=embed, references=references, is_target=is_target, **more)


def norms(perturbations: torch.Tensor, norm: str) -> torch.Tensor:
    perturbations = perturbations.double() / QUANTISATION_STEP
    return perturbations.abs().amax(-1) if norm == "linf" else perturbations.norm(dim=-1)


@each_norm
def test_perturbations_reach_and_keep_their_budget(norm):
    audio = speech(6)
    audio[0, :1000], audio[1, :1000] = 1 - QUANTISATION_STEP, -1  # at full scale already
    perturbed, messages = pgd(norm).perturb(audio, objective_of(audio), 0)
    assert messages == [""] * 6
    assert perturbed.min() >= -1 and perturbed.max() <= 1
    sizes = norms(perturbed - audio, norm)
    assert (sizes <= BUDGETS[norm]).all()
    # Truncation to whole steps towards 0 costs half a step of each sample on average.
    assert (sizes[2:] > (0.99 if norm == "l2" else 0.95) * BUDGETS[norm]).all()
    steps = (perturbed / QUANTISATION_STEP).numpy()
    np.testing.assert_array_equal(steps, steps.round())


def test_the_step_size_of_the_paper_reaches_no_l2_budget():
    audio = speech(2)
    perturbed, _ = pgd("l2", step_size=1).perturb(audio, objective_of(audio), 0)
    assert (norms(perturbed - audio, "l2") <= 50).all()


@each_norm
def test_target_trials_are_attacked_towards_rejection_and_others_towards_acceptance(norm):
    audio = speech(8)
    objective = objective_of(audio)
    perturbed, _ = pgd(norm, steps=20).perturb(audio, objective, 0)
    before, after = (
        cosine_similarity(objective.embed(waveforms), objective.references) for waveforms in (audio, perturbed)
    )
    assert (after[::2] < before[::2] - 0.05).all() and (after[1::2] > before[1::2] + 0.05).all()


@each_norm
def test_an_attack_on_a_linear_score_is_optimal(norm):
    """Of a constant gradient, the optimal perturbation is known: Hölder's inequality."""
    gradient = torch.randn(1, 500, generator=torch.Generator().manual_seed(2))
    budget = Budget(norm, BUDGETS[norm] * QUANTISATION_STEP, 2.5 * BUDGETS[norm] * QUANTISATION_STEP / 10)
    perturbed, _ = ascend(torch.full((1, 500), 0.1), lambda audio, rows: gradient, budget, 10)
    gain = float((perturbed - 0.1)[0] @ gradient[0])
    dual = gradient.abs().sum() if norm == "linf" else gradient.norm()
    assert gain == pytest.approx(float(budget.epsilon * dual), rel=0.06)


@each_norm
def test_invalid_audio_is_reported_and_changes_no_other_utterance(norm):
    audio = speech(6)  # an even number: of an odd one the middle is compared with itself, which has a gradient of 0
    alone, _ = pgd(norm, steps=5).perturb(audio, objective_of(audio), 0)
    invalid = audio.clone()
    invalid[1, 7], invalid[3], invalid[4, 0] = float("nan"), 0, float("inf")
    perturbed, messages = pgd(norm, steps=5).perturb(invalid, objective_of(audio), 0)
    assert messages == ["", NON_FINITE, "", SILENT, NON_FINITE, ""]
    torch.testing.assert_close(perturbed[[0, 2, 5]], alone[[0, 2, 5]], atol=1.5 * QUANTISATION_STEP, rtol=0)
    assert (perturbed[3] == 0).all() and torch.isnan(perturbed[1, 7]) and not torch.isnan(perturbed[1]).all()


def test_a_non_finite_gradient_ends_the_attack_on_its_utterance_alone():
    def gradient(audio, rows):
        gradients = torch.ones_like(audio)
        gradients[rows == 1] = float("nan")
        return gradients

    budget = Budget("linf", 30 * QUANTISATION_STEP, 10 * QUANTISATION_STEP)
    perturbed, messages = ascend(torch.full((3, 10), 0.1), gradient, budget, 5)
    assert messages == ["", NON_FINITE_GRADIENT, ""]
    steps = ((perturbed - 0.1) / QUANTISATION_STEP).round()
    assert (steps[1] == 0).all() and (steps[[0, 2]] >= 29).all()


def test_attacks_do_not_depend_on_the_batch():
    audio = speech(4)
    objective = objective_of(audio)
    together, _ = pgd("linf", steps=5).perturb(audio, objective, 0)
    for row in range(4):
        of_row = AttackObjective(
            embed=objective.embed,
            references=objective.references[row : row + 1],
            is_target=objective.is_target[row : row + 1],
        )
        alone, _ = pgd("linf", steps=5).perturb(audio[row : row + 1], of_row, 0)
        torch.testing.assert_close(alone[0], together[row], atol=1.5 * QUANTISATION_STEP, rtol=0)


@pytest.mark.parametrize("level", [{"epsilon": 6400}, {"snr": 39}])
def test_noise_has_the_configured_level(level):
    audio = speech(3)
    audio[1] = 0
    adversary = plugins.build("adversaries", {"kind": "noise", **level})
    perturbed, messages = adversary.perturb(audio, None, 0)
    assert messages == ["", SILENT, ""] and torch.equal(perturbed[1], audio[1])
    sizes = norms(perturbed - audio, "l2")[[0, 2]]
    ratio = 20 * torch.log10(audio.norm(dim=-1)[[0, 2]] / (sizes * QUANTISATION_STEP))
    expected = {"epsilon": (sizes, 6400.0), "snr": (ratio, 39.0)}[next(iter(level))]
    torch.testing.assert_close(expected[0].double(), torch.full((2,), expected[1]).double(), rtol=1e-4, atol=0)
    assert torch.equal(perturbed[2], adversary.perturb(audio[2:], None, 0)[0][0])
    assert not torch.equal(perturbed[2], adversary.perturb(audio[2:], None, 1)[0][0])


def test_noise_needs_exactly_one_level():
    with pytest.raises(ValueError, match="exactly one of"):
        plugins.build("adversaries", {"kind": "noise"})


def defence(**distortion):
    return plugins.build(
        "defences", {"kind": "distortion", "distortion": as_settings(plugins.build("distortions", distortion))}
    )


def test_functions_without_gradients_are_recognised():
    audio = speech(2)
    for function, passes in (
        (lambda waveforms: 0.5 * waveforms, True),
        (torch.round, False),  # a gradient of 0
        (lambda waveforms: torch.from_numpy(waveforms.numpy()), False),
        (torch.no_grad()(lambda waveforms: 0.5 * waveforms), False),
    ):
        assert passes_gradients(lambda waveforms, labels, of=function: of(waveforms), audio, LABELS[:1]) == passes


def test_running_out_of_memory_is_not_a_lack_of_gradients():
    def full(waveforms, labels):
        raise torch.OutOfMemoryError("no memory left")

    with pytest.raises(torch.OutOfMemoryError):
        passes_gradients(full, speech(1), LABELS[:1])


def test_a_defence_without_gradients_gets_a_straight_through_estimator():
    quantisation = defence(kind="quantisation", bits=6)
    (purify,) = differentiable_defences(
        quantisation, weights=None, draws=1, sample_rate=16000, device=CPU, samples=8000
    )
    audio = speech(2).requires_grad_()
    defended = purify(audio, LABELS)
    torch.testing.assert_close(defended, quantisation.transform(16000, CPU)(audio.detach()))
    defended.sum().backward()
    assert (audio.grad == 1).all()


def test_a_differentiable_defence_keeps_its_gradient():
    (purify,) = differentiable_defences(
        defence(kind="gain", factor=0.5), weights=None, draws=1, sample_rate=16000, device=CPU, samples=8000
    )
    silence = torch.zeros(2, 8000, requires_grad=True)
    purify(silence, LABELS).sum().backward()
    assert (silence.grad == 0.5).all()


def test_draws_of_a_defence_differ_from_each_other_and_from_its_own():
    noise = defence(kind="noise", std=0.01)
    audio = speech(1)
    functions = differentiable_defences(
        noise, weights=None, draws=3, sample_rate=16000, device=CPU, samples=audio.shape[-1]
    )
    defended = [function(audio, LABELS[:1]) for function in functions]
    defended.append(noise.transform(16000, CPU)(audio))
    assert len({float(waveforms[0, 0]) for waveforms in defended}) == 4


def test_an_adaptive_attack_changes_the_scores_behind_its_defence_more():
    """The defence reverses the audio in time, so that a non-adaptive attack follows a wrong gradient."""
    audio = speech(8)
    flip = lambda waveforms: waveforms.flip(-1)  # noqa: E731
    objectives = objective_of(audio), objective_of(audio, defences=(lambda waveforms, rows: flip(waveforms),))
    scores = []
    for objective in objectives:
        perturbed, _ = pgd("linf", steps=10).perturb(audio, objective, 0)
        score = cosine_similarity(objective.embed(flip(perturbed)), objective.references)
        scores.append(torch.where(objective.is_target, -score, score).mean())
    assert scores[1] > scores[0] + 0.05
