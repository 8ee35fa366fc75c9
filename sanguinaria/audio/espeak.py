"""Deterministic speech synthesis in process, through the espeak-ng library that the espeakng-loader package bundles.

espeak carries state from one utterance into the next: the phase of its oscillators, the state of its filters, its echo
buffer, two random generators. No call resets all of it, `espeak_Terminate` included. So every utterance here gets a
library loaded afresh, with the generators seeded, and the library is unloaded when it has spoken. That costs about
3 ms and some 2 kB of memory per utterance, which the library itself leaks.
"""

from __future__ import annotations

import _ctypes
import ctypes
import locale
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader  # type: ignore[import-untyped]
import numpy as np

SAMPLE_RATE = 22_050
"""Samples per second of everything that espeak-ng synthesises."""

_SEED = 1
_FULL_SCALE = np.float32(32_768)

# From espeak-ng's speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_RATE = 1
_PARAMETER_PITCH = 3

_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_LIBC = ctypes.CDLL(None)
_LOCK = threading.Lock()

# espeak finds a voice by its file's name, and the British English file is called plain "en".
_VOICE_FILES = {"en-gb": "en"}

_ACCENTS = (
    "en-us",
    "en-gb",
    "en-gb-scotland",
    "en-gb-x-rp",
    "en-029",
    "en-us-nyc",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
)
_PITCHES = (50, 35, 65, 42, 58, 28, 72)
_RATES = (160, 145, 175, 190, 135)
_ROUNDS = 3
# Left out: whispers, robots and other novelties, heavy echoes, and the variants of which a small speech recogniser knew
# fewer than 3 words in 10. Men and women alternate first, and near copies (iven2, steph3) come last, so that a short
# list is as varied as it can be.
_VARIANT_NAMES = """
f2 m3 Annie klatt anika Reed f5 paul belinda Gene steph Mike f3 edward grandma ed aunty m8 f1 quincy linda Alex f4
david Denis klatt4 antonio m1 victor adam Nguyen sandro m5 mike2 Storm miguel Jacky iven klatt3 robert pablo m7
benjamin Mario grandpa max Diogo m4 pedro klatt2 rob m2 Hugo klatt5 m6 AnxiousAndy norbert john Michael Henrique
michel klatt6 edward2 Gene2 iven2 iven3 iven4 steph2 steph3
"""
_VARIANTS = tuple(_VARIANT_NAMES.split())


@dataclass(frozen=True)
class Voice:
    """One speaker: an accent, a variant of the vocal tract, a pitch and a pace.

    `name` is unique and readable ("en-gb-scotland+f3"), `language` an espeak voice ("en-us"), `variant` a file in
    espeak's voices/!v, `pitch` espeak's 0 to 99 (50 leaves the variant's own pitch) and `rate` words per minute, 80
    to 450. Raises ValueError for a pitch or a rate outside those ranges, which espeak would change without a word.
    """

    name: str
    language: str
    variant: str
    pitch: int
    rate: int

    def __post_init__(self) -> None:
        if not 0 <= self.pitch <= 99:
            raise ValueError(f"voice {self.name}: pitch {self.pitch} is outside 0 to 99")
        if not 80 <= self.rate <= 450:
            raise ValueError(f"voice {self.name}: rate {self.rate} words per minute is outside 80 to 450")


def voices(count: int) -> list[Voice]:
    """Return the first `count` voices of a fixed list, so that a longer list starts with the shorter one.

    The variants are all different until they run out (after 69); then they come again with another accent, pitch and
    rate. Raises ValueError if `count` is negative or more than there are.
    """
    available = len(_VARIANTS) * _ROUNDS
    if not 0 <= count <= available:
        raise ValueError(f"{count} voices asked for: there are {available}")
    return [_voice(index) for index in range(count)]


