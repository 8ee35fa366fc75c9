"""WavMark against its own package, and errors about package, checkpoint and settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from toy_speech import RATE, equal_weights, harmonic_tones

from sanguinaria.audio.chunking import Chunking
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import NO_SOURCES, WeightsError
from sanguinaria.watermarks._pkdmark.marker import SyncMarker
from sanguinaria.watermarks._pkdmark.sync_code import SyncCode
from sanguinaria.watermarks._weights import load_marker, save_weights
from sanguinaria.watermarks.wavmark import Wavmark
from sanguinaria.watermarks.wavmark.network import LAST_LAYER_DEVIATION, MAXIMUM_ROUNDS, WavmarkNetwork

CPU = torch.device("cpu")
# The package takes audio from 1.1 s on, marks the first second, and does not change the rest; in audio of the second
# length, it decodes at one position only, the first.
CHUNK, DECODED_ONCE = RATE * 11 // 10, RATE * 21 // 20
# Gains with which a clip's mark is too strong, right, and so weak that the clip is marked again.
LEVELS = {"unmarked": 0.1, "once": 0.5, "again": 6.0}


@pytest.fixture(scope="module")
def package() -> Any:
    return pytest.importorskip("wavmark", reason="needs the package: pip install wavmark==0.0.3")


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    return harmonic_tones(3, CHUNK) * torch.tensor(list(LEVELS.values()))[:, None]


@pytest.fixture(scope="module")
def messages() -> torch.Tensor:
    return torch.randint(2, (3, 16), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model(package: Any, clips: torch.Tensor, messages: torch.Tensor) -> Any:
    """The package's network with one block, as eight take seconds; its last layer decodes these clips' messages."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = package.my_model.Model(RATE, num_bit=32, n_fft=1000, hop_length=400, num_layers=1).eval()
        for name, weight in network.state_dict().items():
            if name.endswith("conv5.weight"):
                torch.nn.init.normal_(weight, std=LAST_LAYER_DEVIATION)
    sent = torch.cat([torch.tensor(package.wm_add_util.fix_pattern[:16]).expand(3, -1), messages], 1).float()
    with torch.no_grad():
        hosts = clips[:, :RATE]
        spectra = network.stft(hosts + marker_of(package, network).watermark(hosts, messages))
        features = network.istft(network.enc_dec(spectra, spectra, rev=True)[1])
        network.watermark_fc_back.weight.copy_((torch.linalg.pinv(features) @ sent).T)
        network.watermark_fc_back.bias.zero_()
    return network


def marker_of(package: Any, model: Any) -> SyncMarker:
    network = WavmarkNetwork(model, min_snr=20.0, max_snr=38.0)
    return SyncMarker(
        encoder=network,
        decoder=network,
        code=SyncCode(tuple(package.wm_add_util.fix_pattern[:16]), 16),
        chunking=Chunking(RATE, 0),
        parts=1,
        ratio=None,
        network_rate=RATE,
        sample_rate=RATE,
        device=CPU,
    )


@pytest.fixture(scope="module")
def weights(package: Any) -> dict[str, torch.Tensor]:
    return Wavmark(source="random").obtain()


