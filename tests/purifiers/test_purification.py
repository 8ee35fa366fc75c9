"""Purification as a defence: what it refers to, what it is given, and what is planned for it."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from test_purifiers import HASHED, TOLD, built, seeded
from torch.nn.functional import cosine_similarity
from toy_speech import RATE, hum, write_corpus

from sanguinaria.adversaries import AttackObjective
from sanguinaria.audio import utterances
from sanguinaria.core import plugins, tensors
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, kind_of
from sanguinaria.defences.purification import others
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan, plan
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
texts: {said: {kind: transcript}, untold: {kind: none}}
embedders: {grams: {kind: hashed}}
purifiers:
  plain: {kind: audiopure, corpus: spoken, layers: 4, channels: 8}
  told: {kind: tdap, corpus: spoken, noises: [hiss], text: said, embedder: grams}
defences:
  none: {kind: none}
  plain: {kind: purification, purifier: plain}
  told: {kind: purification, purifier: told, text: said}
  wrong: {kind: purification, purifier: told, text: said, whose: other}
metrics: {snr: {kind: snr}}
experiments:
  mine:
    {corpus: spoken, target: left, triggers: [clean, tone], victims: [lstm], metrics: [snr],
    defences: [none, plain, told, wrong]}
"""


def configured(text: str = CONFIGURATION, code=lambda script, plugins: "") -> Plan:
    return plan(load(yaml.safe_load(text)), code)


def keys(made: Plan, stage: str) -> set[str]:
    return set(made.stages[stage])


# The plan


def test_a_purifier_is_trained_once_and_each_defence_has_its_weights():
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
        assert stage.defence.purifier == stage.purifier.key
    assert {path for stage in made.stages["purifiers"].values() for path in stage.audio_files} == set(
        next(iter(made.stages["corpora"].values())).audio_files
    )


def test_what_is_said_is_written_down_once():
    made = configured()
    texts = made.stages["texts"].values()
    # In the training's utterances, and in the clean and the triggered ones that two defences are told of.
    assert sorted((stage.audio_stage.stage, stage.splits) for stage in texts) == [
        ("corpora", ("test",)),
        ("corpora", ("train", "validation")),
        ("triggered", ("test",)),
    ]
    told = [stage for stage in made.stages["defended"].values() if stage.text is not None]
    assert len(told) == 4 and all(stage.text.audio_stage is stage.audio_stage for stage in told)
    assert all(stage.text_files(0) == stage.text.row_files for stage in told)
    (trained,) = (stage for stage in made.stages["purifiers"].values() if stage.name == "tdap")
    assert [stage.splits for stage in trained.texts] == [("train", "validation")]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("said: {kind: transcript}", "said: {kind: pocketsphinx}", {"texts": 3, "purifiers": 1, "defended": 4}),
        ("snr: 30", "snr: 31", {"purifiers": 1, "defended": 4}),
        ("kind: hashed", "kind: hashed, size: 100", {"purifiers": 1, "defended": 4}),
        ("layers: 4", "layers: 5", {"purifiers": 1, "defended": 2}),
        ("whose: other", "whose: other, start: 3", {"purifiers": 0, "defended": 2}),
        (
            "{kind: purification, purifier: plain}",
            "{kind: purification, purifier: plain, back: false}",
            {"defended": 2},
        ),
        (
            "{kind: purification, purifier: plain}",
            "{kind: purification, purifier: plain, noise: hiss}",
            {"defended": 2},
        ),
        ("factor: 0.9", "factor: 0.8", {}),
    ],
)
def test_a_setting_changes_what_depends_on_it(old: str, new: str, changed: dict[str, int]):
    assert old in CONFIGURATION
    before, after = configured(), configured(CONFIGURATION.replace(old, new))
    for stage in ("texts", "purifiers", "defended", "victims", "triggered"):
        assert len(keys(after, stage) - keys(before, stage)) == changed.get(stage, 0), stage


def test_the_names_of_entries_are_in_no_identity():
    renamed = CONFIGURATION
    for name in ("hiss", "said", "grams", "told", "spoken"):
        renamed = renamed.replace(name, f"{name}_2")
    for stage in ("purifiers", "defended", "scores"):
        assert keys(configured(renamed), stage) == keys(configured(), stage)


def test_the_code_of_what_is_called_is_the_stage_s():
    calls: set[tuple[str, tuple[str, ...]]] = set()

    def code(stage: str, plugins: Sequence[Plugin]) -> str:
        calls.add((stage, tuple(kind_of(plugin) for plugin in plugins)))
        return ""

    configured(code=code)
    assert {call for call in calls if call[0] in ("texts", "purifiers", "defended_audio")} == {
        ("texts", ("transcript",)),
        ("purifiers", ("audiopure",)),
        ("purifiers", ("tdap", "noise", "hashed")),
        ("defended_audio", ("purification", "audiopure")),
        ("defended_audio", ("purification", "tdap", "noise", "hashed")),
    }


