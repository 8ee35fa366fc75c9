"""The synthetic corpus."""

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
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, dict, float]:
    """All voices and words at one pace, and the processor time that they took."""
    start = time.process_time()
    index, report = build_corpus(Synthetic(paces=(1.0,)), tmp_path_factory.mktemp("spoken"))
    return index, report, time.process_time() - start


def test_synthetic_by_default() -> None:
    found = recordings_by_id(Synthetic())
    assert len({recording.speaker for recording in found.values()}) >= 60
    assert len({recording.label for recording in found.values()}) >= 10
    assert len(found) == 60 * 10 * 3
    assert Counter(recording.label for recording in found.values()) == dict.fromkeys(SC10, 180)


def test_synthetic_is_whole_and_quick(spoken: tuple[pd.DataFrame, dict, float]) -> None:
    index, report, seconds = spoken
    assert (report["listed"], report["read"], report["refused"], report["same_audio"]) == (600, 600, 0, [])
    assert "silent" not in report["changes"]
    assert index["speaker"].nunique() == 60
    # The default has three paces.
    assert 3 * seconds < 60


def test_synthetic_is_deterministic(spoken: tuple[pd.DataFrame, dict, float], tmp_path: Path) -> None:
    again, _ = build_corpus(Synthetic(paces=(1.0,), shards=2), tmp_path)
    assert again["sha256"].tolist() == spoken[0]["sha256"].tolist()


def test_synthetic_splits_share_no_voice(spoken: tuple[pd.DataFrame, dict, float]) -> None:
    index = spoken[0]
    assert (index.groupby("speaker")["split"].nunique() == 1).all()
    assert set(zip(index["label"], index["split"], strict=True)) == {(w, s) for w in SC10 for s in SPLITS}
    assert spoken[1]["speakers"] == {"train": 42, "validation": 6, "test": 12}


@pytest.mark.parametrize("voices", [4, 10, 33, 100])
def test_every_number_of_voices_is_split_by_the_shares(voices: int) -> None:
    found = recordings_by_id(Synthetic(voices=voices, words=("yes", "no"), paces=(1.0,))).values()
    counts = Counter(split for _, split in {(r.speaker, r.split) for r in found})
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
def test_unspeakable_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Synthetic.model_validate(settings)


@pytest.mark.parametrize("pace", [0.6, 2.3])
def test_every_voice_speaks_at_the_extreme_paces(pace: float) -> None:
    corpus = Synthetic(voices=100, words=("go", "no"), paces=(pace,))
    slowest_and_fastest = [r for r in corpus.recordings() if r.label == "go"][::20]
    for recording in slowest_and_fastest:
        samples, rate, _ = corpus.read(recording.source)
        assert rate == 22050
        assert samples.any()
