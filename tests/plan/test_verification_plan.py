"""Verifications in the plan: shared work, adaptive attacks, and errors in the configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.attacks import AttackedStage
from sanguinaria.plan.stages.embeddings import EmbeddingStage

CONFIGURATION = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
  others: {kind: synthetic, voices: 16}
distortions:
  hiss: {kind: noise, snr: 20}
triggers:
  tone: {kind: ultrasonic, level: -30}
victims:
  lstm: {kind: lstm}
  small: {kind: ecapa_tdnn, channels: 16, augmentations: [hiss]}
  known: {kind: resemblyzer}
defences:
  none: {kind: none}
  hissing: {kind: distortion, distortion: hiss}
  pruned: {kind: pruning, share: 0.1}
adversaries:
  nobody: {kind: none}
  noise: {kind: noise, epsilon: 6400}
  pgd: {kind: pgd, norm: l2, epsilon: 6400}
  knowing: {kind: pgd, norm: l2, epsilon: 6400, adaptive: true}
metrics:
  snr: {kind: snr}
experiments:
  demo: {corpus: spoken, target: left, triggers: [tone], victims: [lstm], metrics: [snr]}
verifications:
  check:
    corpus: spoken
    training_corpus: others
    encoders: [small, known]
    attacks: [nobody, noise, pgd, knowing]
    defences: [none, hissing]
    metrics: [snr]
    seeds: [0, 1]
    trials: {count: 2500}
"""
Edit = Callable[[dict[str, Any]], object]


def configured(edit: Edit | None = None, code: Any = None) -> Plan:
    config = yaml.safe_load(CONFIGURATION)
    if edit is not None:
        edit(config)
    return Plan(load(config), code) if code else Plan(load(config))


def attacked(planned: Plan) -> list[AttackedStage]:
    return [stage for stage in planned.stages["attacked"].values() if isinstance(stage, AttackedStage)]


def test_work_is_shared():
    planned = configured()
    table = planned.tables["check"]
    assert len(table.cells) == 2 * 4 * 2 and table.kind == "verifications"
    victims = [stage for stage in planned.stages["victims"].values() if kind_of(stage.victim) == "ecapa_tdnn"]
    assert len(victims) == 2 and all(stage.poisoned.corpus.corpus.voices == 16 for stage in victims)
    assert len(planned.stages["trials"]) == 1
    stages = attacked(planned)
    noise = [stage for stage in stages if kind_of(stage.adversary) == "noise"]
    # Noise is drawn for each seed, and depends on no encoder.
    assert len(noise) == 2 and all(stage.victim is None for stage in noise)
    # Without a defence, adaptive attacks are non-adaptive ones; the pretrained encoder is attacked once for both seeds.
    for encoder, trainings in (("ecapa_tdnn", 2), ("resemblyzer", 1)):
        own = [stage for stage in stages if stage.victim is not None and kind_of(stage.victim) == encoder]
        assert sorted(stage.defence is not None for stage in own) == [False] * trainings + [True] * trainings
    assert all(stage.shards == 3 for stage in stages)
    # Genuine trials use the corpus's audio.
    embedded = [stage for stage in planned.stages["embeddings"].values() if isinstance(stage, EmbeddingStage)]
    assert sum(stage.audio_stage.stage == "corpora" for stage in embedded) == 3


def test_what_is_not_changed_has_no_quality():
    lines = {(line.factors["attack"], line.factors["defence"]): line for line in configured().tables["check"].cells}
    assert not lines["nobody", "none"].quality
    assert set(lines["nobody", "hissing"].quality) == set(lines["pgd", "none"].quality) == {"snr_db"}
    assert lines["nobody", "hissing"].rows["attacks"] == ()


def test_entries_are_in_specifications_by_their_settings():
    table = configured().tables["check"]
    results = json.loads(table.specification)["results"]
    (knowing,) = {
        json.dumps(stage["defence"]["distortion"]["settings"])
        for path, stage in results.items()
        if path.startswith("attacked/") and stage["defence"] is not None
    }
    assert json.loads(knowing)["snr"] == 20
    victims = [stage["victim"] for path, stage in results.items() if path.startswith("victims/")]
    assert all(victim["augmentations"][0]["settings"]["kind"] == "noise" for victim in victims)


def test_code_is_that_of_what_is_called():
    called: dict[str, set[str]] = {}

    def code(made, plugins, modules=()):
        called.setdefault(made.rules[0], set()).update(map(kind_of, plugins))
        return ""

    assert configured(code=code).stages
    assert called["attacked"] == {"noise", "pgd", "ecapa_tdnn", "resemblyzer", "distortion"}
    assert called["embeddings"] == {"ecapa_tdnn", "resemblyzer"}
    assert called["trials"] == called["trial_scores"] == called["table"] == set()
    assert called["probe_quality"] == {"snr"} and "noise" in called["victim"]


