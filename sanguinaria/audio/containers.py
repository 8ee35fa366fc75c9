"""Containers of audio: first bytes that name another kind of file, and the end that a header declares."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from sanguinaria.core.errors import InputError

# Streaming writers cannot write the final size. They leave the maximum (ffmpeg), 2³¹ (arecord), or a little less (sox):
# sizes that no utterance has.
PLACEHOLDER = 0x7FFFF000
# Samples that a byte holds at most: FLAC's longest block, 65,535 samples, in a frame of silence of 8 bytes or more.
DENSEST = 8192
# libsndfile's names of the containers that declare their length and are checked here, or that libsndfile itself checks.
CHECKED = frozenset(
    (
        "WAV",
        "WAVEX",
        "RF64",
        "W64",
        "AIFF",
        "SVX",
        "CAF",
        "AU",
        "NIST",
        "VOC",
        "FLAC",
        "OGG",
        "MP3",
        "MPEG",
        "SDS",
        "HTK",
    )
)
# First bytes of files that are not read: what they are, and what helps.
CONVERT = "convert it to WAV or FLAC, for instance by ffmpeg"
FOREIGN: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb".{4}ftyp", re.DOTALL), "MPEG-4 (M4A, MP4)", CONVERT),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "Matroska or WebM", CONVERT),
    (re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), "Windows Media (WMA)", CONVERT),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]|ADIF"), "AAC without a container", CONVERT),
    (re.compile(rb"#!AMR"), "AMR", CONVERT),
    (re.compile(rb"version https://git-lfs"), "a pointer of Git LFS, without the audio", "fetch it with git lfs pull"),
    (re.compile(rb"/annex/objects/"), "a pointer of git-annex, without the audio", "fetch it with git annex get"),
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", re.IGNORECASE),
        "an HTML or XML page",
        "download it again",
    ),
    (re.compile(rb"PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!"), "a compressed archive", "unpack it"),
)


@dataclass(frozen=True)
class Chunks:
    """Layout of a container of chunks, each a name, a length and a body.

    Attributes:
        first: position of the first chunk.
        name: bytes of a chunk's name.
        length: bytes of its length.
        order: of the length's bytes.
        audio: how the names of chunks of audio begin.
        alignment: of chunks, in bytes.
        includes_header: whether the length is also that of name and length themselves.
    """

    first: int
    name: int
    length: int
    order: Literal["little", "big"]
    audio: tuple[bytes, ...]
    alignment: int
    includes_header: bool = False


CHUNKED = {
    b"RIFF": Chunks(12, 4, 4, "little", (b"data",), 2),
    b"RIFX": Chunks(12, 4, 4, "big", (b"data",), 2),
    b"FORM": Chunks(12, 4, 4, "big", (b"SSND", b"BODY"), 2),
    b"caff": Chunks(8, 4, 8, "big", (b"data",), 1),
    # Sony Wave64: names are GUIDs.
    b"riff": Chunks(40, 16, 8, "little", (b"data",), 8, includes_header=True),
}


def check_first_bytes(path: Path) -> None:
    """Check that a file does not begin as another kind of file does, which decoders report at length or not at all.

    Raises:
        InputError: it is of a kind that is not read; the message does not have the path.
    """
    with path.open("rb") as file:
        head = file.read(256)
    for pattern, kind, fix in FOREIGN:
        if pattern.match(head):
            raise InputError(f"not readable as audio: it is {kind}; {fix}")


def check_not_truncated(path: Path) -> None:
    """Compare the declared end of the audio with the file's size, since libsndfile silently reads a truncated file.

    Raises:
        InputError: the file ends before its audio does; the message does not have the path.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(4)
        if magic == b"OggS":
            check_complete_ogg(path.read_bytes())
        end = _declared_end(file, magic, size)
    if end > size:
        raise InputError(f"truncated: its audio should end at byte {end}, and the file ends at byte {size}")


def check_plausible(frames: int, path: Path) -> None:
    """Check that a file can hold the frames that it declares, before memory for them is reserved.

    Raises:
        InputError: it cannot; the message does not have the path.
    """
    size = path.stat().st_size
    if frames > DENSEST * size:
        raise InputError(f"damaged: it declares {frames} frames, which its {size} bytes cannot hold")


def _declared_end(file: BinaryIO, magic: bytes, size: int) -> int:
    """Position of the audio's end in a file, read up to its magic number; 0 where the header does not state it."""
    if magic in (b".snd", b"dns."):
        order: Literal["little", "big"] = "big" if magic == b".snd" else "little"
        start, length = (int.from_bytes(file.read(4), order) for _ in range(2))
        return start + length if length < PLACEHOLDER else 0
    if magic == b"RF64":  # its first chunk, ds64, starts with the size of the file after the first 8 bytes
        file.seek(20)
        length = int.from_bytes(file.read(8), "little")
        return 8 + length if length < PLACEHOLDER else 0
    if magic == b"NIST":
        return _end_of_sphere(file)
    if magic == b"Crea":
        return _end_of_voc(file, size)
    return _end_of_chunk(file, CHUNKED[magic]) if magic in CHUNKED else 0


def _end_of_chunk(file: BinaryIO, layout: Chunks) -> int:
    """Position of the end of the audio's chunk; 0 without one, or with a placeholder for its size."""
    header_length = layout.name + layout.length
    file.seek(layout.first)
    while len(header := file.read(header_length)) == header_length:
        length = int.from_bytes(header[layout.name :], layout.order)
        body = length - header_length if layout.includes_header else length
        if header.startswith(layout.audio):
            return file.tell() + body if length < PLACEHOLDER else 0
        if body < 0:
            return 0
        file.seek(body + -length % layout.alignment, os.SEEK_CUR)
    return 0


def _end_of_sphere(file: BinaryIO) -> int:
    """Position of the end of a SPHERE file, whose header is text; 0 without its fields, or with compressed samples."""
    file.seek(0)
    header = file.read(1 << 16).partition(b"end_head")[0]
    start = re.match(rb"NIST_1A\s+(\d+)", header)
    # "-i" is the type of a whole number.
    fields = {name: int(value) for name, value in re.findall(rb"(\w+)\s+-i\s+(\d+)", header)}
    if start is None or b"sample_count" not in fields or re.search(rb"sample_coding\s+-s\d+\s+\S*,", header):
        return 0
    frame = fields.get(b"channel_count", 1) * fields.get(b"sample_n_bytes", 1)
    return int(start[1]) + fields[b"sample_count"] * frame


def _end_of_voc(file: BinaryIO, size: int) -> int:
    """Position of the end of the blocks of a VOC file: each has a type of one byte and a length of three."""
    file.seek(20)
    end = int.from_bytes(file.read(2), "little")
    while end < size:
        file.seek(end)
        header = file.read(4)
        if header[:1] == b"\0":
            return end + 1
        end += 4 + int.from_bytes(header[1:], "little")
    # Without the terminating block the file is cut, be it between two blocks.
    return max(end, size + 1)


def check_complete_ogg(data: bytes) -> None:
    """Check that an Ogg file, which declares no length, ends with a complete page that is marked as the last.

    Raises:
        InputError: it does not; the message does not have the path.
    """
    start = data.rfind(b"OggS")
    header = data[start : start + 27]
    if len(header) == 27 and header[5] & 4:
        body = start + 27 + header[26]
        if body + sum(data[start + 27 : body]) <= len(data):
            return
    raise InputError("truncated: its last page is missing or cut")
