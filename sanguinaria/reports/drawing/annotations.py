"""Placement of the names of points: beside their points, and not on one another."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

# Where a name may stand about its point: points of distance, and a side; the first choice first.
DISTANCES = (3, 5, 8, 12)
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
CHOICES = tuple(product(DISTANCES, SIDES))
# Pixels between the places of a line that a name should not hide.
STEP = 3
# How much worse it is to hide a name than a line, and to be a point farther off (it seems another's), in square pixels.
NAMES_COUNT = 10
FAR_COUNTS = 10
# Each name is placed with the others where they are; few places change in the third round.
ROUNDS = 3


def place_annotations(drawn: Figure) -> None:
    """Move every annotation of the figure to its least overlap, which fixes the layout."""
    if not any(axes.texts for axes in drawn.axes):
        return
    drawn.draw_without_rendering()
    # Annotations that move from here on must not move the axes.
    drawn.set_layout_engine("none")
    for axes in drawn.axes:
        names = [text for text in axes.texts if isinstance(text, Annotation)]
        if names:
            _place(axes, names, drawn.dpi / 72)


def _place(axes: Axes, names: list[Annotation], pixels: float) -> None:
    """Place the annotations of one panel; ``pixels`` are those of a typographic point."""
    points = np.asarray(axes.transData.transform([name.xy for name in names]))
    sizes = np.array([[extent.width, extent.height] for extent in (name.get_window_extent() for name in names)])
    for name, choice in zip(
        names, choose(points, sizes, np.array(axes.bbox.extents), _along_lines(axes), pixels), strict=True
    ):
        distance, (right, up) = CHOICES[choice]
        name.set_position((distance * right, distance * up))
        name.set(ha={-1: "right", 0: "center", 1: "left"}[right], va={-1: "top", 0: "center", 1: "bottom"}[up])


def choose(points: np.ndarray, sizes: np.ndarray, inside: np.ndarray, lines: np.ndarray, pixels: float) -> list[int]:
    """Choose one of ``CHOICES`` for every name; lengths are in pixels.

    Args:
        points: (names, 2), what is named.
        sizes: (names, 2), width and height of the names.
        inside: (4,), left, bottom, right and top of the panel, beyond which a name counts as hidden.
        lines: (places, 2), what should stay visible.
        pixels: in a typographic point.

    Returns:
        The index in ``CHOICES`` of each name's place.
    """
    boxes = np.stack([_boxes(point, size, pixels) for point, size in zip(points, sizes, strict=True)])
    costs = np.stack([_costs(choices, inside, lines) for choices in boxes])
    chosen = [0] * len(points)
    for index in [*range(len(points))] * ROUNDS:
        others = np.array([boxes[other, choice] for other, choice in enumerate(chosen) if other != index]).reshape(
            -1, 4
        )
        hidden = costs[index] + NAMES_COUNT * _shared(boxes[index], others).sum(axis=1)
        # Rounded: among equals the first is taken, whatever the last digit.
        chosen[index] = int(hidden.round(3).argmin())
    return chosen


def _boxes(point: np.ndarray, size: np.ndarray, pixels: float) -> np.ndarray:
    """The boxes (choices, 4) that a name can take."""
    distances, sides = (np.array(column, dtype=float) for column in zip(*CHOICES, strict=True))
    centres = point + sides * (distances[:, None] * pixels + size / 2)
    return np.hstack([centres - size / 2, centres + size / 2])


def _costs(boxes: np.ndarray, inside: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The cost of each box (choices,) without the other names, in square pixels."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    beyond = areas - _shared(boxes, inside[None])[:, 0]
    covered = ((lines > boxes[:, None, :2] - 1) & (lines < boxes[:, None, 2:] + 1)).all(axis=2).sum(axis=1)
    far = np.array([distance for distance, _ in CHOICES])
    costs: np.ndarray = NAMES_COUNT * beyond + STEP**2 * covered + FAR_COUNTS * far
    return costs


def _shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The areas (boxes, others) that boxes share with others."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    areas: np.ndarray = (high - low).clip(min=0).prod(axis=2)
    return areas


def _along_lines(axes: Axes) -> np.ndarray:
    """Places (places, 2) every STEP pixels or less along the lines, and nine at each marker."""
    runs = [np.asarray(axes.transData.transform(np.column_stack(line.get_data()))) for line in axes.lines]
    along = [
        np.linspace(start, stop, 2 + int(np.hypot(*(stop - start)) // STEP))
        for run in runs
        for start, stop in pairwise(run)
    ]
    around = [run + np.array([right, up]) for run in runs for right in (-STEP, 0, STEP) for up in (-STEP, 0, STEP)]
    return np.concatenate([*along, *around])