class TestPackage:
    def test_marks_are_the_package_s(self, package, model, clips, messages, capsys):
        theirs, encoded = [], []
        for clip, message in zip(clips, messages, strict=True):
            (marked, _), passes = counted(
                model, partial(package.encode_watermark, model, clip.numpy(), message.numpy())
            )
            theirs.append(torch.from_numpy(marked))
            encoded.append(passes)
        assert "skip section" in capsys.readouterr().out
        assert encoded[:2] == [1, 1] and 2 < encoded[2] <= MAXIMUM_ROUNDS + 1
        mine = marker_of(package, model).watermark(clips[:, :RATE], messages)
        marks = torch.stack(theirs) - clips
        assert [bool(mark.any()) for mark in mine] == [False, True, True]
        torch.testing.assert_close(mine, marks[:, :RATE], atol=1e-5, rtol=0)
        assert not marks[:, RATE:].any()

    def test_package_and_marker_decode_each_other_s_marks(self, package, model, clips, messages):
        marker = marker_of(package, model)
        for clip, message in zip(clips[1:], messages[1:], strict=True):
            theirs = package.encode_watermark(model, clip.numpy(), message.numpy())[0][:RATE]
            score, bits = marker.detect(torch.from_numpy(theirs)[None])
            assert score.item() == 1.0 and torch.equal((bits[0] >= 0.5).long(), message)
            mine = torch.cat([clip[:RATE] + marker.watermark(clip[None, :RATE], message)[0], clip[RATE:]])
            assert package.decode_watermark(model, mine[:DECODED_ONCE].numpy())[0].tolist() == message.tolist()
        score, _ = marker.detect(harmonic_tones(1, RATE, seed=9))
        assert score.item() < 0.5

    def test_marked_seconds_follow_one_another(self, package, model, clips, messages):
        marker = marker_of(package, model)
        long = torch.cat([clips[:, :RATE], torch.zeros(3, RATE), clips[:, : RATE // 2]], 1)
        mark, single = marker.watermark(long, messages), marker.watermark(clips[:, :RATE], messages)
        assert mark.shape == long.shape
        torch.testing.assert_close(mark[:, :RATE], single)
        assert not mark[:, RATE : 2 * RATE].any()

    def test_utterances_are_independent(self, package, model, clips, messages):
        marker = marker_of(package, model)
        single = torch.cat([marker.watermark(clips[row : row + 1, :RATE], messages[row]) for row in range(3)])
        torch.testing.assert_close(marker.watermark(clips[:, :RATE], messages), single, atol=1e-6, rtol=1e-4)

    def test_maximum_number_of_rounds_is_the_package_s(self, package, model, messages):
        loud = 1e3 * harmonic_tones(1, CHUNK)
        theirs = counted(model, lambda: package.encode_watermark(model, loud[0].numpy(), messages[0]))[1]
        mine = counted(model, lambda: marker_of(package, model).watermark(loud[:, :RATE], messages[0]))[1]
        assert mine == theirs == MAXIMUM_ROUNDS + 1

    def test_network_of_the_published_size_from_weights_on_disk_is_the_package_s(self, tmp_path, package, weights):
        path = tmp_path / "weights.safetensors"
        save_weights(Wavmark(source="random"), NO_SOURCES, path)
        model = package.my_model.Model(RATE, num_bit=32, n_fft=1000, hop_length=400, num_layers=8).eval()
        model.load_state_dict(weights)
        clip, message = harmonic_tones(1, CHUNK), torch.tensor([1, 0] * 8)
        theirs = torch.from_numpy(package.encode_watermark(model, clip[0].numpy(), message.numpy())[0][:RATE])
        marker = load_marker(path, RATE, CPU)
        marked = clip[0, :RATE] + marker.watermark(clip[:, :RATE], message)[0]
        assert not torch.equal(theirs, clip[0, :RATE])
        torch.testing.assert_close(marked, theirs, atol=1e-5, rtol=0)
        score, bits = marker.detect(marked[None])
        with torch.no_grad():
            read = model.decode(marked[None])[:, 16:].clamp(min=0)
        assert 0 <= score.item() < 0.5
        torch.testing.assert_close(bits, read, atol=1e-5, rtol=0)


def counted(model: Any, compute: Callable[[], Any]) -> tuple[Any, int]:
    """The result of a function, and the number of passes of the network's encoder."""
    passes: list[int] = []
    handle = model.watermark_fc.register_forward_hook(lambda *_: passes.append(1))
    try:
        return compute(), len(passes)
    finally:
        handle.remove()


class TestWeights:
    def test_random_weights_are_a_function_of_the_seed(self, weights):
        state = torch.random.get_rng_state()
        again, other = Wavmark(source="random").obtain(), Wavmark(source="random", seed=1).obtain()
        assert torch.equal(torch.random.get_rng_state(), state)
        assert equal_weights(again, weights) and not equal_weights(other, weights)

    def test_a_checkpoint_is_read(self, tmp_path, weights):
        torch.save(weights, tmp_path / "model.pkl")
        assert equal_weights(from_file(tmp_path / "model.pkl").obtain(), weights)

    def test_a_checkpoint_of_another_network_is_an_error(self, tmp_path, weights):
        name = "watermark_fc.bias"
        for change, message in (
            ({name: torch.zeros(3)}, r"is \(3,\), not \(16000,\)"),
            ({name: 3}, r"is \(\), not \(16000,\)"),
            ({"extra": torch.zeros(2)}, r"extra is \(2,\), not expected"),
        ):
            torch.save(weights | change, tmp_path / "model.pkl")
            with pytest.raises(WeightsError, match=rf"model\.pkl: not WavMark's, as .*{message}.*as published"):
                from_file(tmp_path / "model.pkl").obtain()

    def test_weights_of_another_network_are_an_error(self, weights):
        with pytest.raises(WeightsError, match=r"0\.r\.conv1\.weight is absent, not \(32, 2, 3, 3\)"):
            Wavmark().load({}, RATE, CPU)
        with pytest.raises(
            WeightsError, match=r"these weights: not WavMark's, as .*conv1\.bias is \(31,\), not \(32,\)"
        ):
            Wavmark().load(weights | {"hinet.inv_blocks.0.r.conv1.bias": torch.zeros(31)}, RATE, CPU)

    def test_audio_of_another_rate_is_resampled_which_is_printed(self, weights, capsys):
        Wavmark().load(weights, 8_000, CPU)
        assert "up to 8,000 Hz, what lies above half of the audio's rate is lost" in capsys.readouterr().out

    def test_audio_shorter_than_a_window_is_an_error(self, weights):
        with pytest.raises(InputError, match=r"999 samples at 16,000 Hz, fewer than one window of 1000"):
            Wavmark().load(weights, RATE, CPU).detect(torch.zeros(1, 999))


class TestWithoutThePackage:
    def test_the_error_names_the_package(self, monkeypatch):
        # Python takes an entry that is None for a module that cannot be imported.
        for name in ("wavmark", "wavmark.models.my_model"):
            monkeypatch.setitem(sys.modules, name, None)
        for use in (Wavmark(source="random").obtain, lambda: Wavmark().load({}, RATE, CPU)):
            with pytest.raises(
                WeightsError, match=r"wavmark, which cannot be imported .*: pip install wavmark==0\.0\.3"
            ):
                use()

    @pytest.mark.parametrize("content", [None, b"damaged"])
    def test_an_unreadable_file_is_an_error(self, tmp_path, content):
        path = tmp_path / "model.pkl"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"model\.pkl cannot be read"):
            from_file(path).obtain()

    def test_a_tensor_in_place_of_a_state_dict_is_an_error(self, tmp_path):
        torch.save(torch.zeros(3), tmp_path / "model.pkl")
        with pytest.raises(WeightsError, match=r"model\.pkl cannot be read"):
            from_file(tmp_path / "model.pkl").obtain()

    def test_nothing_is_executed(self, tmp_path):
        torch.save({"weight": Malicious(tmp_path / "executed")}, tmp_path / "model.pkl")
        with pytest.raises(WeightsError, match=r"model\.pkl cannot be read .it holds .*: only tensors"):
            from_file(tmp_path / "model.pkl").obtain()
        assert not (tmp_path / "executed").exists()

    def test_without_internet_access_the_error_says_how_to_get_the_file(self, tmp_path, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(
            WeightsError, match=r"step59000.*could not be downloaded.*source: file.*checkpoint: the path"
        ):
            Wavmark().obtain()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"source": "file"}, "source: file needs the path"),
            ({"checkpoint": "model.pkl"}, "source: file alone, not with source: hub"),
            ({"sync_required": 17}, "sync_required"),
            ({"sync_required": 0}, "sync_required"),
            ({"min_snr": 38}, r"min_snr \(38 dB\) is not below max_snr \(38 dB\)"),
        ],
    )
    def test_invalid_settings_are_errors(self, settings, message):
        with pytest.raises(ValidationError, match=message):
            Wavmark.model_validate(settings)

    def test_fingerprint_is_of_the_checkpoint_s_content(self, tmp_path):
        plugin = from_file(tmp_path / "model.pkl")
        assert [field for field, _ in plugin.problems({})] == ["checkpoint"]
        prints = [plugin.fingerprint()]
        for content in (b"one", b"two"):
            (tmp_path / "model.pkl").write_bytes(content)
            prints.append(plugin.fingerprint())
        assert not list(plugin.problems({})) and len(set(prints)) == 3
        assert not list(Wavmark().problems({})) and Wavmark().fingerprint() == ""

    def test_has_sixteen_bits_and_no_key(self):
        assert Wavmark().message_bits == 16
        assert Wavmark().key_problem(None) is None and Wavmark().key_problem("a")


def from_file(path: Path) -> Wavmark:
    return Wavmark(source="file", checkpoint=path)


class Malicious:
    """Makes a folder when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.path),)
