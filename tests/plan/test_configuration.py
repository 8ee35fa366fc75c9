"""All mistakes in a configuration are reported at once, each with its place and the nearest existing name."""

from pathlib import Path

import pytest
from configured import INVALID, MESSAGES, VALID, merged, overlay_problems, problems, write

from sanguinaria.core.plugins import describe
from sanguinaria.plan.configuration import load
from sanguinaria.plan.rules import rule_names

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("working_folder")


def test_a_sound_configuration_becomes_plug_ins():
    configuration = load(merged(write("sound.yaml", VALID)))
    assert describe(configuration.entries["triggers"]["tone"]) == {
        "kind": "ultrasonic",
        "frequency": 7500.0,
        "level": -40.0,
        "position": "start",
        "share": 1.0,
        "form": "continuous",
    }
    assert configuration.experiments["demo"].metrics == ("pesq", "stoi", "snr")
    assert configuration.experiments["demo"].rates == (0.01,)


@pytest.mark.parametrize("name", ["config.yaml", "config/real.yaml"])
def test_the_configurations_of_the_project_are_sound(name: str):
    files = dict.fromkeys((ROOT / "config.yaml", ROOT / name))
    configuration = load(merged(*files), list(files))
    assert set(configuration.experiments) == set(merged(*files)["experiments"])


def test_all_mistakes_of_a_file_are_reported_at_once():
    path = write("mistaken.yaml", INVALID)
    assert problems(merged(path), path) == [f"mistaken.yaml:{line}" for line in MESSAGES.splitlines()]


def test_every_target_has_a_name_of_its_own():
    figures = "figures: {demo: {experiment: demo, panels: [{x: rate, y: pesq}]}, "
    assert overlay_problems(figures + "demo_data: {experiment: demo, panels: [{x: rate, y: pesq}]}}") == [
        "overlay.yaml:1: figures.demo: 'demo' is an experiment's name, too: choose another one",
        "overlay.yaml:1: figures.demo_data: 'demo_data' is the target of an experiment's poisoned data: "
        "choose another one",
    ]


@pytest.mark.parametrize("section", ["experiments", "metrics"])
@pytest.mark.parametrize("value", ["[demo]", "demo", "3"])
def test_a_section_of_another_type_is_one_problem(section: str, value: str):
    assert overlay_problems(f"{section}: {value}") == [f"overlay.yaml:1: {section}: should map names to settings"]


@pytest.mark.parametrize("text", ["experiments:", "experiments: []"])
def test_an_empty_overlay_of_the_experiments_is_reported(text: str):
    assert "overlay.yaml:1: experiments: should" in overlay_problems(text)[0]


def test_no_configuration_at_all():
    assert problems({}) == ["experiments: should name at least one experiment"]
    assert problems({}, write("empty.yaml", "{}")) == ["experiments: should name at least one experiment"]


def test_words_that_yaml_takes_for_truth_values():
    assert overlay_problems(
        """
        on: {}
        corpora:
          spoken: {words: [yes, no, maybe]}
        defences:
          off: {kind: none}
        victims:
          lstm: {no: 3}
          other: {kind: no}
        """
    ) == [
        "overlay.yaml:1: True: YAML reads this as the truth value true: put quotes around it",
        "overlay.yaml:3: corpora.spoken.words[0]: YAML reads this as the truth value true: put quotes around it",
        "overlay.yaml:3: corpora.spoken.words[1]: YAML reads this as the truth value false: put quotes around it",
        "overlay.yaml:5: defences.False: YAML reads this as the truth value false: put quotes around it",
        "overlay.yaml:7: victims.lstm.False: YAML reads this as the truth value false: put quotes around it",
        "overlay.yaml:8: victims.other.kind: YAML reads this as the truth value false: put quotes around it",
    ]


def test_a_name_that_is_nowhere_near_gets_all_that_there_are():
    assert overlay_problems("experiments: {demo: {test_triggers: [xyz]}}") == [
        "overlay.yaml:1: experiments.demo.test_triggers[0]: unknown entry of triggers 'xyz'; there are: clean, tone"
    ]
    assert overlay_problems("experiments: {demo: {triggers: [xyz]}}") == [
        "overlay.yaml:1: experiments.demo.triggers[0]: unknown entry of triggers 'xyz'; there are: clean, tone"
    ]
    assert overlay_problems("defences: {}\nwatermarks:\ntriggers: {a: {kind: watermark, watermark: xyz}}") == [
        "overlay.yaml:3: triggers.a.watermark: unknown entry of watermarks 'xyz'; there are: none"
    ]


@pytest.mark.parametrize("rule", ["all", *rule_names()])
def test_experiments_have_no_names_of_rules(rule: str):
    text = f"experiments: {{{rule}: {{corpus: spoken, target: left, triggers: [clean], victims: [lstm]}}}}"
    assert overlay_problems(text) == [
        f"overlay.yaml:1: experiments.{rule}: {rule!r} is the name of a rule of the workflow: choose another one"
    ]
