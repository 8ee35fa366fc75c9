"""PKDMark: message maps, losses, distillation, detection by a code, training, and loading what was trained."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from pydantic import ValidationError
from scipy.stats import binom
from torch.utils.flop_counter import FlopCounterMode
from toy_speech import RATE, equal, hum, write_corpus

from sanguinaria import distillation, pkdmark_training, plugins, watermark_training
from sanguinaria.attacks import Attacks
from sanguinaria.discriminators import Discriminator
from sanguinaria.distillation import StudentSchedule
from sanguinaria.distortions import Distortion, to_text
from sanguinaria.errors import InputError
from sanguinaria.marking import load_marker, load_weights, save_weights
from sanguinaria.pkdmark_losses import decoding, multi_scale_stft, undetected
from sanguinaria.pkdmark_networks import MarkNetwork, student_of
from sanguinaria.pkdmark_settings import PkdSettings
from sanguinaria.spectra import Band
from sanguinaria.sync_marker import SyncMarker
from sanguinaria.synchronisation import SyncCode
from sanguinaria.watermarks import Sources, WeightsError
from sanguinaria.watermarks.pkdmark import Pkdmark
from sanguinaria.watermarks.pkdmark_teacher import PkdmarkTeacher

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[1]
SPLITS = ["train", "train", "test", "validation"] * 3
TINY = {"sample_rate": RATE, "fft": 256, "hop": 128, "first_bin": 4, "bins": 12, "blocks": 3, "channels": 4}
SHORT = {"corpus": "c", "bits": 6, "sync": "101", "sync_required": 3, "batch_size": 2, "learning_rate": 1e-3}


def entry(kind: str, **settings: Any) -> Distortion:
    found = plugins.build("distortions", {"kind": kind, **settings})
    assert isinstance(found, Distortion)
    return found


EDITS = (to_text(entry("none")), to_text(entry("noise", snr=30.0)))


def teacher(**settings: Any) -> PkdmarkTeacher:
    return PkdmarkTeacher(**TINY | SHORT | {"steps": 2, "layout": "lines", "edits": EDITS} | settings)


def student(base: PkdmarkTeacher | None = None, **settings: Any) -> Pkdmark:
    text = json.dumps(plugins.describe(base or teacher()))
    small = {"base": text, "blocks": 2, "channels": 2, "progressive_steps": 2, "joint_steps": 1, "edits": EDITS}
    return Pkdmark(**SHORT | small | settings)


def seeded(make: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def untrained(plugin: PkdSettings) -> dict[str, torch.Tensor]:
    if isinstance(plugin, PkdmarkTeacher):
        return {f"network.{name}": tensor for name, tensor in seeded(plugin.network).state_dict().items()}
    assert isinstance(plugin, Pkdmark)
    network = seeded(plugins.build("watermarks", json.loads(plugin.base)).network)  # type: ignore[attr-defined]
    parts = {"student": seeded(lambda: student_of(network, plugin.blocks, plugin.channels)), "decoder": network}
    return {f"{part}.{name}": tensor for part, net in parts.items() for name, tensor in net.state_dict().items()}


def marker(plugin: PkdSettings, rate: int = RATE) -> SyncMarker:
    found = plugin.load(untrained(plugin), rate, CPU)
    assert isinstance(found, SyncMarker)
    return found


def message(bits: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, (bits,), generator=torch.Generator().manual_seed(seed))


def paper_size(blocks: int, channels: int, **settings: Any) -> MarkNetwork:
    with torch.device("meta"):
        return PkdmarkTeacher(corpus="c", blocks=blocks, channels=channels, **settings).network()


BOTH = pytest.mark.parametrize("plugin", [teacher(), student()], ids=["teacher", "student"])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "a.parquet", hum(12, RATE).numpy(), SPLITS)


@pytest.fixture(scope="module")
def taught(tmp_path_factory, corpus):
    """A trained teacher's weights."""
    folder = tmp_path_factory.mktemp("teacher")
    save_weights(teacher(), Sources(audio=(corpus,), folder=folder / "made"), folder / "weights.safetensors")
    return folder / "weights.safetensors"


