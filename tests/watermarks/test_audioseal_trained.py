"""Joint training of a generator and its detector: training data, augmentation, schedule, and resumption after a kill.

Convergence takes hundreds of steps, and is not tested here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from toy_speech import RATE, SMALL, equal_weights, harmonic_tones, write_corpus

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.nn import step_training
from sanguinaria.nn.speech_crops import load_utterances, random_crops
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._audioseal import training as joint_training
from sanguinaria.watermarks._audioseal.augmentation import Augmentation
from sanguinaria.watermarks._audioseal.training import JointSchedule
from sanguinaria.watermarks._weights import load_marker, save_weights
from sanguinaria.watermarks.audioseal_trained import AudioSealTrained, detector_training

CPU = torch.device("cpu")
SPLITS = ["train", "train", "test", "validation"] * 3


def trained(**settings: Any) -> AudioSealTrained:
    return AudioSealTrained(
        **{"corpus": "c", "steps": 3, "detector_steps": 2, "batch_size": 4, "crop": 0.1} | SMALL | settings
    )


def schedule(**settings: Any) -> JointSchedule:
    return JointSchedule(
        **{"steps": 1000, "batch_size": 4, "crop": 800, "learning_rate": 0.01, "first_ratio": 3.0}
        | {"last_ratio": 22.0, "masking_weight": 1.0, "surrogate_weight": 0.0, "low_pass_share": 0.5, "seed": 0}
        | {"cutoffs": (3000.0, 4000.0), "window": 0, "surrogates": (), "renewal_period": 0}
        | settings
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "a.parquet", harmonic_tones(12, 4000).numpy(), SPLITS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestSpeech:
    def test_only_the_training_split_is_read(self, tmp_path):
        audio = np.where(np.array(SPLITS)[:, None] == "train", 0.01, 0.9) * np.ones((12, 1000))
        shards = [write_corpus(tmp_path / f"{n}.parquet", audio[n::2], SPLITS[n::2]) for n in range(1)]
        shards.append(write_corpus(tmp_path / "held_out.parquet", audio[2:4], SPLITS[2:4]))
        waveforms = load_utterances(shards[:1], RATE, 100)
        assert waveforms.shape == (3, 1000)
        assert waveforms.abs().max() < 0.011

    def test_a_smaller_maximum_gives_a_subset(self, corpus):
        waveforms = {maximum: load_utterances([corpus], RATE, maximum) for maximum in (1, 4, 6, 100)}
        assert [len(batch) for batch in waveforms.values()] == [1, 4, 6, 6]
        rows = {maximum: {tuple(row.tolist()) for row in batch} for maximum, batch in waveforms.items()}
        assert rows[1] < rows[4] < rows[6] == rows[100]

    def test_another_sample_rate_is_an_error(self, tmp_path):
        path = write_corpus(tmp_path / "a.parquet", harmonic_tones(4, 1000).numpy(), SPLITS[:4], 8_000)
        with pytest.raises(InputError, match=r"16000 Hz.*8000"):
            load_utterances([path], RATE, 100)

    def test_a_corpus_without_training_utterances_is_an_error(self, tmp_path):
        path = write_corpus(tmp_path / "a.parquet", harmonic_tones(2, 1000).numpy(), ["test", "validation"])
        with pytest.raises(InputError, match="no training utterances"):
            load_utterances([path], RATE, 100)


class TestCrops:
    def test_crops_are_contiguous_parts_of_the_utterances(self):
        ramps = torch.arange(300.0).reshape(3, 100)
        drawn = random_crops(ramps, 40, 30, seeded())
        assert drawn.shape == (40, 30)
        assert (drawn.diff() == 1).all()
        assert set((drawn[:, 0] // 100).tolist()) <= {0, 1, 2}
        assert (drawn[:, 0] % 100).max() <= 70

    def test_crops_depend_on_the_seed_alone(self):
        audio = harmonic_tones(5, 1000)
        assert torch.equal(random_crops(audio, 8, 100, seeded()), random_crops(audio, 8, 100, seeded()))
        assert not torch.equal(random_crops(audio, 8, 100, seeded()), random_crops(audio, 8, 100, seeded(1)))

    def test_silent_crops_are_dropped_where_louder_ones_suffice(self):
        audio = torch.cat([torch.zeros(1, 500), torch.ones(9, 500)])
        assert all(random_crops(audio, 6, 100, seeded(seed)).any(-1).all() for seed in range(20))

    def test_a_crop_may_be_a_whole_utterance_and_not_longer(self):
        assert random_crops(torch.ones(2, 50), 2, 50, seeded()).shape == (2, 50)
        with pytest.raises(InputError, match="50 samples, fewer than a crop of 51: shorten"):
            random_crops(torch.ones(2, 50), 2, 51, seeded())


class TestAugmentation:
    def test_noise_is_30_to_50_db_below(self):
        audio = harmonic_tones(64, 4000) * torch.logspace(-2, 0, 64)[:, None]
        noise = Augmentation(0.0, (3000.0, 4000.0), RATE, CPU)(audio, seeded()) - audio
        ratios = 10 * torch.log10(audio.square().mean(-1) / noise.square().mean(-1))
        assert ratios.min() > 29.5
        assert ratios.max() < 50.5
        assert ratios.max() - ratios.min() > 10

    @pytest.mark.parametrize("share", [0.3, 1.0])
    def test_the_share_of_filtered_utterances(self, share):
        audio = torch.randn(400, 2000, generator=seeded(1))
        augmented = Augmentation(share, (3000.0, 4000.0), RATE, CPU)(audio, seeded())
        spectrum = torch.fft.rfft(augmented).abs().square()
        # Of a sixth-order filter below 4 kHz, 26 dB are gone at 6.6 kHz; noise is at least 30 dB down.
        filtered = spectrum[:, 825:].mean(-1) < 0.01 * spectrum[:, :250].mean(-1)
        assert float(filtered.float().mean()) == pytest.approx(share, abs=0.08)

    def test_augmentation_depends_on_the_seed_alone(self):
        augmentation, audio = Augmentation(0.5, (3000.0, 4000.0), RATE, CPU), harmonic_tones(4, 1000)
        assert torch.equal(augmentation(audio, seeded()), augmentation(audio, seeded()))


class TestSchedule:
    def test_the_learning_rate_warms_up_and_decays_as_a_cosine(self):
        optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
        for step, expected in ((49, 0.5 * 0.01), (500, 0.55 * 0.01), (1000, 0.1 * 0.01)):
            step_training.set_learning_rate(optimiser, schedule(), step)
            assert optimiser.param_groups[0]["lr"] == pytest.approx(expected, rel=0.01)

    @staticmethod
    def _ratios(loss: float, steps: int) -> list[float]:
        progress: dict[str, Any] = {"step": 0, "ratio": 3.0, "running_loss": 1.0}
        ratios = []
        for _ in range(steps):
            joint_training.raise_ratio(progress, {"message": loss, "detection": loss}, schedule())
            ratios.append(progress["ratio"])
        return ratios

    def test_the_ratio_stays_while_the_message_is_not_decoded(self):
        assert set(self._ratios(0.69, 1000)) == {3.0}

    def test_the_last_ratio_is_reached_before_the_mark_is_unscaled(self):
        ratios = self._ratios(0.05, 1000)
        assert ratios == sorted(ratios)
        learnt = next(step for step, ratio in enumerate(ratios) if ratio > 3.0)
        assert learnt < 50
        last_steps = joint_training.UNSCALED_SHARE + joint_training.FINAL_RATIO_SHARE
        rising = math.ceil(1000 * (1 - last_steps) * (1 - joint_training.LEARNING_SHARE))
        assert ratios.index(22.0) == pytest.approx(learnt + rising, abs=2)
        assert max(ratios) == 22.0


class TestAudioSealTrained:
    def test_end_to_end(self, tmp_path, corpus):
        plugin, sources = trained(), Sources(audio=(corpus,), folder=tmp_path / "made")
        save_weights(plugin, sources, tmp_path / "weights.safetensors")
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        history = pd.read_csv(sources.folder / "history.csv")
        assert history["step"].tolist() == [3, 5]
        assert {"ratio_db", "detection", "message", "level", "audibility", "bit_accuracy"} < set(history.columns)
        # The training of the detector alone has fewer losses.
        assert history.loc[1].dropna().index.tolist() == ["step", "detection", "message", "bit_accuracy"]
        assert np.isfinite(history.to_numpy()[~history.isna().to_numpy()]).all()
        marker = load_marker(tmp_path / "weights.safetensors", RATE, CPU)
        marks = marker.watermark(harmonic_tones(2, 3001), torch.tensor([1, 0, 0, 1]))
        assert marks.shape == (2, 3001) and marks.isfinite().all() and marks.any()
        scores, bits = marker.detect(harmonic_tones(2, 3001))
        assert scores.shape == (2,) and bits.shape == (2, 4)

    def test_weights_depend_on_the_seed_alone(self, tmp_path, corpus):
        first, second, other = (
            trained(seed=seed).obtain(Sources(audio=(corpus,), folder=tmp_path / name))
            for name, seed in (("a", 0), ("b", 0), ("c", 1))
        )
        assert equal_weights(first, second)
        assert not equal_weights(first, other)

    @pytest.mark.parametrize("killed_at", [1, 4, 5, 7, 9])
    def test_a_killed_training_resumes_to_the_same_weights(self, tmp_path, corpus, monkeypatch, killed_at):
        monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 2)
        settings = {"steps": 6, "detector_steps": 4}
        whole = trained(**settings).obtain(Sources(audio=(corpus,), folder=tmp_path / "whole"))
        draw, drawn = joint_training.random_crops, []

        def killed(*arguments):
            drawn.append(1)
            if len(drawn) > killed_at:
                raise KeyboardInterrupt
            return draw(*arguments)

        sources = Sources(audio=(corpus,), folder=tmp_path / "killed")
        for module in (joint_training, detector_training):
            monkeypatch.setattr(module, "random_crops", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(**settings).obtain(sources)
        assert (sources.folder / "checkpoint.pt").exists() == (killed_at > 1)
        assert (sources.folder / "detector.pt").exists() == (killed_at > 8)
        for module in (joint_training, detector_training):
            monkeypatch.setattr(module, "random_crops", draw)
        assert equal_weights(trained(**settings).obtain(sources), whole)
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        histories = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "killed")]
        assert histories[0] == histories[1]

    def test_the_detectors_own_training_leaves_the_generator_unchanged(self, tmp_path, corpus):
        without, with_it = (
            trained(detector_steps=steps).obtain(Sources(audio=(corpus,), folder=tmp_path / str(steps)))
            for steps in (0, 2)
        )
        changed = {name.split(".")[0] for name in without if not torch.equal(without[name], with_it[name])}
        assert changed == {"detector"}

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"first_ratio": 10.0, "last_ratio": 5.0}, r"last_ratio \(5 dB\) is below first_ratio \(10 dB\)"),
            ({"cutoffs": (4000.0, 3000.0)}, "cutoffs should be ascending"),
            ({"cutoffs": (3000.0, 8000.0)}, "below 8000 Hz"),
            ({"cutoffs": (0.0, 3000.0)}, "above 0"),
            ({"steps": 0}, "greater than or equal to 1"),
        ],
    )
    def test_impossible_settings_are_refused(self, settings, message):
        with pytest.raises(ValidationError, match=message):
            trained(**settings)

    def test_problems_of_an_unsuitable_corpus(self):
        corpus = plugins.build("corpora", {"kind": "folder", "path": "x", "sample_rate": 8_000, "duration": 0.25})
        problems = dict(trained(crop=0.5).problems({"corpus": corpus}))
        assert problems.keys() == {"corpus", "crop"}
        assert "16,000 Hz, and the corpus has 8,000 Hz" in problems["corpus"]
        assert "0.5 s are longer than the corpus's utterances of 0.25 s" in problems["crop"]
        assert not list(trained(crop=0.25).problems({"corpus": corpus.model_copy(update={"sample_rate": RATE})}))

    def test_utterances_shorter_than_a_crop_are_an_error(self, tmp_path, corpus):
        with pytest.raises(InputError, match="4000 samples, fewer than a crop of 8000"):
            trained(crop=0.5).obtain(Sources(audio=(corpus,), folder=tmp_path))
