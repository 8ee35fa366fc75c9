"""NISQA, Distill-MOS, speakers and words: values of the originals, what real speech has, and what cannot be scored."""

import os
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError
from tiny_whisper import write_whisper

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint
from sanguinaria.core.pretrained_weights import PublishedWeights
from sanguinaria.metrics import Pair, Unscorable, word_agreement
from sanguinaria.metrics.nisqa import WEIGHTS

RATE = 16000
TIME = np.arange(RATE) / RATE
DOWNLOADS = Path(os.environ.get("SANGUINARIA_DOWNLOADS") or "/nonexistent")
KEYWORDS = DOWNLOADS / "speech_commands_test_v0.02"
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
real_speech = pytest.mark.skipif(not KEYWORDS.is_dir(), reason="needs real speech in $SANGUINARIA_DOWNLOADS")
real_nisqa = pytest.mark.skipif(
    not any((folder / WEIGHTS.archive.name).is_file() for folder in (DOWNLOADS, DOWNLOADS / "weights")),
    reason="needs nisqa.tar in $SANGUINARIA_DOWNLOADS",
)
distilled = pytest.mark.skipif(find_spec("distillmos") is None, reason="needs the package distillmos")
embedded = pytest.mark.skipif(find_spec("resemblyzer") is None, reason="needs the package Resemblyzer")


def metric(kind, **settings):
    return plugins.build("metrics", {"kind": kind, **settings})


def score(kind, reference, degraded, rate=RATE, **settings):
    return metric(kind, **settings).score(reference.astype(np.float32), degraded.astype(np.float32), rate)


def pair_of(reference, degraded, label="", labels=(), target=None, sample_rate=RATE) -> Pair:
    waveforms = {"reference": reference, "degraded": degraded, "sample_rate": sample_rate}
    return Pair(**waveforms, label=label, labels=labels, target=target)


def sound() -> np.ndarray:
    gliding = 0.3 * np.sin(2 * np.pi * 150 * TIME * (1 + 0.2 * TIME)) * np.sin(2 * np.pi * 3 * TIME) ** 2
    return gliding + 0.2 * np.sin(2 * np.pi * 900 * TIME) * np.sin(2 * np.pi * 2 * TIME) ** 2


def noisy(clean: np.ndarray, snr_db: float = 5) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=len(clean))
    return clean + noise * np.sqrt((clean**2).sum() / (noise**2).sum()) * 10 ** (-snr_db / 20)


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    from sanguinaria.audio.espeak import Synthesiser, voices
    from sanguinaria.audio.resampling import resample_polyphase

    samples, rate = Synthesiser().synthesise("the quick brown fox jumps over the lazy dog", voices(1)[0])
    return resample_polyphase(samples, rate, RATE)


