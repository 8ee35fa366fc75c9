"""Speaker encoders: published sizes, filter banks, embeddings of the package, and gradients to the audio."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from tones import tone_dataset

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import as_settings
from sanguinaria.nn.filter_banks import FLOOR, LogFilterBanks, MeanVarianceNormalisation
from sanguinaria.nn.ge2e import partial_starts
from sanguinaria.nn.supervised_training import train
from sanguinaria.victims._aam_softmax import aam_softmax_loss
from sanguinaria.victims._encoders import load_encoder
from sanguinaria.victims._models import save_model
from sanguinaria.victims.ecapa_tdnn.augmentation import Augmentation

CPU = torch.device("cpu")
SMALL = {
    "ecapa_tdnn": {"channels": 16, "embedding": 8, "bands": 20, "batch_size": 8},
    "rawnet3": {"width": 16, "embedding": 8, "batch_size": 8},
}
each_kind = pytest.mark.parametrize("kind", sorted(SMALL))
NOISE = as_settings(plugins.build("distortions", {"kind": "noise", "snr": 20}))
FAST = as_settings(plugins.build("distortions", {"kind": "speed", "factor": 1.1}))
ROOM = as_settings(plugins.build("distortions", {"kind": "reverberation"}))


def victim(kind, **settings):
    return plugins.build("victims", {"kind": kind, **SMALL.get(kind, {}), **settings})


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("channels", "millions"), [(512, 6.2), (1024, 14.7)])
def test_ecapa_has_the_published_size(channels, millions):
    network = plugins.build("victims", {"kind": "ecapa_tdnn", "channels": channels}).network(2)
    # The paper's Table 1, in which the classifier is not counted.
    assert round(size(network[:-1]) / 1e6, 1) == millions
    assert network[-1].weight.shape == (2, 192)


def test_filter_banks_follow_the_formulas():
    audio = np.random.default_rng(0).normal(scale=0.1, size=1000)
    features = LogFilterBanks(80, 16000)(torch.tensor(audio, dtype=torch.float32)[None, None])[0].numpy()
    assert features.shape == (80, 1 + (1000 - 400) // 160)
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20, 8000]) / 700)), 82) / 2595) - 1)
    frequencies = np.arange(257) * 16000 / 512
    for frame in range(features.shape[1]):
        power = np.abs(np.fft.rfft(audio[160 * frame :][:400] * np.hamming(400), 512)) ** 2
        for band, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
            weights = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)).clip(0)
            assert weights.any()
            assert features[band, frame] == pytest.approx(np.log(power @ weights + FLOOR), abs=1e-3)


def test_normalised_bands_have_mean_0_and_deviation_1():
    features = torch.randn(3, 5, 40) * torch.arange(1, 6)[:, None] + 7
    features[0, 0] = 3.0  # never changes
    normalised = MeanVarianceNormalisation()(features)
    torch.testing.assert_close(normalised.mean(-1), torch.zeros(3, 5), atol=1e-5, rtol=0)
    deviations = normalised.std(-1, correction=0)
    assert deviations[0, 0] == 0
    torch.testing.assert_close(deviations.flatten()[1:], torch.ones(14))


@each_kind
def test_embeddings_depend_on_no_other_utterance_and_pass_gradients(kind, tmp_path):
    settings = victim(kind)
    torch.manual_seed(0)
    network = settings.network(3)
    save_model(settings, ["a", "b", "c"], network, tmp_path / "model.safetensors")
    embed = load_encoder(settings, tmp_path / "model.safetensors", 16000, CPU)
    audio = (0.1 * torch.randn(4, 8000)).requires_grad_()
    embeddings = embed(audio)
    assert embeddings.shape == (4, 8)
    torch.testing.assert_close(embed(audio[2:3])[0], embeddings[2])
    # The derivative along its own direction, against the difference of two embeddings.
    weights = torch.randn(8)
    (embeddings[0] @ weights).backward()
    slope = float(audio.grad[0].norm())
    step = 1e-4 * audio.grad[0] / slope
    with torch.no_grad():
        ahead, behind = (embed(audio[:1] + sign * step)[0] @ weights for sign in (1, -1))
    # Logarithms of RawNet3's filters, whose values cross 0, have slopes that end at once.
    expected = pytest.approx(slope, rel=0.05) if kind == "ecapa_tdnn" else pytest.approx(slope, rel=1)
    assert ahead > behind and float(ahead - behind) / 2e-4 == expected
    assert (audio.grad[1:] == 0).all()


def test_silence_and_clips_of_one_window_have_embeddings_and_shorter_ones_are_errors(tmp_path):
    settings = victim("ecapa_tdnn")
    save_model(settings, ["a", "b"], settings.network(2), tmp_path / "model.safetensors")
    embed = load_encoder(settings, tmp_path / "model.safetensors", 16000, CPU)
    audio = torch.stack([torch.zeros(400), torch.randn(400)]).requires_grad_()
    embeddings = embed(audio)
    embeddings.sum().backward()
    assert torch.isfinite(embeddings).all() and torch.isfinite(audio.grad).all()
    with pytest.raises(InputError, match="399 samples, fewer than one window of 400"):
        embed(torch.zeros(1, 399))


def test_other_victims_and_other_sample_rates_are_errors():
    with pytest.raises(InputError, match="kind lstm computes no embeddings"):
        load_encoder(plugins.build("victims", {"kind": "lstm"}), None, 16000, CPU)
    with pytest.raises(InputError, match="it takes audio at 16000 Hz, not at 8000 Hz"):
        load_encoder(victim("ecapa_tdnn"), None, 8000, CPU)
    with pytest.raises(InputError, match="has to be trained"):
        load_encoder(victim("ecapa_tdnn"), None, 16000, CPU)


def test_ecapa_is_trained_with_its_margin_and_learns(tmp_path):
    logits, labels = torch.tensor([[16.0, 8.0]]), torch.tensor([0])
    assert victim("ecapa_tdnn").loss(logits, labels) == aam_softmax_loss(logits, labels, 32, 0.2)
    settings = victim("ecapa_tdnn", epochs=3, learning_rate=0.01, batch_size=16)
    _, history = train(settings, ("high", "low"), tone_dataset(512, 1), tone_dataset(64, 2), 0, tmp_path / "a.pt", CPU)
    assert history["validation_accuracy"].iloc[-1] > 0.9


def test_training_with_augmentation_is_deterministic(tmp_path):
    settings = victim("ecapa_tdnn", epochs=2, augmentations=(NOISE, FAST, ROOM))
    one, other = (
        train(settings, ("high", "low"), tone_dataset(32, 1), tone_dataset(4, 2), 0, tmp_path / name, CPU)[0]
        for name in "ab"
    )
    assert all(torch.equal(*pair) for pair in zip(one.parameters(), other.parameters(), strict=True))
    plain = train(
        victim("ecapa_tdnn", epochs=2), ("high", "low"), tone_dataset(32, 1), tone_dataset(4, 2), 0, tmp_path / "c", CPU
    )
    assert not all(torch.equal(*pair) for pair in zip(one.parameters(), plain[0].parameters(), strict=True))


def test_augmentation_distorts_training_audio_alone():
    audio = 0.1 * torch.randn(3, 1, 4000)
    layer = Augmentation([NOISE, FAST, ROOM], 16000, 0.5)
    torch.manual_seed(0)
    changed = torch.stack([(layer(audio) != audio).any(-1)[:, 0] for _ in range(200)])
    assert layer(audio).shape == audio.shape and 250 < changed.sum() < 350
    assert len(changed.unique(dim=0)) == 2**3, "each utterance has a distortion of its own, or none"
    assert torch.equal(layer.eval()(audio), audio)
    assert torch.equal(Augmentation([], 16000, 0.0)(audio), audio)


@pytest.mark.skipif(find_spec("resemblyzer") is None, reason="needs the optional package Resemblyzer")
# The largest numbers of the embedding, by `VoiceEncoder.embed_utterance` of Resemblyzer 0.1.4 with librosa 0.11.0.
@pytest.mark.parametrize(
    ("level", "largest"),
    [
        (0.2, {125: 0.222637, 34: 0.211981, 212: 0.20191, 66: 0.188847}),
        (0.01, {79: 0.21655, 125: 0.215495, 159: 0.212099, 237: 0.210469}),  # it is amplified
    ],
)
def test_resemblyzer_has_the_embeddings_of_its_package(level, largest):
    time = np.arange(40000) / 16000
    audio = level * np.sin(2 * np.pi * (200 * time + 300 * time**2)) * (1 + np.sin(2 * np.pi * 5 * time)) / 2
    audio = torch.tensor(audio, dtype=torch.float32)[None].requires_grad_()
    embeddings = load_encoder(plugins.build("victims", {"kind": "resemblyzer"}), None, 16000, CPU)(audio)
    assert embeddings.shape == (1, 256) and embeddings.norm().item() == pytest.approx(1, abs=1e-5)
    assert embeddings[0, list(largest)].tolist() == pytest.approx(list(largest.values()), abs=2e-5)
    assert embeddings.argmax() == next(iter(largest))
    embeddings[0, next(iter(largest))].backward()
    assert torch.isfinite(audio.grad).all() and audio.grad.any()


@pytest.mark.skipif(find_spec("resemblyzer") is None, reason="needs the optional package Resemblyzer")
def test_resemblyzer_is_frozen_in_training(tmp_path):
    settings = plugins.build("victims", {"kind": "resemblyzer", "epochs": 2, "batch_size": 8})
    network, _ = train(settings, ("high", "low"), tone_dataset(16, 1), tone_dataset(4, 2), 0, tmp_path / "a.pt", CPU)
    before = settings.pretrained_network().state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network[0].state_dict().items())


def test_partial_utterances_are_those_of_the_package():
    # `compute_partial_slices` of the package, for a rate of 1.3 and a coverage of 0.75.
    assert [partial_starts(seconds * 16000) for seconds in (1, 2, 3, 4)] == [
        [0],
        [0, 77],
        [0, 77, 154],
        [0, 77, 154, 231],
    ]