class TestNetwork:
    @pytest.mark.parametrize("layout", ["plain", "dense", "lines"])
    def test_the_decoder_is_the_encoder_s_inverse(self, layout):
        """With the redundancy itself in place of the marked host, the message's features come back."""
        found = seeded(teacher(layout=layout).network).keyed
        host, features = torch.randn(2, 2, 12, 9), torch.randn(2, 2, 12, 9)
        key = torch.ones(2, 3)
        after = found.invertible.inverse(*found.invertible(host, features, key), key)
        torch.testing.assert_close(after, (host, features), atol=1e-5, rtol=1e-4)

    def test_without_the_redundancy_the_marked_host_takes_its_place(self):
        found, speech = seeded(teacher().network), hum(2, RATE)
        spectrum = found.band.analyse(speech)
        _, expected = found.keyed.invertible.inverse(spectrum, spectrum, torch.ones(2, 3))
        torch.testing.assert_close(found.recover(speech), expected)
        torch.testing.assert_close(found.read(speech), (found.keyed.message.read(expected) + 1) / 2)

    def test_the_map_is_eq_1(self):
        """v repeated over frames, as real part and as imaginary part: M = (1 + i)·[v, …, v]."""
        found = seeded(teacher().network)
        features = found.features(torch.stack([message(6), message(6, 1)]))
        assert features.shape == (2, 2, 12, found.band.frames(RATE))
        vector = features[:, 0, :, 0]
        assert torch.equal(features, vector[:, None, :, None].expand_as(features))
        spectrum = torch.complex(features[:, 0], features[:, 1])
        torch.testing.assert_close(spectrum, (1 + 1j) * vector[..., None].expand_as(spectrum))

    def test_the_map_is_linear_in_what_each_bit_contributes(self):
        """Changing two bits changes v by the sum of what changing each does."""
        found = seeded(teacher().network)
        first, second, both, none = (
            found.features(torch.tensor([[a, b, 0, 0, 0, 0]])) for a, b in ((1, 0), (0, 1), (1, 1), (0, 0))
        )
        torch.testing.assert_close(both - none, (first - none) + (second - none))
        assert (first - none).any() and (second - none).any()

    def test_the_student_has_the_teacher_s_features(self):
        network = seeded(teacher().network)
        small = student_of(network, 2, 2)
        assert torch.equal(small.features(message(6)[None]), network.features(message(6)[None]))
        assert len(small.keyed.invertible.blocks) == 2 and len(network.keyed.invertible.blocks) == 3
        assert all(a is not b for a, b in zip(small.parameters(), network.parameters(), strict=False))


def operations(network: MarkNetwork) -> int:
    """Floating-point operations of the invertible network in marking one piece, counted by torch."""
    band, blocks = network.band, copy.deepcopy(network.keyed.invertible).to("meta")
    shape = (1, 2, band.bins, band.frames(network.samples))
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        blocks(torch.empty(shape), torch.empty(shape), torch.empty(1, network.keyed.blocks))
    return int(counter.get_total_flops())


def parameters(network: MarkNetwork) -> int:
    return sum(weight.numel() for weight in network.keyed.invertible.parameters())


