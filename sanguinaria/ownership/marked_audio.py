"""Marked recordings: in the format that they came in, or as FLAC."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import torch

# libsndfile's names of encodings that keep every sample. Companded ones (µ-law, A-law) and ADPCM do not.
LOSSLESS = re.compile(r"PCM_.*|FLOAT|DOUBLE|ALAC_.*")


def lossy_encoding(path: Path) -> str | None:
    """Return the encoding of a file that would not keep a weak mark as it was embedded; ``None`` for a lossless one.

    Raises:
        InputError: the file cannot be read.
    """
    import soundfile

    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        return f"a format that is not written ({getattr(error, 'error_string', error)})".rstrip()
    return None if LOSSLESS.fullmatch(info.subtype) else f"{info.format}, {info.subtype}"


def embed_channels(samples: np.ndarray, embed: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """Embed a mark into each channel; what it leaves unchanged keeps its precision.

    Args:
        samples: (frames, channels), float64 in [-1, 1].
        embed: from waveforms (utterances, samples) to waveforms of the same shape, in float32.

    Returns:
        Marked samples of the same shape, clipped at ±1.
    """
    import torch

    waveforms = torch.from_numpy(np.ascontiguousarray(samples.T.astype(np.float32)))
    with torch.inference_mode():
        change = (embed(waveforms) - waveforms).numpy().T.astype(np.float64)
    marked: np.ndarray = np.clip(samples + change, -1.0, 1.0)
    return marked


def write_marked_file(source: Path, destination: Path, embed: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Write a marked copy with the container, encoding, rate, channels, length and tags of the original.

    Tags are those that libsndfile writes (title, artist, date and so on). Other chunks, such as cue points, are lost.

    Args:
        source: the original.
        destination: of the copy; its suffix decides the container if it is another one, which is then FLAC.
        embed: the mark.
    """
    import soundfile

    with soundfile.SoundFile(source) as file:
        samples = file.read(dtype="float64", always_2d=True)
        rate, tags = file.samplerate, file.copy_metadata()
        container, subtype, endian = file.format, file.subtype, file.endian
    if destination.suffix.lower() != source.suffix.lower():
        container, subtype, endian = "FLAC", "PCM_16", "FILE"
    marked = embed_channels(samples, embed)
    with (
        atomic(destination) as temporary,
        soundfile.SoundFile(temporary, "w", rate, marked.shape[1], subtype, endian, container) as copy,
    ):
        for name, value in tags.items():
            setattr(copy, name, value)
        copy.write(marked)


def write_flac(samples: np.ndarray, rate: int, destination: Path) -> None:
    """Write samples as FLAC of 16 bits.

    Args:
        samples: (frames, channels), clipped at ±1.
        rate: in Hz.
        destination: of the file.

    Raises:
        InputError: FLAC has no such rate or number of channels.
    """
    import soundfile

    with atomic(destination) as temporary:
        try:
            soundfile.write(temporary, np.clip(samples, -1.0, 1.0), rate, "PCM_16", format="FLAC")
        except (soundfile.LibsndfileError, ValueError) as error:
            message = f"{destination.name}: {samples.shape[1]} channels at {rate} Hz are no FLAC: {error}"
            raise InputError(message) from error