def _voice(index: int) -> Voice:
    lap, place = divmod(index, len(_VARIANTS))
    # The place is not enough: with it alone, every woman among the first voices would get the same four accents. Steps
    # of 3 in 8 keep the accents of one variant different from lap to lap, and so the names unique.
    language = _ACCENTS[(place + place // len(_ACCENTS) + 3 * lap) % len(_ACCENTS)]
    variant = _VARIANTS[place]
    pitch = _PITCHES[(place + 2 * lap) % len(_PITCHES)]
    rate = _RATES[(place + 2 * lap) % len(_RATES)]
    return Voice(f"{language}+{variant}", language, variant, pitch, rate)


class Synthesiser:
    """Speaks words with espeak-ng; it holds no state, and all of them in a process take turns.

    It works where shared libraries can be unloaded (Linux, macOS), and needs espeak's library for itself: another user
    of the same file in the process would keep it loaded, and its state with it. The C library's `rand` is reseeded at
    each utterance, because some variants draw their noise from it.
    """

    def synthesise(self, text: str, voice: Voice) -> tuple[np.ndarray, int]:
        """Return the samples of `text` and their rate in hertz (22,050).

        The samples are float32 in [-1, 1], shape (samples,), mono. They depend on `text` and `voice` alone: not on what
        was said before, nor on the process. Nothing is trimmed; espeak adds about 10 ms of silence at the end, and up
        to 60 ms at the start before a plosive.

        Raises ValueError if `text` holds a null character, and RuntimeError if the library or its data cannot be
        loaded, if the voice cannot be set, or if nothing was synthesised (empty text, punctuation alone).
        """
        if "\0" in text:
            raise ValueError(f"text with a null character: {text!r}")
        with _LOCK, _fresh_library() as library:
            pcm = _speak(library, text, voice)
        samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / _FULL_SCALE
        if not samples.any():
            raise RuntimeError(f"espeak synthesised nothing for {text!r} with the voice {voice.name}")
        return samples, SAMPLE_RATE


@contextmanager
def _fresh_library() -> Iterator[ctypes.CDLL]:
    """Yield espeak's library in its initial state, and unload it afterwards."""
    path = str(espeakng_loader.get_library_path())
    if _is_loaded(path):
        raise RuntimeError(f"{path} is already loaded in this process, so its speech would depend on earlier speech")
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise RuntimeError(f"cannot load espeak's library {path}: {error}") from error
    try:
        with _locale_kept():
            _initialise(library)
            try:
                yield library
            finally:
                library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def _is_loaded(path: str) -> bool:
    try:
        handle = _ctypes.dlopen(path, os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    _ctypes.dlclose(handle)  # the query itself counted as a use
    return True


@contextmanager
def _locale_kept() -> Iterator[None]:
    """Undo what espeak does to the process: it sets the locale's character type to C.UTF-8."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _initialise(library: ctypes.CDLL) -> None:
    data = _data_path()
    rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), _INITIALIZE_DONT_EXIT)
    if rate != SAMPLE_RATE:
        raise RuntimeError(f"espeak cannot read its data in {data} (it wants a path shorter than 160 bytes)")
    # Breath noise comes from espeak's own generator, which it seeds from the clock; the Klatt voices' noise from rand.
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    _LIBC.srand(_SEED)


def _data_path() -> Path:
    return Path(espeakng_loader.get_data_path())


def _speak(library: ctypes.CDLL, text: str, voice: Voice) -> bytes:
    """Return the 16-bit samples of `text`, in the machine's byte order."""
    chunks: list[bytes] = []

    def collect(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0  # carry on

    callback = _SynthCallback(collect)  # espeak keeps only the address: this name keeps the function alive
    library.espeak_SetSynthCallback(callback)
    _set_voice(library, voice)
    encoded = text.encode() + b"\0"
    size = ctypes.c_size_t(len(encoded))
    status = library.espeak_Synth(encoded, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
    if status != 0:
        raise RuntimeError(f"espeak failed (status {status}) on {text!r} with the voice {voice.name}")
    return b"".join(chunks)


def _set_voice(library: ctypes.CDLL, voice: Voice) -> None:
    # espeak passes over a variant that it does not know and speaks with the plain voice.
    if not (_data_path() / "voices" / "!v" / voice.variant).is_file():
        raise RuntimeError(f"voice {voice.name}: espeak has no variant {voice.variant!r}")
    language = _VOICE_FILES.get(voice.language, voice.language)
    if library.espeak_SetVoiceByName(f"{language}+{voice.variant}".encode()) != 0:
        raise RuntimeError(f"voice {voice.name}: espeak has no voice for the language {voice.language!r}")
    # After the voice, because setting a voice sets these too.
    for parameter, value in ((_PARAMETER_RATE, voice.rate), (_PARAMETER_PITCH, voice.pitch)):
        if library.espeak_SetParameter(parameter, value, 0) != 0:
            raise RuntimeError(f"voice {voice.name}: espeak refuses {value} for its parameter {parameter}")