class TestSizes:
    def test_the_paper_s_operations_have_the_published_ratio(self):
        """36.0 and 2.3 GFLOPS (Table II), 15.7, rounded as they are: between 35.95/2.35 and 36.05/2.25."""
        large, small = paper_size(8, 32), paper_size(2, 16)
        assert 35.95 / 2.35 < operations(large) / operations(small) < 36.05 / 2.25
        assert parameters(large) / parameters(small) == pytest.approx(15.32, abs=0.01)
        dense = operations(paper_size(8, 32, layout="dense")) / operations(paper_size(2, 16, layout="dense"))
        assert dense < 35.95 / 2.35

    def test_operations_are_those_of_the_convolutions(self):
        cells = 513 * (1 + 24_000 // 600)
        weights = 9 * (2 * 32 + 3 * 32 * 32 + 32 * 2)
        assert operations(paper_size(8, 32)) == 2 * 8 * 3 * weights * cells

    def test_the_paper_s_windows_lose_nothing(self):
        band, sound = Band(1024, 600, 0, 513), torch.randn(2, 24_000)
        torch.testing.assert_close(band.synthesise(band.analyse(sound), 24_000), sound, atol=1e-4, rtol=1e-4)

    def test_sixteen_bits_per_second(self):
        plain = PkdmarkTeacher(corpus="c", sync="")
        assert plain.message_bits * plain.sample_rate / plain.samples == 16
        assert PkdmarkTeacher(corpus="c").message_bits == 8
        assert PkdmarkTeacher(corpus="c", spread=3).message_bits == 24


class TestLosses:
    def test_spectra_are_compared_by_eq_2(self):
        speech, marked = hum(2, 4000), hum(2, 4000) + 0.01 * torch.randn(2, 4000)
        expected = []
        for size in (32, 64, 128, 256, 512, 1024, 2048):
            window = np.hanning(size + 1)[:-1]
            levels = []
            for waveforms in (speech, marked):
                padded = np.pad(waveforms.numpy(), ((0, 0), (size // 2, size // 2)), mode="reflect")
                frames = np.lib.stride_tricks.sliding_window_view(padded, size, 1)[:, :: size // 4] * window
                levels.append(np.abs(np.fft.rfft(frames)) / np.sqrt(size))
            difference = levels[0] - levels[1]
            expected.append(np.abs(difference).mean() + np.square(difference).mean())
        assert float(multi_scale_stft(speech, marked)) == pytest.approx(np.mean(expected), rel=1e-3)
        assert float(multi_scale_stft(speech, speech)) == 0

    def test_decoding_is_eq_3_and_without_maps_eq_9(self):
        messages, found = torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0.5, 1.0], [0.0, 2.0]])
        maps = torch.zeros(2, 2, 3, 4), torch.full((2, 2, 3, 4), 0.5)
        assert float(decoding(messages, found)) == pytest.approx((0.25 + 0 + 1 + 1) / 4)
        assert float(decoding(messages, found, *maps, weight=0.4)) == pytest.approx(2.25 / 4 + 0.4 * 0.25)

    def test_the_encoder_is_to_stay_undetected(self):
        judge, marked = seeded(Discriminator), hum(3, 4000).requires_grad_()
        loss = undetected(judge, marked)
        chance = 1 - judge(marked).sigmoid()  # D, that it is marked
        torch.testing.assert_close(loss, -(1 - chance).log().mean())
        loss.backward()
        assert marked.grad is not None and marked.grad.any()
        assert all(weight.grad is None and weight.requires_grad for weight in judge.parameters())

    def test_a_student_s_step_is_eq_7_to_11(self, tmp_path, monkeypatch):
        """The history of one step, against a calculation by hand."""
        network, judge = seeded(teacher().network), seeded(Discriminator)
        small = seeded(lambda: student_of(network, 2, 2))
        speech, messages = hum(2, RATE), torch.stack([message(6), message(6, 1)])
        own, theirs = small.mark(speech, messages).detach(), network.mark(speech, messages).detach()
        mixed = speech + 0.1 * own + 0.9 * theirs
        expected = {
            "perceptual": float((own - theirs).square().mean()),
            "decoding": float((network.read(mixed) - messages).square().mean().detach()),
            "adversarial": float(undetected(judge, speech + own).detach()),
            "mix": 0.1,
        }
        monkeypatch.setattr(distillation, "crops", lambda *_: speech)
        monkeypatch.setattr(distillation, "random_messages", lambda *_: messages)
        history = distillation.train_student(
            small,
            seeded(teacher().network),
            distillation.Teacher(network, judge),
            speech,
            torch.zeros(0, 0),
            pkdmark_training.Weights(1.0, 1.0, 1.0),
            Attacks([], RATE),
            StudentSchedule(1, 2, RATE, 1e-3, 0, 0, "progressive", 10, None),
            tmp_path / "checkpoint.pt",
            CPU,
        )
        assert {name: history[0][name] for name in expected} == pytest.approx(expected, rel=1e-4)


class TestMix:
    def schedule(self, kind: distillation.Distillation = "progressive") -> StudentSchedule:
        return StudentSchedule(50_000, 16, 24_000, 1e-4, 0, 0, kind, 40_000, None)

    def test_rises_from_a_tenth_to_one_in_a_straight_line(self):
        mix = self.schedule().mix
        assert mix(0) == 0.1 and mix(20_000) == pytest.approx(0.55)
        assert mix(39_999) < 1 and mix(40_000) == mix(49_999) == 1

    def test_direct_distillation_is_the_student_s_alone(self):
        assert {self.schedule("direct").mix(step) for step in (0, 10, 49_999)} == {1.0}

    @pytest.mark.parametrize(("settings", "learns"), [({"joint_steps": 0}, False), ({"distillation": "direct"}, True)])
    def test_the_decoder_learns_only_with_the_student_alone(self, tmp_path, corpus, taught, settings, learns):
        weights = student(**settings).obtain(Sources(audio=(corpus,), base=taught, folder=tmp_path))
        before = load_weights(taught)[1]
        same = [
            torch.equal(weight, before[name.replace("decoder", "network", 1)])
            for name, weight in weights.items()
            if name.startswith("decoder.")
        ]
        assert same and all(same) is not learns


class TestCode:
    @pytest.mark.parametrize(("bits", "required"), [(8, 7), (8, 8), (8, 1), (16, 13), (1, 1)])
    def test_false_positives_are_binomial(self, bits, required):
        code = SyncCode((0, 1) * (bits // 2) or (1,), required)
        assert code.false_positive_rate == pytest.approx(binom.sf(required - 1, bits, 0.5), rel=1e-12)

    def test_the_paper_s_are_nine_of_256(self):
        code = PkdmarkTeacher(corpus="c").code
        assert len(code.bits) == 8 and code.false_positive_rate == 9 / 256
        readings = torch.tensor([[int(bit) for bit in f"{number:08b}"] for number in range(256)])
        assert int((code.score(readings) >= 0.5).sum()) == 9

    def test_the_score_tells_how_many_are_right(self):
        code = SyncCode((1, 1, 1, 0), 3)
        readings = torch.tensor([[0.9, 0.8, 0.5, 0.1], [0.9, 0.8, 0.4, 0.1], [0, 1, 1, 1.0], [0, 0, 0, 1.0]])
        assert code.matches(readings).tolist() == [4, 3, 2, 0]
        torch.testing.assert_close(code.score(readings), torch.tensor([1.0, 0.5, 1 / 3, 0.0]))
        assert SyncCode((1, 1), 2).score(torch.ones(1, 2)).tolist() == [1.0]


class TestMarker:
    @BOTH
    @pytest.mark.parametrize("samples", [256, RATE, 40_123])
    def test_marks_audio_of_any_length(self, plugin, samples):
        speech = hum(2, samples)
        mark = marker(plugin).watermark(speech, message())
        assert mark.shape == speech.shape and mark.isfinite().all() and mark[:, -samples // 8 :].any()
        scores, bits = marker(plugin).detect(speech + mark)
        assert scores.shape == (2,) and bits.shape == (2, 3)
        assert all(((values >= 0) & (values <= 1)).all() for values in (scores, bits))

    @BOTH
    def test_each_utterance_is_marked_for_itself_and_may_have_its_own_message(self, plugin):
        speech, messages = hum(3, 20_000), torch.stack([message(seed=seed) for seed in range(3)])
        found = marker(plugin)
        single = torch.cat([found.watermark(one[None], each) for one, each in zip(speech, messages, strict=True)])
        torch.testing.assert_close(found.watermark(speech, messages), single, atol=1e-6, rtol=1e-3)
        read = torch.cat([found.detect(one[None])[1] for one in speech])
        torch.testing.assert_close(found.detect(speech)[1], read, atol=1e-5, rtol=1e-3)

    def test_every_second_carries_the_code_and_its_part(self):
        found, speech = marker(teacher(spread=2)), hum(1, 2 * RATE - 800)
        parts = torch.tensor([[1, 0, 1, 0, 0, 1], [1, 0, 1, 1, 1, 0]])
        cut = found.pieces.cut(speech)[0]
        expected = found.pieces.join(found.encoder.mark(cut, parts)[None], speech.shape[-1])
        torch.testing.assert_close(found.watermark(speech, torch.tensor([0, 0, 1, 1, 1, 0])), expected)

    @BOTH
    @pytest.mark.parametrize("wrong", [None, torch.ones(4), torch.ones(3, 3), 2 * torch.ones(3)])
    def test_names_a_message_that_is_too_long_or_none(self, plugin, wrong):
        with pytest.raises(ValueError, match="3 bits of 0 and 1"):
            marker(plugin).watermark(hum(2, RATE), wrong)

    def test_names_audio_too_short_for_a_long_message(self):
        with pytest.raises(InputError, match=r"6 bits takes 2 pieces of 16000 samples.*20000 samples hold 1: shorten"):
            marker(teacher(spread=2)).watermark(hum(1, 20_000), message(6))

    @BOTH
    def test_names_audio_shorter_than_a_window(self, plugin):
        for use in (marker(plugin).detect, lambda audio: marker(plugin).watermark(audio, message())):
            with pytest.raises(InputError, match=r"255 samples at 16,000 Hz, fewer than one window of 256"):
                use(hum(1, 255))

    @BOTH
    def test_another_rate_is_resampled_and_that_is_said(self, plugin, capsys):
        found, speech = marker(plugin, rate=44_100), hum(1, 44_100)
        said = capsys.readouterr().out
        assert "44,100 Hz is resampled to the network's 16,000 Hz" in said and "lost" not in said
        mark = found.watermark(speech, message())
        assert mark.shape == speech.shape
        energy = torch.fft.rfft(mark).abs().square()[0]  # bins of 1 Hz
        assert energy[:1200].sum() > 0.99 * energy.sum()
        marker(plugin, rate=1_000)
        assert "up to 938 Hz, what lies above half of the audio's rate is lost" in capsys.readouterr().out
        marker(plugin)
        assert not capsys.readouterr().out

    def test_a_ratio_is_kept_in_marking(self):
        speech = hum(2, RATE)
        mark = marker(teacher(ratio=33.0)).watermark(speech, message())
        ratios = 10 * torch.log10(speech.square().sum(1) / mark.square().sum(1))
        torch.testing.assert_close(ratios, torch.full((2,), 33.0), atol=0.01, rtol=0)

    def test_without_a_code_the_score_is_how_sure_a_reading_is(self):
        scores, bits = marker(teacher(sync="")).detect(hum(2, RATE))
        assert bits.shape == (2, 6)
        torch.testing.assert_close(scores, (2 * bits - 1).abs().mean(1))


class TestTraining:
    def test_teacher_end_to_end(self, tmp_path, corpus):
        sources = Sources(audio=(corpus,), folder=tmp_path / "made")
        save_weights(teacher(), sources, tmp_path / "weights.safetensors")
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        history = pd.read_csv(sources.folder / "history.csv")
        names = {"decoding", "perceptual", "adversarial", "discriminator", "validation_distorted_bit_error_rate"}
        assert names < set(history.columns) and history.notna().all(axis=None)
        plugin, weights = load_weights(tmp_path / "weights.safetensors")
        assert plugin == teacher()
        self.same(plugin.load(weights, RATE, CPU), load_marker(tmp_path / "weights.safetensors", RATE, CPU))

    @pytest.mark.parametrize("kind", ["progressive", "direct"])
    def test_student_end_to_end(self, tmp_path, corpus, taught, kind):
        plugin = student(distillation=kind)
        named = plugin.model_copy(update={"base": "the key of the teacher's stage"})
        sources = Sources(audio=(corpus,), base=taught, folder=tmp_path / "made")
        save_weights(named, sources, tmp_path / "weights.safetensors")
        history = pd.read_csv(sources.folder / "history.csv")
        assert {"decoding", "perceptual", "adversarial", "mix", "validation_snr"} < set(history.columns)
        weights = load_weights(tmp_path / "weights.safetensors")[1]
        self.same(plugin.load(weights, RATE, CPU), load_marker(tmp_path / "weights.safetensors", RATE, CPU))

    def same(self, first, second):
        speech = hum(2, RATE)
        assert torch.equal(first.watermark(speech, message()), second.watermark(speech, message()))
        assert all(torch.equal(a, b) for a, b in zip(first.detect(speech), second.detect(speech), strict=True))

    @pytest.mark.parametrize(
        "settings",
        [
            {"message": "wave", "perceptual": "l2", "adversarial_weight": 0.0, "map_weight": 0.0, "edits": ()},
            {"layout": "plain", "levelled": True, "quality": "gradual"},
            {"layout": "dense", "ratio": 30.0, "hop": 150},
        ],
    )
    def test_every_switch_trains_a_teacher_and_its_student(self, tmp_path, corpus, settings):
        plugin, path = teacher(**settings), tmp_path / "weights.safetensors"
        save_weights(plugin, Sources(audio=(corpus,), folder=tmp_path / "teacher"), path)
        weights = load_weights(path)[1]
        assert all(tensor.isfinite().all() for tensor in weights.values())
        assert any(name.startswith("discriminator.") for name in weights) is bool(plugin.adversarial_weight)
        sources = Sources(audio=(corpus,), base=path, folder=tmp_path / "student")
        small = student(plugin).obtain(sources)
        assert all(tensor.isfinite().all() for tensor in small.values())
        assert not equal(small, student(plugin, seed=1).obtain(sources))

    @pytest.mark.parametrize("which", ["teacher", "student"])
    def test_a_killed_training_resumes_to_the_same_weights(self, tmp_path, corpus, taught, monkeypatch, which):
        plugin: PkdSettings = teacher(steps=5) if which == "teacher" else student(progressive_steps=3, joint_steps=2)
        module = pkdmark_training if which == "teacher" else distillation
        for each in (watermark_training, pkdmark_training):
            monkeypatch.setattr(each, "KEEP_EVERY", 2)
        whole = plugin.obtain(Sources(audio=(corpus,), base=taught, folder=tmp_path / "whole"))
        draw, drawn = module.crops, []

        def killed(*arguments):
            drawn.append(1)
            if len(drawn) > 3:
                raise KeyboardInterrupt
            return draw(*arguments)

        sources = Sources(audio=(corpus,), base=taught, folder=tmp_path / "killed")
        monkeypatch.setattr(module, "crops", killed)
        with pytest.raises(KeyboardInterrupt):
            plugin.obtain(sources)
        assert (sources.folder / "checkpoint.pt").exists()
        monkeypatch.setattr(module, "crops", draw)
        assert equal(plugin.obtain(sources), whole)
        histories = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "killed")]
        assert histories[0] == histories[1]
        assert not list(sources.folder.glob("*.pt"))

    def test_one_attack_happens_to_a_batch_and_its_length_stays(self):
        attacks = Attacks([entry("gain", factor=0.5), entry("speed", factor=1.25)], RATE)
        speech, random = hum(2, RATE), torch.Generator().manual_seed(0)
        found = [attacks(speech, random) for _ in range(8)]
        assert all(each.shape == speech.shape for each in found)
        halved = [torch.equal(each, 0.5 * speech) for each in found]
        assert any(halved) and not all(halved)
        assert Attacks([], RATE)(speech, random) is speech
        seldom = Attacks([entry("gain", factor=0.5)], RATE, untouched=0.75)
        # Of a hundred steps 25 are expected, with a standard deviation of 4.3.
        assert 10 <= sum(seldom(speech, random) is not speech for _ in range(100)) <= 40


class TestWeights:
    @pytest.mark.parametrize("change", [{"blocks": 4}, {"channels": 5}, {"bins": 11}, {"bits": 7}])
    def test_of_another_size_are_named(self, change):
        with pytest.raises(WeightsError, match=r"another size: network\..* is .*, not .*\. Check bits"):
            teacher(**change).load(untrained(teacher()), RATE, CPU)

    @pytest.mark.parametrize(("change", "part"), [({"blocks": 1}, "student"), ({"base": teacher(bins=11)}, "student")])
    def test_of_another_student_are_named(self, change, part):
        plugin = student(**change) if "blocks" in change else student(change["base"])
        with pytest.raises(WeightsError, match=rf"another size: {part}\."):
            plugin.load(untrained(student()), RATE, CPU)


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"bins": 126}, "beyond the 129 bins"),
            ({"hop": 200}, r"hop \(200\) is above 0.6 of fft \(256\)"),
            ({"fft": 20_000}, "longer than a second at 16,000 Hz"),
            ({"sync": "101101"}, "6 bits, which leave none of 6"),
            ({"sync_required": 4}, r"sync_required \(4\) is not between 1 and sync's 3"),
            ({"ratio": 5.0}, r"ratio \(5 dB\) is below first_ratio"),
            ({"sample_rate": 8_000}, "sample_rate"),
        ],
    )
    def test_what_cannot_be_is_told(self, settings, told):
        with pytest.raises(ValidationError, match=told):
            teacher(**settings)

    def test_a_corpus_or_base_that_does_not_fit_is_told(self):
        slow = plugins.build("corpora", {"kind": "folder", "path": "x", "sample_rate": 8_000, "duration": 0.5})
        problems = list(teacher().problems({"corpus": slow}))
        assert [field for field, _ in problems] == ["corpus", "corpus"]
        assert "16,000 Hz, and the corpus has 8,000 Hz" in problems[0][1] and "0.5 s" in problems[1][1]
        told = dict(student().problems({"corpus": slow, "base": teacher(bits=7)}))
        assert "carries 7 bits, not 6" in told["bits"] and "0.5 s" in told["corpus"]
        perth = plugins.build("watermarks", {"kind": "perth"})
        assert "no teacher" in dict(student().problems({"corpus": slow, "base": perth}))["base"]


def test_the_configurations_name_the_paper_s_fourteen_distortions():
    for name in ("real", "paper"):
        entries = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["watermarks"]
        own = [settings for entry, settings in entries.items() if entry.startswith("pkdmark")]
        assert own and all(len(set(settings["edits"])) == 14 for settings in own)
