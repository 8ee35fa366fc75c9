"""Perth against its own package; AudioSeal's networks, batches, checkpoints and their failures."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import torchaudio_transforms
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from scipy.signal import resample_poly

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks._audioseal.marker import AudioSealMarker
from sanguinaria.watermarks.audioseal import AudioSeal
from sanguinaria.watermarks.perth import SUBBAND, Perth, PerthMarker

RATE = 16_000
CPU = torch.device("cpu")
SPEECH = Path(os.environ.get("SANGUINARIA_DOWNLOADS", "absent"), "speech_commands_test_v0.02")
SMALL = {"filters": 4, "dimension": 16, "lstm": 1, "bits": 4, "precision": "float32"}
MESSAGE = torch.tensor([1, 0, 0, 1])


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    """(40, samples): four clips of each of ten words, or vowel-like sounds where there is no speech."""
    if not SPEECH.is_dir():
        return torch.stack([_vowel(seed) for seed in range(40)])
    words = sorted(folder for folder in SPEECH.iterdir() if folder.is_dir() and not folder.name.startswith("_"))
    return torch.stack([clip for word in words for clip in islice(_seconds(word), 4)])


def _seconds(word: Path):
    for path in sorted(word.glob("*.wav")):
        samples = soundfile.read(path, dtype="float32")[0]
        if len(samples) == RATE:
            yield torch.from_numpy(samples)


def _vowel(seed: int) -> torch.Tensor:
    """A gliding harmonic tone under a swell, with a little noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    pitch = generator.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * generator.uniform(1, 4) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tone = sum(np.sin(k * phase) * generator.uniform(0.2, 1) / k for k in range(1, 30))
    swell = np.exp(-(((time - 0.5) / 0.2) ** 2))
    return torch.from_numpy(0.1 * tone * swell + 0.002 * generator.standard_normal(RATE)).float()


@pytest.fixture(scope="module")
def perth() -> PerthMarker:
    return Perth().load(Perth().obtain(), RATE, CPU)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Perth's own interface. It needs librosa for nothing but resampling, and torchaudio for its Fourier transform."""
    for name in ("torchaudio", "torchaudio.transforms"):
        monkeypatch.setitem(sys.modules, name, torchaudio_transforms)
    if find_spec("librosa") is None:
        monkeypatch.setitem(sys.modules, "librosa", SimpleNamespace(resample=_resample))
    from perth.perth_net.perth_net_implicit.perth_watermarker import PerthImplicitWatermarker

    return PerthImplicitWatermarker()