def test_a_list_of_trials_is_known_by_its_content(tmp_path):
    path = tmp_path / "list.txt"

    def listed(config):
        config["verifications"]["check"]["trials"] = {"list": str(path)}

    keys = []
    for text in ("1 a b\n", "0 a b\n"):
        path.write_text(text)
        keys.append(next(iter(configured(listed).stages["trials"])))
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("encoders", ["lstm"], "'lstm' makes no embeddings: name a speaker encoder"),
        ("encoders", ["absent"], "absent"),
        ("defences", ["pruned"], "'pruned' acts on models"),
        ("attacks", ["absent"], "absent"),
        ("attacks", [], "attacks"),
        ("training_corpus", "absent", "absent"),
        ("corpus", "absent", "absent"),
        ("trials", {"count": 1}, "count"),
        ("unknown", 1, "unknown"),
        ("comparison", {"paper": "tdap", "table": "9"}, "no printed numbers of tdap 9; there are: .*tdap 1"),
    ],
)
def test_errors_are_reported(field, value, message):
    with pytest.raises(InputError, match=message):
        configured(lambda config: config["verifications"]["check"].update({field: value}))


def test_an_adaptive_attack_on_a_purification_has_the_purifier_s_weights():
    def purified(config):
        config["purifiers"] = {"plain": {"kind": "audiopure", "corpus": "spoken", "layers": 4, "channels": 8}}
        config["defences"]["purified"] = {"kind": "purification", "purifier": "plain"}
        config["verifications"]["check"]["defences"] = ["none", "purified"]

    planned = configured(purified)
    (purifier,) = planned.stages["purifiers"].values()
    adaptive = [stage for stage in attacked(planned) if stage.purifier is not None]
    # Of each of two trainings of the one encoder and of the pretrained other.
    assert len(adaptive) == 3
    assert all(stage.purifier is purifier and stage.weights == [purifier.weights] for stage in adaptive)
    assert all(stage.defence.purifier.result == purifier.key and stage.adversary.adaptive for stage in adaptive)
    assert all(stage.weights == [] for stage in attacked(planned) if stage.purifier is None)


def test_an_adaptive_attack_on_a_purification_has_the_transcripts():
    def with_text(config):
        config["texts"] = {"transcripts": {"kind": "pocketsphinx"}}
        config["embedders"] = {"grams": {"kind": "hashed"}}
        tdap = {"kind": "tdap", "corpus": "spoken", "distortions": ["hiss"], "text": "transcripts", "embedder": "grams"}
        config["purifiers"] = {"plain": tdap}
        config["defences"]["purified"] = {"kind": "purification", "purifier": "plain", "text": "transcripts"}
        config["verifications"]["check"]["defences"] = ["purified"]

    planned = configured(with_text)
    adaptive = [stage for stage in attacked(planned) if stage.purifier is not None]
    assert {stage.text.audio_stage.stage for stage in adaptive} == {"corpora"}
    assert all(stage.text.splits == ("test",) and stage.text_files == stage.text.row_files for stage in adaptive)
    # The defence itself transcribes the attacked audio.
    defended = planned.stages["defended"].values()
    assert all(stage.text.audio_stage is stage.audio_stage for stage in defended)


@pytest.mark.parametrize(("kind", "refused"), [("transcript", True), ("pocketsphinx", False)])
def test_a_purifier_is_not_conditioned_on_speaker_labels(kind, refused):
    def with_text(config):
        config["texts"] = {"transcripts": {"kind": kind}}
        config["embedders"] = {"grams": {"kind": "hashed"}}
        tdap = {"kind": "tdap", "corpus": "spoken", "distortions": ["hiss"], "text": "transcripts", "embedder": "grams"}
        config["purifiers"] = {"plain": tdap}
        config["defences"]["purified"] = {"kind": "purification", "purifier": "plain", "text": "transcripts"}
        config["verifications"]["check"]["defences"] = ["none", "purified"]

    if not refused:
        assert configured(with_text)
        return
    with pytest.raises(InputError, match=r"verifications.check.defences\[1\]: 'purified' has labels for its text"):
        configured(with_text)


@pytest.mark.parametrize("name", ["demo", "comparison", "trials"])
def test_names_differ_from_others(name):
    def renamed(config):
        config["verifications"][name] = config["verifications"].pop("check")

    with pytest.raises(InputError, match=name):
        configured(renamed)
