"""Configurations for tests: a valid one, one with many errors, and their messages."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load

VALID = """
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

INVALID = """\
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

# Line, location and message of each error.
MESSAGES = """\
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


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(dedent(text).removeprefix("\n"), encoding="utf-8")
    return path


def merged(*files: Path) -> dict[str, Any]:
    """Merge configuration files as Snakemake does."""
    config: dict[str, Any] = {}
    for file in files:
        update_config(config, load_configfile(file))
    return config


def problems(config: Mapping[str, Any], *files: Path) -> list[str]:
    """Return the lines of a configuration's error message, without the heading."""
    with pytest.raises(InputError) as raised:
        load(config, files)
    heading, *lines = str(raised.value).splitlines()
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    assert heading == f"The configuration has {count}; nothing was run."
    assert all(line.startswith("  ") for line in lines)
    return [line.strip() for line in lines]


def overlay_problems(text: str) -> list[str]:
    """Return the problems of a valid configuration with an overlay."""
    files = [write("sound.yaml", VALID), write("overlay.yaml", text)]
    return problems(merged(*files), *files)
