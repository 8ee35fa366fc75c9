"""The path through candidates: against all paths of a small lattice."""

from itertools import product

import numpy as np
import pytest

from sanguinaria.conversions.knn.paths import cheapest_path, join_costs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("frames", "candidates"), [(1, 3), (2, 1), (5, 3), (4, 4)])
def test_the_path_is_the_cheapest_of_all(frames, candidates, seed):
    random = np.random.default_rng(seed)
    costs = random.exponential(size=(frames, candidates))
    joins = random.exponential(size=(frames - 1, candidates, candidates))

    def total(path):
        return sum(costs[frame, chosen] for frame, chosen in enumerate(path)) + sum(
            joins[frame, chosen, path[frame + 1]] for frame, chosen in enumerate(path[:-1])
        )

    cheapest = min(product(range(candidates), repeat=frames), key=total)
    assert tuple(cheapest_path(costs, joins)) == cheapest


def test_join_costs_are_distances_and_nothing_where_one_follows_the_other():
    random = np.random.default_rng(0)
    speech = random.standard_normal((9, 4))
    followers = np.concatenate([speech[1:], speech[-1:]])
    indices = np.array([[0, 5], [1, 7], [6, 2]])
    costs = join_costs(followers[indices], speech[indices])
    assert costs.shape == (2, 2, 2)
    for frame, first, second in product(range(2), repeat=3):
        before, after = indices[frame, first], indices[frame + 1, second]
        assert costs[frame, first, second] == pytest.approx(np.square(speech[before + 1] - speech[after]).sum())
    assert costs[0, 0, 0] == 0  # frame 1 follows frame 0
    assert costs[1, 0, 1] == 0  # frame 2 follows frame 1


def test_a_dear_join_keeps_the_order_of_the_speech():
    # Frames of a target in a row, and an utterance that jumps to and fro between two of them in every other frame.
    target = np.arange(10.0)[:, None]
    followers = np.concatenate([target[1:], target[-1:]])
    features = np.array([[2.0], [3.6], [4.0], [4.6], [6.0]])
    indices = np.tile(np.arange(10), (5, 1))
    costs = np.square(features[:, None] - target[indices]).sum(-1)
    joins = join_costs(followers[indices], target[indices])
    assert cheapest_path(costs, 0 * joins).tolist() == [2, 4, 4, 5, 6]
    assert cheapest_path(costs, 100 * joins).tolist() == [2, 3, 4, 5, 6]
