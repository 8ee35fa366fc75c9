"""Every mistake in a configuration is told at once, each with its place and the nearest name that there is."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from sanguinaria.configuration import ROOMS, RULES, load
from sanguinaria.errors import InputError
from sanguinaria.plugins import build, describe, find, kinds
from sanguinaria.watermarks.audioseal import AudioSeal

ROOT = Path(__file__).parents[1]
SNAKEMAKE = Path(sys.executable).parent / "snakemake"

SOUND = """
corpora:
  spoken:
    kind: synthetic
watermarks:
  perth:
    kind: perth
triggers:
  clean:
    kind: none
  tone:
    kind: ultrasonic
victims:
  lstm:
    kind: lstm
defences:
  none:
    kind: none
metrics:
  pesq:
    kind: pesq
  stoi:
    kind: stoi
  snr:
    kind: snr
experiments:
  demo:
    corpus: spoken
    target: left
    triggers: [clean, tone]
    victims: [lstm]
"""

MISTAKEN = """\
watermark: {}
corpora:
  spoken: {kind: synthetic, voices: 20, pace: [1.0]}
  mine:
    kind: folder
    path: recordings
  keywords:
    kind: speech_commands
    words: sc31
  speech:
    kind: speech_commands
    split: {tset: 0.2}
watermarks:
  perth: {kind: perth}
  seal: {kind: audioseal, source: random}
triggers:
  clean: {kind: none}
  tone:
    kind: ultrasonic
    levle: -30
    position: strat
  wave:
    kind: ultrasonik
  marked:
    kind: watermark
    watermark: perth
    message: "0101"
  sealed:
    kind: watermark
    watermark: seal
    message: "0101"
  bits:
    kind: watermark
    watermark: seel
    message: 0101010101010101
    strength: 0
victims:
  lstm: {kind: lstm, log_mel: {bandz: 40}}
  resnet: {kind: resnet18, stem: no, log_mel: {window: 4000}}
defences: [none]
metrics:
  pesq: {kind: pesq}
  2nd: {kind: snr}
experiments:
  demo:
    corpus: spoken
    target: lefft
    triggers: [clean, wawe, no, tone, tone]
    victims: lstm
    defences: [none]
    metrics: [pesqq]
    labels: [flp]
    rates: [0, 0.5, 1.5]
    seeds: []
    quality: 3
  other:
    corpus: spokn
    target: no
    triggers: [clean, clean]
    metrics: [pesq]
  table: {corpus: spoken, target: left, triggers: [clean], victims: [lstm], metrics: [pesq]}
  empty:
