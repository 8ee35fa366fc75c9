"""The mark's band, and surrogates with other front ends than the victim's."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._audioseal.band_pass import BandPass, energy_outside, require_band
from sanguinaria.watermarks._audioseal.settings import SurrogateSettings
from sanguinaria.watermarks._audioseal.surrogate import Surrogate, Surrogates, surrogate_loss
from sanguinaria.watermarks.audioseal_trained import AudioSealTrained
from sanguinaria.watermarks.bloodroot_ft import BloodrootFT
from tests.toy_speech import SMALL, harmonic_tones, write_corpus

CPU = torch.device("cpu")
RATE = 16_000
BAND = (300.0, 3400.0)
OTHERS = (
    SurrogateSettings(bands=32, fft=512, window=400, hop=160),
    SurrogateSettings(bands=64, fft=2048, window=2048, hop=512),
)


def tone(frequency: float) -> torch.Tensor:
    return torch.sin(2 * torch.pi * frequency * torch.arange(RATE) / RATE)[None]


@pytest.mark.parametrize(("frequency", "gain"), [(50, 0.0), (1000, 1.0), (2500, 1.0), (4000, 0.0), (7000, 0.0)])
def test_a_band_pass_keeps_what_is_inside_without_delay(frequency, gain):
    filtered = BandPass(BAND, RATE)(tone(frequency))
    inner = slice(1000, -1000)
    torch.testing.assert_close(filtered[:, inner], gain * tone(frequency)[:, inner], atol=5e-3, rtol=0)


def test_the_energy_outside_a_band_is_that_of_its_parts():
    both = 2 * tone(1000) + tone(5000)
    assert energy_outside(both, BAND, RATE) == pytest.approx(1 / 5, abs=1e-3)


def test_a_mark_outside_its_band_is_an_error():
    plugin = AudioSealTrained(corpus="c", **SMALL)
    generator, _ = plugin._untrained()
    with pytest.raises(InputError, match="energy lies outside 300 to 400 Hz"):
        require_band(generator, harmonic_tones(4, 8000), plugin.bits, 0, (300.0, 400.0))
    require_band(generator, harmonic_tones(4, 8000), plugin.bits, 0, None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    splits = ["train", "train", "test", "validation"] * 3
    return write_corpus(tmp_path_factory.mktemp("corpus") / "a.parquet", harmonic_tones(12, 8000).numpy(), splits)


def trained(corpus, folder, **settings: Any):
    settings = {"steps": 3, "detector_steps": 2, "batch_size": 4, "crop": 0.25} | SMALL | settings
    plugin = AudioSealTrained(corpus="c", **settings)
    folder.mkdir()
    return plugin, plugin.obtain(Sources(audio=(corpus,), folder=folder))


def test_a_trained_mark_and_its_fine_tuning_lie_within_the_band(corpus, tmp_path):
    plugin, weights = trained(corpus, tmp_path / "t", band=BAND)
    marks = plugin.load(weights, RATE, CPU).watermark(harmonic_tones(6, RATE), torch.zeros(plugin.bits))
    assert energy_outside(marks, BAND, RATE) < 0.01
    free, weights = trained(corpus, tmp_path / "u")
    marks = free.load(weights, RATE, CPU).watermark(harmonic_tones(6, RATE), torch.zeros(plugin.bits))
    assert energy_outside(marks, BAND, RATE) > 0.05
    # The weights are those of the package's network: the filter has none.
    assert not [name for name in weights if "band" in name]


def test_a_band_is_ascending_and_below_the_highest_frequency():
    with pytest.raises(ValueError, match="ascending"):
        AudioSealTrained(corpus="c", band=(3400.0, 300.0))


def test_several_surrogates_are_those_of_each_front_end():
    torch.manual_seed(0)
    several = Surrogates(RATE, CPU, OTHERS).eval()
    waveforms, marked = harmonic_tones(4, 8000), torch.tensor([1, 1, 0, 0])
    logits = several(waveforms)
    assert logits.shape == (8, 2)
    alone = [cross_entropy(surrogate(waveforms), marked) for surrogate in several.surrogates]
    torch.testing.assert_close(surrogate_loss(logits, marked), (alone[0] + alone[1]) / 2)


def test_without_front_ends_there_is_one_surrogate_with_the_default_one():
    torch.manual_seed(0)
    one = Surrogate(RATE, CPU).eval()
    torch.manual_seed(0)
    default = Surrogates(RATE, CPU).eval()
    waveforms = harmonic_tones(2, 8000)
    torch.testing.assert_close(one(waveforms), default(waveforms))


@pytest.mark.parametrize("plugin", [AudioSealTrained, BloodrootFT])
def test_surrogates_are_settings(plugin):
    settings = {"corpus": "c"} | ({"base": "b"} if plugin is BloodrootFT else {})
    entry = plugin(**settings, surrogates=[{"bands": 32, "hop": 160}])
    assert entry.surrogates == (SurrogateSettings(bands=32, hop=160),)


def test_a_generator_trains_against_an_ensemble(corpus, tmp_path):
    _, one = trained(corpus, tmp_path / "one", surrogate_weight=1.0)
    front_ends = [front_end.model_dump() for front_end in OTHERS]
    _, two = trained(corpus, tmp_path / "two", surrogate_weight=1.0, surrogates=front_ends)
    assert one.keys() == two.keys()
    assert not all(np.array_equal(one[name].numpy(), two[name].numpy()) for name in one)


def test_a_recurrent_surrogate_averages_over_frames():
    torch.manual_seed(0)
    surrogate = Surrogate(RATE, CPU, SurrogateSettings(bands=32, network="recurrent")).eval()
    assert surrogate(harmonic_tones(3, 8000)).shape == (3, 2)
    lstm = next(layer for layer in surrogate.modules() if isinstance(layer, torch.nn.LSTM))
    spectrogram = torch.randn(2, 32, 5)
    frames = lstm(spectrogram.transpose(1, 2))[0]
    torch.testing.assert_close(surrogate.layers[1](spectrogram), (frames[:, 0] + frames[:, 1:].sum(1)) / 5)


def test_surrogates_are_initialised_anew_in_turn():
    torch.manual_seed(0)
    several = Surrogates(RATE, CPU, OTHERS)
    optimiser = torch.optim.Adam(several.parameters())
    for parameter in several.parameters():
        optimiser.state[parameter] = {"step": torch.tensor(1.0)}

    def renewed(step: int, period: int) -> list[bool]:
        before = [torch.cat([p.flatten() for p in each.parameters()]).clone() for each in several.surrogates]
        several.renew(optimiser, step, period, seed=3)
        after = [torch.cat([p.flatten() for p in each.parameters()]) for each in several.surrogates]
        return [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]

    assert renewed(60, 0) == renewed(0, 60) == renewed(61, 60) == [False, False]
    assert renewed(60, 60) == [True, False]
    assert not any(parameter in optimiser.state for parameter in several.surrogates[0].parameters())
    assert all(parameter in optimiser.state for parameter in several.surrogates[1].parameters())
    assert renewed(120, 60) == [False, True]
    # By seed and step alone, so that a resumed training is the same.
    first = [p.clone() for p in several.surrogates[0].parameters()]
    several.renew(optimiser, 60, 60, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(first, several.surrogates[0].parameters(), strict=True))


def test_a_generator_trains_against_renewed_surrogates(corpus, tmp_path):
    settings = {"surrogate_weight": 1.0, "surrogates": [{"bands": 32, "network": "recurrent"}]}
    _, kept = trained(corpus, tmp_path / "kept", **settings)
    _, renewed = trained(corpus, tmp_path / "renewed", **settings, renewal_period=2)
    assert not all(np.array_equal(kept[name].numpy(), renewed[name].numpy()) for name in kept)
