"""Frames of MPEG audio, layer III (MP3): their number, and whether the file declares it.

The header of a frame is that of ISO/IEC 11172-3, section 2.4.1.3, and of ISO/IEC 13818-3 for lower sample rates.
"""

from __future__ import annotations

from dataclasses import dataclass

from sanguinaria.core.errors import InputError

# kbit/s by the header's index, of MPEG-1 and of MPEG-2 and 2.5; index 0 is free, 15 forbidden.
BIT_RATES = (
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
# Hz of MPEG-1 by the header's index; half for MPEG-2, a quarter for MPEG-2.5.
SAMPLE_RATES = (44100, 48000, 32000)
DIVISORS = {3: 1, 2: 2, 0: 4}
LAYER_III = 1
# The last four bytes of a stream's last frame: LAME's padding, and that of encoders that write zeros.
PADDING = (b"\x55" * 4, b"\xaa" * 4, b"\0" * 4)
# Bytes in which the first frame is searched for behind the tags.
SEARCHED = 1 << 16


@dataclass(frozen=True)
class Frames:
    """The frames of a file.

    Attributes:
        num_samples: of all frames together, in each channel.
        declared: whether the first frame declares the number of the others, by Xing's header.
        padded: whether the last frame ends with padding, as an encoder leaves it that has no more samples.
    """

    num_samples: int
    declared: bool
    padded: bool


def read_frames(data: bytes) -> Frames | None:
    """Read the headers of all frames.

    Args:
        data: a file of MPEG audio.

    Returns:
        The frames; ``None`` where none of layer III with a stated bit rate is found.

    Raises:
        InputError: the last frame is cut.
    """
    start = _first_frame(data)
    if start is None:
        return None
    position, num_samples = start, 0
    while (frame := _frame(data, position)) is not None:
        length, samples = frame
        if position + length > len(data):
            raise InputError(f"truncated: its last frame should end at byte {position + length}, not {len(data)}")
        position, num_samples = position + length, num_samples + samples
    # One to three bytes of a next header.
    if (rest := data[position : position + 4]) and len(rest) < 4 and rest[:2] == data[start : start + len(rest[:2])]:
        raise InputError("truncated: the header of its last frame is cut")
    return Frames(num_samples, _is_declared(data[start : start + 64]), data[position - 4 : position] in PADDING)


def _first_frame(data: bytes) -> int | None:
    """Position of the first frame that another follows, or the end."""
    start = _after_tags(data)
    for position in range(start, min(start + SEARCHED, len(data) - 3)):
        frame = _frame(data, position)
        if frame is not None and (_frame(data, position + frame[0]) or position + frame[0] >= len(data)):
            return position
    return None


def _after_tags(data: bytes) -> int:
    """Position after the tags of ID3v2, whose lengths have seven bits a byte."""
    position = 0
    while data[position : position + 3] == b"ID3" and len(data) >= position + 10:
        length = 0
        for byte in data[position + 6 : position + 10]:
            length = length << 7 | byte & 0x7F
        has_footer = bool(data[position + 5] & 0x10)
        position += 10 + length + 10 * has_footer
    return position


def _frame(data: bytes, position: int) -> tuple[int, int] | None:
    """Bytes and samples of the frame at a position; ``None`` where there is none."""
    header = int.from_bytes(data[position : position + 4], "big")
    version, layer = header >> 19 & 3, header >> 17 & 3
    bit_rate, sample_rate, padding = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1
    is_header = position + 4 <= len(data) and header >> 21 == 0x7FF
    if not is_header or version not in DIVISORS or layer != LAYER_III or bit_rate in (0, 15) or sample_rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    kilobits = BIT_RATES[version != 3][bit_rate - 1]
    return samples // 8 * 1000 * kilobits * DIVISORS[version] // SAMPLE_RATES[sample_rate] + padding, samples


def _is_declared(head: bytes) -> bool:
    """Whether the first frame has Xing's header ("Info" where the bit rate is constant) with a number of frames."""
    position = max(head.find(b"Xing"), head.find(b"Info"))
    return position >= 0 and len(head) >= position + 8 and bool(head[position + 7] & 1)
