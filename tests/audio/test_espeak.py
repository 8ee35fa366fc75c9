"""Speech synthesis: determinism, differences between voices, and errors."""

import ctypes
import hashlib
import json
import locale
import subprocess
import sys
import time
from dataclasses import replace
from itertools import combinations

import espeakng_loader
import numpy as np
import pytest

from sanguinaria.audio.espeak import SAMPLE_RATE, Synthesiser, Voice, voices

AVAILABLE = 207
WORDS = ("yes", "no", "up", "a", "marvin", "backward", "seven", "house")

# Two new processes synthesise the same pairs in opposite orders; a pair is a text and the index of a voice.
SCRIPT = """
import hashlib, json, sys
from sanguinaria.audio.espeak import Synthesiser, voices
cast = voices(69)
for text, index in json.loads(sys.argv[1]):
    samples, _ = Synthesiser().synthesise(text, cast[index])
    print(json.dumps([text, index, hashlib.sha256(samples.tobytes()).hexdigest()]))
"""
# Among them: a Klatt synthesiser with noise from the C library (5), breath and echo (0, 6), flutter (14).
PAIRS = [(text, index) for text in ("fishes", "yes", "one two") for index in (0, 1, 3, 5, 6, 14, 30, 66)]


@pytest.fixture(scope="module")
def cast() -> list[Voice]:
    return voices(60)


@pytest.fixture(scope="module")
def sevens(cast: list[Voice]) -> list[np.ndarray]:
    return [Synthesiser().synthesise("seven", voice)[0] for voice in cast]


def digest(text: str, voice: Voice) -> str:
    return hashlib.sha256(Synthesiser().synthesise(text, voice)[0].tobytes()).hexdigest()


