"""Keyed watermarks: keys, messages, chunks of longer audio, training and weights."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from generators import assert_independent_of_batch, assert_resumes
from pydantic import ValidationError
from toy_speech import RATE, equal_weights, harmonic_tones, write_corpus

from sanguinaria.audio.chunking import Chunking
from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import as_settings
from sanguinaria.watermarks import Sources, WeightsError
from sanguinaria.watermarks._invertible import training as keyed_training
from sanguinaria.watermarks._invertible.marker import KeyedMarker
from sanguinaria.watermarks._invertible.settings import CALIBRATION, InvertibleWatermark
from sanguinaria.watermarks._weights import load_marker, save_weights
from sanguinaria.watermarks.keyed_mask import KeyedMask
from sanguinaria.watermarks.perth import Perth
from sanguinaria.watermarks.wake import Wake

CPU = torch.device("cpu")
SPLITS = ["train", "train", "test", "validation"] * 3
TINY = {"corpus": "c", "fft": 256, "hop": 128, "first_bin": 4, "bins": 12, "layout": "conv1d", "width": 4, "bits": 4}
SHORT = {"blocks": 3, "predict_blocks": 1, "steps": 2, "batch_size": 2, "learning_rate": 1e-3}
KEYLESS = {"keys": "none", "double_embedding_share": 0.0, "wrong_key_weight": 0.0}
# As a plan resolves an entry of `distortions`.
DUCKED = as_settings(plugins.build("distortions", {"kind": "gain", "factor": 0.8}))


def wake(**settings: Any) -> Wake:
    return Wake(**TINY | SHORT | settings)


def mask(**settings: Any) -> KeyedMask:
    return KeyedMask(**TINY | SHORT | settings)


def untrained(plugin: InvertibleWatermark) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {**plugin.network().state_dict(), CALIBRATION: torch.tensor([0.5, 0.1])}


def marker(plugin: InvertibleWatermark, key: str | None = None, rate: int = RATE) -> KeyedMarker:
    return plugin.load(untrained(plugin), rate, CPU, key or ("101" if isinstance(plugin, Wake) else "some key"))


def message(bits: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, (bits,), generator=torch.Generator().manual_seed(seed))


BOTH = pytest.mark.parametrize("plugin", [wake(), mask()], ids=["wake", "keyed_mask"])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "a.parquet", harmonic_tones(12, RATE).numpy(), SPLITS)


class TestKeys:
    @pytest.mark.parametrize("key", [None, "", "10", "1011", "1o1", "102"])
    def test_wake_s_have_a_bit_for_each_block(self, key):
        assert "a key of 3 times 0 or 1, one for each block" in wake().key_problem(key)
        assert wake().key_problem("101") is None
        with pytest.raises(InputError, match="3 times 0 or 1"):
            wake().load(untrained(wake()), RATE, CPU, key)

    def test_wake_s_may_not_be_zeros_alone(self):
        assert "marks nothing" in wake().key_problem("000")
        assert wake(keys="signs").key_problem("000") is None

    def test_those_of_the_public_code_are_digits(self):
        assert wake(keys="digits").key_problem("191") is None
        assert "3 digits from 1 to 9" in wake(keys="digits").key_problem("101")

    def test_keyless_wake_has_none(self):
        keyless = wake(**KEYLESS)
        assert keyless.key_problem(None) is None
        assert "leave the key out" in keyless.key_problem("111")
        torch.testing.assert_close(keyless.key_of(None).factors, torch.ones(1, 3))
        with pytest.raises(ValidationError, match="set double_embedding_share, wrong_key_weight"):
            wake(**KEYLESS | {"double_embedding_share": 0.5})

    def test_those_of_masks_are_any_text(self):
        assert mask().key_problem("any text, ünïcode too") is None
        assert "not empty" in mask().key_problem("") and "not empty" in mask().key_problem(None)

    def test_other_watermarks_have_none(self):
        assert Perth().key_problem(None) is None
        assert "no keys: remove it" in Perth().key_problem("1")

    @BOTH
    def test_another_key_gives_another_mark(self, plugin):
        keys = ("101", "110") if isinstance(plugin, Wake) else ("key a", "key b")
        marks = [marker(plugin, key).watermark(harmonic_tones(1, RATE), message()) for key in keys]
        assert not torch.allclose(*marks, rtol=1e-2, atol=1e-6)


class TestTrigger:
    def problems(self, plugin, **settings):
        trigger = plugins.build("triggers", {"kind": "watermark", "watermark": "w", **settings})
        return dict(trigger.problems({"watermark": plugin}))

    def test_an_invalid_key_is_a_problem(self):
        assert self.problems(wake(), message="1011", key="101") == {}
        assert "'w': give a key of 3" in self.problems(wake(), message="1011")["key"]
        assert "no keys" in self.problems(Perth(), key="1")["key"]
        assert self.problems(Perth()) == {}

    def test_message_is_spread_over_several_seconds(self):
        assert "8 bits, not 4" in self.problems(wake(spread=2), message="1011", key="101")["message"]

    def test_marks_and_decodes_with_its_key(self, tmp_path, corpus):
        path = tmp_path / "weights.safetensors"
        save_weights(mask(), Sources(audio=(corpus,), folder=tmp_path / "made"), path)
        trigger = plugins.build("triggers", {"kind": "watermark", "watermark": "w", "message": "1011", "key": "mine"})
        speech, mine = harmonic_tones(2, RATE), load_marker(path, RATE, CPU, "mine")
        expected = speech + mine.watermark(speech, torch.tensor([1, 0, 1, 1]))
        assert torch.equal(trigger.embedder(RATE, CPU, path)(speech), expected)
        scores, bits = trigger.for_detection().detector(RATE, CPU, path)(expected)
        torch.testing.assert_close((scores, bits), mine.detect(expected))
        assert not torch.equal(bits, load_marker(path, RATE, CPU, "other").detect(expected)[1])
        with pytest.raises(InputError, match=r"weights\.safetensors: key: give a key"):
            load_marker(path, RATE, CPU)


class TestChunking:
    @pytest.mark.parametrize("length", [100, 999, 1000, 1001, 1900, 1901, 5432])
    def test_overlap_add_inverts_split(self, length):
        pieces, audio = Chunking(1000, 100), torch.randn(2, length)
        cut = pieces.split(audio)
        assert cut.shape == (2, len(pieces.starts(length)), 1000)
        torch.testing.assert_close(pieces.overlap_add(cut, length), audio)

    @pytest.mark.parametrize(("length", "count"), [(1, 1), (1000, 1), (1001, 2), (1900, 2), (1901, 3)])
    def test_number_of_chunks_is_minimal(self, length, count):
        assert len(Chunking(1000, 100).starts(length)) == count

    def test_cross_fades_are_linear(self):
        cut = torch.cat([torch.zeros(1, 1, 10), torch.ones(1, 1, 10)], 1)
        joined = Chunking(10, 4).overlap_add(cut, 16)
        torch.testing.assert_close(joined[0], torch.tensor([0.0] * 6 + [0.125, 0.375, 0.625, 0.875] + [1.0] * 6))

    def test_shares_of_audio(self):
        torch.testing.assert_close(Chunking(1000, 100).audio_shares(1400), torch.tensor([1.0, 0.5]))

    @pytest.mark.parametrize("shift", [-3, 0, 5])
    def test_shifted_chunks_follow_a_delay(self, shift):
        pieces, audio = Chunking(50, 10), torch.arange(1.0, 121.0)[None]
        moved = torch.nn.functional.pad(audio, (max(0, shift), 0))[:, max(0, -shift) :]
        whole = pieces.split(audio)[:, 1]
        assert torch.equal(pieces.split(moved, shift)[:, 1], whole)


class TestMarker:
    @BOTH
    @pytest.mark.parametrize("samples", [256, 9_000, RATE, 40_123])
    def test_marks_audio_of_any_length_throughout(self, plugin, samples):
        speech = harmonic_tones(2, samples)
        mark = marker(plugin).watermark(speech, message())
        assert mark.shape == speech.shape and mark.isfinite().all()
        tenths = mark.abs().unflatten(1, (-1, samples // 8)) if samples % 8 == 0 else mark.abs()[:, None]
        assert tenths.amax(-1).gt(0).all()
        scores, bits = marker(plugin).detect(speech + mark)
        assert scores.shape == (2,) and bits.shape == (2, 4)
        assert all(((values >= 0) & (values <= 1)).all() for values in (scores, bits))

    @BOTH
    def test_utterances_are_independent_and_may_have_messages_of_their_own(self, plugin):
        messages = torch.stack([message(seed=seed) for seed in range(3)])
        assert_independent_of_batch(marker(plugin), harmonic_tones(3, 20_000), messages)

    @BOTH
    @pytest.mark.parametrize("wrong", [None, torch.ones(3), torch.ones(3, 4), 2 * torch.ones(4)])
    def test_a_message_of_another_shape_is_an_error(self, plugin, wrong):
        with pytest.raises(ValueError, match="4 bits of 0 and 1"):
            marker(plugin).watermark(harmonic_tones(2, RATE), wrong)

    @BOTH
    def test_audio_shorter_than_a_window_is_an_error(self, plugin):
        for use in (marker(plugin).detect, lambda audio: marker(plugin).watermark(audio, message())):
            with pytest.raises(InputError, match=r"255 samples at 16,000 Hz, fewer than one window of 256"):
                use(harmonic_tones(1, 255))

    def test_a_long_message_takes_several_seconds(self):
        keyed_marker = marker(mask(spread=2))
        assert keyed_marker.watermark(harmonic_tones(1, 2 * RATE), message(8)).any()
        assert keyed_marker.detect(harmonic_tones(1, 2 * RATE))[1].shape == (1, 8)
        with pytest.raises(InputError, match=r"8 bits takes 2 chunks of 16000 samples.*20000 samples hold 1: shorten"):
            keyed_marker.watermark(harmonic_tones(1, 20_000), message(8))

    def test_parts_of_a_message_alternate(self):
        keyed_marker, speech = marker(mask(spread=2)), harmonic_tones(1, 3 * RATE)
        other = torch.cat([message(4), 1 - message(4)])
        messages = (torch.cat([message(4), message(4)]), other)
        marks = [keyed_marker.watermark(speech, each) for each in messages]
        differs = (marks[0] - marks[1]).abs()[0]
        assert not differs[: RATE - 800].any() and differs[RATE : 2 * RATE - 1600].any()
        assert not differs[2 * RATE : 3 * RATE - 2400].any()

    def test_audio_of_another_rate_is_resampled_where_the_band_allows_it(self):
        keyed_marker = marker(mask(), rate=44_100)
        speech = harmonic_tones(1, 44_100)
        mark = keyed_marker.watermark(speech, message())
        assert mark.shape == speech.shape
        energy = torch.fft.rfft(mark).abs().square()[0]  # bins of 1 Hz
        assert energy[:1200].sum() > 0.99 * energy.sum()
        with pytest.raises(InputError, match=r"up to 938 Hz, beyond half the sample rate of 1,000 Hz"):
            marker(mask(), rate=1_000)

    @pytest.mark.parametrize("make", [mask, functools.partial(wake, minimum_level=48.0)], ids=["keyed_mask", "wake"])
    def test_the_mark_is_the_weakest_that_is_decoded_with_the_minimum_margin(self, make):
        speech, bits = harmonic_tones(2, RATE), message()
        for margin, expected in ((0.0, None), (1e9, 24.0)):
            keyed_marker = marker(make(minimum_margin=margin))
            mark = keyed_marker.watermark(speech, bits)
            ratios = 10 * torch.log10(speech.square().sum(1) / mark.square().sum(1))
            if expected is not None:
                torch.testing.assert_close(ratios, torch.full((2,), expected), atol=0.01, rtol=0)
            else:
                assert all(min(abs(ratio - tried) for tried in keyed_marker.ratios) < 0.01 for ratio in ratios.tolist())

    @pytest.mark.parametrize(("level", "expected"), [(0.02, 36.0), (1e-4, 48.0), (1.0, 24.0)])
    def test_the_search_returns_the_weakest_level_of_a_decoder_with_a_threshold(self, level, expected):
        """Of a decoder of the mark's level alone: bits are decoded at the root mean square ``level`` and above."""
        keyed_marker = marker(wake(minimum_level=48.0, maximum_level=24.0, ratio_step=3.0, minimum_margin=0.0))
        speech, bits = torch.ones(2, RATE), message()

        class Threshold:
            band, bits = keyed_marker.network.band, keyed_marker.network.bits

            def mark(self, waveforms, messages, key, ratio):
                alternating = torch.tensor([1.0, -1.0]).repeat(waveforms.shape[-1] // 2)
                return (10 ** (-ratio / 20) * alternating).expand_as(waveforms).clone()

            def decode(self, waveforms, key):
                margins = (waveforms - 1).square().mean(1).sqrt() - level * 0.7
                return margins[:, None] * (2 * bits - 1)

        mark = dataclasses.replace(keyed_marker, network=Threshold()).watermark(speech, bits)
        ratio = -20 * torch.log10(mark.square().mean(1).sqrt())
        torch.testing.assert_close(ratio, torch.full((2,), expected), atol=0.01, rtol=0)

    def test_without_levels_a_ratio_of_the_training_is_the_mark_s(self):
        speech = harmonic_tones(2, RATE)
        mark = marker(wake(ratio=33.0)).watermark(speech, message())
        ratios = 10 * torch.log10(speech.square().sum(1) / mark.square().sum(1))
        torch.testing.assert_close(ratios, torch.full((2,), 33.0), atol=0.01, rtol=0)

    def test_the_detector_searches_for_a_delay(self):
        """The score is that without the delay, where nothing is lost at the ends."""
        searching, plain = (marker(mask(maximum_shift=shift, shift_step=4)) for shift in (8, 0))
        speech = torch.nn.functional.pad(harmonic_tones(1, RATE - 400), (200, 200))
        scores = {delay: float(searching.detect(speech.roll(delay, -1))[0]) for delay in (0, 4, 8)}
        assert all(score >= float(plain.detect(speech)[0]) - 1e-4 for score in scores.values())


class TestTraining:
    @BOTH
    def test_end_to_end(self, tmp_path, corpus, plugin):
        sources = Sources(audio=(corpus,), folder=tmp_path / "made")
        save_weights(plugin, sources, tmp_path / "weights.safetensors")
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        history = pd.read_csv(sources.folder / "history.csv")
        assert history["step"].tolist() == [2]
        names = {"message", "wrong_key", "perceptual", "validation_bit_error_rate", "validation_snr"}
        assert names < set(history.columns) and history.notna().all(axis=None)
        key = "101" if isinstance(plugin, Wake) else "some key"
        before = plugin.load(load_weights_of(tmp_path / "weights.safetensors"), RATE, CPU, key)
        after = load_marker(tmp_path / "weights.safetensors", RATE, CPU, key)
        assert torch.equal(
            before.watermark(harmonic_tones(1, RATE), message()), after.watermark(harmonic_tones(1, RATE), message())
        )
        assert (after.detect(harmonic_tones(4, RATE, seed=9))[0] < 1).all()

    @pytest.mark.parametrize(
        "settings",
        [
            {"predict": False, "message_encoding": "map"},
            KEYLESS,
            {"perceptual": "l2", "adversarial_weight": 0.0, "keys": "digits"},
            {"perceptual": "mel", "order": "message_first", "keys": "signs", "curriculum": True},
            {
                "layout": "dense",
                "message_encoding": "cell_codes",
                "level_normalised": True,
                "compressed": True,
                "double_embedding_share": 1.0,
            },
            {
                "wrong_key_correlation_weight": 1.0,
                "wrong_key_logit_weight": 1.0,
                "near_key_share": 0.5,
                "distortions": (DUCKED,),
                "layout": "plain",
                "double_embedding_share": 0.0,
            },
            {"perceptual": "audibility", "curriculum": True, "error_bound": 0.01, "ratio": 40.0, "minimum_level": 48.0},
        ],
    )
    def test_wake_trains_with_every_setting(self, tmp_path, corpus, settings):
        weights = wake(**settings).obtain(Sources(audio=(corpus,), folder=tmp_path))
        assert all(tensor.isfinite().all() for tensor in weights.values())
        assert not equal_weights(weights, wake(**settings, seed=1).obtain(Sources(audio=(corpus,), folder=tmp_path)))

    @pytest.mark.parametrize("plugin", [wake(steps=5), mask(steps=5)], ids=["wake", "keyed_mask"])
    def test_an_interrupted_training_resumes_to_the_same_weights(self, tmp_path, corpus, monkeypatch, plugin):
        assert_resumes(plugin, {"audio": (corpus,)}, keyed_training, tmp_path, monkeypatch)


def load_weights_of(path: Path) -> dict[str, torch.Tensor]:
    from sanguinaria.watermarks._weights import load_weights

    return load_weights(path)[1]


class TestWeights:
    def test_of_another_key_length_are_an_error(self):
        with pytest.raises(WeightsError, match="of 3 blocks, not 4: set blocks: 3"):
            wake(blocks=4).load(untrained(wake()), RATE, CPU, "1011")

    @BOTH
    def test_of_another_size_are_an_error(self, plugin):
        other = plugin.model_copy(update={"bits": 5})
        with pytest.raises(WeightsError, match=r"another architecture: message\.\w+.* is \(.*\), not \(.*\)"):
            other.load(untrained(plugin), RATE, CPU, "101")

    def test_without_a_calibration_are_an_error(self):
        weights = untrained(mask())
        del weights[CALIBRATION]
        with pytest.raises(WeightsError, match="calibration is absent"):
            mask().load(weights, RATE, CPU, "key")


class TestSettings:
    @BOTH
    def test_former_names_are_replaced_by_settings(self, plugin):
        fields = set(type(plugin).model_fields)
        assert {"edits", "untouched", "twice"} < set(plugin.renamed)
        assert set(plugin.renamed.values()) <= fields and not set(plugin.renamed) & fields

    def test_keys_are_checked_without_torch(self):
        """Configurations are checked whenever the Snakefile is parsed."""
        lines = [
            "import sys",
            "from sanguinaria.watermarks.keyed_mask import KeyedMask",
            "from sanguinaria.watermarks.wake import Wake",
            "problems = [watermark(corpus='c').key_problem('1') for watermark in (Wake, KeyedMask)]",
            "print([problem is None for problem in problems], 'torch' in sys.modules)",
        ]
        command = [sys.executable, "-c", "\n".join(lines)]
        # WAKE's keys have more than one character; the key of a mask is any text.
        assert subprocess.check_output(command, text=True) == "[False, True] False\n"

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"bins": 126}, "beyond the 129 bins"),
            ({"hop": 200}, r"hop \(200\) is above half of fft \(256\)"),
            ({"fft": 20_000}, "longer than a second"),
        ],
    )
    def test_impossible_spectra_are_errors(self, settings, message):
        with pytest.raises(ValidationError, match=message):
            wake(**settings)

    def test_a_bound_needs_a_curriculum_and_a_search(self):
        with pytest.raises(ValidationError, match="error_bound guides the curriculum: set curriculum: true"):
            wake(error_bound=0.01)
        with pytest.raises(ValidationError, match="leaves the level of the training open: give minimum_level"):
            wake(error_bound=0.01, curriculum=True, ratio=40.0)

    def test_ratios_are_ordered(self):
        for settings in ({"ratio": 5.0}, {"minimum_level": 20.0}):
            with pytest.raises(ValidationError, match=r"dB\) is below"):
                mask(**settings)

    def test_an_unsuitable_corpus_is_a_problem(self):
        settings = {"kind": "folder", "path": "x", "sample_rate": 8_000, "duration": 0.5}
        problems = list(wake().problems({"corpus": plugins.build("corpora", settings)}))
        assert [field for field, _ in problems] == ["corpus", "corpus"]
        assert "16,000 Hz, and the corpus has 8,000 Hz" in problems[0][1] and "0.5 s" in problems[1][1]

    def test_wake_at_the_paper_s_size_has_as_many_parameters_as_wavmark(self):
        """2.48 million parameters of blocks and message (WavMark's published network), beside the predict module."""
        network = Wake(corpus="c").network()
        counts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
        assert counts["invertible"] + counts["message"] == pytest.approx(2.48e6, rel=0.01)
