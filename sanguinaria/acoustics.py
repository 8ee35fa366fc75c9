"""Impulse responses of simulated rooms."""

from __future__ import annotations

from functools import cache

import numpy as np

from sanguinaria.errors import InputError

# Where the loudspeaker stands, as shares of the room, and the direction to the microphone: off every symmetry.
LOUDSPEAKER = (0.31, 0.43, 0.47)
DIRECTION = (0.8, 0.55, 0.24)


@cache
def room_response(dimensions: tuple[float, float, float], rt60: float, distance: float, sample_rate: int) -> np.ndarray:
    """From a loudspeaker to a microphone in a box, (samples,), from the direct sound on, whose magnitude is 1.

    The absorption of the walls follows from RT60 by Sabine's formula.

    Args:
        dimensions: of the room, in metres.
        rt60: in seconds.
        distance: in metres.
        sample_rate: in Hz.

    Raises:
        InputError: the microphone would be outside, or no such walls have this RT60.
    """
    import pyroomacoustics

    source = np.array(dimensions) * LOUDSPEAKER
    microphone = source + distance * np.array(DIRECTION) / np.linalg.norm(DIRECTION)
    size = " × ".join(f"{side:g}" for side in dimensions)
    if not (microphone < np.array(dimensions)).all():
        raise InputError(f"a room of {size} m has no place {distance:g} m from its loudspeaker: lower the distance")
    try:
        absorption, order = pyroomacoustics.inverse_sabine(rt60, dimensions)
    except ValueError as error:
        raise InputError(
            f"a room of {size} m cannot have an RT60 of {rt60:g} s: raise it, or make it smaller"
        ) from error
    room = pyroomacoustics.ShoeBox(
        dimensions, fs=sample_rate, materials=pyroomacoustics.Material(absorption), max_order=order
    )
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    response: np.ndarray = room.rir[0][0]
    direct = int(np.abs(response).argmax())
    aligned: np.ndarray = response[direct:] / response[direct]
    return aligned
