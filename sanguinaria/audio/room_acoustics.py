"""Impulse responses of simulated rooms."""

from __future__ import annotations

from functools import cache

import numpy as np

from sanguinaria.core.errors import InputError

# Where the loudspeaker stands, as shares of the room, and the direction to the microphone: off every symmetry.
LOUDSPEAKER = (0.31, 0.43, 0.47)
DIRECTION = (0.8, 0.55, 0.24)
# After so many, rooms of usual sizes are within 1 % of their reverberation time.
CORRECTIONS = 3

Dimensions = tuple[float, float, float]


@cache
def room_impulse_response(dimensions: Dimensions, rt60: float, distance: float, sample_rate: int) -> np.ndarray:
    """From a loudspeaker to a microphone in a box, (samples,), from the direct sound on, whose magnitude is 1.

    The absorption of the walls follows from RT60 by Sabine's formula, which takes a box for more diffuse than it is: it
    is asked again for what would have given the wanted time, as measured on the response (from −5 to −35 dB).

    Args:
        dimensions: of the room, in metres.
        rt60: in seconds.
        distance: in metres.
        sample_rate: in Hz.

    Raises:
        InputError: the microphone would be outside, or no walls give the room this RT60.
    """
    import pyroomacoustics

    source = np.array(dimensions) * LOUDSPEAKER
    microphone = source + distance * np.array(DIRECTION) / np.linalg.norm(DIRECTION)
    size = " × ".join(f"{side:g}" for side in dimensions)
    if not (microphone < np.array(dimensions)).all():
        raise InputError(f"a room of {size} m has no place {distance:g} m from its loudspeaker: lower the distance")
    asked = rt60
    try:
        for _ in range(CORRECTIONS):
            measured = pyroomacoustics.measure_rt60(
                _simulated(dimensions, asked, source, microphone, sample_rate), sample_rate, decay_db=30
            )
            asked *= rt60 / measured
        response = _simulated(dimensions, asked, source, microphone, sample_rate)
    except ValueError as error:  # of Sabine's formula, which has no more than total absorption
        cause = f"no walls give a room of {size} m a reverberation time of {rt60:g} s"
        raise InputError(f"{cause}: raise the time, or make the room smaller") from error
    direct = int(np.abs(response).argmax())
    aligned: np.ndarray = response[direct:] / response[direct]
    return aligned


def _simulated(
    dimensions: Dimensions, by_sabine: float, source: np.ndarray, microphone: np.ndarray, sample_rate: int
) -> np.ndarray:
    """The response of a box with walls that Sabine's formula gives, by the image-source method."""
    import pyroomacoustics

    absorption, order = pyroomacoustics.inverse_sabine(by_sabine, dimensions)
    walls = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(dimensions, fs=sample_rate, materials=walls, max_order=order)
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    response: np.ndarray = room.rir[0][0]
    return response
