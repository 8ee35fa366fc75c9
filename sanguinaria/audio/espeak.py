"""Deterministic speech synthesis in process, by the espeak-ng library of the package espeakng-loader.

espeak-ng carries state from one utterance to the next: the phase of its oscillators, the state of its filters, its echo
buffer, two random generators. No call resets all of it, not even `espeak_Terminate`. So the library is loaded anew for
each utterance, its generators are seeded, and it is unloaded afterwards. This costs about 3 ms, and about 2 kB of
memory per utterance, which the library itself leaks.
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
"""Sample rate of espeak-ng's synthesis, in Hz."""

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

# espeak identifies a voice by its file's name, and the file of British English is "en".
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
# Excluded: whispers, robots and other novelties, strong echoes, and the variants of which a small speech recogniser
# recognised fewer than 3 words in 10. Men and women alternate first, and near copies (iven2, steph3) come last, so that
# a short list is as varied as possible.
_VARIANT_NAMES = """
f2 m3 Annie klatt anika Reed f5 paul belinda Gene steph Mike f3 edward grandma ed aunty m8 f1 quincy linda Alex f4
david Denis klatt4 antonio m1 victor adam Nguyen sandro m5 mike2 Storm miguel Jacky iven klatt3 robert pablo m7
benjamin Mario grandpa max Diogo m4 pedro klatt2 rob m2 Hugo klatt5 m6 AnxiousAndy norbert john Michael Henrique
michel klatt6 edward2 Gene2 iven2 iven3 iven4 steph2 steph3
"""
_VARIANTS = tuple(_VARIANT_NAMES.split())


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A synthetic speaker: an accent, a variant of the vocal tract, a pitch and a speaking rate.

    Args:
        name: a unique name, such as "en-gb-scotland+f3".
        language: an espeak voice, such as "en-us".
        variant: a file in espeak's folder voices/!v.
        pitch: 0 to 99; 50 is the variant's own pitch.
        rate: words per minute, 80 to 450.

    Raises:
        ValueError: pitch or rate are outside of these ranges, where espeak would silently clip them.
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
    """Return the first voices of a fixed list, so that a longer list starts with the shorter one.

    The first 69 voices have different variants; after them, the variants repeat with another accent, pitch and rate.

    >>> [voice.name for voice in voices(2)]
    ['en-us+f2', 'en-gb+m3']

    Raises:
        ValueError: `count` is negative, or larger than the list.
    """
    available = len(_VARIANTS) * _ROUNDS
    if not 0 <= count <= available:
        raise ValueError(f"{count} voices requested: there are {available}")
    return [_voice(index) for index in range(count)]


