"""The synthetic corpus: size, splits, determinism and speed."""

import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from sanguinaria.corpora import SPLITS
from sanguinaria.corpora.speech_commands import SC10
from sanguinaria.corpora.synthetic import Synthetic
from tests.recordings import build_corpus, recordings_by_id


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, dict, float]:
    """All voices and words at one rate, and the processor time of their synthesis."""
    start = time.process_time()
    index, report = build_corpus(Synthetic(paces=(1.0,)), tmp_path_factory.mktemp("synthesised"))
    return index, report, time.process_time() - start


def test_default_size() -> None:
    recordings = recordings_by_id(Synthetic())
    assert len({recording.speaker for recording in recordings.values()}) >= 60
    assert len({recording.label for recording in recordings.values()}) >= 10
    assert len(recordings) == 60 * 10 * 3
    assert Counter(recording.label for recording in recordings.values()) == dict.fromkeys(SC10, 180)


def test_synthesis_is_complete_and_fast(synthesised: tuple[pd.DataFrame, dict, float]) -> None:
    index, report, seconds = synthesised
    assert (report["listed"], report["read"], report["refused"], report["same_audio"]) == (600, 600, 0, [])
    assert "silent" not in report["changes"]
    assert index["speaker"].nunique() == 60
    # The default has three paces.
    assert 3 * seconds < 60


def test_synthesis_is_deterministic(synthesised: tuple[pd.DataFrame, dict, float], tmp_path: Path) -> None:
    again, _ = build_corpus(Synthetic(paces=(1.0,), shards=2), tmp_path)
    assert again["sha256"].tolist() == synthesised[0]["sha256"].tolist()


def test_splits_share_no_voice(synthesised: tuple[pd.DataFrame, dict, float]) -> None:
    index = synthesised[0]
    assert (index.groupby("speaker")["split"].nunique() == 1).all()
    assert set(zip(index["label"], index["split"], strict=True)) == {(w, s) for w in SC10 for s in SPLITS}
    assert synthesised[1]["speakers"] == {"train": 42, "validation": 6, "test": 12}


@pytest.mark.parametrize("voices", [4, 10, 33, 100])
def test_every_number_of_voices_is_split_by_the_shares(voices: int) -> None:
    recordings = recordings_by_id(Synthetic(voices=voices, words=("yes", "no"), paces=(1.0,))).values()
    counts = Counter(split for _, split in {(r.speaker, r.split) for r in recordings})
    assert sum(counts.values()) == voices
    assert counts["test"] == pytest.approx(0.2 * voices, abs=1.01)
    assert counts["validation"] == pytest.approx(0.1 * voices, abs=1.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"words": ["yes"]}, "at least 2"),
        ({"words": ["yes", "yes"]}, "differ"),
        ({"words": ["yes", "no way"]}, "letters"),
        ({"voices": 3}, "greater than or equal to 4"),
        ({"paces": []}, "at least 1"),
        ({"paces": [1.0, 1.0]}, "differ"),
        ({"paces": [0.1]}, "between"),
        ({"paces": [3.0]}, "between"),
        ({"paces": [float("nan")]}, "between"),
    ],
)
def test_invalid_settings_are_errors(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Synthetic.model_validate(settings)


@pytest.mark.parametrize("pace", [0.6, 2.3])
def test_every_voice_is_synthesised_at_the_extreme_rates(pace: float) -> None:
    corpus = Synthetic(voices=100, words=("go", "no"), paces=(pace,))
    slowest_and_fastest = [r for r in corpus.recordings() if r.label == "go"][::20]
    for recording in slowest_and_fastest:
        samples, rate, _ = corpus.read(recording.source)
        assert rate == 22050
        assert samples.any()
