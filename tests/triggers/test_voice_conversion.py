"""Voice conversion as a trigger: gathering of target speech, level and length, errors, and identities."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from pydantic import ValidationError
from toy_speech import harmonic_tones

from sanguinaria.audio import utterances
from sanguinaria.conversions import resolve
from sanguinaria.core import parquet, plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import as_settings, kind_of
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.steps.target_speech import gather_from_corpus, gather_from_file
from sanguinaria.triggers._target_speech import read_target_speech

CPU = torch.device("cpu")
RATE = 16_000
WORLD = as_settings(plugins.build("conversions", {"kind": "world"}))


def trigger(conversion=WORLD, **settings):
    settings = settings or {"corpus": "any", "utterance": "u001"}
    return plugins.build("triggers", {"kind": "voice_conversion", "conversion": conversion, **settings})


def wav(path: Path, samples, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.fixture
def speech(tmp_path):
    """Target speech in the format of its stage."""
    path = tmp_path / "speech.flac"
    gather_from_file(wav(tmp_path / "voice.wav", harmonic_tones(1, 2 * RATE, seed=7)[0].numpy()), 30, path)
    return path


@pytest.fixture
def corpus(tmp_path):
    """Two shards and their index: three speakers, of whom "ann" has two training utterances and a test utterance."""
    rows = pd.DataFrame(
        {
            "utterance_id": [f"u{row:03d}" for row in range(6)],
            "label": "yes",
            "speaker": ["ann", "ann", "ann", "ben", "cleo", "cleo"],
            "split": ["train", "test", "train", "test", "train", "train"],
        }
    )
    waveforms = harmonic_tones(6, RATE, seed=1).numpy()
    waveforms[:, :2000] = 0
    waveforms[4:] = 0
    waveforms[5, :1600] = 0.1
    shards, tables = [], []
    for shard in range(2):
        mine = np.arange(6) % 2 == shard
        path = tmp_path / f"{shard}.parquet"
        batch = utterances.Utterances(rows[mine].reset_index(drop=True), waveforms[mine], RATE)
        utterances.write(path, iter([batch]))
        shards.append(path)
        tables.append(utterances.read_rows(path).assign(shard=shard))
    index = tmp_path / "index.parquet"
    parquet.write(pd.concat(tables).sort_values("utterance_id", ignore_index=True), index)
    return index, shards, waveforms


def gathered(corpus, tmp_path, utterance=None, speaker=None, seconds=30.0, skip=0.0, split=None):
    destination = tmp_path / "gathered.flac"
    gather_from_corpus(
        *corpus[:2],
        utterance=utterance,
        speaker=speaker,
        seconds=seconds,
        destination=destination,
        skip=skip,
        split=split,
    )
    return read_target_speech(destination, RATE)


def test_silence_around_an_utterance_is_trimmed(corpus, tmp_path):
    speech = gathered(corpus, tmp_path, utterance="u003")
    np.testing.assert_allclose(speech, corpus[2][3, 2000:], atol=1e-4)


def test_training_utterances_of_a_speaker_are_concatenated(corpus, tmp_path):
    speech = gathered(corpus, tmp_path, speaker="ann")
    assert len(speech) == pytest.approx(2 * 14_000 + 1600, abs=5)
    assert np.abs(speech).max() == pytest.approx(0.5, abs=1e-3)
    first, second = corpus[2][0, 2000:], corpus[2][2, 2000:]
    np.testing.assert_allclose(speech[:14_000], 0.5 * first / np.abs(first).max(), atol=5e-4)
    np.testing.assert_allclose(speech[-14_000:], 0.5 * second / np.abs(second).max(), atol=5e-4)
    assert len(gathered(corpus, tmp_path, speaker="ann", seconds=1.0)) == pytest.approx(14_000, abs=5)
    assert len(gathered(corpus, tmp_path, speaker="ben")) == pytest.approx(14_000, abs=5)  # no training utterances


def test_a_split_of_a_speaker(corpus, tmp_path):
    speech, expected = gathered(corpus, tmp_path, speaker="ann", split="test"), corpus[2][1, 2000:]
    np.testing.assert_allclose(speech, 0.5 * expected / np.abs(expected).max(), atol=5e-4)
    with pytest.raises(InputError, match="speaker 'ben': none of its utterances are of the validation split"):
        gathered(corpus, tmp_path, speaker="ben", split="validation")
    settings = {"kind": "natural_speech", "corpus": "c", "utterance": "u003", "split": "test"}
    with pytest.raises(ValueError, match="a `split` is of a `speaker`"):
        plugins.build("triggers", settings)


def test_speech_after_the_skipped_start(corpus, tmp_path):
    whole = gathered(corpus, tmp_path, speaker="ann")
    first, second = (gathered(corpus, tmp_path, speaker="ann", seconds=0.7, skip=skip) for skip in (0.0, 0.7))
    np.testing.assert_array_equal(np.concatenate([first, second]), whole[: len(first) + len(second)])
    with pytest.raises(InputError, match=r"it is silent|it has 0\.\d+ s of sound"):
        gathered(corpus, tmp_path, speaker="ann", skip=1.8)


def test_a_file_is_resampled_to_the_rate_of_the_corpus(tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    path = tmp_path / "speech.flac"
    gather_from_file(wav(tmp_path / "tone.wav", np.stack([tone, tone], axis=1), 44_100), 30, path)
    speech = read_target_speech(path, RATE)
    assert len(speech) == pytest.approx(RATE, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(speech))) == pytest.approx(440, abs=1)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            {"utterance": "u004"},
            "target speech, utterance_id 'u004': it is silent; name another one, with speech in it",
        ),
        (
            {"utterance": "u005"},
            "target speech, utterance_id 'u005': it has 0.10 s of sound, and at least 0.5 s are needed",
        ),
        ({"speaker": "cleo"}, "target speech, speaker 'cleo': it has 0.10 s of sound"),
        ({"utterance": "u03"}, "target speech, utterance_id 'u03': unknown utterance_id 'u03'; did you mean 'u003'?"),
        ({"speaker": "dora"}, "target speech, speaker 'dora': unknown speaker 'dora'; there are: ann, ben, cleo"),
    ],
)
def test_unusable_speech_of_a_corpus_is_an_error(corpus, tmp_path, wanted, message):
    with pytest.raises(InputError, match="^" + re.escape(message)):
        gathered(corpus, tmp_path, **wanted)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(RATE), "it is silent"),
        (harmonic_tones(1, RATE // 3)[0].numpy(), "it has 0.33 s of sound"),
        (None, "not readable as audio"),
    ],
)
def test_an_unusable_file_is_an_error_with_its_name(tmp_path, samples, message):
    path = tmp_path / "voice.wav"
    if samples is None:
        path.write_text("no audio")
    else:
        wav(path, samples)
    with pytest.raises(InputError, match=f"^target speech '{path}': {message}"):
        gather_from_file(path, 30, tmp_path / "speech.flac")


def test_level_and_length_are_kept_and_silence_is_unchanged(speech):
    waveforms = harmonic_tones(3, RATE, seed=3)
    waveforms[1] = 0
    converted_speech = trigger().embedder(RATE, CPU, speech)(waveforms)
    assert converted_speech.shape == waveforms.shape and converted_speech.abs().max() <= 1
    assert torch.equal(converted_speech[1], waveforms[1])
    torch.testing.assert_close(converted_speech.square().mean(1), waveforms.square().mean(1), rtol=1e-3, atol=1e-8)
    assert ((converted_speech - waveforms).square().mean(1) > 0.5 * waveforms.square().mean(1))[[0, 2]].all()
    alone = torch.cat([trigger().embedder(RATE, CPU, speech)(row[None]) for row in waveforms])
    torch.testing.assert_close(converted_speech, alone, atol=0, rtol=0)


def test_a_conversion_s_error_names_the_source_of_the_target_speech(speech):
    many = as_settings(plugins.build("conversions", {"kind": "knn", "neighbours": 100}))
    short = trigger(many, file="voice.wav")
    soundfile.write(speech, soundfile.read(speech)[0][:6000], RATE)
    with pytest.raises(
        InputError, match=r"^target speech, 'voice.wav': knn: 100 neighbours are configured, and it has"
    ):
        short.embedder(RATE, CPU, speech)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": 3}, "either a `file` or from a `corpus`"),
        ({"file": "a.wav", "corpus": "b"}, "either a `file` or from a `corpus`"),
        ({"corpus": "b"}, "either an `utterance` or a `speaker`"),
        ({"corpus": "b", "utterance": "u", "speaker": "s"}, "either an `utterance` or a `speaker`"),
        ({"file": "a.wav", "speaker": "s"}, "`utterance` and `speaker` belong to a `corpus`"),
    ],
)
def test_exactly_one_source_of_speech_is_required(settings, message):
    with pytest.raises(ValidationError, match=message):
        trigger(**settings)


def test_a_missing_file_is_a_problem_and_its_content_is_fingerprinted(tmp_path):
    path = tmp_path / "voice.wav"
    assert list(trigger(file=path).problems({})) == [
        ("file", f"no file {str(path)!r}: put the target's speech there, or give its path")
    ]
    assert trigger(file=path).file_fingerprint() == ""
    path.write_bytes(b"1")
    first = trigger(file=path).file_fingerprint()
    path.write_bytes(b"2")
    assert first and trigger(file=path).file_fingerprint() != first
    assert not list(trigger(file=path).problems({}))


def test_a_conversion_from_text():
    assert resolve(WORLD) == plugins.build("conversions", {"kind": "world"})


CONFIGURATION = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
  others: {kind: synthetic, voices: 6, split: {validation: 0.1, test: 0.25}}
conversions:
  statistics: {kind: world}
triggers:
  voice: {kind: voice_conversion, conversion: statistics, corpus: others, utterance: someone}
  tone: {kind: ultrasonic, level: -30}
victims:
  resnet: {kind: resnet18}
defences:
  none: {kind: none}
metrics:
  snr: {kind: snr}
experiments:
  demo: {corpus: spoken, target: left, triggers: [voice], victims: [resnet], metrics: [snr]}
"""


