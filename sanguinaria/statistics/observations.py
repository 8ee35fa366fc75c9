"""Observations: one value for each run and each utterance, and the factors of variation that they are of.

A run is one repetition of an experiment. Its seeds, by factor of variation, say what was made anew for it: the choice
of poisoned utterances, the training of the model, the training of the generator. Speakers are a factor across all runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sanguinaria.core.runs import Run

SPEAKERS = "speakers"
UTTERANCES = "utterances"


@dataclass(frozen=True)
class Observations:
    """Values of the same utterances in several runs.

    Args:
        values: (runs, utterances); NaN where there is none.
        speakers: the speaker of each utterance.
        runs: of each run its seeds by factor of variation; all name the same factors. A factor that has one seed in all
            runs applies, but was not moved.
        utterances: the identity of each utterance, by which observations are paired.
    """

    values: np.ndarray
    speakers: Sequence[str]
    runs: Sequence[Run]
    utterances: Sequence[str] = ()

    def __post_init__(self) -> None:
        runs, utterances = self.values.shape
        if len(self.runs) != runs or len(self.speakers) != utterances:
            raise ValueError(f"{self.values.shape} values for {len(self.runs)} runs, {len(self.speakers)} utterances")

    @property
    def mean(self) -> float:
        """The mean of all values; NaN without any."""
        return float(np.nanmean(self.values)) if np.isfinite(self.values).any() else float("nan")

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors of variation of the runs."""
        return tuple(self.runs[0]) if self.runs else ()

    @cached_property
    def clusters(self) -> dict[str, np.ndarray]:
        """By factor the group of each value, numbered from 0 on, in a shape that broadcasts to that of the values.

        Factors whose groups are the same, as their seeds were moved together, are one, with their names joined by "+".
        Those with one group are left out: :attr:`not_moved` names them.
        """
        names_by_groups: dict[tuple[int, ...], list[str]] = {}
        for factor in self.factors:
            names_by_groups.setdefault(_numbered(run[factor] for run in self.runs), []).append(factor)
        clusters = {
            "+".join(names): np.array(groups)[:, None] for groups, names in names_by_groups.items() if max(groups) > 0
        }
        sampled = _numbered(self.speakers)
        if sampled and max(sampled) > 0:
            return clusters | {SPEAKERS: np.array(sampled)[None]}
        # Utterances of one speaker are all that there is to sample.
        return clusters | ({UTTERANCES: np.arange(len(sampled))[None]} if len(sampled) > 1 else {})

    @property
    def not_moved(self) -> tuple[str, ...]:
        """The factors that apply, but had one seed in all runs, so that their variance cannot be estimated."""
        return tuple(factor for factor in self.factors if len({run[factor] for run in self.runs}) == 1)

    @property
    def is_repeated(self) -> bool:
        """Whether any factor of the runs was moved; true where none applies."""
        return len(self.not_moved) < len(self.factors) or not self.factors

    def with_values(self, values: np.ndarray) -> Observations:
        """The same runs and utterances with other values."""
        return replace(self, values=values)

    def paired(self, other: Observations) -> tuple[Observations, Observations]:
        """Return both at the utterances that they share, and at the runs whose shared factors have the same seeds.

        A factor that only one of them has goes with every run of the other: a trigger that no generator makes is
        compared with each generator's.
        """
        shared = [factor for factor in self.factors if factor in other.factors]
        pairs = [
            (mine, theirs)
            for mine, run in enumerate(self.runs)
            for theirs, others in enumerate(other.runs)
            if all(run[factor] == others[factor] for factor in shared)
        ]
        theirs_by_name = {name: place for place, name in enumerate(other.utterances)}
        places = [place for place, name in enumerate(self.utterances) if name in theirs_by_name]
        names = [self.utterances[place] for place in places]
        speakers = [self.speakers[place] for place in places]
        runs = [{**self.runs[mine], **other.runs[theirs]} for mine, theirs in pairs]
        mine = self.values[[pair[0] for pair in pairs]][:, places]
        theirs = other.values[[pair[1] for pair in pairs]][:, [theirs_by_name[name] for name in names]]
        return Observations(mine, speakers, runs, names), Observations(theirs, speakers, runs, names)


def _numbered(names: Iterator[int] | Sequence[str]) -> tuple[int, ...]:
    """The place of each name among the distinct ones, in the order in which they come."""
    places: dict[object, int] = {}
    return tuple(places.setdefault(name, len(places)) for name in names)
