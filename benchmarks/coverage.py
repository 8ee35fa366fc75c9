"""How often 95 % intervals contain the true value, by simulation; run ``python benchmarks/coverage.py``.

An experiment is simulated whose truth is known: generators, trainings, speakers and utterances each add a normal effect
to the logit of a hit. The true rate is that over all generators, trainings and speakers there could be (an integral).
Beside the intervals of ``sanguinaria.statistics.intervals`` stands Wilson's, which takes utterances for independent.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from sanguinaria.statistics.comparisons import paired_difference
from sanguinaria.statistics.error_rates import SortedTrials, equal_error_rate, error_influences, estimate_error
from sanguinaria.statistics.intervals import estimate_rate
from sanguinaria.statistics.observations import Observations

SPEAKERS, UTTERANCES = 40, 10


@dataclass(frozen=True)
class Scenario:
    """Effects on the logit of a hit, by their standard deviations, and the numbers of generators and of trainings."""

    generators: int
    trainings: int
    logit: float
    generator_effect: float
    training_effect: float
    speaker_effect: float
    utterance_effect: float

    @property
    def truth(self) -> float:
        """The rate over all generators, trainings, speakers and utterances, by Gauss–Hermite quadrature."""
        effects = (self.generator_effect, self.training_effect, self.speaker_effect, self.utterance_effect)
        nodes, weights = np.polynomial.hermite_e.hermegauss(80)
        return float(weights @ (1 / (1 + np.exp(-self.logit - nodes * np.hypot.reduce(effects)))) / weights.sum())

    def draw(self, random: np.random.Generator) -> Observations:
        """One experiment: every generator with every training, on the same utterances."""
        shape = (self.generators, self.trainings, SPEAKERS, UTTERANCES)
        logits = (
            self.logit
            + random.normal(0, self.generator_effect, (shape[0], 1, 1, 1))
            + random.normal(0, self.training_effect, (1, shape[1], 1, 1))
            + random.normal(0, self.speaker_effect, (1, 1, shape[2], 1))
            + random.normal(0, self.utterance_effect, (1, 1, *shape[2:]))
        )
        hits = random.random(shape) < 1 / (1 + np.exp(-logits))
        runs = [{"generator": one, "training": two} for one, two in product(*map(range, shape[:2]))]
        names = [f"{speaker}-{place}" for speaker, place in product(range(SPEAKERS), range(UTTERANCES))]
        return Observations(
            hits.reshape(len(runs), -1).astype(float), [name.split("-")[0] for name in names], runs, names
        )


def scenarios() -> Iterator[Scenario]:
    """Rates of 50 to 98 %, with effects from none to larger than the tables of this project show."""
    effects = [(0.0, 0.0, 0.5, 1.0), (0.5, 0.3, 0.5, 1.0), (1.0, 0.5, 0.5, 1.0)]
    for counts, logit, sizes in product([(1, 3), (1, 5), (3, 1), (3, 5), (5, 5)], (0.0, 2.5, 4.0), effects):
        # A factor that is not moved has no effect: its variance is not what the interval is over.
        yield Scenario(*counts, logit, sizes[0] * (counts[0] > 1), sizes[1] * (counts[1] > 1), *sizes[2:])


def coverage(scenario: Scenario, draws: int, seed: int) -> tuple[float, float]:
    """The shares of intervals that contain the true rate: of this project's, and of Wilson's."""
    random = np.random.default_rng(seed)
    contained = []
    for _ in range(draws):
        observations = scenario.draw(random)
        estimate = estimate_rate(observations)
        hits = observations.values
        wilson = binomtest(int(hits.sum()), hits.size).proportion_ci(0.95, method="wilson")
        contained.append([estimate.low <= scenario.truth <= estimate.high, wilson.low <= scenario.truth <= wilson.high])
    ours, naive = np.mean(contained, axis=0)
    return float(ours), float(naive)


def false_differences(scenario: Scenario, draws: int, seed: int) -> float:
    """How often two entries of the same true rate differ with p < 0.05, on the same utterances and in the same runs."""
    random = np.random.default_rng(seed)
    rejected = 0
    for _ in range(draws):
        first, second = scenario.draw(random), scenario.draw(random)
        rejected += paired_difference(first, second).p_value < 0.05
    return rejected / draws


# Speakers, difference of the means of target and non-target scores, and the speakers' effect on scores.
VERIFICATIONS = ((40, 1.5, 0.5), (40, 2.0, 0.0), (20, 2.0, 0.3), (50, 3.0, 0.3))
TRIALS, MANY_TRIALS, MANY_SPEAKERS = 2000, 400_000, 4000


def verification(
    random: np.random.Generator, speakers: int, trials: int, separation: float, effect: float
) -> pd.DataFrame:
    """Trials, half of them of one speaker, whose scores have effects of both speakers and of the trial."""
    one = random.integers(speakers, size=trials)
    other = (one + 1 + random.integers(speakers - 1, size=trials)) % speakers
    two = np.where(np.arange(trials) % 2 == 0, one, other)
    effects, target = random.normal(0, effect, speakers), one == two
    scores = random.normal(size=trials) + separation * target + effects[one] + effects[two]
    return pd.DataFrame({"target": target, "enrolment_speaker": one, "test_speaker": two, "score": scores})


def print_error_rates(draws: int) -> None:
    """Print how often the intervals of the equal error rate contain that of very many trials and speakers."""
    print("speakers  separation  effect   rate   covered")
    for speakers, separation, effect in VERIFICATIONS:
        many = verification(np.random.default_rng(99), MANY_SPEAKERS, MANY_TRIALS, separation, effect)
        truth = equal_error_rate(*SortedTrials(many["score"].to_numpy(), many["target"].to_numpy()).rates())
        random, covered = np.random.default_rng(0), 0
        for _ in range(draws):
            trials = verification(random, speakers, TRIALS, separation, effect)
            estimate = estimate_error(error_influences(equal_error_rate, [trials], [{}]), TRIALS)
            covered += estimate.low <= truth <= estimate.high
        print(
            f"{speakers:8} {separation:11g} {effect:7g} {100 * truth:5.1f} % {100 * covered / draws:7.1f} %", flush=True
        )


def main() -> None:
    """Print the coverage of every scenario, and its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--error-rates", action="store_true", help="of speaker verification instead")
    arguments = parser.parse_args()
    if arguments.error_rates:
        print_error_rates(arguments.draws)
        return
    print("generators trainings  rate   covered  Wilson's  equal rates called different")
    rows = []
    for scenario in dict.fromkeys(scenarios()):
        ours, naive = coverage(scenario, arguments.draws, seed=0)
        different = false_differences(scenario, arguments.draws, seed=1)
        rows.append((ours, naive, different))
        print(
            f"{scenario.generators:10} {scenario.trainings:9} {100 * scenario.truth:5.1f} % {100 * ours:7.1f} %"
            f" {100 * naive:7.1f} % {100 * different:9.1f} %   effects {scenario.generator_effect:g},"
            f" {scenario.training_effect:g}",
            flush=True,
        )
    low, median, high = np.quantile(rows, (0, 0.5, 1), axis=0)
    for name, place in (("covered", 0), ("Wilson's", 1), ("equal rates called different", 2)):
        print(f"{name}: {100 * low[place]:.1f} to {100 * high[place]:.1f} %, median {100 * median[place]:.1f} %")


if __name__ == "__main__":
    main()