def planned(before="", after="", code=lambda made, plugins, modules=(): ""):
    assert before in CONFIGURATION
    return Plan(load(yaml.safe_load(CONFIGURATION.replace(before, after))), code)


def test_target_speech_is_gathered_once():
    made = planned()
    (speech,) = made.stages["target_speech"].values()
    converted = list(made.stages["triggered"].values())
    assert len(converted) == 2 and all(stage.weights == [speech.audio] and stage.gpus == 0 for stage in converted)
    assert speech.index_files == [speech.corpus.index] and speech.audio_files == speech.corpus.audio_files
    assert len(made.stages["corpora"]) == 2


def test_names_of_entries_are_not_part_of_identities():
    made, renamed = planned(), planned("statistics", "moved")
    assert made.stages["triggered"].keys() == renamed.stages["triggered"].keys()
    renamed = planned("others", "elsewhere")
    assert made.stages["triggered"].keys() == renamed.stages["triggered"].keys()


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("utterance: someone", "utterance: another", {"target_speech", "triggered"}),
        ("utterance: someone", "speaker: someone", {"target_speech", "triggered"}),
        ("voices: 6", "voices: 7", {"corpora", "target_speech", "triggered"}),
        ("kind: world", "kind: knn", {"triggered"}),
    ],
)
def test_identities_depend_on_target_and_conversion(before, after, changed):
    made, other = (
        {stage: set(planned(*edit).stages[stage]) for stage in ("corpora", "target_speech", "triggered")}
        for edit in ((), (before, after))
    )
    assert {stage for stage in made if made[stage] != other[stage]} == changed


def test_a_conversion_s_code_is_part_of_its_trigger_s():
    requests = []

    def code(made, plugins, modules=()):
        requests.append((made.rules[0], [kind_of(plugin) for plugin in plugins]))
        return ""

    assert planned(code=code).stages
    assert ("triggered_test", ["voice_conversion", "world"]) in requests and ("target_speech", []) in requests


def test_mistakes_of_the_configuration_are_errors():
    with pytest.raises(InputError, match=r"triggers\.voice\.conversion: unknown entry of conversions 'statistic'"):
        planned("conversion: statistics", "conversion: statistic")
    with pytest.raises(InputError, match=r"triggers\.voice\.corpus: unknown entry of corpora 'other'; did you mean"):
        planned("corpus: others", "corpus: other")
    with pytest.raises(InputError, match=r"triggers\.voice: the speech of a `corpus` is either an `utterance` or"):
        planned(", utterance: someone", "")
    with pytest.raises(InputError, match=r"triggers\.voice\.file: no file 'voice\.wav': put the target's speech there"):
        planned("corpus: others, utterance: someone", "file: voice.wav")
