"""TIMIT: copies of all kinds have the speakers and sentences of the disc, and the splits of the settings."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sanguinaria.core.errors import InputError
from sanguinaria.corpora import timit
from sanguinaria.corpora.timit import Timit

RATE = 16_000
SPEAKERS = {"train": ["FCJF0", "MDAB0", "MRLK0"], "test": ["FAKS0", "MJSW0"]}
SENTENCES = ["SA1", "SA2", *(f"SX{37 + 90 * n}" for n in range(5)), *(f"SI{648 + 630 * n}" for n in range(3))]


@pytest.fixture(autouse=True)
def few_speakers(monkeypatch):
    timit._read_part.cache_clear()
    monkeypatch.setattr(timit, "SPEAKERS", {part: len(names) for part, names in SPEAKERS.items()})


def copy_of(root: Path, change=str, end=".WAV", file_format="NIST") -> Path:
    """A disc of few speakers: each sentence is a tone of its own frequency."""
    for part, speakers in SPEAKERS.items():
        for number, speaker in enumerate(speakers):
            folder = root / change(part.upper()) / change(f"DR{number + 1}") / change(speaker)
            folder.mkdir(parents=True)
            for place, sentence in enumerate(SENTENCES):
                path = folder / (change(sentence) + end)
                tone = 0.5 * np.sin(2 * np.pi * (200 + 100 * place) * np.arange(RATE) / RATE)
                soundfile.write(path, tone, RATE, "PCM_16", format=file_format)
                (folder / f"{change(sentence)}.PHN").write_text("0 16000 h#\n")
    return root


@pytest.mark.parametrize(
    "settings",
    [{}, {"change": str.lower, "end": ".wav"}, {"end": ".WAV.wav", "file_format": "WAV"}],
    ids=["disc", "small letters", "converted"],
)
def test_copies_of_every_kind_are_read(tmp_path, settings):
    corpus = Timit(root=copy_of(tmp_path / "LDC93S1" / "timit", **settings).parent, part="both")
    assert corpus.labels() == sorted(SPEAKERS["train"] + SPEAKERS["test"])
    recordings = corpus.recordings()
    assert [recording.utterance_id for recording in recordings] == sorted(r.utterance_id for r in recordings)
    assert all(recording.utterance_id.startswith(f"{recording.speaker}/") for recording in recordings)
    samples, rate, remarks = corpus.read(next(r.source for r in recordings if r.utterance_id == "MJSW0/SX217"))
    assert (rate, remarks) == (RATE, [])
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    assert spectrum.argmax() == 200 + 100 * SENTENCES.index("SX217")


def test_a_sphere_file_is_not_replaced_by_its_conversion(tmp_path):
    root = copy_of(tmp_path)
    copy_of(tmp_path / "converted", end=".WAV.wav", file_format="WAV")
    for path in (tmp_path / "converted").rglob("*.wav"):
        path.rename(root / path.relative_to(tmp_path / "converted"))
    sources = [recording.source for recording in Timit(root=root).recordings()]
    assert len(sources) == 3 * 8 and all(source.endswith(".WAV") for source in sources)


def test_the_split_of_sincnet_is_by_the_kind_of_sentence(tmp_path):
    recordings = Timit(root=copy_of(tmp_path)).recordings()
    assert {recording.speaker for recording in recordings} == set(SPEAKERS["train"])
    by_kind = Counter((recording.utterance_id.split("/")[1][:2], recording.split) for recording in recordings)
    assert by_kind == {("SX", "train"): 15, ("SI", "test"): 9}


def test_shares_are_those_of_each_speaker_s_ten_sentences(tmp_path):
    corpus = Timit(root=copy_of(tmp_path), part="test", split={"validation": 0, "test": 0.1})
    recordings = corpus.recordings()
    assert Counter((r.speaker, r.split) for r in recordings) == Counter(
        {(speaker, split): count for speaker in SPEAKERS["test"] for split, count in (("train", 9), ("test", 1))}
    )


def test_an_absent_or_incomplete_copy_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no folder .* is licensed by the LDC"):
        Timit(root=tmp_path / "absent").recordings()
    assert Timit(root=tmp_path / "absent").labels() is None and Timit(root=tmp_path / "absent").fingerprint() == ""
    with pytest.raises(InputError, match="no folder TRAIN in it"):
        Timit(root=tmp_path).recordings()
    root = copy_of(tmp_path / "copy")
    before = Timit(root=root).fingerprint()
    (root / "TRAIN/DR2/MDAB0/SA2.WAV").unlink()
    timit._read_part.cache_clear()
    with pytest.raises(InputError, match="MDAB0 has 9 sentences instead of 10"):
        Timit(root=root).recordings()
    timit._read_part.cache_clear()
    assert Timit(root=root, part="test").fingerprint() != before
    (root / "TEST/DR1/FAKS0").rename(root / "elsewhere")
    timit._read_part.cache_clear()
    with pytest.raises(InputError, match="1 speakers instead of 2"):
        Timit(root=root, part="test").recordings()