def _voice(index: int) -> Voice:
    """The voice at a position of the list."""
    lap, place = divmod(index, len(_VARIANTS))
    # With the position alone, every woman among the first voices would have the same four accents. Steps of 3 in 8 give
    # a variant another accent in each lap, and so a unique name.
    language = _ACCENTS[(place + place // len(_ACCENTS) + 3 * lap) % len(_ACCENTS)]
    variant = _VARIANTS[place]
    pitch = _PITCHES[(place + 2 * lap) % len(_PITCHES)]
    rate = _RATES[(place + 2 * lap) % len(_RATES)]
    return Voice(name=f"{language}+{variant}", language=language, variant=variant, pitch=pitch, rate=rate)


class Synthesiser:
    """Speech synthesis by espeak-ng, without state; a lock serialises all syntheses of a process.

    It needs a system that unloads shared libraries (Linux, macOS), and exclusive use of espeak's library: another user
    of the same file in the process would keep it loaded, with its state. The C library's `rand` is reseeded for each
    utterance, because some variants draw their noise from it.
    """

    def synthesise(self, text: str, voice: Voice) -> tuple[np.ndarray, int]:
        """Synthesise an utterance, which depends on text and voice alone.

        Silence is not trimmed: espeak adds about 10 ms at the end, and up to 60 ms at the start before a plosive.

        Args:
            text: the text.
            voice: the voice.

        Returns:
            Samples (samples,), float32 in [-1, 1], and their sample rate in Hz (22,050).

        Raises:
            ValueError: the text has a null character.
            RuntimeError: the library or its data cannot be loaded, the voice cannot be set, or nothing was synthesised
                (empty text, punctuation alone).
        """
        if "\0" in text:
            raise ValueError(f"text with a null character: {text!r}")
        with _LOCK, _fresh_library() as library:
            pcm = _synthesise_pcm(library, text, voice)
        samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / _FULL_SCALE
        if not samples.any():
            raise RuntimeError(f"espeak synthesised nothing for {text!r} with the voice {voice.name}")
        return samples, SAMPLE_RATE


@contextmanager
def _fresh_library() -> Iterator[ctypes.CDLL]:
    """Load espeak's library in its initial state, and unload it afterwards."""
    path = str(espeakng_loader.get_library_path())
    if _is_loaded(path):
        raise RuntimeError(f"{path} is already loaded in this process, so its speech would depend on earlier speech")
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise RuntimeError(f"cannot load espeak's library {path}: {error}") from error
    try:
        with _restored_locale():
            _initialise(library)
            try:
                yield library
            finally:
                library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)


def _is_loaded(path: str) -> bool:
    """Whether the process has loaded a shared library."""
    try:
        handle = _ctypes.dlopen(path, os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    _ctypes.dlclose(handle)  # the query itself is a reference
    return True


@contextmanager
def _restored_locale() -> Iterator[None]:
    """Restore the locale's character type, which espeak sets to C.UTF-8."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _initialise(library: ctypes.CDLL) -> None:
    """Load espeak's data and seed the random generators."""
    data = _data_path()
    rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), _INITIALIZE_DONT_EXIT)
    if rate != SAMPLE_RATE:
        raise RuntimeError(f"espeak cannot read its data in {data} (it wants a path shorter than 160 bytes)")
    # Breath noise is drawn from espeak's own generator, which espeak seeds from the clock; the noise of the Klatt
    # voices is drawn from `rand`.
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    _LIBC.srand(_SEED)


def _data_path() -> Path:
    return Path(espeakng_loader.get_data_path())


def _synthesise_pcm(library: ctypes.CDLL, text: str, voice: Voice) -> bytes:
    """16-bit samples of a text, in the machine's byte order."""
    chunks: list[bytes] = []

    def collect(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0  # continue

    callback = _SynthCallback(collect)  # espeak stores the address only: the variable keeps the function alive
    library.espeak_SetSynthCallback(callback)
    _set_voice(library, voice)
    encoded = text.encode() + b"\0"
    size = ctypes.c_size_t(len(encoded))
    status = library.espeak_Synth(encoded, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
    if status != 0:
        raise RuntimeError(f"espeak failed (status {status}) on {text!r} with the voice {voice.name}")
    return b"".join(chunks)


def _set_voice(library: ctypes.CDLL, voice: Voice) -> None:
    """Set language, variant, rate and pitch."""
    # espeak silently ignores an unknown variant.
    if not (_data_path() / "voices" / "!v" / voice.variant).is_file():
        raise RuntimeError(f"voice {voice.name}: espeak has no variant {voice.variant!r}")
    language = _VOICE_FILES.get(voice.language, voice.language)
    if library.espeak_SetVoiceByName(f"{language}+{voice.variant}".encode()) != 0:
        raise RuntimeError(f"voice {voice.name}: espeak has no voice for the language {voice.language!r}")
    # After the voice, since setting a voice sets these too.
    for parameter, value in ((_PARAMETER_RATE, voice.rate), (_PARAMETER_PITCH, voice.pitch)):
        if library.espeak_SetParameter(parameter, value, 0) != 0:
            raise RuntimeError(f"voice {voice.name}: espeak refuses {value} for its parameter {parameter}")