def test_jobs_can_build_their_plug_ins_from_a_specification():
    import json

    for stage in configured().stages["purifiers"].values():
        assert plugins.build("purifiers", json.loads(stage.specification)["purifier"]) == stage.purifier
    for stage in configured().stages["defended"].values():
        assert plugins.build("defences", json.loads(stage.specification)["defence"]) == stage.defence


def shown(
    encoder: str = "ecapa",
    adversary: str = "pgd",
    epsilon: int = 30,
    names: tuple[str, str] = ("ecapa", "pgd"),
    side: str = "test",
):
    """A plan whose purifier `told` is shown attacks by ``adversary`` on ``encoder``; the two are called ``names``."""
    config = yaml.safe_load(CONFIGURATION)
    config["victims"][names[0]] = {"kind": "ecapa_tdnn", "channels": 16}
    pgd = {"kind": "pgd", "norm": "linf", "epsilon": epsilon, "side": side}
    config["adversaries"] = {names[1]: pgd, "nobody": {"kind": "none"}}
    config["purifiers"]["told"] |= {"encoder": encoder, "adversary": adversary, "trials": 2500}
    return plan(load(config), lambda script, plugins: "")


def test_a_purifier_is_shown_attacks_on_an_encoder_of_its_own_corpus():
    made = shown()
    (stage,) = (stage for stage in made.stages["purifiers"].values() if stage.name == "tdap")
    (attacked,) = made.stages["attacked"].values()
    assert stage.attacked is attacked and stage.trial_files == [attacked.trials.table]
    assert stage.attacked_files == attacked.audio_files and len(stage.attacked_files) == 3
    assert attacked.trials.split == "train" and attacked.trials.corpus is stage.corpus
    assert attacked.model.poisoned.corpus is stage.corpus and not attacked.model.poisoned.blocks
    assert keys(shown(epsilon=31), "purifiers") != keys(made, "purifiers")
    # What is changed is always the test side of a trial, as it is what pairs are read by.
    (enrolled,) = shown(side="enrolment").stages["attacked"].values()
    assert enrolled.adversary.side == "test" and enrolled.key == attacked.key
    assert keys(shown("small", "other", names=("small", "other")), "purifiers") == keys(made, "purifiers")


@pytest.mark.parametrize(
    ("encoder", "adversary", "told"),
    [
        ("lstm", "pgd", "purifiers.told.encoder: 'lstm' makes no embeddings"),
        ("ecapa", "nobody", "purifiers.told.adversary: 'nobody' does not attack an encoder"),
        ("ecapa", "pdg", "purifiers.told.adversary: unknown entry of adversaries 'pdg'"),
    ],
)
def test_mistakes_in_what_is_attacked_are_told(encoder: str, adversary: str, told: str):
    with pytest.raises(InputError) as caught:
        shown(encoder, adversary)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("purifier: plain}", "purifier: plian}", "defences.plain.purifier: unknown entry of purifiers 'plian'"),
        (
            "purifier: plain}",
            "purifier: plain, text: said}",
            "defences.plain.text: the purifier 'plain' is told no text",
        ),
        ("purifier: plain}", "purifier: plain, start: 300}", "defences.plain.start: 300 is not among the 200 steps"),
        ("purifier: plain}", "purifier: plain, steps: [0.9]}", "defences.plain.steps: these steps end at"),
        ("purifier: plain}", "purifier: plain, whose: other}", "defences.plain.whose: there is no text"),
        ("purifier: plain}", "purifier: plain, noise: hush}", "plain.noise: unknown entry of distortions 'hush'"),
        ("noises: [hiss]", "noises: [hiss, hush]", "purifiers.told.noises[1]: unknown entry of distortions 'hush'"),
        ("embedder: grams", "embedder: said", "purifiers.told.embedder: unknown entry of embedders 'said'"),
        ("layers: 4", "layers: 4, crop: 2", "purifiers.plain.corpus: it is trained on 2 s at a time"),
        (", embedder: grams", "", "a text needs an embedder"),
    ],
)
def test_mistakes_are_told_with_their_places(old: str, new: str, told: str):
    assert old in CONFIGURATION
    with pytest.raises(InputError) as caught:
        configured(CONFIGURATION.replace(old, new))
    assert told in str(caught.value)


# The defence


def weights(folder: Path, kind: str = "tdap") -> Path:
    purifier = built(kind)
    path = folder / "weights.safetensors"
    tensors.save(seeded(purifier), {"purifier": plugins.describe(purifier)}, path)
    return path


def purification(**settings: Any):
    return plugins.build("defences", {"kind": "purification", "purifier": "key", **settings})