"""

# Line, place, message.
MISTAKES = """\
1: watermark: unknown section 'watermark'; did you mean 'watermarks'?
3: corpora.spoken.pace: unknown setting 'pace'; did you mean 'paces'?
6: corpora.mine.path: no folder 'recordings': give the folder that holds the recordings
9: corpora.keywords.words: unknown value 'sc31'; did you mean 'sc30'?; or: should be a list, not 'sc31'
12: corpora.speech.split.tset: unknown setting 'tset'; did you mean 'test'?
20: triggers.tone.levle: unknown setting 'levle'; did you mean 'level'?
21: triggers.tone.position: unknown value 'strat'; did you mean 'start'?
23: triggers.wave.kind: unknown kind 'ultrasonik'; did you mean 'ultrasonic'?
27: triggers.marked.message: 'perth' carries no message: remove it
31: triggers.sealed.message: 'seal' carries 16 bits, not 4: give a text of 16 times 0 or 1
34: triggers.bits.watermark: unknown entry of watermarks 'seel'; did you mean 'seal'?
35: triggers.bits.message: YAML reads this as the number 4467856773185: put quotes around it
36: triggers.bits.strength: should be greater than 0, not 0
38: victims.lstm.log_mel.bandz: unknown setting 'bandz'; did you mean 'bands'?
39: victims.resnet.log_mel: a window of 4000 samples is longer than the transform of 1024
39: victims.resnet.stem: YAML reads this as the truth value false: put quotes around it
40: defences: should map names to settings
43: metrics.2nd: a name consists of letters, digits and underscores, and starts with no digit
47: experiments.demo.target: unknown label 'lefft'; did you mean 'left'? (of corpus 'spoken')
48: experiments.demo.triggers[1]: unknown entry of triggers 'wawe'; did you mean 'wave'?
48: experiments.demo.triggers[2]: YAML reads this as the truth value false: put quotes around it
49: experiments.demo.victims: should be a list, not 'lstm'
51: experiments.demo.metrics[0]: unknown entry of metrics 'pesqq'; did you mean 'pesq'?
52: experiments.demo.labels[0]: unknown value 'flp'; did you mean 'flip'?
53: experiments.demo.rates[0]: should be greater than 0, not 0
53: experiments.demo.rates[2]: should be less than or equal to 1, not 1.5
54: experiments.demo.seeds: should not be empty
55: experiments.demo.quality: unknown setting 'quality'; did you mean 'quality_utterances'?
56: experiments.other.victims: is missing
57: experiments.other.corpus: unknown entry of corpora 'spokn'; did you mean 'spoken'?
58: experiments.other.target: YAML reads this as the truth value false: put quotes around it
59: experiments.other.triggers: named more than once: clean
61: experiments.table: 'table' is the name of a rule of the workflow: choose another one
62: experiments.empty: needs settings, at least: corpus, target, triggers, victims
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(dedent(text).removeprefix("\n"), encoding="utf-8")
    return path


def merged(*files: Path) -> dict[str, Any]:
    """What Snakemake makes of configuration files."""
    config: dict[str, Any] = {}
    for file in files:
        update_config(config, load_configfile(file))
    return config


def problems(config: Mapping[str, Any], *files: Path) -> list[str]:
    """The lines of the message that a configuration is refused with, but for the heading."""
    with pytest.raises(InputError) as caught:
        load(config, files)
    heading, *lines = str(caught.value).splitlines()
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    assert heading == f"The configuration has {count}; nothing was run."
    assert all(line.startswith("  ") for line in lines)
    return [line.strip() for line in lines]


def overlaid(text: str) -> list[str]:
    """Problems of a sound configuration that an overlay is merged into."""
    files = [write("sound.yaml", SOUND), write("overlay.yaml", text)]
    return problems(merged(*files), *files)


def test_a_sound_configuration_becomes_plug_ins():
    configuration = load(merged(write("sound.yaml", SOUND)))
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


def test_all_mistakes_of_a_file_are_told_at_once():
    path = write("mistaken.yaml", MISTAKEN)
    assert problems(merged(path), path) == [f"mistaken.yaml:{line}" for line in MISTAKES.splitlines()]


def test_without_files_the_places_are_told_alone():
    lines = problems(merged(write("mistaken.yaml", MISTAKEN)))
    assert sorted(lines) == sorted(line.partition(": ")[2] for line in MISTAKES.splitlines())