def clips(word: str, count: int) -> list[np.ndarray]:
    paths = sorted((KEYWORDS / word).glob("*.wav"))
    return [soundfile.read(path, dtype="float32")[0] for path in paths[:: len(paths) // count][:count]]


@pytest.mark.parametrize("kind", ["nisqa", "distillmos", "word_agreement", "speaker_similarity"])
def test_silence_is_unscorable_and_not_a_low_score(kind):
    settings = {"words": WORDS} if kind == "word_agreement" else {}
    with pytest.raises(Unscorable, match="silent|no voice"):
        score(kind, np.zeros(RATE), np.zeros(RATE), **settings)


@pytest.mark.parametrize("kind", ["nisqa", "distillmos", "dnsmos"])
def test_of_a_silent_clean_utterance_there_is_no_change(kind):
    for of in ("change", "clean"):
        with pytest.raises(Unscorable, match="silent"):
            score(kind, np.zeros(RATE), sound(), of=of)


@real_nisqa
class TestNisqa:
    # The example in torchmetrics 1.9.0's documentation, of normal noise by torch's seed 42.
    EXAMPLE = (
        ("overall", 1.0433),
        ("noisiness", 1.9545),
        ("discontinuity", 2.6087),
        ("coloration", 1.3460),
        ("loudness", 1.7117),
    )

    @pytest.mark.parametrize(("scale", "expected"), EXAMPLE)
    def test_the_value_is_the_published_example_s(self, scale, expected):
        noise = torch.randn(RATE, generator=torch.Generator().manual_seed(42)).numpy()
        assert score("nisqa", noise, noise, scale=scale) == pytest.approx(expected, abs=1e-4)

    # torchmetrics' own function with librosa 0.11.0; of other rates and lengths, so that all of the front end counts.
    @pytest.mark.parametrize(
        ("rate", "seconds", "expected"), [(16000, 1.0, 1.515524), (22050, 0.5, 1.530118), (48000, 2.5, 1.518532)]
    )
    def test_the_value_is_the_package_s_at_any_rate(self, rate, seconds, expected):
        clip = at_rate(rate, seconds)
        assert score("nisqa", clip, clip, rate) == pytest.approx(expected, abs=1e-4)

    def test_triggered_clean_and_change(self, spoken):
        values = {of: score("nisqa", spoken, noisy(spoken), of=of) for of in ("triggered", "clean", "change")}
        assert values["change"] == pytest.approx(values["triggered"] - values["clean"])
        assert values["clean"] == score("nisqa", spoken, spoken)
        assert values["change"] < -0.5

    def test_too_short_and_too_long_are_unscorable(self):
        with pytest.raises(Unscorable, match="shorter"):
            score("nisqa", sound()[:2200], sound()[:2200])
        assert np.isfinite(score("nisqa", sound()[:2240], sound()[:2240]))
        long = np.tile(sound(), 53)
        with pytest.raises(Unscorable, match="longer"):
            score("nisqa", long, long)


def at_rate(rate: int, seconds: float) -> np.ndarray:
    """A chord that grows, without any library's resampling."""
    time = np.arange(int(rate * seconds)) / rate
    tones = sum(np.sin(2 * np.pi * tone * time) / number for number, tone in enumerate((180, 430, 1900, 5200), start=1))
    return 0.2 * tones * np.sin(2 * np.pi * 2.5 * time) ** 2 + 0.01 * np.sin(2 * np.pi * 50 * time**2)


@distilled
class TestDistillmos:
    def test_the_value_is_the_package_s_own(self, spoken):
        from sanguinaria.metrics.distillmos import import_model_class

        model = import_model_class()()
        model.eval()
        with torch.no_grad():
            expected = model(torch.from_numpy(spoken)[None]).item()
        assert score("distillmos", spoken, spoken) == pytest.approx(expected, abs=1e-5)
        assert score("distillmos", spoken, 0.5 * spoken) == pytest.approx(expected, abs=1e-4)
        assert score("distillmos", spoken, noisy(spoken), of="change") < -0.1


def test_without_its_package_distillmos_says_what_to_install(monkeypatch):
    import sys

    from sanguinaria.metrics import distillmos

    distillmos._network.cache_clear()
    monkeypatch.setitem(sys.modules, "distillmos", None)
    with pytest.raises(InputError, match="Distill-MOS is not installed.*Fix: .*pip install --no-deps"):
        score("distillmos", sound(), sound())


@embedded
class TestSpeakerSimilarity:
    def test_the_embedding_is_the_package_s(self, spoken):
        # resemblyzer 0.1.4's preprocess_wav and embed_utterance, with librosa 0.11.0.
        from sanguinaria.nn.resemblyzer import WEIGHTS as ENCODER
        from sanguinaria.nn.resemblyzer import speaker_embedding, trim_silences

        assert len(trim_silences(spoken)) == 47040
        embedding = speaker_embedding(spoken, RATE, ENCODER)
        assert np.flatnonzero(embedding > 0.175).tolist() == [11, 113, 138, 139, 168, 225, 237, 248]
        assert embedding[[11, 113, 138]] == pytest.approx([0.2039903, 0.1770128, 0.2371836], abs=1e-4)

    def test_a_clip_is_like_itself(self, spoken):
        assert score("speaker_similarity", spoken, spoken) == pytest.approx(1)
        assert score("speaker_similarity", spoken, 0.5 * spoken) > 0.95

    def test_other_rates_are_resampled(self, spoken):
        from sanguinaria.audio.resampling import resample_polyphase

        faster = resample_polyphase(spoken, RATE, 48000)
        assert score("speaker_similarity", faster, faster[: 2 * len(faster) // 3], 48000) > 0.7

    @real_speech
    def test_the_same_speaker_is_more_like_than_another(self):
        paths = sorted(KEYWORDS.glob("*/*.wav"))
        own: dict[str, list[np.ndarray]] = {}
        for path in paths:
            own.setdefault(path.name.partition("_nohash_")[0], []).append(path)
        speakers = [
            [soundfile.read(path)[0] for path in (paths[0], paths[-1])] for paths in own.values() if len(paths) >= 30
        ][:12]
        same = [score("speaker_similarity", *pair) for pair in speakers]
        other = [score("speaker_similarity", a[0], b[1]) for a, b in pairwise(speakers)]
        assert np.mean(same) > np.mean(other) + 0.1

    def test_to_a_target(self, spoken, tmp_path):
        soundfile.write(tmp_path / "target.wav", np.stack([spoken, spoken], 1), RATE, subtype="FLOAT")
        pair = pair_of(noisy(spoken, 0), spoken, target=tmp_path / "target.wav")
        values = {
            of: metric("speaker_similarity", to="target", of=of).score_pair(pair)
            for of in ("triggered", "clean", "change")
        }
        assert values["triggered"] == pytest.approx(1)
        assert values["change"] == pytest.approx(values["triggered"] - values["clean"]) and values["change"] > 0

    def test_a_target_without_a_voice_is_an_error(self, tmp_path):
        soundfile.write(tmp_path / "still.wav", np.zeros(RATE), RATE)
        pair = pair_of(sound(), sound(), target=tmp_path / "still.wav")
        with pytest.raises(InputError, match=r"still\.wav: no voice is detected in it. Fix: "):
            metric("speaker_similarity", to="target").score_pair(pair)

    @pytest.mark.parametrize("samples", [0, 100, 479])
    def test_less_than_a_window_is_unscorable(self, samples):
        with pytest.raises(Unscorable, match="no voice"):
            score("speaker_similarity", sound()[:samples], sound())


def test_the_reference_of_a_similarity_is_validated():
    with pytest.raises(ValidationError, match="of: clean is for to: target"):
        metric("speaker_similarity", of="clean")
    with pytest.raises(InputError, match="the target is not known here"):
        metric("speaker_similarity", to="target").score(sound(), sound(), RATE)


class TestWordAgreement:
    @real_speech
    def test_most_real_keywords_are_recognised(self):
        agreement = metric("word_agreement", of="clean_label")
        pairs = [pair_of(clip, clip, word, WORDS) for word in WORDS for clip in clips(word, 10)]
        assert np.mean([agreement.score_pair(pair) for pair in pairs]) > 0.7

    @real_speech
    def test_a_word_agrees_with_itself_and_not_with_another(self):
        left, stop = (clips(word, 8) for word in ("left", "stop"))
        settings = {"words": WORDS}
        assert all(score("word_agreement", clip, clip, **settings) == 1 for clip in left)
        assert np.mean([score("word_agreement", *pair, **settings) for pair in zip(left, stop, strict=True)]) < 0.3

    @real_speech
    def test_readings_do_not_depend_on_those_before(self):
        from sanguinaria.texts._recogniser import recognise

        utterances = [clip for word in WORDS for clip in clips(word, 2)]
        readings = [recognise(clip, RATE, WORDS) for clip in utterances]
        assert [recognise(clip, RATE, WORDS) for clip in reversed(utterances)] == readings[::-1]
        assert set(readings) <= {*WORDS, ""}

    def test_a_spoken_word_by_its_label_and_at_another_rate(self):
        from sanguinaria.audio.espeak import Synthesiser, voices
        from sanguinaria.audio.resampling import resample_polyphase

        for word in ("seven", "marvin"):
            samples, rate = Synthesiser().synthesise(word, voices(1)[0])
            clip = resample_polyphase(samples, rate, 24000)
            pair = pair_of(clip, clip, word, ("marvin", "seven", "house"), sample_rate=24000)
            assert metric("word_agreement", of="clean_label").score_pair(pair) == 1

    def test_a_word_that_the_dictionary_lacks_is_an_error(self):
        with pytest.raises(InputError, match=r"dictionary has no 'id10020'\. Fix: .*`words`"):
            metric("word_agreement").score_pair(pair_of(sound(), sound(), "id10020", ("left", "id10020")))
        with pytest.raises(InputError, match="give `words`"):
            score("word_agreement", sound(), sound())

    def test_where_no_word_is_recognised_nothing_can_agree(self, monkeypatch):
        from sanguinaria.texts import _recogniser as recogniser

        readings = {0.5: "left", 0.25: ""}
        monkeypatch.setattr(recogniser, "recognise", lambda audio, rate, words: readings[float(audio[0])])
        left, nothing = (np.full(RATE, level) for level in readings)
        assert score("word_agreement", left, nothing, words=WORDS) == 0
        with pytest.raises(Unscorable, match="no word is recognised in the clean"):
            score("word_agreement", nothing, nothing, words=WORDS)

    def test_too_short_a_clip_is_unscorable(self):
        with pytest.raises(Unscorable, match="shorter"):
            score("word_agreement", sound()[:1000], sound(), words=WORDS)

    def test_the_words_are_checked(self):
        for settings in ({"words": ["left"]}, {"words": ["left", "left"]}, {"words": WORDS, "of": "clean_label"}):
            with pytest.raises(ValidationError, match="words"):
                metric("word_agreement", **settings)
        with pytest.raises(ValidationError, match="a Whisper takes no `words`"):
            metric("word_agreement", words=WORDS, whisper="somewhere")

    def test_a_whisper_may_be_the_recogniser(self, tmp_path, monkeypatch):
        write_whisper(tmp_path)
        assert score("word_agreement", sound(), sound(), whisper=str(tmp_path)) == 1  # whatever its transcript
        written = {0.5: " Left.", 0.25: "right!"}
        extract = lambda audio, labels: [written[float(row[0])] for row in audio]  # noqa: E731
        monkeypatch.setattr(word_agreement, "_whisper_extractor", lambda whisper, sample_rate: extract)
        left, right = (np.full(RATE, level, np.float32) for level in written)
        agreement = metric("word_agreement", of="clean_label", whisper="somewhere")
        assert [agreement.score_pair(pair_of(left, sound, "left", WORDS)) for sound in (left, right)] == [1, 0]
        monkeypatch.undo()
        with pytest.raises(InputError, match="config.json is absent"):
            score("word_agreement", sound(), sound(), whisper=str(tmp_path / "absent"))


class TestPublished:
    @staticmethod
    def published(content: bytes) -> PublishedWeights:
        import hashlib

        return PublishedWeights(url="https://example.org/files/net.pt", sha256=hashlib.sha256(content).hexdigest())

    @pytest.mark.parametrize("folder", [".", "weights"])
    def test_it_is_found_in_the_user_s_downloads(self, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("SANGUINARIA_DOWNLOADS", str(tmp_path))
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "net.pt").write_bytes(b"weights")
        assert self.published(b"weights").obtain() == tmp_path / folder / "net.pt"
        with pytest.raises(InputError, match=r"net\.pt is not the expected archive.*Fix: "):
            self.published(b"others").obtain()

    def test_what_is_downloaded_is_verified_and_kept(self, tmp_path, monkeypatch):
        from sanguinaria.core import downloads

        monkeypatch.delenv("SANGUINARIA_DOWNLOADS", raising=False)
        monkeypatch.setattr(downloads, "_download", lambda file, part: part.write_bytes(b"weights"))
        kept = downloads.obtain_file(self.published(b"weights").archive, tmp_path / "cache")
        assert kept == tmp_path / "cache/net.pt" and kept.read_bytes() == b"weights"
        monkeypatch.setattr(downloads, "_download", lambda file, part: pytest.fail("it is there"))
        assert downloads.obtain_file(self.published(b"weights").archive, tmp_path / "cache") == kept
        monkeypatch.setattr(downloads, "_download", lambda file, part: part.write_bytes(b"altered"))
        with pytest.raises(InputError, match="has SHA-256"):
            downloads.obtain_file(self.published(b"others").archive, tmp_path / "cache")
        assert not (tmp_path / "cache/net.pt.part").exists()

    def test_nothing_but_tensors_is_unpickled(self, tmp_path):
        torch.save({"model_state": {}, "more": Path}, tmp_path / "net.pt")
        cause = r"\(it holds [\w.]+: only tensors and plain values are unpickled, as anything else can run code\)"
        with pytest.raises(InputError, match=rf"net\.pt' cannot be read as a checkpoint {cause}; the file goes there"):
            read_checkpoint(tmp_path / "net.pt", "the file")

    def test_another_file_than_weights_is_an_error(self, tmp_path):
        (tmp_path / "net.pt").write_bytes(b"<html>")
        with pytest.raises(InputError, match=r"net\.pt' cannot be read .*the file goes there"):
            read_checkpoint(tmp_path / "net.pt", "the file")
        with pytest.raises(InputError, match=r"no file .*absent\.pt': the file goes there"):
            read_checkpoint(tmp_path / "absent.pt", "the file")
        with pytest.raises(InputError, match=r"other\.pt' has no 'model_state' and is not the file: it holds state"):
            checkpoint_entry({"state": {}}, "model_state", tmp_path / "other.pt", "the file")

    def test_another_network_s_state_is_an_error(self, tmp_path):
        with pytest.raises(InputError, match=r"net\.pt' is not the file: weight is \(3, 3\), not \(2, 2\)"):
            load_weights(torch.nn.Linear(2, 2), {"weight": torch.zeros(3, 3)}, tmp_path / "net.pt", "the file")
