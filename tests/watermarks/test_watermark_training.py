"""Training a generator with its detector: what it is trained on, its schedule, and that a kill changes nothing.

That a message is learnt takes hundreds of steps, and is not tested here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from toy_speech import RATE, SMALL, equal, hum, write_corpus

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.nn import step_training as watermark_training
from sanguinaria.nn.speech_crops import load_utterances, random_crops
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._audioseal.training import Editing, PairSchedule
from sanguinaria.watermarks._weights import load_marker, save_weights
from sanguinaria.watermarks.audioseal_trained import AudioSealTrained, detector_training

CPU = torch.device("cpu")
SPLITS = ["train", "train", "test", "validation"] * 3


def trained(**settings: Any) -> AudioSealTrained:
    return AudioSealTrained(
        **{"corpus": "c", "steps": 3, "detector_steps": 2, "batch_size": 4, "crop": 0.1} | SMALL | settings
    )


def schedule(**settings: Any) -> PairSchedule:
    return PairSchedule(
        **{"steps": 1000, "batch_size": 4, "crop": 800, "learning_rate": 0.01, "loudest": 3.0, "quietest": 22.0}
        | {"masking": 1.0, "listening": 0.0, "filtered": 0.5, "cutoffs": (3000.0, 4000.0), "seed": 0, "window": 0}
        | settings
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "a.parquet", hum(12, 4000).numpy(), SPLITS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestSpeech:
    def test_is_of_the_training_split_alone(self, tmp_path):
        audio = np.where(np.array(SPLITS)[:, None] == "train", 0.01, 0.9) * np.ones((12, 1000))
        shards = [write_corpus(tmp_path / f"{n}.parquet", audio[n::2], SPLITS[n::2]) for n in range(1)]
        shards.append(write_corpus(tmp_path / "held_out.parquet", audio[2:4], SPLITS[2:4]))
        found = load_utterances(tuple(shards[:1]), RATE, 100)
        assert found.shape == (3, 1000)
        assert found.abs().max() < 0.011

    def test_is_bounded_and_nested(self, corpus):
        sizes = {most: load_utterances((corpus,), RATE, most) for most in (1, 4, 6, 100)}
        assert [len(some) for some in sizes.values()] == [1, 4, 6, 6]
        rows = {most: {tuple(row.tolist()) for row in some} for most, some in sizes.items()}
        assert rows[1] < rows[4] < rows[6] == rows[100]

    def test_of_another_rate_is_told(self, tmp_path):
        path = write_corpus(tmp_path / "a.parquet", hum(4, 1000).numpy(), SPLITS[:4], 8_000)
        with pytest.raises(InputError, match=r"16000 Hz.*8000"):
            load_utterances((path,), RATE, 100)

    def test_without_training_utterances_is_told(self, tmp_path):
        path = write_corpus(tmp_path / "a.parquet", hum(2, 1000).numpy(), ["test", "validation"])
        with pytest.raises(InputError, match="no training utterances"):
            load_utterances((path,), RATE, 100)


class TestCrops:
    def test_are_pieces_of_the_utterances(self):
        ramps = torch.arange(300.0).reshape(3, 100)
        pieces = random_crops(ramps, 40, 30, seeded())
        assert pieces.shape == (40, 30)
        assert (pieces.diff() == 1).all()
        assert set((pieces[:, 0] // 100).tolist()) <= {0, 1, 2}
        assert (pieces[:, 0] % 100).max() <= 70

    def test_the_seed_says_it_all(self):
        audio = hum(5, 1000)
        assert torch.equal(random_crops(audio, 8, 100, seeded()), random_crops(audio, 8, 100, seeded()))
        assert not torch.equal(random_crops(audio, 8, 100, seeded()), random_crops(audio, 8, 100, seeded(1)))

    def test_silence_is_left_out_where_there_is_enough_else(self):
        audio = torch.cat([torch.zeros(1, 500), torch.ones(9, 500)])
        assert all(random_crops(audio, 6, 100, seeded(seed)).any(-1).all() for seed in range(20))

    def test_a_whole_utterance_is_a_crop_and_a_longer_one_is_told(self):
        assert random_crops(torch.ones(2, 50), 2, 50, seeded()).shape == (2, 50)
        with pytest.raises(InputError, match="50 samples, fewer than a crop of 51: shorten"):
            random_crops(torch.ones(2, 50), 2, 51, seeded())


class TestEditing:
    def test_noise_is_30_to_50_db_below(self):
        audio = hum(64, 4000) * torch.logspace(-2, 0, 64)[:, None]
        noise = Editing(0.0, (3000.0, 4000.0), RATE, CPU)(audio, seeded()) - audio
        ratios = 10 * torch.log10(audio.square().mean(-1) / noise.square().mean(-1))
        assert ratios.min() > 29.5
        assert ratios.max() < 50.5
        assert ratios.max() - ratios.min() > 10

    @pytest.mark.parametrize("share", [0.3, 1.0])
    def test_a_share_has_passed_a_filter(self, share):
        audio = torch.randn(400, 2000, generator=seeded(1))
        edited = Editing(share, (3000.0, 4000.0), RATE, CPU)(audio, seeded())
        spectrum = torch.fft.rfft(edited).abs().square()
        # Of a sixth-order filter below 4 kHz, 26 dB are gone at 6.6 kHz; noise is at least 30 dB down.
        filtered = spectrum[:, 825:].mean(-1) < 0.01 * spectrum[:, :250].mean(-1)
        assert float(filtered.float().mean()) == pytest.approx(share, abs=0.08)

    def test_the_seed_says_it_all(self):
        editing, audio = Editing(0.5, (3000.0, 4000.0), RATE, CPU), hum(4, 1000)
        assert torch.equal(editing(audio, seeded()), editing(audio, seeded()))


class TestSchedule:
    def test_the_rate_rises_and_falls_as_a_cosine(self):
        optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
        for step, expected in ((49, 0.5 * 0.01), (500, 0.55 * 0.01), (1000, 0.1 * 0.01)):
            watermark_training.set_learning_rate(optimiser, schedule(), step)
            assert optimiser.param_groups[0]["lr"] == pytest.approx(expected, rel=0.01)

    @staticmethod
    def _ratios(loss: float, steps: int) -> list[float]:
        progress: dict[str, Any] = {"step": 0, "ratio": 3.0, "read": 1.0}
        ratios = []
        for _ in range(steps):
            watermark_training._advance(progress, {"message": loss, "detection": loss}, schedule())
            ratios.append(progress["ratio"])
        return ratios

    def test_an_unread_mark_stays_loud(self):
        assert set(self._ratios(0.69, 1000)) == {3.0}

    def test_a_mark_that_is_read_in_time_is_settled_before_the_raw_part(self):
        ratios = self._ratios(0.05, 1000)
        assert ratios == sorted(ratios)
        learnt = next(step for step, ratio in enumerate(ratios) if ratio > 3.0)
        assert learnt < 50
        raw, settled, learning = (getattr(watermark_training, name) for name in ("RAW", "SETTLED", "LEARNING"))
        rising = math.ceil(1000 * (1 - raw - settled) * (1 - learning))
        assert ratios.index(22.0) == pytest.approx(learnt + rising, abs=2)
        assert max(ratios) == 22.0


class TestAudioSealTrained:
    def test_end_to_end(self, tmp_path, corpus):
        plugin, sources = trained(), Sources(audio=(corpus,), folder=tmp_path / "made")
        save_weights(plugin, sources, tmp_path / "weights.safetensors")
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        history = pd.read_csv(sources.folder / "history.csv")
        assert history["step"].tolist() == [3, 5]
        assert {"ratio_db", "detection", "message", "level", "audibility", "bits_right"} < set(history.columns)
        # The detector alone has fewer losses.
        assert history.loc[1].dropna().index.tolist() == ["step", "detection", "message", "bits_right"]
        assert np.isfinite(history.to_numpy()[~history.isna().to_numpy()]).all()
        marker = load_marker(tmp_path / "weights.safetensors", RATE, CPU)
        marks = marker.watermark(hum(2, 3001), torch.tensor([1, 0, 0, 1]))
        assert marks.shape == (2, 3001) and marks.isfinite().all() and marks.any()
        scores, bits = marker.detect(hum(2, 3001))
        assert scores.shape == (2,) and bits.shape == (2, 4)

    def test_the_seed_says_it_all(self, tmp_path, corpus):
        first, second, other = (
            trained(seed=seed).obtain(Sources(audio=(corpus,), folder=tmp_path / name))
            for name, seed in (("a", 0), ("b", 0), ("c", 1))
        )
        assert equal(first, second)
        assert not equal(first, other)

    @pytest.mark.parametrize("killed_at", [1, 4, 5, 7, 9])
    def test_a_killed_training_resumes_to_the_same_weights(self, tmp_path, corpus, monkeypatch, killed_at):
        monkeypatch.setattr(watermark_training, "CHECKPOINT_INTERVAL", 2)
        settings = {"steps": 6, "detector_steps": 4}
        whole = trained(**settings).obtain(Sources(audio=(corpus,), folder=tmp_path / "whole"))
        draw, drawn = watermark_training.random_crops, []

        def killed(*arguments):
            drawn.append(1)
            if len(drawn) > killed_at:
                raise KeyboardInterrupt
            return draw(*arguments)

        sources = Sources(audio=(corpus,), folder=tmp_path / "killed")
        for module in (watermark_training, detector_training):
            monkeypatch.setattr(module, "random_crops", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(**settings).obtain(sources)
        assert (sources.folder / "checkpoint.pt").exists() == (killed_at > 1)
        assert (sources.folder / "detector.pt").exists() == (killed_at > 8)
        for module in (watermark_training, detector_training):
            monkeypatch.setattr(module, "random_crops", draw)
        assert equal(trained(**settings).obtain(sources), whole)
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        histories = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "killed")]
        assert histories[0] == histories[1]

    def test_the_detector_alone_leaves_the_mark_as_it_is(self, tmp_path, corpus):
        without, with_it = (
            trained(detector_steps=steps).obtain(Sources(audio=(corpus,), folder=tmp_path / str(steps)))
            for steps in (0, 2)
        )
        changed = {name.split(".")[0] for name in without if not torch.equal(without[name], with_it[name])}
        assert changed == {"detector"}

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"loudest": 10.0, "quietest": 5.0}, r"quietest \(5 dB\) is below loudest \(10 dB\)"),
            ({"cutoffs": (4000.0, 3000.0)}, "cutoffs should rise"),
            ({"cutoffs": (3000.0, 8000.0)}, "below 8000 Hz"),
            ({"cutoffs": (0.0, 3000.0)}, "above 0"),
            ({"steps": 0}, "greater than or equal to 1"),
        ],
    )
    def test_impossible_settings_are_told(self, settings, message):
        with pytest.raises(ValidationError, match=message):
            trained(**settings)

    def test_a_corpus_that_does_not_fit_is_told(self):
        corpus = plugins.build("corpora", {"kind": "folder", "path": "x", "sample_rate": 8_000, "duration": 0.25})
        problems = dict(trained(crop=0.5).problems({"corpus": corpus}))
        assert problems.keys() == {"corpus", "crop"}
        assert "16,000 Hz, and the corpus has 8,000 Hz" in problems["corpus"]
        assert "0.5 s are longer than the corpus's utterances of 0.25 s" in problems["crop"]
        assert not list(trained(crop=0.25).problems({"corpus": corpus.model_copy(update={"sample_rate": RATE})}))

    def test_utterances_shorter_than_a_crop_are_told(self, tmp_path, corpus):
        with pytest.raises(InputError, match="4000 samples, fewer than a crop of 8000"):
            trained(crop=0.5).obtain(Sources(audio=(corpus,), folder=tmp_path))
