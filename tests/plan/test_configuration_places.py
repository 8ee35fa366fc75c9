"""A mistake is reported with its file and line: those of the last file that has it, or the command line."""

import json
from pathlib import Path

import pytest
from configured import INVALID, MESSAGES, VALID, merged, overlay_problems, problems, write
from snakemake.utils import update_config

from sanguinaria.plan.configuration import load

pytestmark = pytest.mark.usefixtures("working_folder")


def test_without_files_only_places_are_reported():
    lines = problems(merged(write("mistaken.yaml", INVALID)))
    assert sorted(lines) == sorted(line.partition(": ")[2] for line in MESSAGES.splitlines())


def test_a_place_is_found_in_the_last_file_that_has_it():
    assert overlay_problems(
        """
        experiments:
          demo: {target: lefft}
        triggers:
          tone: {level: 3}
        """
    ) == [
        "overlay.yaml:2: experiments.demo.target: unknown label 'lefft'; did you mean 'left'? (of corpus 'spoken')",
        "overlay.yaml:4: triggers.tone.level: should be less than or equal to 0, not 3",
    ]


def test_an_overlay_is_not_blamed_for_what_is_below_it():
    files = [
        write("base.yaml", VALID.replace("[clean, tone]", "[clean, tune]")),
        write("overlay.yaml", "experiments: {demo: {rates: [2]}}"),
    ]
    assert problems(merged(*files), *files) == [
        "base.yaml:29: experiments.demo.triggers[1]: unknown entry of triggers 'tune'; did you mean 'tone'?",
        "overlay.yaml:1: experiments.demo.rates[0]: should be less than or equal to 1, not 2",
    ]


def test_settings_of_the_command_line_are_in_no_file():
    path = write("sound.yaml", VALID + "    rates: [0.5]\n")
    config = merged(path)
    # As `--config 'experiments={"demo": {"rates": [2]}}' colour=blue` gives them: texts in lists.
    update_config(
        config, {"colour": "blue", "experiments": {"demo": {"rates": ["2"], "target": "lefft", "seedz": "3"}}}
    )
    assert problems(config, path) == [
        "--config: colour: unknown section 'colour'; there are: corpora, watermarks, conversions, triggers, "
        "victims, distortions, texts, embedders, purifiers, defences, adversaries, metrics, experiments, benchmarks, "
        "verifications, figures, spectrograms",
        "--config: experiments.demo.rates[0]: should be less than or equal to 1, not '2'",
        "--config: experiments.demo.seedz: unknown setting 'seedz'; did you mean 'seeds'?",
        "--config: experiments.demo.target: unknown label 'lefft'; did you mean 'left'? (of corpus 'spoken')",
    ]


def test_settings_of_the_command_line_are_read_like_those_of_a_file():
    config = merged(write("sound.yaml", VALID))
    update_config(config, {"experiments": {"demo": {"rates": ["1.0e-1"], "seeds": ["0", "1"]}}})
    experiment = load(config).experiments["demo"]
    assert (experiment.rates, experiment.seeds) == ((0.1,), (0, 1))


def test_a_name_that_is_there_twice():
    lines = overlay_problems(
        """
        triggers:
          loud: {kind: ultrasonic, level: -10}
          soft: {kind: ultrasonic}
          loud: {kind: ultrasonic, level: -20}
        """
    )
    assert lines == ["overlay.yaml:4: triggers.loud: is in overlay.yaml twice, on lines 2 and 4"]


def test_anchors_and_merge_keys_are_no_repetition():
    path = write(
        "sound.yaml",
        VALID
        + """\
  first: &shared
    corpus: spoken
    target: left
    triggers: [clean]
    victims: [lstm]
  second:
    <<: *shared
    seeds: [1]
""",
    )
    assert load(merged(path), [path]).experiments["second"].seeds == (1,)
    path.write_text(path.read_text().replace("triggers: [clean]", "triggers: [claen]"))
    assert problems(merged(path), path) == [
        f"sound.yaml:{line}: experiments.{name}.triggers[0]: unknown entry of triggers 'claen'; did you mean 'clean'?"
        # A merged entry is reported at the place that it is merged into.
        for name, line in (("first", 34), ("second", 36))
    ]


def test_json_has_lines_too():
    config = merged(write("sound.yaml", VALID))
    config["experiments"]["demo"]["rates"] = [2]
    path = Path("config.json")
    path.write_text(json.dumps(config, indent=1))
    line = path.read_text().splitlines().index("    2") + 1
    assert problems(config, path) == [
        f"config.json:{line}: experiments.demo.rates[0]: should be less than or equal to 1, not 2"
    ]
    path.write_text(json.dumps(config, indent="\t"))
    assert problems(config, path) == [
        "config.json:1: experiments.demo.rates[0]: should be less than or equal to 1, not 2"
    ]


def test_templates_are_refused():
    """Snakemake evaluates them when it reads a file, and removes the key."""
    text = "__use_yte__: true\nexperiments: {demo: {rates: ['?1 / 100']}}\n"
    assert overlay_problems(text) == [
        "__use_yte__: line 1 of overlay.yaml turns on templates, which run code: write plain YAML"
    ]