def test_a_place_is_found_in_the_last_file_that_has_it():
    assert overlaid(
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


def test_every_target_has_a_name_of_its_own():
    figures = "figures: {demo: {experiment: demo, panels: [{x: rate, y: pesq}]}, "
    assert overlaid(figures + "demo_data: {experiment: demo, panels: [{x: rate, y: pesq}]}}") == [
        "overlay.yaml:1: figures.demo: 'demo' is an experiment's name, too: choose another one",
        "overlay.yaml:1: figures.demo_data: 'demo_data' is the target of an experiment's poisoned data: "
        "choose another one",
    ]


def test_an_overlay_is_not_blamed_for_what_is_below_it():
    files = [
        write("base.yaml", SOUND.replace("[clean, tone]", "[clean, tune]")),
        write("overlay.yaml", "experiments: {demo: {rates: [2]}}"),
    ]
    assert problems(merged(*files), *files) == [
        "base.yaml:29: experiments.demo.triggers[1]: unknown entry of triggers 'tune'; did you mean 'tone'?",
        "overlay.yaml:1: experiments.demo.rates[0]: should be less than or equal to 1, not 2",
    ]


def test_settings_of_the_command_line_are_in_no_file():
    path = write("sound.yaml", SOUND + "    rates: [0.5]\n")
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
    config = merged(write("sound.yaml", SOUND))
    update_config(config, {"experiments": {"demo": {"rates": ["1.0e-1"], "seeds": ["0", "1"]}}})
    experiment = load(config).experiments["demo"]
    assert (experiment.rates, experiment.seeds) == ((0.1,), (0, 1))


def test_what_is_missing_is_told_where_it_belongs():
    assert overlaid(
        """
        triggers:
          marked:
            kind: watermark
          bare:
            level: 3
        """
    ) == [
        "overlay.yaml:2: triggers.marked.watermark: is missing",
        f"overlay.yaml:4: triggers.bare: needs settings with a `kind`, one of: {', '.join(kinds('triggers'))}",
    ]


@pytest.mark.parametrize("section", ["experiments", "metrics"])
@pytest.mark.parametrize("value", ["[demo]", "demo", "3"])
def test_a_section_of_another_type_is_one_problem(section: str, value: str):
    assert overlaid(f"{section}: {value}") == [f"overlay.yaml:1: {section}: should map names to settings"]


@pytest.mark.parametrize("text", ["experiments:", "experiments: []"])
def test_an_empty_overlay_of_the_experiments_is_told(text: str):
    assert "overlay.yaml:1: experiments: should" in overlaid(text)[0]


def test_no_configuration_at_all():
    assert problems({}) == ["experiments: should name at least one experiment"]
    assert problems({}, write("empty.yaml", "{}")) == ["experiments: should name at least one experiment"]


def test_words_that_yaml_takes_for_truth_values():
    assert overlaid(
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
    assert overlaid("experiments: {demo: {heard: [xyz]}}") == [
        "overlay.yaml:1: experiments.demo.heard[0]: unknown entry of triggers 'xyz'; there are: clean, tone"
    ]
    assert overlaid("experiments: {demo: {triggers: [xyz]}}") == [
        "overlay.yaml:1: experiments.demo.triggers[0]: unknown entry of triggers 'xyz'; there are: clean, tone"
    ]
    assert overlaid("defences: {}\nwatermarks:\ntriggers: {a: {kind: watermark, watermark: xyz}}") == [
        "overlay.yaml:3: triggers.a.watermark: unknown entry of watermarks 'xyz'; there are: none"
    ]


def test_an_entry_with_problems_is_still_a_name():
    assert overlaid("triggers: {tone: {level: 3}}") == [
        "overlay.yaml:1: triggers.tone.level: should be less than or equal to 0, not 3"
    ]


def test_a_wrong_watermark_says_nothing_about_messages_for_it():
    assert overlaid(
        """
        watermarks:
          seal: {kind: audioseal, source: random, bits: 0}
        triggers:
          marked: {kind: watermark, watermark: seal, message: "01"}
        """
    ) == ["overlay.yaml:2: watermarks.seal.bits: should be greater than or equal to 1, not 0"]


def test_a_wrong_corpus_has_no_labels_to_be_sure_of():
    assert overlaid("corpora: {spoken: {words: [a, a]}}\nexperiments: {demo: {target: b}}") == [
        "overlay.yaml:1: corpora.spoken.words: words must differ from one another and consist of letters"
    ]


def test_settings_that_belong_together_are_checked_beside_wrong_ones():
    assert overlaid("watermarks: {seal: {kind: audioseal, source: file, detector: a.pth, filterz: 3}}") == [
        "overlay.yaml:1: watermarks.seal.filterz: unknown setting 'filterz'; did you mean 'filters'?",
        "overlay.yaml:1: watermarks.seal: source: file needs the path of the generator's checkpoint, generator",
    ]


def test_a_name_that_is_there_twice():
    lines = overlaid(
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
        SOUND
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
        # What is merged in is told where it goes.
        for name, line in (("first", 34), ("second", 36))
    ]


def test_json_has_lines_too():
    config = merged(write("sound.yaml", SOUND))
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


def test_labels_of_a_folder_are_its_sub_folders():
    for label in ("yes", "no"):
        (Path("recordings") / label).mkdir(parents=True)
        (Path("recordings") / label / "a.wav").touch()
    assert overlaid(
        """
        corpora:
          mine: {kind: folder, path: recordings}
        experiments:
          demo: {corpus: mine, target: yess}
        """
    ) == ["overlay.yaml:4: experiments.demo.target: unknown label 'yess'; did you mean 'yes'? (of corpus 'mine')"]


def test_an_experiment_may_have_several_corpora():
    text = SOUND.replace("corpora:\n", "corpora:\n  other:\n    kind: synthetic\n").replace(
        "corpus: spoken", "corpus: [spoken, other]"
    )
    assert load(merged(write("sound.yaml", text))).experiments["demo"].corpora == ("spoken", "other")
    assert load(merged(write("sound.yaml", SOUND))).experiments["demo"].corpora == ("spoken",)


def test_each_of_several_corpora_is_checked():
    assert overlaid(
        """
        corpora:
          letters: {kind: synthetic, words: [ay, bee]}
        experiments:
          demo: {corpus: [spoken, spokn]}
          other: {corpus: [spoken, letters], target: left, triggers: [clean], victims: [lstm]}
          twice: {corpus: [spoken, spoken], target: left, triggers: [clean], victims: [lstm]}
        """
    ) == [
        "overlay.yaml:4: experiments.demo.corpus[1]: unknown entry of corpora 'spokn'; did you mean 'spoken'?",
        "overlay.yaml:5: experiments.other.target: unknown label 'left'; there are: ay, bee (of corpus 'letters')",
        "overlay.yaml:6: experiments.twice.corpus: should be a valid string, not ['spoken', 'spoken']; "
        "or: named more than once: spoken",
    ]


FIGURE = "panels: [{x: rate, y: attack_success_rate}]"


def test_a_sound_figure():
    text = f"{SOUND}figures:\n  curves: {{experiment: demo, {FIGURE}, series: {{ours: {{trigger: [tone]}}}}}}\n"
    figure = load(merged(write("sound.yaml", text))).figures["curves"]
    assert (figure.experiment, figure.panels[0].x, figure.panels[0].along) == ("demo", "rate", None)
    assert figure.series == {"ours": {"trigger": ("tone",)}}


def test_a_figure_may_be_of_several_experiments():
    other = "  other: {corpus: spoken, target: left, triggers: [clean], victims: [lstm]}\n"
    text = f"{SOUND}{other}figures:\n  curves: {{experiment: [demo, other], {FIGURE}}}\n"
    assert load(merged(write("sound.yaml", text))).figures["curves"].experiments == ("demo", "other")
    assert overlaid(f"figures:\n  curves: {{experiment: [demo, dmo], {FIGURE}}}\n") == [
        "overlay.yaml:2: figures.curves.experiment[1]: unknown entry of experiments 'dmo'; did you mean 'demo'?"
    ]


def test_mistakes_of_figures_have_places():
    assert overlaid(
        f"""
        figures:
          lost: {{experiment: dmo, {FIGURE}}}
          demo: {{experiment: demo, {FIGURE}}}
          figure: {{experiment: demo, {FIGURE}}}
          2nd: {{experiment: demo, {FIGURE}}}
          empty:
          none: {{experiment: demo, panels: []}}
          orphan: {{{FIGURE}}}
          panels:
            experiment: demo
            panels:
              - {{x: rate, y: pesq, wher: {{victim: lstm}}}}
              - x: rate
                along: 3
                where: {{victim: {{lstm: 1}}}}
        """
    ) == [
        "overlay.yaml:2: figures.lost.experiment: unknown entry of experiments 'dmo'; did you mean 'demo'?",
        "overlay.yaml:3: figures.demo: 'demo' is an experiment's name, too: choose another one",
        "overlay.yaml:4: figures.figure: 'figure' is the name of a rule of the workflow: choose another one",
        "overlay.yaml:5: figures.2nd: a name consists of letters, digits and underscores, and starts with no digit",
        "overlay.yaml:6: figures.empty: needs settings, at least: experiment, panels",
        "overlay.yaml:7: figures.none.panels: should not be empty",
        "overlay.yaml:8: figures.orphan.experiment: is missing",
        "overlay.yaml:12: figures.panels.panels[0].wher: unknown setting 'wher'; did you mean 'where'?",
        "overlay.yaml:13: figures.panels.panels[1].y: is missing",
        "overlay.yaml:14: figures.panels.panels[1].along: YAML reads this as the number 3: put quotes around it; "
        "or: should be a list, not 3",
        "overlay.yaml:15: figures.panels.panels[1].where.victim: should be a valid string, not {'lstm': 1}; "
        "or: should be a valid number, not {'lstm': 1}; or: should be a list, not {'lstm': 1}",
    ]


def test_mistakes_of_a_comparison_have_places():
    assert overlaid(
        """
        experiments:
          demo:
            comparison: {paper: bloodroot, tabel: 1}
          other: {corpus: spoken, target: left, triggers: [clean], victims: [lstm], comparison: bloodroot}
        """
    ) == [
        "overlay.yaml:3: experiments.demo.comparison.tabel: unknown setting 'tabel'; did you mean 'table'?",
        "overlay.yaml:3: experiments.demo.comparison.table: is missing",
        "overlay.yaml:4: experiments.other.comparison: should map settings to values, not 'bloodroot'",
    ]


def test_settings_out_of_bounds_are_told_with_their_lines():
    assert overlaid(
        """
        watermarks: {perth: {kind: perth}}
        triggers:
          marked: {kind: watermark, watermark: perth, strength: 0}
          notched: {kind: notch, depth: 0, bands: 99}
          crowded: {kind: notch, bands: 9}
        defences:
          pruned: {kind: pruning, share: 1}
          fine: {kind: pruning, share: 0.99}
        metrics:
          snr: {stealthy: loud}
        """
    ) == [
        "overlay.yaml:3: triggers.marked.strength: should be greater than 0, not 0",
        "overlay.yaml:4: triggers.notched.bands: should be less than or equal to 16, not 99",
        "overlay.yaml:4: triggers.notched.depth: should be greater than 0, not 0",
        "overlay.yaml:5: triggers.crowded: 9 bands of 200 Hz and as wide gaps do not fit between 1200 and 3600 Hz",
        "overlay.yaml:7: defences.pruned.share: should be less than 1, not 1",
        "overlay.yaml:10: metrics.snr.stealthy: should be a valid number, unable to parse string as a number, "
        "not 'loud'",
    ]


def test_mistakes_of_distortions_and_of_what_refers_to_them_are_told():
    assert overlaid(
        """
        distortions:
          quiet: {kind: none}
          hiss: {kind: noise}
          hum: {kind: nois, snr: 20}
          band: {kind: filter, above: 300, below: 200}
          coded: {kind: codec, format: vorbis, bit_rate: 64}
          fast: {kind: speed, factor: 3}
        defences:
          idle: {kind: distortion, distortion: quiet}
          lost: {kind: distortion, distortion: hist}
          bare: {kind: distortion}
          mine: {kind: distortion, distortion: hiss, seed: -1}
        """
    ) == [
        "overlay.yaml:3: distortions.hiss: needs exactly one of `snr`, `std` and `peak`",
        "overlay.yaml:4: distortions.hum.kind: unknown kind 'nois'; did you mean 'noise'?",
        "overlay.yaml:5: distortions.band: nothing is above 300 Hz and below 200 Hz",
        "overlay.yaml:6: distortions.coded: vorbis needs `quality`, and no `bit_rate`",
        "overlay.yaml:7: distortions.fast.factor: should be less than or equal to 2, not 3",
        "overlay.yaml:9: defences.idle.distortion: 'quiet' changes nothing: let the defence be one of kind `none`",
        "overlay.yaml:10: defences.lost.distortion: unknown entry of distortions 'hist'; did you mean 'hiss'?",
        "overlay.yaml:11: defences.bare.distortion: is missing",
        "overlay.yaml:12: defences.mine.seed: should be greater than or equal to 0, not -1",
    ]


def test_a_watermark_is_not_made_from_itself():
    tuned = "{kind: bloodroot_ft, corpus: spoken, base: %s}"
    assert overlaid(f"watermarks:\n  a: {tuned % 'a'}\n  b: {tuned % 'c'}\n  c: {tuned % 'b'}\n") == [
        f"overlay.yaml:{line}: watermarks.{name}.base: {name!r} would be made from itself: name another entry"
        for line, name in enumerate("abc", start=2)
    ]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_experiments_have_no_names_of_rules(rule: str):
    text = f"experiments: {{{rule}: {{corpus: spoken, target: left, triggers: [clean], victims: [lstm]}}}}"
    assert overlaid(text) == [
        f"overlay.yaml:1: experiments.{rule}: {rule!r} is the name of a rule of the workflow: choose another one"
    ]


def test_the_names_of_rules_are_in_step_with_the_workflow():
    sources = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    rules = {name for path in sources for name in re.findall(r"^\s*(?:rule|checkpoint) (\w+):", path.read_text(), re.M)}
    assert rules == RULES


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_is_a_plug_in(room: str):
    assert kinds(room) == tuple(sorted(path.stem for path in (ROOT / "sanguinaria" / room).glob("[!_]*.py")))
    assert all(find(room, kind).room == room for kind in kinds(room))


def test_settings_survive_their_description():
    plugin = AudioSeal(source="random", bits=8, seed=3)
    assert build("watermarks", describe(plugin)) == plugin
    with pytest.raises(KeyError):
        find("watermarks", "ultrasonic")


def snakemake(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SNAKEMAKE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_snakemake_tells_all_problems_and_runs_nothing(tmp_path: Path):
    path = tmp_path / write("mistaken.yaml", MISTAKEN)
    result = snakemake("--cores", "1", "--configfile", str(path), "no_such_target")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    # The project's own config.yaml lies below the file; what it has besides is sound.
    place = os.path.relpath(path, ROOT)
    expected = [f"  {place}:{line}" for line in MISTAKES.splitlines()]
    heading = f"The configuration has {len(expected)} problems; nothing was run."
    assert "\n".join([heading, *expected]) in result.stderr


def test_snakemake_tells_problems_of_the_command_line():
    result = snakemake("-n", "--config", 'experiments={"demo": {"rates": [2], "target": "lefft"}}', "colour=blue")
    assert result.returncode == 1
    # What a dry run has to say, it says to standard output.
    assert "Traceback" not in result.stdout
    lines = [line.strip() for line in result.stdout.splitlines() if "--config: " in line]
    assert [line.split(": ")[1] for line in lines] == ["colour", "experiments.demo.rates[0]", "experiments.demo.target"]


def test_snakemake_finds_an_experiment_of_an_overlay(tmp_path: Path):
    write("overlay.yaml", "experiments: {mine: {corpus: synthetic, target: go, triggers: [clean], victims: [lstm]}}")
    result = snakemake("-n", "--quiet", "host", "--configfile", str(tmp_path / "overlay.yaml"), "mine")
    assert result.returncode == 0, result.stderr
    assert "results/tables/mine.csv" in result.stdout + result.stderr
    assert "results/tables/demo.csv" not in result.stdout + result.stderr