def test_test_audio_is_defended_with_its_text(tmp_path):
    shard = write_corpus(tmp_path / "shard.parquet", hum(4, 4000).numpy(), ["train", "test", "test", "test"])
    texts = tmp_path / "texts.parquet"
    transcribe(
        plugins.build("texts", {"kind": "transcript"}), shards=[shard], splits=["test"], destination=texts, device=CPU
    )
    assert dict(read_texts([texts])) == dict.fromkeys(["u001", "u002", "u003"], "yes")
    found = {}
    for name, settings in {"told": {"text": TOLD}, "untold": {}, "noise": {"back": False}}.items():
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
        found[name] = batch.waveforms
    assert all(np.isfinite(waveforms).all() for waveforms in found.values())
    assert not np.allclose(found["told"], found["untold"])
    with pytest.raises(InputError, match="needs the weights"):
        defend_audio(purification(), weights=None, texts=[], shard=shard, destination=tmp_path / "none", device=CPU)


def test_noise_comes_before_all_that_a_purifier_is_told(tmp_path):
    speech, path = hum(4, 4000), weights(tmp_path)
    noise = '{"kind": "noise", "snr": 20}'
    found = purification(noise=noise, seed=3).of_utterances(RATE, CPU, path)(speech, [""] * 4)
    noisy = plugins.build("defences", {"kind": "distortion", "distortion": noise, "seed": 3}).transform(RATE, CPU)
    torch.testing.assert_close(found, purification(seed=3).of_utterances(RATE, CPU, path)(noisy(speech), [""] * 4))
    # Neither silence nor what is no number gets any, and no other utterance is the worse for it.
    broken = speech.clone()
    broken[0], broken[1, 5] = 0, float("nan")
    kept = purification(noise='{"kind": "noise", "std": 0.1}').of_utterances(RATE, CPU, path)(broken, [""] * 4)
    assert torch.equal(kept[0], broken[0])
    torch.testing.assert_close(kept[1], broken[1], equal_nan=True, rtol=0, atol=0)
    assert torch.isfinite(kept[2:]).all()


def test_a_wrong_text_is_another_utterance_s(tmp_path):
    assert others(["yes", "yes", "no", "up"]) == ["no", "no", "up", "yes"]
    assert others(["yes", "yes"]) == ["", ""]
    speech, path = hum(3, 4000), weights(tmp_path)
    right, wrong = (purification(text=TOLD, whose=whose).of_utterances(RATE, CPU, path) for whose in ("own", "other"))
    torch.testing.assert_close(wrong(speech, ["yes", "no", "up"]), right(speech, ["no", "up", "yes"]))
    assert not torch.allclose(wrong(speech, ["yes", "no", "up"]), right(speech, ["yes", "no", "up"]))


def test_a_defence_that_needs_no_labels_has_them_left_out():
    lowpass = plugins.build("defences", {"kind": "lowpass"})
    speech = hum(2, 4000)
    defended = lowpass.of_utterances(RATE, CPU, None)(speech, ["yes", "no"])
    assert torch.equal(defended, lowpass.transform(RATE, CPU)(speech))


def test_an_embedder_is_part_of_the_purifier():
    assert built("tdap").embed(CPU)(["yes"]).shape == (1, 32)
    assert built("tdap", embedder=HASHED).text_size == 32


def test_an_attack_reaches_through_a_purification(tmp_path):
    """What it does to the score is there after other draws, too."""
    speech, labels = hum(4, 4000), ["yes", "no", "up", "down"]
    defence, path = purification(text=TOLD, start=1), weights(tmp_path)
    known = differentiable_defences(defence, weights=path, draws=2, sample_rate=RATE, device=CPU, samples=4000)
    embed = lambda waveforms: torch.fft.rfft(waveforms)[:, 20:200].abs()  # noqa: E731
    rows = tuple(partial(_of_rows, function, labels) for function in known)
    aim = AttackObjective(
        embed=embed, references=embed(speech.flip(0)), is_target=torch.zeros(4, dtype=torch.bool), defences=rows
    )
    adversary = plugins.build("adversaries", {"kind": "pgd", "norm": "linf", "epsilon": 300, "steps": 10})
    attacked, told = adversary.perturb(speech, aim, 0)
    assert told == [""] * 4
    purify = defence.of_utterances(RATE, CPU, path)
    before, after = (cosine_similarity(embed(purify(audio, labels)), aim.references) for audio in (speech, attacked))
    assert (after > before + 0.05).all(), (before, after)


def _of_rows(purify, labels, waveforms, rows):
    return purify(waveforms, [labels[row] for row in rows.tolist()])


def test_gradients_through_a_purification_are_those_of_its_steps(tmp_path, monkeypatch):
    """They are computed step by step again, which changes neither them nor what is drawn."""
    purify = purification(text=TOLD).of_utterances(RATE, CPU, weights(tmp_path))
    found = []
    for again in (True, False):
        if not again:
            monkeypatch.setattr(
                "sanguinaria.purifiers._diffusion.cleanser.checkpoint", lambda function, *given, **_: function(*given)
            )
        speech = hum(2, 4000).requires_grad_()
        (gradient,) = torch.autograd.grad(purify(speech, ["yes", "no"]).square().sum(), speech)
        found.append(gradient)
    assert found[0].abs().max() > 0
    torch.testing.assert_close(*found)
