"""Perth against its own package, and its failures."""

from __future__ import annotations

import os
import sys
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
from scipy.signal import resample_poly

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks.perth import SUBBAND, Perth, PerthMarker

RATE = 16_000
CPU = torch.device("cpu")
SPEECH = Path(os.environ.get("SANGUINARIA_DOWNLOADS", "absent"), "speech_commands_test_v0.02")


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    """(40, samples): four clips of each of ten words, or synthetic vowels without the speech corpus."""
    if not SPEECH.is_dir():
        return torch.stack([_vowel(seed) for seed in range(40)])
    words = sorted(folder for folder in SPEECH.iterdir() if folder.is_dir() and not folder.name.startswith("_"))
    return torch.stack([clip for word in words for clip in islice(_one_second_clips(word), 4)])


def _one_second_clips(word: Path):
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
    """Perth's own interface, which uses librosa for resampling alone and torchaudio for its Fourier transform."""
    for name in ("torchaudio", "torchaudio.transforms"):
        monkeypatch.setitem(sys.modules, name, torchaudio_transforms)
    if find_spec("librosa") is None:
        monkeypatch.setitem(sys.modules, "librosa", SimpleNamespace(resample=_resample))
    from perth.perth_net.perth_net_implicit.perth_watermarker import PerthImplicitWatermarker

    return PerthImplicitWatermarker()


class TestPerth:
    @pytest.mark.filterwarnings("ignore:pkg_resources")
    def test_agrees_with_the_package(self, package: Any, perth: PerthMarker, clips: torch.Tensor) -> None:
        subset = clips[::4]
        marked = np.stack([package.apply_watermark(clip.numpy(), RATE)[:RATE] for clip in subset])
        # Above the mark, the package's resampling to 32 kHz and back removes the speech's components near 8 kHz.
        own_marks, package_marks = (
            _low_pass(2_500, mark) for mark in (perth.watermark(subset).numpy(), marked - subset.numpy())
        )
        assert min(np.corrcoef(*pair)[0, 1] for pair in zip(own_marks, package_marks, strict=True)) > 0.999

    @pytest.mark.filterwarnings("ignore:pkg_resources")
    def test_equals_the_package_at_its_own_rate(self, package: Any, clips: torch.Tensor) -> None:
        subset = torch.from_numpy(resample_poly(clips[::4].numpy(), 2, 1, axis=-1))
        native = Perth().load(Perth().obtain(), 2 * RATE, CPU)
        marked = np.stack([package.apply_watermark(clip.numpy(), 2 * RATE) for clip in subset])
        np.testing.assert_allclose((subset + native.watermark(subset)).numpy(), marked, atol=1e-4)
        scores = [float(package.get_watermark(clip, 2 * RATE, round=False)) for clip in marked]
        np.testing.assert_allclose(native.detect(torch.from_numpy(marked))[0].numpy(), scores, atol=1e-3)

    @pytest.mark.parametrize("rate", [8_000, RATE, 48_000])
    def test_the_network_s_input_is_the_same_at_every_rate(self, rate: int, clips: torch.Tensor) -> None:
        levels = []
        for each in (rate, 2 * RATE):
            marker = PerthMarker({}, each, CPU)
            audio = torch.from_numpy(resample_poly(clips.numpy(), each // 1_000, RATE // 1_000, axis=-1))
            levels.append(marker._levels(marker._spectrum(audio))[:, :SUBBAND])
        # A factor of 2 is a step of 0.03.
        assert (levels[0] - levels[1]).abs().quantile(0.9) < 0.003

    @pytest.mark.skipif(not SPEECH.is_dir(), reason="needs real speech in $SANGUINARIA_DOWNLOADS")
    def test_detection_and_false_positive_rates_on_speech(self, perth: PerthMarker, clips: torch.Tensor) -> None:
        before, after = (perth.detect(audio)[0] for audio in (clips, clips + perth.watermark(clips)))
        assert (after > 0.9).float().mean() >= 0.95
        # At 0.5 the false positive rate is up to a fifth, as the package's.
        assert (before > 0.9).float().mean() <= 0.05

    def test_results_do_not_depend_on_the_batch(self, perth: PerthMarker, clips: torch.Tensor) -> None:
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

    def test_passes_are_bounded(self, perth: PerthMarker) -> None:
        assert [len(batch) for batch in perth._passes(torch.zeros(7, 5 * RATE))] == [3, 3, 1]
        assert [len(batch) for batch in perth._passes(torch.zeros(2, 60 * RATE))] == [1, 1]

    def test_silence_is_not_marked(self, perth: PerthMarker) -> None:
        silence = torch.zeros(2, RATE)
        assert not perth.watermark(silence).any()
        assert perth.detect(silence)[0].tolist() == [0, 0]

    def test_carries_no_message(self, perth: PerthMarker) -> None:
        assert Perth().message_bits == 0
        assert perth.detect(torch.zeros(3, RATE))[1].shape == (3, 0)
        with pytest.raises(ValueError, match="no message"):
            perth.watermark(torch.zeros(1, RATE), torch.tensor([1, 0, 0, 1]))

    @pytest.mark.parametrize("rate", [4_000, 22_050])
    def test_an_unsupported_sample_rate_is_an_error(self, rate: int) -> None:
        with pytest.raises(InputError, match=f"{rate:,} Hz"):
            Perth().load({}, rate, CPU)

    def test_weights_of_another_network_are_an_error(self) -> None:
        weights = Perth().obtain()
        with pytest.raises(WeightsError, match=r"encoder\.layers\.0\.conv\.weight is absent, not \(256, 128, 1\)"):
            Perth().load({}, RATE, CPU)
        with pytest.raises(WeightsError, match=r"fast_layers\.6\.conv\.bias is \(3,\), not \(2,\)"):
            Perth().load({**weights, "decoder.fast_layers.6.conv.bias": torch.zeros(3)}, RATE, CPU)


def _resample(signal: np.ndarray, orig_sr: int, target_sr: int, **_: Any) -> np.ndarray:
    return resample_poly(signal, target_sr, orig_sr).astype(np.float32)


def _low_pass(cutoff: int, audio: np.ndarray) -> np.ndarray:
    """Audio of one second without the components above a frequency in Hz."""
    spectrum = np.fft.rfft(audio)
    spectrum[:, cutoff:] = 0
    return np.fft.irfft(spectrum)
