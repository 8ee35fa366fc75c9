"""Runs: the repetitions of an experiment, each with its seeds by factor of variation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

GENERATOR, POISON, TRAINING = "generator", "poison", "training"
# What is made anew for another seed, in the order in which runs name it.
FACTORS_OF_VARIATION = (GENERATOR, POISON, TRAINING)
JOINED = "+"

Run = Mapping[str, int]


def runs_of(seeds: tuple[int, ...] | Mapping[str, tuple[int, ...]]) -> tuple[Run, ...]:
    """Return the runs that seeds of the configuration name: each a seed for every factor of variation.

    A list moves the choice of poison and the training together, with one generator. Of a mapping every combination is a
    run, and a factor that it does not name keeps the seed 0.

    >>> runs_of((0, 1))
    ({'generator': 0, 'poison': 0, 'training': 0}, {'generator': 0, 'poison': 1, 'training': 1})
    >>> len(runs_of({"generator": (0, 1, 2), "poison+training": (0, 1, 2, 3, 4)}))
    15
    """
    by_factor = seeds if isinstance(seeds, Mapping) else {JOINED.join((POISON, TRAINING)): seeds}
    runs = [
        {name: seed for key, seed in zip(by_factor, drawn, strict=True) for name in key.split(JOINED)}
        for drawn in product(*by_factor.values())
    ]
    return tuple({factor: run.get(factor, 0) for factor in FACTORS_OF_VARIATION} for run in runs)


def distinct(runs: Sequence[Run], factors: Sequence[str]) -> tuple[Run, ...]:
    """Return runs with their seeds of some factors alone, each combination once.

    >>> distinct([{"generator": 0, "training": 0}, {"generator": 0, "training": 1}], ["generator"])
    ({'generator': 0},)
    >>> distinct([{"training": 0}, {"training": 1}], ["generator"])
    ({},)
    """
    chosen = [{factor: seed for factor, seed in run.items() if factor in factors} for run in runs]
    return tuple({tuple(run.items()): run for run in chosen}.values())
