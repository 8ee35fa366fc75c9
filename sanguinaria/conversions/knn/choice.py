"""The choice of a target's frames for those of an utterance: the nearest ones, or a path through them."""

from __future__ import annotations

import numpy as np

from sanguinaria.conversions.knn.paths import cheapest_path, join_costs


class FrameChoice:
    """The frames of a target that are most similar to those of an utterance.

    Args:
        features: of the target, (frames, coefficients).
        active: frames of the target that may be chosen, a mask (frames,).
        neighbours: of a frame.
        join_cost: weight of the join cost; 0 chooses all neighbours of each frame, a greater one the one on the path
            that costs least.
    """

    def __init__(self, features: np.ndarray, active: np.ndarray, neighbours: int, join_cost: float) -> None:
        self.candidates = features[active]
        self.followers = np.concatenate([features[1:], features[-1:]])[active]
        self.neighbours, self.join_cost = neighbours, join_cost

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return indices (frames, chosen) among the active frames, for features (frames, coefficients)."""
        indices = nearest(features, self.candidates, self.neighbours)
        if self.join_cost == 0:
            return indices
        costs = np.square(features[:, None] - self.candidates[indices]).sum(axis=-1)
        joins = self.join_cost * join_costs(self.followers[indices], self.candidates[indices])
        return np.take_along_axis(indices, cheapest_path(costs, joins)[:, None], axis=1)


def nearest(features: np.ndarray, candidates: np.ndarray, number: int) -> np.ndarray:
    """Return the indices of the nearest candidates of each frame, in any order.

    Args:
        features: (frames, coefficients).
        candidates: (candidates, coefficients).
        number: of neighbours.

    Returns:
        (frames, number).

    >>> import numpy
    >>> nearest(numpy.array([[2.9]]), numpy.array([[0.0], [3.0], [9.0]]), 1).tolist()
    [[1]]
    """
    # |a − b|² without |a|², which is the same for all candidates.
    distances = np.square(candidates).sum(axis=1) - 2 * features @ candidates.T
    return np.argpartition(distances, number - 1, axis=1)[:, :number]
