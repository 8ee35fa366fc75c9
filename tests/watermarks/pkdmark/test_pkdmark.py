"""PKDMark's marker: synchronisation code, messages, weights and settings."""

from __future__ import annotations

import pytest
import torch
import yaml
from generators import assert_independent_of_batch
from pydantic import ValidationError
from scipy.stats import binom
from small_pkdmark import BOTH, CPU, ROOT, marker, message, student, teacher, untrained
from toy_speech import RATE, harmonic_tones

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import WeightsError
from sanguinaria.watermarks._pkdmark.sync_code import SyncCode
from sanguinaria.watermarks.pkdmark_teacher import PkdmarkTeacher


class TestSyncCode:
    @pytest.mark.parametrize(("bits", "required"), [(8, 7), (8, 8), (8, 1), (16, 13), (1, 1)])
    def test_false_positive_rate_is_binomial(self, bits, required):
        code = SyncCode((0, 1) * (bits // 2) or (1,), required)
        assert code.false_positive_rate == pytest.approx(binom.sf(required - 1, bits, 0.5), rel=1e-12)

    def test_the_paper_s_false_positive_rate_is_9_of_256(self):
        code = PkdmarkTeacher(corpus="c").code
        assert len(code.bits) == 8 and code.false_positive_rate == 9 / 256
        probabilities = torch.tensor([[int(bit) for bit in f"{number:08b}"] for number in range(256)])
        assert int((code.score(probabilities) >= 0.5).sum()) == 9

    def test_score_is_a_function_of_the_matching_bits(self):
        code = SyncCode((1, 1, 1, 0), 3)
        probabilities = torch.tensor([[0.9, 0.8, 0.5, 0.1], [0.9, 0.8, 0.4, 0.1], [0, 1, 1, 1.0], [0, 0, 0, 1.0]])
        assert code.matches(probabilities).tolist() == [4, 3, 2, 0]
        torch.testing.assert_close(code.score(probabilities), torch.tensor([1.0, 0.5, 1 / 3, 0.0]))
        assert SyncCode((1, 1), 2).score(torch.ones(1, 2)).tolist() == [1.0]


class TestMarker:
    @BOTH
    @pytest.mark.parametrize("samples", [256, RATE, 40_123])
    def test_marks_audio_of_any_length(self, plugin, samples):
        speech = harmonic_tones(2, samples)
        mark = marker(plugin).watermark(speech, message())
        assert mark.shape == speech.shape and mark.isfinite().all() and mark[:, -samples // 8 :].any()
        scores, bits = marker(plugin).detect(speech + mark)
        assert scores.shape == (2,) and bits.shape == (2, 3)
        assert all(((values >= 0) & (values <= 1)).all() for values in (scores, bits))

    @BOTH
    def test_utterances_are_independent_and_may_have_messages_of_their_own(self, plugin):
        messages = torch.stack([message(seed=seed) for seed in range(3)])
        assert_independent_of_batch(marker(plugin), harmonic_tones(3, 20_000), messages)

    def test_every_second_carries_the_code_and_its_part(self):
        sync_marker, speech = marker(teacher(spread=2)), harmonic_tones(1, 2 * RATE - 800)
        parts = torch.tensor([[1, 0, 1, 0, 0, 1], [1, 0, 1, 1, 1, 0]])
        chunks = sync_marker.chunking.split(speech)[0]
        expected = sync_marker.chunking.overlap_add(sync_marker.encoder.mark(chunks, parts)[None], speech.shape[-1])
        torch.testing.assert_close(sync_marker.watermark(speech, torch.tensor([0, 0, 1, 1, 1, 0])), expected)

    @BOTH
    @pytest.mark.parametrize("wrong", [None, torch.ones(4), torch.ones(3, 3), 2 * torch.ones(3)])
    def test_a_message_of_another_length_is_an_error(self, plugin, wrong):
        with pytest.raises(ValueError, match="3 bits of 0 and 1"):
            marker(plugin).watermark(harmonic_tones(2, RATE), wrong)

    def test_audio_too_short_for_a_long_message_is_an_error(self):
        with pytest.raises(InputError, match=r"6 bits takes 2 chunks of 16000 samples.*20000 samples hold 1: shorten"):
            marker(teacher(spread=2)).watermark(harmonic_tones(1, 20_000), message(6))

    @BOTH
    def test_audio_shorter_than_a_window_is_an_error(self, plugin):
        for use in (marker(plugin).detect, lambda audio: marker(plugin).watermark(audio, message())):
            with pytest.raises(InputError, match=r"255 samples at 16,000 Hz, fewer than one window of 256"):
                use(harmonic_tones(1, 255))

    @BOTH
    def test_audio_of_another_rate_is_resampled_which_is_printed(self, plugin, capsys):
        sync_marker, speech = marker(plugin, rate=44_100), harmonic_tones(1, 44_100)
        printed = capsys.readouterr().out
        assert "44,100 Hz is resampled to the network's 16,000 Hz" in printed and "lost" not in printed
        mark = sync_marker.watermark(speech, message())
        assert mark.shape == speech.shape
        energy = torch.fft.rfft(mark).abs().square()[0]  # bins of 1 Hz
        assert energy[:1200].sum() > 0.99 * energy.sum()
        marker(plugin, rate=1_000)
        assert "up to 938 Hz, what lies above half of the audio's rate is lost" in capsys.readouterr().out
        marker(plugin)
        assert not capsys.readouterr().out

    def test_marks_have_the_signal_to_watermark_ratio(self):
        speech = harmonic_tones(2, RATE)
        mark = marker(teacher(ratio=33.0)).watermark(speech, message())
        ratios = 10 * torch.log10(speech.square().sum(1) / mark.square().sum(1))
        torch.testing.assert_close(ratios, torch.full((2,), 33.0), atol=0.01, rtol=0)

    def test_without_a_code_the_score_is_the_mean_certainty(self):
        scores, bits = marker(teacher(sync="")).detect(harmonic_tones(2, RATE))
        assert bits.shape == (2, 6)
        torch.testing.assert_close(scores, (2 * bits - 1).abs().mean(1))


class TestWeights:
    @pytest.mark.parametrize("change", [{"blocks": 4}, {"channels": 5}, {"bins": 11}, {"bits": 7}])
    def test_of_another_size_are_an_error(self, change):
        with pytest.raises(WeightsError, match=r"another size: network\..* is .*, not .*\. Check bits"):
            teacher(**change).load(untrained(teacher()), RATE, CPU)

    @pytest.mark.parametrize(("change", "part"), [({"blocks": 1}, "student"), ({"base": teacher(bins=11)}, "student")])
    def test_of_another_student_are_an_error(self, change, part):
        plugin = student(**change) if "blocks" in change else student(change["base"])
        with pytest.raises(WeightsError, match=rf"another size: {part}\."):
            plugin.load(untrained(student()), RATE, CPU)


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
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
    def test_invalid_settings_are_errors(self, settings, message):
        with pytest.raises(ValidationError, match=message):
            teacher(**settings)

    def test_an_unsuitable_corpus_or_base_is_a_problem(self):
        slow = plugins.build("corpora", {"kind": "folder", "path": "x", "sample_rate": 8_000, "duration": 0.5})
        problems = list(teacher().problems({"corpus": slow}))
        assert [field for field, _ in problems] == ["corpus", "corpus"]
        assert "16,000 Hz, and the corpus has 8,000 Hz" in problems[0][1] and "0.5 s" in problems[1][1]
        student_problems = dict(student().problems({"corpus": slow, "base": teacher(bits=7)}))
        assert "carries 7 bits, not 6" in student_problems["bits"] and "0.5 s" in student_problems["corpus"]
        perth = plugins.build("watermarks", {"kind": "perth"})
        assert "no teacher" in dict(student().problems({"corpus": slow, "base": perth}))["base"]


def test_the_configurations_name_the_paper_s_fourteen_distortions():
    for name in ("real", "paper"):
        entries = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["watermarks"]
        own = [settings for entry, settings in entries.items() if entry.startswith("pkdmark")]
        assert own
        for settings in own:
            # With a distortion for each utterance, the warps stand for other speeds and pitches.
            undone = {"slow", "fast", "pitch_up", "pitch_down"} if settings.get("distortion_per_utterance") else set()
            assert len(undone) + len(set(settings["distortions"]) - undone) == 14
            assert not undone or settings["warps"] == [0.9, 1.1]
