"""Purifiers: networks, what they are told, training, and purification itself."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from toy_speech import RATE, equal, hum, write_corpus

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.audio.validation import is_usable
from sanguinaria.core import parquet, plugins
from sanguinaria.core.errors import InputError
from sanguinaria.distortions import to_text
from sanguinaria.nn import step_training as watermark_training
from sanguinaria.purifiers import Sampling, Sources
from sanguinaria.purifiers._diffusion import speech as diffusion_speech
from sanguinaria.purifiers._diffusion import training as diffusion_training
from sanguinaria.purifiers._diffusion.condition import Condition
from sanguinaria.purifiers._diffusion.network import DiffWave, stretched
from sanguinaria.purifiers._diffusion.process import Process, linear
from sanguinaria.purifiers._diffusion.speech import Speech
from sanguinaria.purifiers._diffusion.training import Diffusion
from sanguinaria.purifiers._weights import load_cleanser, save_weights
from sanguinaria.steps.texts import transcribe
from sanguinaria.steps.verification.trials import write_trials

CPU = torch.device("cpu")
HISS = to_text(plugins.build("distortions", {"kind": "noise", "snr": 20}))
TOLD = ""  # what a specification says of the text, which has a stage of its own
HASHED = to_text(plugins.build("embedders", {"kind": "hashed", "size": 32}))

SMALL = {"corpus": "c", "layers": 6, "channels": 8, "cycle": 6, "crop": 0.125, "batch_size": 4, "learning_rate": 2e-3}
CONDITIONED = {**SMALL, "window": 256, "hop": 64, "attention": 16, "projected": 8}
KINDS = {
    "audiopure": {**SMALL, "steps": 6, "diffusion_steps": 20},
    "dap": {**CONDITIONED, "steps": 6},
    "tdap": {**CONDITIONED, "steps": 4, "pretraining": 2, "noises": (HISS,), "text": TOLD, "embedder": HASHED},
}


def built(kind: str, **settings):
    return plugins.build("purifiers", {"kind": kind, **KINDS[kind], **settings})


def seeded(purifier, seed: int = 0):
    """Weights of a network that has not been trained, with which every part of it has a say."""
    torch.manual_seed(seed)
    network = purifier.network()
    torch.nn.init.normal_(network.diffwave.output.weight, std=0.1)
    return network.state_dict()


def cleanser(kind: str, sampling: Sampling | None = None, **settings):
    purifier = built(kind, **settings)
    return purifier.load(seeded(purifier), RATE, CPU, sampling or Sampling())


SPEECH = hum(4, 4000)
TEXTS = ["yes", "no", "up", "down"]


# Networks


def test_the_receptive_field_is_what_the_output_depends_on():
    torch.manual_seed(0)
    network = DiffWave(6, 4, 3)
    torch.nn.init.normal_(network.output.weight)
    assert network.receptive_field == 1 + 2 * 2 * (1 + 2 + 4) == 29
    audio = torch.randn(1, 101, requires_grad=True)
    network(audio, torch.ones(1))[0, 50].backward()
    reached = audio.grad[0].nonzero()[:, 0]
    assert (int(reached.min()), int(reached.max())) == (50 - 14, 50 + 14)


def test_the_paper_s_sizes():
    # Three cycles of 1, 2, …, 512: 1 + 2 · 3 · 1,023.
    network = built("tdap", **{"layers": 30, "channels": 64, "cycle": 10}).network()
    assert network.diffwave.receptive_field == 6139
    defaults = plugins.build("purifiers", {"kind": "tdap", "corpus": "c", "noises": (HISS,)})
    assert (defaults.layers, defaults.channels, defaults.cycle) == (30, 64, 10)
    assert Condition(1024, 256, 8, 0, 4).spectrum(torch.randn(2, 16000)).shape == (2, 513, 63)


def test_a_condition_commutes_with_its_stretching():
    frames, convolution = torch.randn(2, 3, 5), torch.nn.Conv1d(3, 4, 1)
    torch.testing.assert_close(stretched(convolution(frames), 8), convolution(stretched(frames, 8)))
    expected = torch.nn.functional.interpolate(frames, 4 * 8 + 1, mode="linear", align_corners=True)
    torch.testing.assert_close(stretched(frames, 8)[..., : 4 * 8 + 1], expected)


def test_the_network_hears_the_step_the_spectrum_and_the_text():
    network = built("tdap").network()
    network.load_state_dict(seeded(built("tdap")))
    current, noisy, times = torch.randn(2, 2000), torch.randn(2, 2000), torch.tensor([3.0, 7.5])
    texts = torch.randn(2, 32)
    first = network(current, noisy, times, texts)
    for other in (
        network(current, noisy, times + 0.5, texts),
        network(current, 2 * noisy, times, texts),
        network(current, noisy, times, texts.flip(0)),
        network(current, noisy, times),
    ):
        assert not torch.allclose(first, other, atol=1e-4)
    # No text is a text of zeros.
    torch.testing.assert_close(network(current, noisy, times), network(current, noisy, times, 0 * texts))


def test_frames_attend_to_frames_that_are_far_away():
    condition = Condition(256, 64, 16, 0, 8)
    audio = hum(1, 8000)
    changed = audio.clone()
    changed[:, 7000:] = 0
    assert not torch.allclose(condition(audio)[..., :40], condition(changed)[..., :40], atol=1e-5)


# What is taught


@pytest.mark.parametrize("conditional", [True, False])
def test_what_is_drawn_is_the_process_and_what_is_wanted_gives_the_clean_speech_back(conditional):
    process = Process(linear(50, 1e-4, 0.05), conditional)
    diffusion = Diffusion(process, CPU)
    clean, noisy = torch.full((3, 100_000), 0.5), torch.full((3, 100_000), -0.25)
    times = torch.tensor([1, 20, 50])
    noise = torch.randn(3, 100_000, generator=torch.Generator().manual_seed(0))
    current, wanted = diffusion.at(times, clean, noisy, noise)
    for row, step in enumerate(times.tolist()):
        mixture, bar = process.mixtures[step], process.alpha_bars[step]
        assert float(current[row].mean()) == pytest.approx(bar**0.5 * (0.5 - 0.75 * mixture), abs=0.01)
        assert float(current[row].var()) == pytest.approx(process.variances[step], rel=0.02)
        # ε* by its definition: x_t = √ᾱ x_0 + √(1 − ᾱ) ε*.
        torch.testing.assert_close(
            current[row], bar**0.5 * clean[row] + (1 - bar) ** 0.5 * wanted[row], atol=1e-5, rtol=0
        )


# Training


def corpus(folder: Path, count: int = 8, samples: int = 4000) -> tuple[Path]:
    splits = ["train"] * (count - 3) + ["validation", "validation", "test"]
    return (write_corpus(folder / "corpus.parquet", hum(count, samples).numpy(), splits),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_purifier_is_trained_kept_and_loaded(kind, tmp_path):
    purifier, shards = built(kind), corpus(tmp_path)
    weights, training = tmp_path / "weights.safetensors", tmp_path / "training"
    save_weights(purifier, sources(shards, tmp_path / "unfinished"), weights, training)
    assert [path.name for path in training.iterdir()] == ["history.csv"]
    history = pd.read_csv(training / "history.csv")
    assert {"step", "loss", "validation_loss"} == set(history)
    assert history["step"].iloc[-1] == 6 and history.notna().all(axis=None)
    loaded = load_cleanser(weights, RATE, CPU)
    purified = loaded.purify(SPEECH, TEXTS)
    assert purified.shape == SPEECH.shape and torch.isfinite(purified).all()
    # The same training makes the same weights.
    assert equal(purifier.obtain(sources(shards, tmp_path / "again")), loaded.network.state_dict())


def sources(shards: tuple[Path, ...], folder: Path) -> Sources:
    """With the labels for texts."""
    text = plugins.build("texts", {"kind": "transcript"})
    rows = shards[0].with_name("texts.parquet")
    transcribe(text, shards=shards, splits=("train", "validation", "test"), destination=rows, device=CPU)
    return Sources(shards, folder, texts=(rows,))


class Stopped(Exception):
    pass


def test_a_training_that_was_killed_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(watermark_training, "CHECKPOINT_INTERVAL", 2)
    purifier, shards = built("tdap"), corpus(tmp_path)
    whole = purifier.obtain(sources(shards, tmp_path / "whole"))
    history = pd.read_csv(tmp_path / "whole" / "history.csv")
    assert history["step"].tolist() == [2, 4, 6]

    is_checkpoint_step = watermark_training.is_checkpoint_step

    def stop(step, steps):
        if step == 5:
            raise Stopped
        return is_checkpoint_step(step, steps)

    with monkeypatch.context() as patched:
        patched.setattr(watermark_training, "is_checkpoint_step", stop)
        with pytest.raises(Stopped):
            purifier.obtain(sources(shards, tmp_path / "parts"))
    assert (tmp_path / "parts" / "checkpoint.pt").exists()
    assert equal(purifier.obtain(sources(shards, tmp_path / "parts")), whole)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "parts" / "history.csv"), history)


def test_the_weights_are_a_moving_average_of_the_training_s():
    network = torch.nn.Linear(1, 1)
    learnt = torch.nn.ModuleDict({"network": network, "average": copy.deepcopy(network)})
    step = object.__new__(diffusion_training._Step)
    step.network, step.average = learnt["network"], learnt["average"]
    step.schedule = type("Schedule", (), {"decay": 0.9})()
    with torch.no_grad():
        network.weight.fill_(1.0)
        step.follow(0)  # nothing but what there is
        assert float(learnt["average"].weight.detach()) == 1.0
        network.weight.fill_(3.0)
        step.follow(10)  # young: 10 of 20
        assert float(learnt["average"].weight.detach()) == pytest.approx(2.0)
        step.follow(10_000)
    assert float(learnt["average"].weight.detach()) == pytest.approx(2.1)


def test_training_lowers_the_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(watermark_training, "CHECKPOINT_INTERVAL", 20)
    built("audiopure", steps=60).obtain(Sources(corpus(tmp_path), tmp_path / "training"))
    history = pd.read_csv(tmp_path / "training" / "history.csv")
    assert history["loss"].iloc[-1] < 0.8 * history["loss"].iloc[0]
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0]


def test_what_is_silent_is_not_learnt_from(tmp_path):
    waveforms = hum(4, 4000).numpy()
    waveforms[1] = 0
    shards = (write_corpus(tmp_path / "c.parquet", waveforms, ["train"] * 4),)
    purifier = built("tdap")
    speech = diffusion_speech.read_speech(shards, RATE, 10, "train")
    heard = purifier._heard(speech, dict.fromkeys(speech.names, "yes"), CPU)
    assert len(heard) == 3 and heard.texts.shape == (3, 32)
    with pytest.raises(InputError, match="3 utterances have no text, u000 first"):
        purifier._heard(speech, {}, CPU)
    path = write_corpus(tmp_path / "d.parquet", waveforms, ["train"] * 4, 48_000)
    with pytest.raises(InputError, match="16000 Hz, and the corpus has 48000"):
        diffusion_speech.read_speech((path,), RATE, 10, "train")
    path = write_corpus(tmp_path / "e.parquet", waveforms, ["test"] * 4)
    with pytest.raises(InputError, match="no training utterances"):
        diffusion_speech.read_speech((path,), RATE, 10, "train")


def attacked_corpus(folder, change: float = 0.01):
    """Two training utterances of each of two speakers; trials of them; and what an adversary made of each trial."""
    speech = hum(4, 4000).numpy()
    rows = pd.DataFrame({"utterance_id": ["a0", "a1", "b0", "b1"], "split": "train", "label": list("aabb")})
    rows["speaker"] = rows["label"]
    utterances.write(folder / "clean.parquet", iter([Utterances(rows, speech, RATE)]))
    parquet.write(rows, folder / "index.parquet")
    trials = folder / "trials.parquet"
    write_trials(index=folder / "index.parquet", trial_list=None, count=4, seed=0, destination=trials, split="train")
    table = parquet.read(trials)
    made = pd.DataFrame({"utterance_id": table["trial"], "label": table["test_speaker"], "split": "test"})
    made["speaker"] = made["label"]
    of = speech[[rows["utterance_id"].tolist().index(name) for name in table["test"]]]
    for shard in range(2):
        some = Utterances(made[shard::2].reset_index(drop=True), of[shard::2] + np.float32(change), RATE)
        utterances.write(folder / f"attacked-{shard}.parquet", iter([some]))
    attacked = (folder / "attacked-0.parquet", folder / "attacked-1.parquet")
    transcript = plugins.build("texts", {"kind": "transcript"})
    heard = (folder / "clean.parquet", *attacked)
    transcribe(transcript, shards=heard, splits=("train", "test"), destination=folder / "texts.parquet", device=CPU)
    return Sources(
        (folder / "clean.parquet",),
        folder / "training",
        CPU,
        attacked,
        trials,
        (folder / "texts.parquet",),
    )


def test_attacked_utterances_stand_beside_what_they_were(tmp_path):
    sources = attacked_corpus(tmp_path)
    found = diffusion_speech.read_attacked(sources.trials, sources.attacked, sources.audio, RATE)
    table = parquet.read(sources.trials)
    assert found.names == table["trial"].tolist()
    # What is stored has 16 bits.
    torch.testing.assert_close(found.noisy - found.waveforms, torch.full((4, 4000), 0.01), atol=1e-4, rtol=0)
    with pytest.raises(InputError, match="8000 Hz, and the attacked audio has 16000"):
        diffusion_speech.read_attacked(sources.trials, sources.attacked, sources.audio, 8000)
    # Both are cut in one place, and are as much louder as what is heard asks for.
    pieces = found.cropped(100, torch.Generator().manual_seed(0))
    torch.testing.assert_close(pieces.noisy - pieces.waveforms, torch.full((4, 100), 0.01), atol=1e-4, rtol=0)
    heard = built("tdap", level=0.1)._heard(found, dict.fromkeys(found.names, "yes"), CPU)
    assert heard.noisy.square().mean(-1).sqrt() == pytest.approx(np.full(4, 0.1), rel=1e-4)
    torch.testing.assert_close(heard.waveforms / heard.noisy, found.waveforms / found.noisy)


def test_attacks_are_learnt_from(tmp_path):
    weights = {}
    for name, change, settings in (
        ("attacked", 0.01, {"noises": (), "attacked": 1}),
        ("more", 0.05, {"noises": (), "attacked": 1}),
        ("never", 0.01, {"attacked": 1e-9}),
        ("never more", 0.05, {"attacked": 1e-9}),
    ):
        (tmp_path / name).mkdir()
        purifier = built("tdap", encoder="", adversary="", **settings)
        weights[name] = purifier.obtain(attacked_corpus(tmp_path / name, change))
    assert not equal(weights["attacked"], weights["more"])
    assert equal(weights["never"], weights["never more"])


# Purification


@pytest.mark.parametrize("kind", KINDS)
def test_an_utterance_is_purified_alike_in_every_batch(kind):
    purify = cleanser(kind).purify
    together = purify(SPEECH, TEXTS)
    alone = [purify(SPEECH[row : row + 1], TEXTS[row : row + 1]) for row in (3, 2, 1, 0)]
    torch.testing.assert_close(together, torch.cat(alone[::-1]), atol=1e-5, rtol=0)
    assert torch.equal(purify(SPEECH, TEXTS), together)
    assert not torch.allclose(purify(SPEECH, TEXTS, seed=1), together, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_or_silent_stays_and_leaves_the_rest_alone(kind):
    purify = cleanser(kind, level=0.1).purify
    batch = torch.cat([SPEECH, SPEECH[:3]])
    batch[1, 100], batch[4], batch[6, 7] = float("nan"), 0, float("inf")
    assert is_usable(batch).tolist() == [True, False, True, True, False, True, False]
    texts = [*TEXTS, *TEXTS[:3]]
    purified = purify(batch, texts)
    for row in (1, 4, 6):
        torch.testing.assert_close(purified[row], batch[row], atol=0, rtol=0, equal_nan=True)
    for row in (0, 2, 3, 5):
        torch.testing.assert_close(purified[row], purify(batch[[row]], [texts[row]])[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(purify(0 * SPEECH), 0 * SPEECH)


def test_a_text_is_told_and_the_wrong_one_is_another():
    purify = cleanser("tdap").purify
    right, wrong, none = purify(SPEECH, TEXTS), purify(SPEECH, TEXTS[::-1]), purify(SPEECH)
    assert not torch.allclose(right, wrong, atol=1e-6) and not torch.allclose(right, none, atol=1e-6)
    torch.testing.assert_close(purify(SPEECH, [""] * 4), none)
    # The same noise is drawn in all three: what a purifier without text does is not changed by one.
    torch.testing.assert_close(cleanser("dap").purify(SPEECH, TEXTS), cleanser("dap").purify(SPEECH))


def test_the_noise_alone_is_that_of_the_step():
    for start, way in ((3, Sampling(start=3, back=False)), (20, Sampling(variances=None, back=False))):
        loaded = cleanser("audiopure", way)
        process = loaded.way.process
        noise = loaded.purify(SPEECH) - SPEECH
        expected = (1 - process.alpha_bars[start]) / process.alpha_bars[start]
        if start == 3:
            assert float(noise.var()) == pytest.approx(expected, rel=0.05)
    # The usual start is 3 of the training's steps; all of them are gone through where that is asked for.
    assert cleanser("audiopure").way.start == 3
    assert cleanser("tdap").way.process.steps == 6 and cleanser("tdap", Sampling(variances=None)).way.start == 50
    assert cleanser("tdap", Sampling(start=2)).way.start == 2


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_true_noise_the_clean_speech_comes_back(kind):
    """The network is replaced by one that knows what is clean."""
    loaded = cleanser(kind)
    clean = SPEECH
    noisy = clean + 0.01 * hum(4, 4000, seed=5)
    process = loaded.way.process

    def oracle(current, times, told):
        step = int((torch.as_tensor(loaded.way.times) - float(times[0])).abs().argmin())
        bar = process.alpha_bars[step]
        return (current - bar**0.5 * clean) / (1 - bar) ** 0.5

    loaded.network.estimate = oracle
    torch.testing.assert_close(loaded.purify(noisy, TEXTS), clean, atol=1e-4, rtol=0)


def test_levels_come_back_and_loud_and_quiet_speech_are_treated_alike():
    loaded = cleanser("audiopure", level=0.1)
    noise = [loaded.purify(gain * SPEECH) / gain - SPEECH for gain in (1.0, 0.01)]
    levels = [float(found.square().mean().sqrt()) for found in noise]
    assert levels[0] == pytest.approx(levels[1], rel=0.1)


def test_gradients_pass_through_a_purification():
    purify = cleanser("tdap").purify
    audio = SPEECH.clone().requires_grad_()
    purify(audio, TEXTS).square().sum().backward()
    assert torch.isfinite(audio.grad).all() and (audio.grad.abs().sum(-1) > 0).all()


# Mistakes


def test_a_clip_that_is_too_short_is_told():
    # The receptive field of 6 layers is 127 samples.
    loaded = cleanser("audiopure")
    assert loaded.purify(SPEECH[:, :127]).shape == (4, 127)
    with pytest.raises(InputError, match="126 samples, fewer than the 127"):
        loaded.purify(SPEECH[:, :126])
    # Where it reaches beyond what the network was trained on, that is enough.
    with pytest.raises(InputError, match="1,999 samples, fewer than the 2,000"):
        cleanser("audiopure", layers=11, cycle=11).purify(SPEECH[:, :1999])


def test_weights_of_another_size_are_told():
    weights = seeded(built("tdap"))
    for settings, name in (
        ({"channels": 4}, "diffwave"),
        ({"layers": 5}, "absent|expected"),
        ({"projected": 4}, "condition"),
    ):
        with pytest.raises(InputError, match=f"another size.*({name})"):
            built("tdap", **settings).load(weights, RATE, CPU)
    with pytest.raises(InputError, match="another size"):
        built("dap").load(weights, RATE, CPU)


def test_what_does_not_fit_is_told():
    purifier = built("dap")
    with pytest.raises(InputError, match="16,000 Hz, not 8,000 Hz"):
        purifier.load(seeded(purifier), 8000, CPU)
    with pytest.raises(InputError, match="start: 7 is not among the 6 steps"):
        purifier.way(Sampling(start=7))
    with pytest.raises(InputError, match="steps: these steps end at"):
        purifier.way(Sampling(variances=(0.5, 0.9)))
    with pytest.raises(ValueError, match="1 texts for 4 utterances"):
        cleanser("tdap").purify(SPEECH, ["yes"])
    for settings, message in (
        ({"embedder": None}, "needs an embedder"),
        ({"encoder": "ecapa"}, "an encoder an adversary"),
        ({"noises": ()}, "nothing makes noisy speech"),
        ({"noises": (), "encoder": "ecapa", "adversary": "pgd", "attacked": 0.9}, "an attacked of 1"),
    ):
        with pytest.raises(ValueError, match=message):
            built("tdap", **settings)


def test_a_corpus_that_does_not_fit_is_told():
    speech = plugins.build("corpora", {"kind": "synthetic", "duration": 0.1})
    assert [field for field, _ in built("dap").problems({"corpus": speech})] == ["corpus"]
    assert not list(built("dap").problems({"corpus": speech.model_copy(update={"duration": 1.0})}))
    other = speech.model_copy(update={"sample_rate": 8000})
    assert "8,000 Hz" in next(iter(built("dap").problems({"corpus": other})))[1]


def test_speech_counts_its_utterances():
    assert len(Speech(torch.zeros(2, 3), ["a", "b"])) == 2
