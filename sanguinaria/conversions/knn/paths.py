"""The choice of one candidate for each frame, so that neighbouring choices fit: the search of unit selection."""

from __future__ import annotations

import numpy as np


def join_costs(ends: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Compute the squared distances between what follows a candidate and the candidates of the next frame.

    It is the concatenation cost of Hunt and Black (1996, doi:10.1109/ICASSP.1996.541110, Eq. 2): 0 for two candidates
    that follow each other in the target's speech.

    Args:
        ends: features of the frame that follows each candidate in the target's speech, (frames, candidates,
            coefficients).
        starts: features of the candidates themselves, of the same shape.

    Returns:
        (frames − 1, candidates, candidates): from the candidates of a frame to those of the next.
    """
    before, after = ends[:-1], starts[1:]
    # |a − b|² = |a|² + |b|² − 2ab, clamped as rounding may leave it below 0.
    squares = np.square(before).sum(-1)[:, :, None] + np.square(after).sum(-1)[:, None, :]
    costs: np.ndarray = np.maximum(squares - 2 * before @ after.transpose(0, 2, 1), 0)
    return costs


def cheapest_path(costs: np.ndarray, joins: np.ndarray) -> np.ndarray:
    """Return the path of the least total cost (Viterbi, 1967), the first candidate where several cost the same.

    Args:
        costs: of each candidate of each frame, (frames, candidates).
        joins: of each pair of candidates of neighbouring frames, (frames − 1, candidates, candidates).

    Returns:
        The number of the chosen candidate of each frame, (frames,).

    >>> import numpy
    >>> cheapest_path(numpy.array([[0.0, 1.0], [5.0, 0.0]]), numpy.array([[[0.0, 3.0], [0.0, 1.0]]])).tolist()
    [1, 1]
    """
    totals, predecessors = costs[0], np.zeros(costs.shape, dtype=int)
    for frame, joining in enumerate(joins, start=1):
        reached = totals[:, None] + joining
        predecessors[frame] = reached.argmin(axis=0)
        totals = reached.min(axis=0) + costs[frame]
    path = [int(totals.argmin())]
    for chosen in predecessors[:0:-1]:
        path.append(int(chosen[path[-1]]))
    return np.array(path[::-1])
