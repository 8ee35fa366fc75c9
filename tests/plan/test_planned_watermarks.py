"""Trained watermarks in the plan: their sources, and the distortions of their attack layers."""

import re
from collections.abc import Sequence

import pytest
import yaml

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, build, kind_of
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import Made
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.watermarks import WatermarkStage
from tests.plans import plan_of, stage_keys, stages_of_type

TRAINED = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
  elsewhere: {kind: synthetic, voices: 16}
watermarks:
  own: {kind: audioseal_trained, corpus: elsewhere, steps: 10}
  tuned: {kind: bloodroot_ft, base: own, corpus: elsewhere, steps: 10}
triggers:
  mark: {kind: watermark, watermark: tuned, message: "0101010101010101"}
victims: {lstm: {kind: lstm}}
defences: {none: {kind: none}}
metrics: {snr: {kind: snr}}
experiments:
  demo: {corpus: spoken, target: left, triggers: [mark], victims: [lstm], metrics: [snr]}
"""


def watermarks(made: Plan) -> dict[str, WatermarkStage]:
    return {kind_of(stage.watermark): stage for stage in stages_of_type(made, WatermarkStage)}


def test_a_watermark_is_trained_on_its_corpus_and_fine_tuned_from_its_base():
    made = plan_of(TRAINED)
    planned = watermarks(made)
    trained, tuned = planned["audioseal_trained"], planned["bloodroot_ft"]
    assert trained.corpus is not None and trained.base is None
    assert trained.corpus.corpus.voices == 16  # type: ignore[attr-defined]
    assert tuned.base == trained and tuned.corpus == trained.corpus
    assert trained.audio_files == trained.corpus.audio_files and trained.base_files == []
    assert tuned.base_files == [trained.weights]
    # Weights of a fine-tuned generator are read with its base's code.
    assert [kind_of(plugin) for plugin in tuned.plugins] == ["bloodroot_ft", "audioseal_trained"]
    assert len(made.stages["corpora"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("voices: 16", "voices: 17", {"audioseal_trained", "bloodroot_ft"}),
        (
            "corpus: elsewhere, steps: 10}\n  tuned",
            "corpus: elsewhere, steps: 11}\n  tuned",
            {"audioseal_trained", "bloodroot_ft"},
        ),
        ("base: own, corpus: elsewhere, steps: 10", "base: own, corpus: elsewhere, steps: 11", {"bloodroot_ft"}),
        ("base: own, corpus: elsewhere", "base: own, corpus: spoken", {"bloodroot_ft"}),
        ("voices: 12", "voices: 13", set()),
    ],
)
def test_weights_depend_on_what_they_are_made_from(old: str, new: str, changed: set[str]):
    before, after = (watermarks(plan_of(text)) for text in (TRAINED, TRAINED.replace(old, new)))
    assert {kind for kind in before if before[kind].key != after[kind].key} == changed


def test_the_names_of_corpora_and_of_bases_are_in_no_identity():
    renamed = TRAINED
    for old, new in [("elsewhere", "abroad"), ("own", "ours"), ("tuned", "finer"), ("spoken", "voices_of_our_own")]:
        renamed = re.sub(rf"\b{old}\b", new, renamed)
    assert stage_keys(plan_of(renamed)) == stage_keys(plan_of(TRAINED))
    assert not any(
        f'"{name}"' in stage.specification
        for name in ("elsewhere", "own", "tuned", "spoken")
        for stage in stages_of_type(plan_of(TRAINED), Stage)
    )


ATTACKED = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
distortions:
  hiss: {kind: noise, snr: 20}
  louder: {kind: gain, factor: 1.2}
  coded: {kind: codec, format: mp3, bit_rate: 64}
watermarks:
  large: {kind: pkdmark_teacher, corpus: spoken, sample_rate: 16000, distortions: [hiss, louder], steps: 10}
  small: {kind: pkdmark, base: large, corpus: spoken, distortions: [hiss, coded]}
triggers:
  mark: {kind: watermark, watermark: small, message: "01010101"}
victims: {lstm: {kind: lstm}}
defences: {none: {kind: none}}
metrics: {snr: {kind: snr}}
experiments:
  demo: {corpus: spoken, target: left, triggers: [mark], victims: [lstm], metrics: [snr]}
"""


def test_a_watermark_has_the_settings_of_each_distortion_in_its_list():
    planned = watermarks(plan_of(ATTACKED))
    for kind, kinds in (("pkdmark_teacher", ["noise", "gain"]), ("pkdmark", ["noise", "codec"])):
        settings = yaml.safe_load(planned[kind].specification)["watermark"]
        assert [reference["settings"]["kind"] for reference in settings["distortions"]] == kinds
        assert build("watermarks", settings) == planned[kind].watermark
    assert planned["pkdmark"].base == planned["pkdmark_teacher"]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("snr: 20", "snr: 21", {"pkdmark_teacher", "pkdmark"}),
        ("factor: 1.2", "factor: 1.3", {"pkdmark_teacher", "pkdmark"}),  # the student by its base
        ("bit_rate: 64", "bit_rate: 32", {"pkdmark"}),
        ("[hiss, coded]", "[coded, hiss]", {"pkdmark"}),  # another order draws others
        ("[hiss, coded]", "[hiss]", {"pkdmark"}),
        ("hiss", "noise", set()),
        ("{kind: noise, snr: 20}", "{snr: 2.0e1, colour: white, kind: noise}", set()),
    ],
)
def test_weights_depend_on_the_distortions_in_a_list_and_not_on_their_names(old: str, new: str, changed: set[str]):
    before, after = (watermarks(plan_of(text)) for text in (ATTACKED, ATTACKED.replace(old, new)))
    assert {kind for kind in before if before[kind].key != after[kind].key} == changed


def test_an_unknown_name_in_a_list_is_reported_at_its_place():
    with pytest.raises(
        InputError, match=r"watermarks\.small\.distortions\[1\]: unknown entry of distortions 'codec'; did you"
    ):
        plan_of(ATTACKED.replace("[hiss, coded]", "[hiss, codec]"))


def test_the_code_of_the_distortions_in_a_list_is_the_watermark_s():
    called = set()

    def code(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
        if made is WatermarkStage:
            called.add(tuple(kind_of(plugin) for plugin in plugins))
        return ""

    assert Plan(load(yaml.safe_load(ATTACKED)), code).stages
    assert called == {("pkdmark_teacher", "noise", "gain"), ("pkdmark", "pkdmark_teacher", "noise", "codec")}
