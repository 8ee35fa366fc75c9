"""AudioSeal's networks, batches and checkpoints, and their failures."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks._audioseal.marker import AudioSealMarker
from sanguinaria.watermarks.audioseal import AudioSeal

RATE = 16_000
CPU = torch.device("cpu")
SMALL = {"filters": 4, "dimension": 16, "lstm": 1, "bits": 4, "precision": "float32"}
MESSAGE = torch.tensor([1, 0, 0, 1])


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
    def test_equals_the_package(self, family: str, samples: int) -> None:
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

    def test_bfloat16_is_close_to_float32(self, weights: dict[str, torch.Tensor], audioseal: AudioSealMarker) -> None:
        audio = torch.randn(4, RATE)
        exact = audioseal.watermark(audio, MESSAGE)
        coarse = _random(precision="bfloat16").load(weights, RATE, CPU).watermark(audio, MESSAGE)
        assert coarse.dtype == torch.float32
        assert (coarse - exact).norm() < 0.03 * exact.norm()

    def test_results_do_not_depend_on_the_batch(self, audioseal: AudioSealMarker) -> None:
        # More than fit in one pass.
        audio = torch.randn(11, RATE) * torch.logspace(-2, 0, 11)[:, None]
        single = torch.cat([audioseal.watermark(row[None], MESSAGE) for row in audio])
        torch.testing.assert_close(audioseal.watermark(audio, MESSAGE), single, atol=1e-4, rtol=1e-4)
        scores, bits = audioseal.detect(audio)
        torch.testing.assert_close(scores, torch.cat([audioseal.detect(row[None])[0] for row in audio]))
        assert bits.shape == (11, 4)
        assert all(((values >= 0) & (values <= 1)).all() for values in (scores, bits))

    def test_the_mark_depends_on_the_message(self, audioseal: AudioSealMarker) -> None:
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

    def test_weights_depend_on_the_seed_alone(self, weights: dict[str, torch.Tensor]) -> None:
        state = torch.random.get_rng_state()
        again, other = _random().obtain(), _random(seed=1).obtain()
        assert torch.equal(torch.random.get_rng_state(), state)
        assert all(torch.equal(again[name], weights[name]) for name in weights)
        assert not all(torch.equal(other[name], weights[name]) for name in weights)

    def test_weights_survive_safetensors(self, tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
        save_file(weights, tmp_path / "weights.safetensors")
        audio = torch.randn(1, RATE)
        before, after = (_random().load(w, RATE, CPU) for w in (weights, load_file(tmp_path / "weights.safetensors")))
        assert torch.equal(before.watermark(audio, MESSAGE), after.watermark(audio, MESSAGE))

    def test_another_sample_rate_is_an_error(self, weights: dict[str, torch.Tensor]) -> None:
        with pytest.raises(InputError, match="44,100 Hz"):
            _random().load(weights, 44_100, CPU)

    def test_weights_of_another_size_are_an_error(self, weights: dict[str, torch.Tensor]) -> None:
        with pytest.raises(WeightsError, match=r"generator.*weight is \(4, 1, 7\), not \(8, 1, 7\);.* and \d+ more"):
            _random(filters=8).load(weights, RATE, CPU)
        with pytest.raises(WeightsError, match=r"extra is .*, not expected"):
            _random().load({**weights, "detector.extra": torch.zeros(1)}, RATE, CPU)

    def test_an_unknown_card_is_an_error(self) -> None:
        with pytest.raises(WeightsError, match="no card audioseal_wm_17bits"):
            _random(card="audioseal_wm_17bits").obtain()

    @pytest.mark.parametrize(
        "settings",
        [{"source": "file"}, {"source": "file", "generator": "g.pth"}, {"source": "hub", "detector": "d.pth"}],
    )
    def test_files_require_their_source(self, settings: dict[str, str]) -> None:
        with pytest.raises(ValidationError, match="source: file"):
            AudioSeal.model_validate(settings)


class TestAudioSealCheckpoints:
    @pytest.mark.parametrize("spelling", ["plain", "old", "parametrised"])
    def test_reads_the_published_layout(self, tmp_path: Path, weights: dict[str, torch.Tensor], spelling: str) -> None:
        paths = _write_both(tmp_path, weights, lambda state: _published(state, spelling))
        loaded = _from_files(*paths).obtain()
        assert loaded.keys() == weights.keys()
        for name in weights:
            torch.testing.assert_close(loaded[name], weights[name])

    def test_reads_the_published_layout_as_the_package_does(
        self, tmp_path: Path, weights: dict[str, torch.Tensor]
    ) -> None:
        from audioseal.loader import AudioSeal as Package

        paths = _write_both(tmp_path, weights, lambda state: _published(state, "old"))
        own = _from_files(*paths).obtain()
        for name, tensor in Package.load_generator(str(paths[0])).state_dict().items():
            torch.testing.assert_close(own[f"generator.{name}"], tensor)

    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    def test_reads_the_networks_own_state(self, tmp_path: Path, weights: dict[str, torch.Tensor], suffix: str) -> None:
        loaded = _from_files(*_write_both(tmp_path, weights, lambda state: state, suffix)).obtain()
        assert all(torch.equal(loaded[name], weights[name]) for name in weights)

    def test_the_error_names_the_first_differences(self, tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
        swapped = reversed(_write_both(tmp_path, weights, lambda state: state))
        with pytest.raises(
            WeightsError, match=r"generator .*detector\.pth.*encoder\.model\.0.* is absent, not \(4, 1, 7\)"
        ):
            _from_files(*swapped).obtain()

    def test_a_pickle_with_code_is_refused(self, tmp_path: Path) -> None:
        torch.save({"model": {}, "xp.cfg": Malicious(tmp_path / "executed")}, tmp_path / "generator.pth")
        with pytest.raises(WeightsError, match=r"generator\.pth cannot be read .it holds .*: only tensors"):
            _from_files(tmp_path / "generator.pth", tmp_path / "generator.pth").obtain()
        assert not (tmp_path / "executed").exists()

    @pytest.mark.parametrize("name", ["absent.pth", "damaged.pth", "damaged.safetensors"])
    def test_an_unreadable_file_is_an_error(self, tmp_path: Path, name: str) -> None:
        for damaged in ("damaged.pth", "damaged.safetensors"):
            (tmp_path / damaged).write_bytes(b"damaged")
        with pytest.raises(WeightsError, match=f"{name} cannot be read"):
            _from_files(tmp_path / name, tmp_path / name).obtain()

    def test_the_error_without_a_network_names_the_fix(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(
            WeightsError, match=r"generator_base\.pth.*could not be downloaded.*source: file.*detector:"
        ):
            AudioSeal().obtain()


class Malicious:
    """An object whose unpickling creates a folder."""

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
    """Convert to the layout of published checkpoints: older names, weight normalisation, and a configuration."""
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
            # The norm of the direction is arbitrary.
            model[stem + pairs[1]] = 3 * tensor
        else:
            model[older] = tensor
    return {"xp.cfg": config, "model": model}


def test_the_fingerprint_depends_on_the_checkpoints(tmp_path: Path) -> None:
    paths = {part: tmp_path / f"{part}.safetensors" for part in ("generator", "detector")}
    watermark = AudioSeal(source="file", **paths)
    assert [field for field, _ in watermark.problems({})] == ["generator", "detector"]
    for path in paths.values():
        path.write_bytes(b"one")
    before = watermark.fingerprint()
    assert not list(watermark.problems({}))
    paths["detector"].write_bytes(b"two")
    assert watermark.fingerprint() != before