class TestPerth:
    @pytest.mark.filterwarnings("ignore:pkg_resources")
    def test_agrees_with_the_package(self, package: Any, perth: PerthMarker, clips: torch.Tensor) -> None:
        some = clips[::4]
        theirs = np.stack([package.apply_watermark(clip.numpy(), RATE)[:RATE] for clip in some]) - some.numpy()
        # Above the mark, the package's way through 32 kHz and back takes away what the speech has near 8 kHz.
        mine, theirs = (_below(2_500, mark) for mark in (perth.watermark(some).numpy(), theirs))
        assert min(np.corrcoef(*pair)[0, 1] for pair in zip(mine, theirs, strict=True)) > 0.999

    @pytest.mark.filterwarnings("ignore:pkg_resources")
    def test_is_the_package_at_its_own_rate(self, package: Any, clips: torch.Tensor) -> None:
        some = torch.from_numpy(resample_poly(clips[::4].numpy(), 2, 1, axis=-1))
        native = Perth().load(Perth().obtain(), 2 * RATE, CPU)
        marked = np.stack([package.apply_watermark(clip.numpy(), 2 * RATE) for clip in some])
        np.testing.assert_allclose((some + native.watermark(some)).numpy(), marked, atol=1e-4)
        scores = [float(package.get_watermark(clip, 2 * RATE, round=False)) for clip in marked]
        np.testing.assert_allclose(native.detect(torch.from_numpy(marked))[0].numpy(), scores, atol=1e-3)

    @pytest.mark.parametrize("rate", [8_000, RATE, 48_000])
    def test_the_network_sees_the_same_levels_at_every_rate(self, rate: int, clips: torch.Tensor) -> None:
        levels = []
        for each in (rate, 2 * RATE):
            marker = PerthMarker({}, each, CPU)
            audio = torch.from_numpy(resample_poly(clips.numpy(), each // 1_000, RATE // 1_000, axis=-1))
            levels.append(marker._levels(marker._spectrum(audio))[:, :SUBBAND])
        # A factor of 2 is a step of 0.03.
        assert (levels[0] - levels[1]).abs().quantile(0.9) < 0.003

    @pytest.mark.skipif(not SPEECH.is_dir(), reason="needs real speech in $SANGUINARIA_DOWNLOADS")
    def test_finds_its_mark_in_speech_and_little_else(self, perth: PerthMarker, clips: torch.Tensor) -> None:
        before, after = (perth.detect(audio)[0] for audio in (clips, clips + perth.watermark(clips)))
        assert (after > 0.9).float().mean() >= 0.95
        # At 0.5 it is up to a fifth, and as much for the package.
        assert (before > 0.9).float().mean() <= 0.05

    def test_each_utterance_is_marked_for_itself(self, perth: PerthMarker, clips: torch.Tensor) -> None:
        loud_and_soft = clips[:8] * torch.logspace(-3, 0, 8)[:, None]
        for compute in (perth.watermark, lambda audio: perth.detect(audio)[0]):
            single = torch.cat([compute(clip[None]) for clip in loud_and_soft])
            torch.testing.assert_close(compute(loud_and_soft), single, atol=1e-5, rtol=1e-4)

    def test_the_mark_lies_below_2_khz(self, perth: PerthMarker, clips: torch.Tensor) -> None:
        energy = np.abs(np.fft.rfft(perth.watermark(clips).numpy())) ** 2
        assert (energy[:, :2_000].sum(axis=1) / energy.sum(axis=1)).min() > 0.99

    @pytest.mark.parametrize("samples", [1, 300, 16_077, 3 * RATE])
    def test_keeps_the_length(self, perth: PerthMarker, samples: int) -> None:
        audio = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
        watermark = perth.watermark(audio)
        assert watermark.shape == audio.shape
        assert watermark.isfinite().all()

    def test_passes_need_no_more_memory_for_more_utterances(self, perth: PerthMarker) -> None:
        assert [len(some) for some in perth._passes(torch.zeros(7, 5 * RATE))] == [3, 3, 1]
        assert [len(some) for some in perth._passes(torch.zeros(2, 60 * RATE))] == [1, 1]

    def test_leaves_silence_alone(self, perth: PerthMarker) -> None:
        silence = torch.zeros(2, RATE)
        assert not perth.watermark(silence).any()
        assert perth.detect(silence)[0].tolist() == [0, 0]

    def test_carries_no_message(self, perth: PerthMarker) -> None:
        assert Perth().message_bits == 0
        assert perth.detect(torch.zeros(3, RATE))[1].shape == (3, 0)
        with pytest.raises(ValueError, match="no message"):
            perth.watermark(torch.zeros(1, RATE), MESSAGE)

    @pytest.mark.parametrize("rate", [4_000, 22_050])
    def test_names_a_rate_that_it_cannot_mark(self, rate: int) -> None:
        with pytest.raises(InputError, match=f"{rate:,} Hz"):
            Perth().load({}, rate, CPU)

    def test_refuses_other_weights(self) -> None:
        weights = Perth().obtain()
        with pytest.raises(WeightsError, match=r"encoder\.layers\.0\.conv\.weight is absent, not \(256, 128, 1\)"):
            Perth().load({}, RATE, CPU)
        with pytest.raises(WeightsError, match=r"fast_layers\.6\.conv\.bias is \(3,\), not \(2,\)"):
            Perth().load({**weights, "decoder.fast_layers.6.conv.bias": torch.zeros(3)}, RATE, CPU)


def _resample(signal: np.ndarray, orig_sr: int, target_sr: int, **_: Any) -> np.ndarray:
    return resample_poly(signal, target_sr, orig_sr).astype(np.float32)


def _below(hertz: int, audio: np.ndarray) -> np.ndarray:
    """Audio of one second without what is above a frequency."""
    spectrum = np.fft.rfft(audio)
    spectrum[:, hertz:] = 0
    return np.fft.irfft(spectrum)


def _random(**settings: Any) -> AudioSeal:
    return AudioSeal(source="random", **SMALL | settings)


def _from_files(generator: Path, detector: Path) -> AudioSeal:
    return AudioSeal(source="file", generator=generator, detector=detector, **SMALL)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return _random().obtain()


@pytest.fixture(scope="module")
def audioseal(weights: dict[str, torch.Tensor]) -> AudioSealMarker:
    return _random().load(weights, RATE, CPU)


class TestAudioSeal:
    @pytest.mark.parametrize("family", ["16bits", "streaming"])
    @pytest.mark.parametrize("samples", [1_000, 16_001])
    def test_is_the_package(self, family: str, samples: int) -> None:
        plugin = _random(card=f"audioseal_wm_{family}", detector_card=f"audioseal_detector_{family}")
        weights = plugin.obtain()
        marker = plugin.load(weights, RATE, CPU)
        generator, detector = (plugin.network(part, weights) for part in ("generator", "detector"))
        audio = torch.randn(3, samples)
        with torch.no_grad():
            watermark = generator.get_watermark(audio[:, None], message=MESSAGE)[:, 0]
            scores, bits = detector(audio[:, None])
        torch.testing.assert_close(marker.watermark(audio, MESSAGE), watermark)
        torch.testing.assert_close(marker.detect(audio), (scores[:, 1].mean(dim=-1), bits))

    def test_bfloat16_comes_close(self, weights: dict[str, torch.Tensor], audioseal: AudioSealMarker) -> None:
        audio = torch.randn(4, RATE)
        exact = audioseal.watermark(audio, MESSAGE)
        coarse = _random(precision="bfloat16").load(weights, RATE, CPU).watermark(audio, MESSAGE)
        assert coarse.dtype == torch.float32
        assert (coarse - exact).norm() < 0.03 * exact.norm()

    def test_each_utterance_is_marked_for_itself(self, audioseal: AudioSealMarker) -> None:
        # More than fit in one pass.
        audio = torch.randn(11, RATE) * torch.logspace(-2, 0, 11)[:, None]
        single = torch.cat([audioseal.watermark(one[None], MESSAGE) for one in audio])
        torch.testing.assert_close(audioseal.watermark(audio, MESSAGE), single, atol=1e-4, rtol=1e-4)
        scores, bits = audioseal.detect(audio)
        torch.testing.assert_close(scores, torch.cat([audioseal.detect(one[None])[0] for one in audio]))
        assert bits.shape == (11, 4)
        assert all(((values >= 0) & (values <= 1)).all() for values in (scores, bits))

    def test_the_message_is_in_the_mark(self, audioseal: AudioSealMarker) -> None:
        audio = torch.randn(1, RATE)
        assert not torch.allclose(audioseal.watermark(audio, MESSAGE), audioseal.watermark(audio, 1 - MESSAGE))

    def test_each_utterance_may_have_its_own_message(self, audioseal: AudioSealMarker) -> None:
        # More than fit in one pass.
        audio, messages = torch.randn(20, RATE), torch.stack([MESSAGE, 1 - MESSAGE] * 10)
        single = torch.cat([audioseal.watermark(audio[row : row + 1], messages[row]) for row in (0, 1, 18, 19)])
        torch.testing.assert_close(audioseal.watermark(audio, messages)[[0, 1, 18, 19]], single, atol=1e-4, rtol=1e-4)

    @pytest.mark.parametrize("message", [None, torch.tensor([1, 0, 1]), torch.tensor([[1, 0, 0, 1]] * 2), 2 * MESSAGE])
    def test_refuses_a_message_of_another_shape(self, audioseal: AudioSealMarker, message: torch.Tensor | None) -> None:
        with pytest.raises(ValueError, match="4 bits of 0 and 1"):
            audioseal.watermark(torch.zeros(1, RATE), message)

    def test_the_seed_is_the_weights(self, weights: dict[str, torch.Tensor]) -> None:
        state = torch.random.get_rng_state()
        again, other = _random().obtain(), _random(seed=1).obtain()
        assert torch.equal(torch.random.get_rng_state(), state)
        assert all(torch.equal(again[name], weights[name]) for name in weights)
        assert not all(torch.equal(other[name], weights[name]) for name in weights)

    def test_safetensors_keep_the_weights(self, tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
        save_file(weights, tmp_path / "weights.safetensors")
        audio = torch.randn(1, RATE)
        before, after = (_random().load(w, RATE, CPU) for w in (weights, load_file(tmp_path / "weights.safetensors")))
        assert torch.equal(before.watermark(audio, MESSAGE), after.watermark(audio, MESSAGE))

    def test_marks_at_16_khz_only(self, weights: dict[str, torch.Tensor]) -> None:
        with pytest.raises(InputError, match="44,100 Hz"):
            _random().load(weights, 44_100, CPU)

    def test_refuses_weights_of_another_size(self, weights: dict[str, torch.Tensor]) -> None:
        with pytest.raises(WeightsError, match=r"generator.*weight is \(4, 1, 7\), not \(8, 1, 7\);.* and \d+ more"):
            _random(filters=8).load(weights, RATE, CPU)
        with pytest.raises(WeightsError, match=r"extra is .*, not expected"):
            _random().load({**weights, "detector.extra": torch.zeros(1)}, RATE, CPU)

    def test_an_unknown_card_is_named(self) -> None:
        with pytest.raises(WeightsError, match="no card audioseal_wm_17bits"):
            _random(card="audioseal_wm_17bits").obtain()

    @pytest.mark.parametrize(
        "settings",
        [{"source": "file"}, {"source": "file", "generator": "g.pth"}, {"source": "hub", "detector": "d.pth"}],
    )
    def test_files_go_with_their_source(self, settings: dict[str, str]) -> None:
        with pytest.raises(ValidationError, match="source: file"):
            AudioSeal.model_validate(settings)


class TestAudioSealCheckpoints:
    @pytest.mark.parametrize("spelling", ["plain", "old", "parametrised"])
    def test_reads_the_published_layout(self, tmp_path: Path, weights: dict[str, torch.Tensor], spelling: str) -> None:
        paths = _write_both(tmp_path, weights, lambda state: _published(state, spelling))
        found = _from_files(*paths).obtain()
        assert found.keys() == weights.keys()
        for name in weights:
            torch.testing.assert_close(found[name], weights[name])

    def test_reads_the_published_layout_as_the_package_does(
        self, tmp_path: Path, weights: dict[str, torch.Tensor]
    ) -> None:
        from audioseal.loader import AudioSeal as Package

        paths = _write_both(tmp_path, weights, lambda state: _published(state, "old"))
        mine = _from_files(*paths).obtain()
        for name, tensor in Package.load_generator(str(paths[0])).state_dict().items():
            torch.testing.assert_close(mine[f"generator.{name}"], tensor)

    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    def test_reads_the_networks_own_state(self, tmp_path: Path, weights: dict[str, torch.Tensor], suffix: str) -> None:
        found = _from_files(*_write_both(tmp_path, weights, lambda state: state, suffix)).obtain()
        assert all(torch.equal(found[name], weights[name]) for name in weights)

    def test_names_the_first_differences(self, tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
        swapped = reversed(_write_both(tmp_path, weights, lambda state: state))
        with pytest.raises(
            WeightsError, match=r"generator .*detector\.pth.*encoder\.model\.0.* is absent, not \(4, 1, 7\)"
        ):
            _from_files(*swapped).obtain()

    def test_executes_nothing(self, tmp_path: Path) -> None:
        torch.save({"model": {}, "xp.cfg": Malicious(tmp_path / "executed")}, tmp_path / "generator.pth")
        with pytest.raises(WeightsError, match=r"generator\.pth cannot be read"):
            _from_files(tmp_path / "generator.pth", tmp_path / "generator.pth").obtain()
        assert not (tmp_path / "executed").exists()

    @pytest.mark.parametrize("name", ["absent.pth", "damaged.pth", "damaged.safetensors"])
    def test_names_a_file_that_it_cannot_read(self, tmp_path: Path, name: str) -> None:
        for damaged in ("damaged.pth", "damaged.safetensors"):
            (tmp_path / damaged).write_bytes(b"damaged")
        with pytest.raises(WeightsError, match=f"{name} cannot be read"):
            _from_files(tmp_path / name, tmp_path / name).obtain()

    def test_without_a_network_the_error_says_what_to_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(
            WeightsError, match=r"generator_base\.pth.*could not be downloaded.*source: file.*detector:"
        ):
            AudioSeal().obtain()


class Malicious:
    """Makes a folder when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.path),)


def _write_both(
    folder: Path,
    weights: dict[str, torch.Tensor],
    layout: Callable[[dict[str, torch.Tensor]], Any],
    suffix: str = ".pth",
) -> list[Path]:
    paths = [folder / f"{part}{suffix}" for part in ("generator", "detector")]
    for path in paths:
        prefix = f"{path.stem}."
        state = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
        (save_file if suffix == ".safetensors" else torch.save)(layout(state), path)
    return paths


def _published(state: dict[str, torch.Tensor], spelling: str) -> dict[str, Any]:
    """The layout of published checkpoints: older names, weight normalisation, a configuration beside the weights."""
    from audioseal.loader import load_local_model_config

    config = load_local_model_config("audioseal_wm_16bits")
    config.nbits = SMALL["bits"]
    config.seanet.update(n_filters=SMALL["filters"], dimension=SMALL["dimension"], lstm=SMALL["lstm"])
    pairs = {"plain": None, "old": ("_g", "_v"), "parametrised": ("original0", "original1")}[spelling]
    model: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        older = name.replace(".inner_conv", "")
        if pairs and older != name and name.endswith("weight"):
            stem = older if spelling == "old" else re.sub("weight$", "parametrizations.weight.", older)
            model[stem + pairs[0]] = tensor.flatten(1).norm(dim=1)[:, None, None]
            # Its length does not matter.
            model[stem + pairs[1]] = 3 * tensor
        else:
            model[older] = tensor
    return {"xp.cfg": config, "model": model}


def test_audioseal_checkpoints_are_known_by_their_content(tmp_path: Path) -> None:
    paths = {part: tmp_path / f"{part}.safetensors" for part in ("generator", "detector")}
    watermark = AudioSeal(source="file", **paths)
    assert [field for field, _ in watermark.problems({})] == ["generator", "detector"]
    for path in paths.values():
        path.write_bytes(b"one")
    before = watermark.fingerprint()
    assert not list(watermark.problems({}))
    paths["detector"].write_bytes(b"two")
    assert watermark.fingerprint() != before
