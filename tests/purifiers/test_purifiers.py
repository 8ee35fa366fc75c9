"""Purifiers: networks, conditioning, training and sampling."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from toy_speech import RATE, equal_weights, harmonic_tones, write_corpus

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.audio.validation import is_usable
from sanguinaria.core import parquet, plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import as_settings
from sanguinaria.nn import step_training
from sanguinaria.purifiers import SamplingSettings, TrainingInputs
from sanguinaria.purifiers._diffusion import training as diffusion_training
from sanguinaria.purifiers._diffusion import training_data
from sanguinaria.purifiers._diffusion.condition_encoder import ConditionEncoder
from sanguinaria.purifiers._diffusion.network import DiffWave, interpolate_frames
from sanguinaria.purifiers._diffusion.process import DiffusionProcess, linear_schedule
from sanguinaria.purifiers._diffusion.training import ForwardProcess
from sanguinaria.purifiers._diffusion.training_data import TrainingUtterances
from sanguinaria.purifiers._weights import load_purifier, save_weights
from sanguinaria.steps.texts import transcribe
from sanguinaria.steps.verification.trials import write_trials
from sanguinaria.texts._transcription import read_texts

CPU = torch.device("cpu")
HISS = as_settings(plugins.build("distortions", {"kind": "noise", "snr": 20}))
TEXT = ""  # in a specification, where the text has a stage of its own
HASHED = as_settings(plugins.build("embedders", {"kind": "hashed", "size": 32}))

SMALL = {
    "corpus": "c",
    "layers": 6,
    "channels": 8,
    "dilation_cycle": 6,
    "crop": 0.125,
    "batch_size": 4,
    "learning_rate": 2e-3,
}
CONDITIONED = {**SMALL, "window": 256, "hop": 64, "attention_channels": 16, "condition_channels": 8}
KINDS = {
    "audiopure": {**SMALL, "steps": 6, "diffusion_steps": 20},
    "dap": {**CONDITIONED, "steps": 6},
    "tdap": {**CONDITIONED, "steps": 4, "pretraining": 2, "distortions": (HISS,), "text": TEXT, "embedder": HASHED},
}


def built(kind: str, **settings):
    return plugins.build("purifiers", {"kind": kind, **KINDS[kind], **settings})


def seeded(purifier, seed: int = 0):
    """Weights of an untrained network, with an output layer that is not zero."""
    torch.manual_seed(seed)
    network = purifier.network()
    torch.nn.init.normal_(network.diffwave.output.weight, std=0.1)
    return network.state_dict()


def sampler(kind: str, sampling: SamplingSettings | None = None, **settings):
    purifier = built(kind, **settings)
    return purifier.load(seeded(purifier), RATE, CPU, sampling or SamplingSettings())


SPEECH = harmonic_tones(4, 4000)
TEXTS = ["yes", "no", "up", "down"]


# Networks


def test_the_receptive_field_is_the_extent_of_the_gradient():
    torch.manual_seed(0)
    network = DiffWave(layers=6, channels=4, cycle=3)
    torch.nn.init.normal_(network.output.weight)
    assert network.receptive_field == 1 + 2 * 2 * (1 + 2 + 4) == 29
    audio = torch.randn(1, 101, requires_grad=True)
    network(audio, torch.ones(1))[0, 50].backward()
    reached = audio.grad[0].nonzero()[:, 0]
    assert (int(reached.min()), int(reached.max())) == (50 - 14, 50 + 14)


def test_the_sizes_of_the_paper():
    # Three cycles of 1, 2, …, 512: 1 + 2 · 3 · 1,023.
    network = built("tdap", **{"layers": 30, "channels": 64, "dilation_cycle": 10}).network()
    assert network.diffwave.receptive_field == 6139
    defaults = plugins.build("purifiers", {"kind": "tdap", "corpus": "c", "distortions": (HISS,)})
    assert (defaults.layers, defaults.channels, defaults.dilation_cycle) == (30, 64, 10)
    encoder = ConditionEncoder(window=1024, hop=256, width=8, text=0, channels=4)
    assert encoder.spectrum(torch.randn(2, 16000)).shape == (2, 513, 63)


def test_a_pointwise_convolution_commutes_with_the_interpolation_of_frames():
    frames, convolution = torch.randn(2, 3, 5), torch.nn.Conv1d(3, 4, 1)
    torch.testing.assert_close(interpolate_frames(convolution(frames), 8), convolution(interpolate_frames(frames, 8)))
    expected = torch.nn.functional.interpolate(frames, 4 * 8 + 1, mode="linear", align_corners=True)
    torch.testing.assert_close(interpolate_frames(frames, 8)[..., : 4 * 8 + 1], expected)


def test_the_estimate_depends_on_step_spectrum_and_text():
    network = built("tdap").network()
    network.load_state_dict(seeded(built("tdap")))
    current, noisy, steps = torch.randn(2, 2000), torch.randn(2, 2000), torch.tensor([3.0, 7.5])
    texts = torch.randn(2, 32)
    estimate = network(current, noisy, steps, texts)
    for other in (
        network(current, noisy, steps + 0.5, texts),
        network(current, 2 * noisy, steps, texts),
        network(current, noisy, steps, texts.flip(0)),
        network(current, noisy, steps),
    ):
        assert not torch.allclose(estimate, other, atol=1e-4)
    # Without text the embedding is zero.
    torch.testing.assert_close(network(current, noisy, steps), network(current, noisy, steps, 0 * texts))


def test_frames_attend_to_distant_frames():
    encoder = ConditionEncoder(window=256, hop=64, width=16, text=0, channels=8)
    audio = harmonic_tones(1, 8000)
    changed = audio.clone()
    changed[:, 7000:] = 0
    assert not torch.allclose(encoder(audio)[..., :40], encoder(changed)[..., :40], atol=1e-5)


# Training targets


@pytest.mark.parametrize("conditional", [True, False])
def test_samples_follow_the_forward_process_and_targets_restore_the_clean_speech(conditional):
    process = DiffusionProcess(linear_schedule(50, 1e-4, 0.05), conditional)
    clean, noisy = torch.full((3, 100_000), 0.5), torch.full((3, 100_000), -0.25)
    steps = torch.tensor([1, 20, 50])
    noise = torch.randn(3, 100_000, generator=torch.Generator().manual_seed(0))
    current, target = ForwardProcess(process, CPU).sample(steps, clean, noisy, noise)
    for row, step in enumerate(steps.tolist()):
        mixing, bar = process.mixing_weights[step], process.alpha_bars[step]
        assert float(current[row].mean()) == pytest.approx(bar**0.5 * (0.5 - 0.75 * mixing), abs=0.01)
        assert float(current[row].var()) == pytest.approx(process.variances[step], rel=0.02)
        # ε* by its definition: x_t = √ᾱ x_0 + √(1 − ᾱ) ε*.
        torch.testing.assert_close(
            current[row], bar**0.5 * clean[row] + (1 - bar) ** 0.5 * target[row], atol=1e-5, rtol=0
        )


# Training


def corpus(folder: Path, count: int = 8, samples: int = 4000) -> tuple[Path]:
    splits = ["train"] * (count - 3) + ["validation", "validation", "test"]
    return (write_corpus(folder / "corpus.parquet", harmonic_tones(count, samples).numpy(), splits),)


@pytest.mark.parametrize("kind", KINDS)
def test_a_purifier_is_trained_saved_and_loaded(kind, tmp_path):
    purifier, shards = built(kind), corpus(tmp_path)
    weights, training = tmp_path / "weights.safetensors", tmp_path / "training"
    save_weights(purifier, inputs(shards, tmp_path / "unfinished"), weights, training)
    assert [path.name for path in training.iterdir()] == ["history.csv"]
    history = pd.read_csv(training / "history.csv")
    assert {"step", "loss", "validation_loss"} == set(history)
    assert history["step"].iloc[-1] == 6 and history.notna().all(axis=None)
    loaded = load_purifier(weights, RATE, CPU)
    purified = loaded.purify(SPEECH, TEXTS)
    assert purified.shape == SPEECH.shape and torch.isfinite(purified).all()
    # Training is deterministic.
    assert equal_weights(purifier.train(inputs(shards, tmp_path / "again")), loaded.network.state_dict())


def inputs(shards: tuple[Path, ...], folder: Path) -> TrainingInputs:
    """Inputs of a training, whose texts are the labels."""
    text = plugins.build("texts", {"kind": "transcript"})
    rows = shards[0].with_name("texts.parquet")
    transcribe(text, shards=shards, splits=("train", "validation", "test"), destination=rows, device=CPU)
    return TrainingInputs(audio=shards, folder=folder, texts=(rows,))


def test_the_texts_of_a_sample_are_those_that_the_training_reads(tmp_path):
    speech = harmonic_tones(30, 4000).numpy()
    splits = ["train"] * 20 + ["validation"] * 7 + ["test"] * 3
    whole = write_corpus(tmp_path / "whole.parquet", speech, splits)
    # The same utterances in two shards, each of which is a part of the transcription.
    shards = tuple(tmp_path / f"{number}.parquet" for number in range(2))
    for number, shard in enumerate(shards):
        utterances.write(shard, utterances.read(whole, [f"u{row:03}" for row in range(number, 30, 2)]))
    text = plugins.build("texts", {"kind": "transcript"})
    rows = []
    for shard in shards:
        rows.append(shard.with_suffix(".texts.parquet"))
        transcribe(
            text,
            shards=[shard],
            splits=["train", "validation"],
            maxima=[6, 4],
            index=whole,
            destination=rows[-1],
            device=CPU,
        )
    read = [
        training_data.read_utterances(shards, RATE, maximum, split)
        for split, maximum in (("train", 6), ("validation", 4))
    ]
    assert [len(part) for part in read] == [6, 4]
    assert sorted(read_texts(rows)) == sorted(name for part in read for name in part.names)


class Stopped(Exception):
    pass


def test_an_interrupted_training_resumes_with_the_same_result(tmp_path, monkeypatch):
    monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 2)
    purifier, shards = built("tdap"), corpus(tmp_path)
    whole = purifier.train(inputs(shards, tmp_path / "whole"))
    history = pd.read_csv(tmp_path / "whole" / "history.csv")
    assert history["step"].tolist() == [2, 4, 6]

    is_checkpoint_step = step_training.is_checkpoint_step

    def stop(step, steps):
        if step == 5:
            raise Stopped
        return is_checkpoint_step(step, steps)

    with monkeypatch.context() as patched:
        patched.setattr(step_training, "is_checkpoint_step", stop)
        with pytest.raises(Stopped):
            purifier.train(inputs(shards, tmp_path / "parts"))
    assert (tmp_path / "parts" / "checkpoint.pt").exists()
    assert equal_weights(purifier.train(inputs(shards, tmp_path / "parts")), whole)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "parts" / "history.csv"), history)


def test_the_weights_are_an_exponential_moving_average():
    network = torch.nn.Linear(1, 1)
    average = copy.deepcopy(network)
    step = object.__new__(diffusion_training._TrainingStep)
    step.network, step.average = network, average
    step.schedule = type("Schedule", (), {"ema_decay": 0.9})()
    with torch.no_grad():
        network.weight.fill_(1.0)
        step.update_average(0)  # a decay of 0: the weights themselves
        assert float(average.weight.detach()) == 1.0
        network.weight.fill_(3.0)
        step.update_average(10)  # warm-up: a decay of 10 / 20
        assert float(average.weight.detach()) == pytest.approx(2.0)
        step.update_average(10_000)
    assert float(average.weight.detach()) == pytest.approx(2.1)


def test_training_lowers_the_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 20)
    built("audiopure", steps=60).train(TrainingInputs(audio=corpus(tmp_path), folder=tmp_path / "training"))
    history = pd.read_csv(tmp_path / "training" / "history.csv")
    assert history["loss"].iloc[-1] < 0.8 * history["loss"].iloc[0]
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0]


def test_silent_utterances_are_left_out_of_the_training(tmp_path):
    waveforms = harmonic_tones(4, 4000).numpy()
    waveforms[1] = 0
    shards = (write_corpus(tmp_path / "c.parquet", waveforms, ["train"] * 4),)
    purifier = built("tdap")
    utterances = training_data.read_utterances(shards, RATE, 10, "train")
    prepared = purifier._prepare(utterances, dict.fromkeys(utterances.names, "yes"), CPU)
    assert len(prepared) == 3 and prepared.texts.shape == (3, 32)
    with pytest.raises(InputError, match="3 utterances have no text, u000 first"):
        purifier._prepare(utterances, {}, CPU)
    path = write_corpus(tmp_path / "d.parquet", waveforms, ["train"] * 4, 48_000)
    with pytest.raises(InputError, match="16000 Hz, and the corpus has 48000"):
        training_data.read_utterances((path,), RATE, 10, "train")
    path = write_corpus(tmp_path / "e.parquet", waveforms, ["test"] * 4)
    with pytest.raises(InputError, match="no training utterances"):
        training_data.read_utterances((path,), RATE, 10, "train")


def attacked_corpus(folder, change: float = 0.01):
    """Training inputs of two utterances of each of two speakers, trials of them, and attacked audio of each trial."""
    speech = harmonic_tones(4, 4000).numpy()
    rows = pd.DataFrame({"utterance_id": ["a0", "a1", "b0", "b1"], "split": "train", "label": list("aabb")})
    rows["speaker"] = rows["label"]
    utterances.write(folder / "clean.parquet", iter([Utterances(rows, speech, RATE)]))
    parquet.write(rows, folder / "index.parquet")
    trials = folder / "trials.parquet"
    write_trials(index=folder / "index.parquet", trial_list=None, count=4, seed=0, destination=trials, split="train")
    table = parquet.read(trials)
    attacked_rows = pd.DataFrame({"utterance_id": table["trial"], "label": table["test_speaker"], "split": "test"})
    attacked_rows["speaker"] = attacked_rows["label"]
    clean = speech[[rows["utterance_id"].tolist().index(name) for name in table["test"]]]
    for shard in range(2):
        shard_rows = attacked_rows[shard::2].reset_index(drop=True)
        batch = Utterances(shard_rows, clean[shard::2] + np.float32(change), RATE)
        utterances.write(folder / f"attacked-{shard}.parquet", iter([batch]))
    attacked = (folder / "attacked-0.parquet", folder / "attacked-1.parquet")
    transcript = plugins.build("texts", {"kind": "transcript"})
    shards = (folder / "clean.parquet", *attacked)
    transcribe(transcript, shards=shards, splits=("train", "test"), destination=folder / "texts.parquet", device=CPU)
    return TrainingInputs(
        audio=(folder / "clean.parquet",),
        folder=folder / "training",
        device=CPU,
        attacked=attacked,
        trials=trials,
        texts=(folder / "texts.parquet",),
    )


def test_attacked_utterances_are_paired_with_clean_ones(tmp_path):
    inputs = attacked_corpus(tmp_path)
    pairs = training_data.read_attacked(inputs.trials, inputs.attacked, inputs.audio, RATE)
    table = parquet.read(inputs.trials)
    assert pairs.names == table["trial"].tolist()
    # Stored audio has 16 bits.
    torch.testing.assert_close(pairs.noisy - pairs.waveforms, torch.full((4, 4000), 0.01), atol=1e-4, rtol=0)
    with pytest.raises(InputError, match="8000 Hz, and the attacked audio has 16000"):
        training_data.read_attacked(inputs.trials, inputs.attacked, inputs.audio, 8000)
    # Both are cropped alike, and have the gain that normalises the noisy one.
    crops = pairs.cropped(100, torch.Generator().manual_seed(0))
    torch.testing.assert_close(crops.noisy - crops.waveforms, torch.full((4, 100), 0.01), atol=1e-4, rtol=0)
    prepared = built("tdap", level=0.1)._prepare(pairs, dict.fromkeys(pairs.names, "yes"), CPU)
    assert prepared.noisy.square().mean(-1).sqrt() == pytest.approx(np.full(4, 0.1), rel=1e-4)
    torch.testing.assert_close(prepared.waveforms / prepared.noisy, pairs.waveforms / pairs.noisy)


def test_attacked_utterances_affect_the_training(tmp_path):
    weights = {}
    for name, change, settings in (
        ("attacked", 0.01, {"distortions": (), "attacked_share": 1}),
        ("more", 0.05, {"distortions": (), "attacked_share": 1}),
        ("never", 0.01, {"attacked_share": 1e-9}),
        ("never more", 0.05, {"attacked_share": 1e-9}),
    ):
        (tmp_path / name).mkdir()
        purifier = built("tdap", encoder="", adversary="", **settings)
        weights[name] = purifier.train(attacked_corpus(tmp_path / name, change))
    assert not equal_weights(weights["attacked"], weights["more"])
    assert equal_weights(weights["never"], weights["never more"])


# Purification


@pytest.mark.parametrize("kind", KINDS)
def test_purification_does_not_depend_on_the_batch(kind):
    purify = sampler(kind).purify
    together = purify(SPEECH, TEXTS)
    alone = [purify(SPEECH[row : row + 1], TEXTS[row : row + 1]) for row in (3, 2, 1, 0)]
    torch.testing.assert_close(together, torch.cat(alone[::-1]), atol=1e-5, rtol=0)
    assert torch.equal(purify(SPEECH, TEXTS), together)
    assert not torch.allclose(purify(SPEECH, TEXTS, seed=1), together, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_silent_and_non_finite_utterances_are_unchanged_and_affect_no_other(kind):
    purify = sampler(kind, level=0.1).purify
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


def test_purification_depends_on_the_text():
    purify = sampler("tdap").purify
    right, wrong, none = purify(SPEECH, TEXTS), purify(SPEECH, TEXTS[::-1]), purify(SPEECH)
    assert not torch.allclose(right, wrong, atol=1e-6) and not torch.allclose(right, none, atol=1e-6)
    torch.testing.assert_close(purify(SPEECH, [""] * 4), none)
    # All three draw the same noise: a purifier without conditioning on text ignores texts.
    torch.testing.assert_close(sampler("dap").purify(SPEECH, TEXTS), sampler("dap").purify(SPEECH))


def test_without_the_reverse_process_the_noise_is_that_of_the_start():
    for start, sampling in (
        (3, SamplingSettings(start=3, reverse=False)),
        (20, SamplingSettings(steps="all", reverse=False)),
    ):
        loaded = sampler("audiopure", sampling)
        process = loaded.schedule.process
        noise = loaded.purify(SPEECH) - SPEECH
        expected = (1 - process.alpha_bars[start]) / process.alpha_bars[start]
        if start == 3:
            assert float(noise.var()) == pytest.approx(expected, rel=0.05)
    # The default start of AudioPure is step 3 of the training's; `all` takes all of them.
    assert sampler("audiopure").schedule.start == 3
    assert sampler("tdap").schedule.process.steps == 6
    assert sampler("tdap", SamplingSettings(steps="all")).schedule.start == 50
    assert sampler("tdap", SamplingSettings(start=2)).schedule.start == 2


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_true_noise_the_reverse_process_restores_the_clean_speech(kind):
    """The network is replaced by an oracle that computes ε* from the clean speech."""
    loaded = sampler(kind)
    clean = SPEECH
    noisy = clean + 0.01 * harmonic_tones(4, 4000, seed=5)
    schedule = loaded.schedule

    def oracle(current, steps, condition):
        step = int((torch.as_tensor(schedule.training_steps) - float(steps[0])).abs().argmin())
        bar = schedule.process.alpha_bars[step]
        return (current - bar**0.5 * clean) / (1 - bar) ** 0.5

    loaded.network.estimate = oracle
    torch.testing.assert_close(loaded.purify(noisy, TEXTS), clean, atol=1e-4, rtol=0)


def test_normalisation_makes_the_added_noise_proportional_to_the_level():
    loaded = sampler("audiopure", level=0.1)
    noise = [loaded.purify(gain * SPEECH) / gain - SPEECH for gain in (1.0, 0.01)]
    levels = [float(residual.square().mean().sqrt()) for residual in noise]
    assert levels[0] == pytest.approx(levels[1], rel=0.1)


def test_gradients_pass_through_a_purification():
    purify = sampler("tdap").purify
    audio = SPEECH.clone().requires_grad_()
    purify(audio, TEXTS).square().sum().backward()
    assert torch.isfinite(audio.grad).all() and (audio.grad.abs().sum(-1) > 0).all()


# Errors


def test_an_utterance_that_is_too_short_is_refused():
    # The receptive field of 6 layers is 127 samples.
    loaded = sampler("audiopure")
    assert loaded.purify(SPEECH[:, :127]).shape == (4, 127)
    with pytest.raises(InputError, match="126 samples, fewer than the 127"):
        loaded.purify(SPEECH[:, :126])
    # A receptive field beyond the training crops is limited to those.
    with pytest.raises(InputError, match="1,999 samples, fewer than the 2,000"):
        sampler("audiopure", layers=11, dilation_cycle=11).purify(SPEECH[:, :1999])


def test_weights_of_another_size_are_refused():
    weights = seeded(built("tdap"))
    for settings, name in (
        ({"channels": 4}, "diffwave"),
        ({"layers": 5}, "absent|expected"),
        ({"condition_channels": 4}, "condition"),
    ):
        with pytest.raises(InputError, match=f"another size.*({name})"):
            built("tdap", **settings).load(weights, RATE, CPU)
    with pytest.raises(InputError, match="another size"):
        built("dap").load(weights, RATE, CPU)


def test_settings_that_do_not_fit_are_refused():
    purifier = built("dap")
    with pytest.raises(InputError, match="16,000 Hz, not 8,000 Hz"):
        purifier.load(seeded(purifier), 8000, CPU)
    with pytest.raises(InputError, match="start: 7 is not among the 6 steps"):
        purifier.sampling_schedule(SamplingSettings(start=7))
    with pytest.raises(InputError, match="steps: these steps end at"):
        purifier.sampling_schedule(SamplingSettings(steps=(0.5, 0.9)))
    with pytest.raises(ValueError, match="1 texts for 4 utterances"):
        sampler("tdap").purify(SPEECH, ["yes"])
    for settings, message in (
        ({"embedder": None}, "needs an embedder"),
        ({"encoder": "ecapa"}, "an encoder an adversary"),
        ({"distortions": ()}, "nothing makes noisy speech"),
        ({"distortions": (), "encoder": "ecapa", "adversary": "pgd", "attacked_share": 0.9}, "an attacked_share of 1"),
    ):
        with pytest.raises(ValueError, match=message):
            built("tdap", **settings)


def test_a_corpus_that_does_not_fit_is_reported():
    speech = plugins.build("corpora", {"kind": "synthetic", "duration": 0.1})
    assert [field for field, _ in built("dap").problems({"corpus": speech})] == ["corpus"]
    assert not list(built("dap").problems({"corpus": speech.model_copy(update={"duration": 1.0})}))
    other = speech.model_copy(update={"sample_rate": 8000})
    assert "8,000 Hz" in next(iter(built("dap").problems({"corpus": other})))[1]


def test_the_length_of_training_utterances_is_their_number():
    assert len(TrainingUtterances(torch.zeros(2, 3), ["a", "b"])) == 2
