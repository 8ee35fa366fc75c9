"""Purification as a defence: its references, its stages in the plan, its inputs, and attacks through it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from test_purifiers import HASHED, TEXT, built, seeded
from torch.nn.functional import cosine_similarity
from toy_speech import RATE, harmonic_tones, write_corpus

from sanguinaria.adversaries import AttackObjective
from sanguinaria.audio import utterances
from sanguinaria.core import plugins, tensors
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, kind_of
from sanguinaria.defences.purification import other_texts
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import Made
from sanguinaria.plan.plan import Plan
from sanguinaria.steps.defended_audio import defend_audio
from sanguinaria.steps.texts import transcribe
from sanguinaria.steps.verification.defence_gradients import differentiable_defences
from sanguinaria.texts._transcription import read_texts

CPU = torch.device("cpu")

CONFIGURATION = """
corpora: {spoken: {kind: synthetic}}
triggers: {clean: {kind: none}, tone: {kind: ultrasonic}}
victims: {lstm: {kind: lstm}}
distortions: {hiss: {kind: noise, snr: 30}, hum: {kind: gain, factor: 0.9}}
texts: {said: {kind: transcript}, no_text: {kind: none}}
embedders: {grams: {kind: hashed}}
purifiers:
  plain: {kind: audiopure, corpus: spoken, layers: 4, channels: 8}
  textual: {kind: tdap, corpus: spoken, distortions: [hiss], text: said, embedder: grams}
defences:
  none: {kind: none}
  plain: {kind: purification, purifier: plain}
  textual: {kind: purification, purifier: textual, text: said}
  wrong: {kind: purification, purifier: textual, text: said, transcript_of: other_utterance}
metrics: {snr: {kind: snr}}
experiments:
  mine:
    {corpus: spoken, target: left, triggers: [clean, tone], victims: [lstm], metrics: [snr],
    defences: [none, plain, textual, wrong]}
