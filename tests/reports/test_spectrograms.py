"""Spectrograms of a verification: their cells, their levels, and errors in the configuration."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.reports.spectrograms import mel_levels, write_spectrograms
from tests.plan.test_verification_plan import CONFIGURATION

RATE = 16_000


def tone(frequency: float, level: float = 0.1) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)).astype(np.float32)


def test_a_tone_is_in_its_band_and_ten_times_the_amplitude_is_20_db():
    levels, louder = mel_levels(tone(1000), RATE, 80), mel_levels(tone(1000, 1.0), RATE, 80)
    assert levels.shape == (80, 1 + (RATE - 400) // 160)
    # Bands are even on the mel scale, 2595·log10(1 + f/700), from 20 Hz to 8 kHz.
    mel = lambda frequency: 2595 * np.log10(1 + frequency / 700)  # noqa: E731
    expected = (mel(1000) - mel(20)) / (mel(8000) - mel(20)) * 81 - 1
    assert abs(levels.mean(1).argmax() - expected) <= 1
    loudest = levels.mean(1).argmax()
    np.testing.assert_allclose(louder[loudest] - levels[loudest], 20, atol=0.1)


@pytest.fixture
def pictures(tmp_path):
    """Two trials; their utterances as they were, and as an attack on each trial left them."""
    rows = pd.DataFrame({"utterance_id": ["a", "b"], "label": "l", "speaker": "s", "split": "test"})
    audio = np.stack([tone(500), tone(2000)])
    utterances.write(tmp_path / "clean.parquet", iter([Utterances(rows, audio, RATE)]))
    attacked = Utterances(rows.assign(utterance_id=["trial-0", "trial-1"]), audio / 2, RATE)
    utterances.write(tmp_path / "attacked.parquet", iter([attacked]))
    trials = pd.DataFrame({"trial": ["trial-0", "trial-1"], "enrolment": ["b", "a"], "test": ["a", "b"]})
    parquet.write(trials, tmp_path / "trials.parquet")
    common = {"trials": str(tmp_path / "trials.parquet"), "side": "test"}
    return [
        {**common, "attack": attack, "defence": "none", "audio": [str(tmp_path / file)], "per_trial": own}
        for attack, file, own in (("genuine", "clean.parquet", False), ("pgd", "attacked.parquet", True))
    ]


def test_the_same_pictures_are_the_same_bytes_and_other_trials_are_others(pictures, tmp_path):
    def drawn(trial: int) -> bytes:
        write_spectrograms(pictures, trial, 40, tmp_path / "drawn.svg", tmp_path / "drawn.png")
        assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
        return (tmp_path / "drawn.svg").read_bytes()

    assert drawn(0) == drawn(0) != drawn(1)
    with pytest.raises(InputError, match="trial 2 is requested, and there are 2"):
        drawn(2)


def planned(**settings) -> Plan:
    config = yaml.safe_load(CONFIGURATION)
    config["spectrograms"] = {"pictures": {"verification": "check", **settings}}
    return Plan(load(config))


def test_lines_of_the_verification_are_shown():
    stage = planned(attacks=["noise", "pgd"], encoder="known").spectrograms["pictures"]
    shown = [(line.factors["attack"], line.factors["defence"]) for line in stage.cells]
    assert shown == [("noise", "none"), ("noise", "hissing"), ("pgd", "none"), ("pgd", "hissing")]
    assert {line.factors["victim"] for line in stage.cells} == {"known"}
    specified = json.loads(stage.specification)["pictures"]
    assert [picture["per_trial"] for picture in specified] == [False, False, True, True]
    files = {path for picture in specified for path in (picture["trials"], *picture["audio"])}
    assert files == {str(path) for path in stage.inputs}
    # All of the first encoder's where nothing is chosen.
    assert len(planned().spectrograms["pictures"].cells) == 4 * 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"verification": "chekc"}, "spectrograms.pictures.verification: unknown entry of verifications 'chekc'"),
        ({"attacks": ["nobdy"]}, "nobdy"),
        (
            {"encoder": "lstm"},
            "spectrograms.pictures.encoder: 'lstm' is not among the encoders of 'check': small, known",
        ),
        ({"defences": ["pruned"]}, "spectrograms.pictures.defences[0]: 'pruned' is not among the defences of 'check'"),
        ({"bands": 2}, "spectrograms.pictures.bands"),
    ],
)
def test_errors_are_reported(settings, message):
    with pytest.raises(InputError) as caught:
        planned(**settings)
    assert message in str(caught.value)


def test_names_differ_from_others():
    config = yaml.safe_load(CONFIGURATION)
    config["spectrograms"] = {"check": {"verification": "check"}}
    with pytest.raises(InputError, match=r"spectrograms.check: 'check' is a verification's name"):
        load(config)