def digests_in_new_process(pairs: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
    command = [sys.executable, "-c", SCRIPT, json.dumps(pairs)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    return {(text, index): digest for text, index, digest in map(json.loads, lines)}


def fundamental(samples: np.ndarray) -> float:
    """Return the median fundamental frequency in hertz, by autocorrelation, of the frames that are clearly voiced."""
    size, hop = 1024, 512
    shortest, longest = SAMPLE_RATE // 400, SAMPLE_RATE // 60
    taper = 1 - np.arange(size) / size
    frequencies = []
    for start in range(0, len(samples) - size, hop):
        frame = samples[start : start + size] - samples[start : start + size].mean()
        correlation = np.correlate(frame, frame, "full")[size - 1 :]
        if correlation[0] < size * 0.02**2:
            continue
        correlation = correlation / (correlation[0] * taper)
        lag = shortest + int(np.argmax(correlation[shortest:longest]))
        if correlation[lag] > 0.6:
            frequencies.append(SAMPLE_RATE / lag)
    return float(np.median(frequencies)) if frequencies else float("nan")


def test_speech_is_a_float32_vector(cast: list[Voice]) -> None:
    samples, rate = Synthesiser().synthesise("hello", cast[0])
    assert (samples.dtype, samples.ndim, rate) == (np.float32, 1, SAMPLE_RATE)


def test_order_does_not_change_speech(cast: list[Voice]) -> None:
    chosen = [(text, cast[index % 60]) for text, index in PAIRS]
    there = [digest(text, voice) for text, voice in chosen]
    back = [digest(text, voice) for text, voice in reversed(chosen)]
    assert there == back[::-1]


def test_speech_is_the_same_in_new_processes() -> None:
    cast = voices(69)
    expected = {(text, index): digest(text, cast[index]) for text, index in PAIRS}
    time.sleep(1.1)  # espeak seeds its own generator from the clock, in whole seconds
    assert digests_in_new_process(PAIRS) == expected
    assert digests_in_new_process(PAIRS[::-1]) == expected


def test_speech_does_not_depend_on_the_c_random_generator(cast: list[Voice]) -> None:
    reed = next(voice for voice in cast if voice.variant == "Reed")
    digests = set()
    for seed in (7, 8):
        ctypes.CDLL(None).srand(seed)
        digests.add(digest("fishes", reed))
    assert len(digests) == 1


def test_sixty_voices_differ_pairwise(cast: list[Voice], sevens: list[np.ndarray]) -> None:
    assert len({voice.name for voice in cast}) == len({voice.variant for voice in cast}) == 60
    for one, other in combinations(sevens, 2):
        assert not np.array_equal(one, other)


def test_voices_span_men_and_women(sevens: list[np.ndarray]) -> None:
    low, high = np.nanpercentile([fundamental(samples) for samples in sevens], [10, 90])
    assert high > 1.8 * low


def test_voices_spread_over_the_accents(cast: list[Voice]) -> None:
    languages = [voice.language for voice in cast]
    assert len(set(languages)) == 8
    assert min(languages.count(language) for language in set(languages)) >= 6


def test_accents_pronounce_differently(cast: list[Voice]) -> None:
    spoken = {digest("bath water", replace(cast[0], language=voice.language)) for voice in cast}
    assert len(spoken) == 8


@pytest.mark.parametrize("field", [{"pitch": 90}, {"rate": 300}, {"variant": "m1"}])
def test_every_field_of_a_voice_changes_the_speech(cast: list[Voice], field: dict) -> None:
    assert digest("seven", cast[0]) != digest("seven", replace(cast[0], **field))


def test_words_differ(cast: list[Voice]) -> None:
    assert len({digest(word, cast[1]) for word in WORDS}) == len(WORDS)


def test_level_and_duration_of_words_are_plausible(cast: list[Voice]) -> None:
    for index, voice in enumerate(cast):
        word = WORDS[index % len(WORDS)]
        samples, rate = Synthesiser().synthesise(word, voice)
        assert np.isfinite(samples).all(), voice
        assert 0.05 <= np.abs(samples).max() <= 1.0, voice
        assert 0.15 <= len(samples) / rate <= 1.5, (word, voice)


def test_list_is_fixed_and_names_are_unique() -> None:
    everything = voices(AVAILABLE)
    assert voices(70) == everything[:70]
    assert len({voice.name for voice in everything}) == AVAILABLE
    assert voices(0) == []


def test_every_listed_voice_synthesises() -> None:
    assert len({digest("hello", voice) for voice in voices(AVAILABLE)}) == AVAILABLE


@pytest.mark.parametrize("count", [AVAILABLE + 1, -1])
def test_a_count_outside_of_the_list_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match=f"there are {AVAILABLE}"):
        voices(count)


def test_synthesis_is_fast(cast: list[Voice]) -> None:
    started = time.perf_counter()
    for voice in cast:
        Synthesiser().synthesise("yes", voice)
    # 300 a second is usual; the bound only catches a slip by an order of magnitude on a busy machine.
    assert len(cast) / (time.perf_counter() - started) > 30


def test_locale_is_restored(cast: list[Voice]) -> None:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C")
        Synthesiser().synthesise("yes", cast[0])
        assert locale.setlocale(locale.LC_CTYPE) == "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.parametrize("text", ["", " ", "..."])
def test_silence_is_an_error(cast: list[Voice], text: str) -> None:
    with pytest.raises(RuntimeError, match="nothing"):
        Synthesiser().synthesise(text, cast[0])


def test_null_character_is_an_error(cast: list[Voice]) -> None:
    with pytest.raises(ValueError, match="null"):
        Synthesiser().synthesise("yes\0no", cast[0])


@pytest.mark.parametrize(
    ("field", "message"),
    [({"variant": "nobody"}, "no variant 'nobody'"), ({"language": "xx-zz"}, "the language 'xx-zz'")],
)
def test_unknown_voice_is_an_error(cast: list[Voice], field: dict, message: str) -> None:
    before = digest("yes", cast[0])
    with pytest.raises(RuntimeError, match=message):
        Synthesiser().synthesise("yes", replace(cast[0], **field))
    assert digest("yes", cast[0]) == before


@pytest.mark.parametrize("field", [{"pitch": 100}, {"pitch": -1}, {"rate": 20}, {"rate": 1000}])
def test_pitch_and_rate_out_of_range_are_an_error(cast: list[Voice], field: dict) -> None:
    with pytest.raises(ValueError, match="outside"):
        replace(cast[0], **field)


def test_missing_library_is_an_error(cast: list[Voice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: "/nowhere/libespeak-ng.so")
    with pytest.raises(RuntimeError, match="cannot load espeak's library /nowhere"):
        Synthesiser().synthesise("yes", cast[0])


def test_missing_data_is_an_error(cast: list[Voice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: "/nowhere/espeak-ng-data")
    with pytest.raises(RuntimeError, match="cannot read its data in /nowhere"):
        Synthesiser().synthesise("yes", cast[0])


def test_library_in_use_by_another_is_an_error() -> None:
    script = """
import ctypes, espeakng_loader
from sanguinaria.audio.espeak import Synthesiser, voices
held = ctypes.CDLL(espeakng_loader.get_library_path())
Synthesiser().synthesise("yes", voices(1)[0])
"""
    run = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0
    assert "already loaded in this process" in run.stderr