"""


def configured(text: str = CONFIGURATION, code=None) -> Plan:
    configuration = load(yaml.safe_load(text))
    return Plan(configuration) if code is None else Plan(configuration, code)


def keys(made: Plan, stage: str) -> set[str]:
    return set(made.stages[stage])


# The plan


def test_a_purifier_is_trained_once_for_all_defences():
    made = configured()
    assert {stage.name: stage.corpus.name for stage in made.stages["purifiers"].values()} == {
        "audiopure": "synthetic",
        "tdap": "synthetic",
    }
    defended = made.stages["defended"].values()
    # Three defences of the clean and of the triggered audio.
    assert len(defended) == 6
    for stage in defended:
        assert stage.weights == [stage.purifier.weights]
        assert stage.defence.purifier.result == stage.purifier.key
    assert {path for stage in made.stages["purifiers"].values() for path in stage.audio_files} == set(
        next(iter(made.stages["corpora"].values())).audio_files
    )


def test_texts_are_extracted_once():
    made = configured()
    texts = made.stages["texts"].values()
    # Of the training utterances, and of the clean and the triggered ones behind two defences with text.
    assert sorted((stage.audio_stage.stage, stage.splits) for stage in texts) == [
        ("corpora", ("test",)),
        ("corpora", ("train", "validation")),
        ("triggered", ("test",)),
    ]
    with_text = [stage for stage in made.stages["defended"].values() if stage.text is not None]
    assert len(with_text) == 4 and all(stage.text.audio_stage is stage.audio_stage for stage in with_text)
    assert all(stage.text_files(0) == stage.text.row_files for stage in with_text)
    (trained,) = (stage for stage in made.stages["purifiers"].values() if stage.name == "tdap")
    # No more are transcribed than its training reads, which the index tells.
    assert [(stage.splits, stage.maxima) for stage in trained.texts] == [(("train", "validation"), (20_000, 64))]
    assert [stage.index for stage in texts if stage.maxima] == [[trained.corpus.index]]
    assert all(stage.index == [] for stage in texts if stage.splits == ("test",))


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("said: {kind: transcript}", "said: {kind: pocketsphinx}", {"texts": 3, "purifiers": 1, "defended": 4}),
        ("snr: 30", "snr: 31", {"purifiers": 1, "defended": 4}),
        ("kind: hashed", "kind: hashed, size: 100", {"purifiers": 1, "defended": 4}),
        ("layers: 4", "layers: 5", {"purifiers": 1, "defended": 2}),
        ("transcript_of: other_utterance", "transcript_of: other_utterance, start: 3", {"purifiers": 0, "defended": 2}),
        (
            "{kind: purification, purifier: plain}",
            "{kind: purification, purifier: plain, reverse: false}",
            {"defended": 2},
        ),
        (
            "{kind: purification, purifier: plain}",
            "{kind: purification, purifier: plain, distortion: hiss}",
            {"defended": 2},
        ),
        ("factor: 0.9", "factor: 0.8", {}),
    ],
)
def test_a_setting_changes_the_stages_that_depend_on_it(old: str, new: str, changed: dict[str, int]):
    assert old in CONFIGURATION
    before, after = configured(), configured(CONFIGURATION.replace(old, new))
    for stage in ("texts", "purifiers", "defended", "victims", "triggered"):
        assert len(keys(after, stage) - keys(before, stage)) == changed.get(stage, 0), stage


def test_identities_do_not_depend_on_the_names_of_entries():
    renamed = CONFIGURATION
    for name in ("hiss", "said", "grams", "textual", "spoken"):
        renamed = renamed.replace(name, f"{name}_2")
    for stage in ("purifiers", "defended", "scores"):
        assert keys(configured(renamed), stage) == keys(configured(), stage)


def test_the_code_of_referenced_plug_ins_is_part_of_the_stage():
    calls: set[tuple[str, tuple[str, ...]]] = set()

    def code(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
        calls.add((next(iter(made.rules)), tuple(kind_of(plugin) for plugin in plugins)))
        return ""

    assert configured(code=code).stages
    assert {call for call in calls if call[0] in ("texts", "purifier", "defended_audio")} == {
        ("texts", ("transcript",)),
        ("purifier", ("audiopure",)),
        ("purifier", ("tdap", "noise", "hashed")),
        ("defended_audio", ("purification", "audiopure")),
        ("defended_audio", ("purification", "tdap", "noise", "hashed")),
    }


def test_jobs_can_build_their_plug_ins_from_a_specification():
    import json

    for stage in configured().stages["purifiers"].values():
        assert plugins.build("purifiers", json.loads(stage.specification)["purifier"]) == stage.purifier
    for stage in configured().stages["defended"].values():
        assert plugins.build("defences", json.loads(stage.specification)["defence"]) == stage.defence


def plan_with_attack(
    encoder: str = "ecapa",
    adversary: str = "pgd",
    epsilon: int = 30,
    names: tuple[str, str] = ("ecapa", "pgd"),
    side: str = "test",
):
    """A plan whose purifier `textual` is trained on attacks by ``adversary`` on ``encoder``; ``names`` are theirs."""
    config = yaml.safe_load(CONFIGURATION)
    config["victims"][names[0]] = {"kind": "ecapa_tdnn", "channels": 16}
    pgd = {"kind": "pgd", "norm": "linf", "epsilon": epsilon, "side": side}
    config["adversaries"] = {names[1]: pgd, "nobody": {"kind": "none"}}
    config["purifiers"]["textual"] |= {"encoder": encoder, "adversary": adversary, "trials": 2500}
    return Plan(load(config))


def test_a_purifier_is_trained_on_attacks_on_an_encoder_of_its_own_corpus():
    made = plan_with_attack()
    (stage,) = (stage for stage in made.stages["purifiers"].values() if stage.name == "tdap")
    (attacked,) = made.stages["attacked"].values()
    assert stage.attacked is attacked and stage.trial_files == [attacked.trials.table]
    assert stage.attacked_files == attacked.audio_files and len(stage.attacked_files) == 3
    assert attacked.trials.split == "train" and attacked.trials.corpus is stage.corpus
    assert attacked.model.poisoned.corpus is stage.corpus and not attacked.model.poisoned.blocks
    assert keys(plan_with_attack(epsilon=31), "purifiers") != keys(made, "purifiers")
    # The attack is always on the test side of a trial, which the pairs are read by.
    (enrolled,) = plan_with_attack(side="enrolment").stages["attacked"].values()
    assert enrolled.adversary.side == "test" and enrolled.key == attacked.key
    assert keys(plan_with_attack("small", "other", names=("small", "other")), "purifiers") == keys(made, "purifiers")


@pytest.mark.parametrize(
    ("encoder", "adversary", "message"),
    [
        ("lstm", "pgd", "purifiers.textual.encoder: 'lstm' makes no embeddings"),
        ("ecapa", "nobody", "purifiers.textual.adversary: 'nobody' does not attack an encoder"),
        ("ecapa", "pdg", "purifiers.textual.adversary: unknown entry of adversaries 'pdg'"),
    ],
)
def test_errors_in_the_attack_are_reported(encoder: str, adversary: str, message: str):
    with pytest.raises(InputError) as caught:
        plan_with_attack(encoder, adversary)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("purifier: plain}", "purifier: plian}", "defences.plain.purifier: unknown entry of purifiers 'plian'"),
        (
            "purifier: plain}",
            "purifier: plain, text: said}",
            "defences.plain.text: the purifier 'plain' is not conditioned on text",
        ),
        ("purifier: plain}", "purifier: plain, start: 300}", "defences.plain.start: 300 is not among the 200 steps"),
        ("purifier: plain}", "purifier: plain, steps: [0.9]}", "defences.plain.steps: these steps end at"),
        (
            "purifier: plain}",
            "purifier: plain, transcript_of: other_utterance}",
            "defences.plain.transcript_of: there is no text",
        ),
        (
            "purifier: plain}",
            "purifier: plain, distortion: hush}",
            "plain.distortion: unknown entry of distortions 'hush'",
        ),
        ("purifier: plain}", "purifier: plain, back: false}", "setting 'back' is now called 'reverse'"),
        ("layers: 4", "layers: 4, cycle: 3", "setting 'cycle' is now called 'dilation_cycle'"),
        ("distortions: [hiss]", "noises: [hiss]", "setting 'noises' is now called 'distortions'"),
        ("distortions: [hiss]", "distortions: [hiss], projected: 8", "is now called 'condition_channels'"),
        (
            "distortions: [hiss]",
            "distortions: [hiss, hush]",
            "purifiers.textual.distortions[1]: unknown entry of distortions 'hush'",
        ),
        ("embedder: grams", "embedder: said", "purifiers.textual.embedder: unknown entry of embedders 'said'"),
        ("layers: 4", "layers: 4, crop: 2", "purifiers.plain.corpus: it is trained on crops of 2 s"),
        (", embedder: grams", "", "a text needs an embedder"),
    ],
)
def test_errors_are_reported_with_their_places(old: str, new: str, message: str):
    assert old in CONFIGURATION
    with pytest.raises(InputError) as caught:
        configured(CONFIGURATION.replace(old, new))
    assert message in str(caught.value)


# The defence


def weights(folder: Path, kind: str = "tdap") -> Path:
    purifier = built(kind)
    path = folder / "weights.safetensors"
    tensors.save(seeded(purifier), {"purifier": plugins.describe(purifier)}, path)
    return path


def purification(**settings: Any):
    return plugins.build("defences", {"kind": "purification", "purifier": "key", **settings})


def test_test_audio_is_purified_with_its_text(tmp_path):
    shard = write_corpus(tmp_path / "shard.parquet", harmonic_tones(4, 4000).numpy(), ["train", "test", "test", "test"])
    texts = tmp_path / "texts.parquet"
    transcript = plugins.build("texts", {"kind": "transcript"})
    transcribe(transcript, shards=[shard], splits=["test"], destination=texts, device=CPU)
    assert dict(read_texts([texts])) == dict.fromkeys(["u001", "u002", "u003"], "yes")
    purified = {}
    for name, settings in {"text": {"text": TEXT}, "no text": {}, "noise": {"reverse": False}}.items():
        defend_audio(
            purification(**settings),
            weights=weights(tmp_path),
            texts=[texts],
            shard=shard,
            destination=tmp_path / name,
            device=CPU,
        )
        (batch,) = utterances.read(tmp_path / name)
        assert batch.rows["utterance_id"].tolist() == ["u001", "u002", "u003"]
        purified[name] = batch.waveforms
    assert all(np.isfinite(waveforms).all() for waveforms in purified.values())
    assert not np.allclose(purified["text"], purified["no text"])
    with pytest.raises(InputError, match="needs the weights"):
        defend_audio(purification(), weights=None, texts=[], shard=shard, destination=tmp_path / "none", device=CPU)


def test_the_distortion_comes_before_the_conditioning(tmp_path):
    speech, path = harmonic_tones(4, 4000), weights(tmp_path)
    noise = {"room": "distortions", "settings": {"kind": "noise", "snr": 20}}
    purified = purification(distortion=noise, seed=3).transform_with_texts(RATE, CPU, path)(speech, [""] * 4)
    noisy = plugins.build("defences", {"kind": "distortion", "distortion": noise, "seed": 3}).transform(RATE, CPU)
    torch.testing.assert_close(
        purified, purification(seed=3).transform_with_texts(RATE, CPU, path)(noisy(speech), [""] * 4)
    )
    # Silent and non-finite utterances are not distorted, and affect no other one.
    invalid = speech.clone()
    invalid[0], invalid[1, 5] = 0, float("nan")
    purified = purification(
        distortion={"room": "distortions", "settings": {"kind": "noise", "std": 0.1}}
    ).transform_with_texts(RATE, CPU, path)(invalid, [""] * 4)
    assert torch.equal(purified[0], invalid[0])
    torch.testing.assert_close(purified[1], invalid[1], equal_nan=True, rtol=0, atol=0)
    assert torch.isfinite(purified[2:]).all()


def test_a_wrong_text_is_that_of_another_utterance(tmp_path):
    assert other_texts(["yes", "yes", "no", "up"]) == ["no", "no", "up", "yes"]
    assert other_texts(["yes", "yes"]) == ["", ""]
    speech, path = harmonic_tones(3, 4000), weights(tmp_path)
    right, wrong = (
        purification(text=TEXT, transcript_of=source).transform_with_texts(RATE, CPU, path)
        for source in ("own_utterance", "other_utterance")
    )
    torch.testing.assert_close(wrong(speech, ["yes", "no", "up"]), right(speech, ["no", "up", "yes"]))
    assert not torch.allclose(wrong(speech, ["yes", "no", "up"]), right(speech, ["yes", "no", "up"]))


def test_a_defence_without_text_ignores_texts():
    lowpass = plugins.build("defences", {"kind": "lowpass"})
    speech = harmonic_tones(2, 4000)
    defended = lowpass.transform_with_texts(RATE, CPU, None)(speech, ["yes", "no"])
    assert torch.equal(defended, lowpass.transform(RATE, CPU)(speech))


def test_the_embedder_is_part_of_the_purifier():
    assert built("tdap").text_embedding(CPU)(["yes"]).shape == (1, 32)
    assert built("tdap", embedder=HASHED).text_size == 32


def test_an_adaptive_attack_passes_a_purification(tmp_path):
    """Its effect on the score holds for other random draws of the defence, too."""
    speech, labels = harmonic_tones(4, 4000), ["yes", "no", "up", "down"]
    defence, path = purification(text=TEXT, start=1), weights(tmp_path)
    draws = differentiable_defences(defence, weights=path, draws=2, sample_rate=RATE, device=CPU, samples=4000)
    embed = lambda waveforms: torch.fft.rfft(waveforms)[:, 20:200].abs()  # noqa: E731
    rows = tuple(partial(_of_rows, function, labels) for function in draws)
    objective = AttackObjective(
        embed=embed, references=embed(speech.flip(0)), is_target=torch.zeros(4, dtype=torch.bool), defences=rows
    )
    adversary = plugins.build("adversaries", {"kind": "pgd", "norm": "linf", "epsilon": 300, "steps": 10})
    attacked, messages = adversary.perturb(speech, objective, 0)
    assert messages == [""] * 4
    purify = defence.transform_with_texts(RATE, CPU, path)
    before, after = (
        cosine_similarity(embed(purify(audio, labels)), objective.references) for audio in (speech, attacked)
    )
    assert (after > before + 0.05).all(), (before, after)


def _of_rows(purify, labels, waveforms, rows):
    return purify(waveforms, [labels[row] for row in rows.tolist()])


def test_gradient_checkpointing_changes_no_gradient(tmp_path, monkeypatch):
    """Gradient checkpointing computes each step again, which changes neither gradients nor random draws."""
    purify = purification(text=TEXT).transform_with_texts(RATE, CPU, weights(tmp_path))
    gradients = []
    for checkpointing in (True, False):
        if not checkpointing:
            monkeypatch.setattr(
                "sanguinaria.purifiers._diffusion.sampler.checkpoint", lambda function, *args, **_: function(*args)
            )
        speech = harmonic_tones(2, 4000).requires_grad_()
        (gradient,) = torch.autograd.grad(purify(speech, ["yes", "no"]).square().sum(), speech)
        gradients.append(gradient)
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients)
