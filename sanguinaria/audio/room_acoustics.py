"""Impulse responses of simulated rooms."""

from __future__ import annotations

from functools import cache

import numpy as np

from sanguinaria.core.errors import InputError

# Position of the loudspeaker, as shares of the room, and the direction to the microphone: off every symmetry.
LOUDSPEAKER = (0.31, 0.43, 0.47)
DIRECTION = (0.8, 0.55, 0.24)
# Iterations after which rooms of usual sizes are within 1 % of their reverberation time.
CORRECTIONS = 3

Dimensions = tuple[float, float, float]


@cache
def room_impulse_response(dimensions: Dimensions, rt60: float, distance: float, sample_rate: int) -> np.ndarray:
    """Simulate the impulse response from a loudspeaker to a microphone in a box-shaped room.

    The absorption of the walls follows from RT60 by Sabine's formula, which assumes a more diffuse field than a box
    has. So the RT60 in the formula is corrected by the ratio of the requested time to the time measured on the
    simulated response (from −5 to −35 dB), :data:`CORRECTIONS` times.

    Args:
        dimensions: length, width and height of the room, in metres.
        rt60: the reverberation time, in seconds.
        distance: from the loudspeaker to the microphone, in metres.
        sample_rate: in Hz.

    Returns:
        (samples,), from the direct sound on, which is normalised to 1.

    Raises:
        InputError: the microphone would be outside, or no absorption gives the room this RT60.
    """
    import pyroomacoustics

    source = np.array(dimensions) * LOUDSPEAKER
    microphone = source + distance * np.array(DIRECTION) / np.linalg.norm(DIRECTION)
    size = " × ".join(f"{side:g}" for side in dimensions)
    if not (microphone < np.array(dimensions)).all():
        raise InputError(f"a room of {size} m has no point {distance:g} m from its loudspeaker: lower the distance")
    corrected_rt60 = rt60
    try:
        for _ in range(CORRECTIONS):
            measured = pyroomacoustics.measure_rt60(
                _simulate(dimensions, corrected_rt60, source, microphone, sample_rate), sample_rate, decay_db=30
            )
            corrected_rt60 *= rt60 / measured
        response = _simulate(dimensions, corrected_rt60, source, microphone, sample_rate)
    except ValueError as error:  # Sabine's formula needs more than total absorption
        cause = f"no absorption gives a room of {size} m a reverberation time of {rt60:g} s"
        raise InputError(f"{cause}: raise the time, or make the room smaller") from error
    direct = int(np.abs(response).argmax())
    aligned: np.ndarray = response[direct:] / response[direct]
    return aligned


def _simulate(
    dimensions: Dimensions, sabine_rt60: float, source: np.ndarray, microphone: np.ndarray, sample_rate: int
) -> np.ndarray:
    """Simulate a room with the absorption of Sabine's formula, by the image-source method."""
    import pyroomacoustics

    absorption, order = pyroomacoustics.inverse_sabine(sabine_rt60, dimensions)
    walls = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(dimensions, fs=sample_rate, materials=walls, max_order=order)
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    response: np.ndarray = room.rir[0][0]
    return response
