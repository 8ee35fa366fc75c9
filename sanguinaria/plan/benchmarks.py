"""From a benchmark of the configuration to its table: every watermark, with every number of marks, after every
distortion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sanguinaria.corpora import Corpus
from sanguinaria.distortions import Distortion
from sanguinaria.distortions.none import NoDistortion
from sanguinaria.plan.sections.benchmark import Benchmark
from sanguinaria.plan.stages.benchmarks import (
    BenchmarkLine,
    BenchmarkTable,
    EfficiencyStage,
    MarkedStage,
    ReadingStage,
    SeedReadings,
)
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.watermarks import WatermarkStage
from sanguinaria.watermarks import Watermark
from sanguinaria.watermarks._wrong_keys import drawn_key, drawn_keys, neighbours

if TYPE_CHECKING:
    from sanguinaria.plan.expander import Expander

UNDISTORTED = (NoDistortion(),)
MARKS = {1: "single", 2: "double"}
READ = {1: "first", 2: "second"}


@dataclass(frozen=True)
class _Keys:
    """The keys of one seed: of the first and the second mark, and the other ones, of which so many are drawn."""

    right: tuple[str | None, str | None]
    foreign: tuple[str, ...]
    drawn: int


def benchmark_table(expander: Expander, name: str, benchmark: Benchmark) -> BenchmarkTable:
    """The table of a benchmark."""
    lines = tuple(_Expansion(expander, benchmark).lines(name))
    code = expander.code("benchmarks", ())
    return BenchmarkTable(code, name, lines, benchmark.comparison, benchmark.false_positive_rate)


class _Expansion:
    def __init__(self, expander: Expander, benchmark: Benchmark) -> None:
        self.expander = expander
        self.benchmark = benchmark
        self.corpus = expander.corpus(benchmark.corpus)
        found = [expander.entries["distortions"][name] for name in benchmark.distortions]
        self.distortions = tuple(distortion for distortion in found if isinstance(distortion, Distortion))

    def lines(self, name: str) -> Iterator[BenchmarkLine]:
        for watermark in self.benchmark.watermarks:
            for marks in self.benchmark.marks:
                for mark in range(1, marks + 1):
                    for place in range(len(self.distortions)):
                        yield self._line(name, watermark, marks, mark, place)

    def _line(self, name: str, watermark: str, marks: int, mark: int, place: int) -> BenchmarkLine:
        seeds = self.benchmark.seeds
        bits = self._plugin(watermark).message_bits
        corpus = self.corpus.corpus
        assert isinstance(corpus, Corpus)
        return BenchmarkLine(
            {
                "benchmark": name,
                "corpus": self.benchmark.corpus,
                "watermark": watermark,
                "marks": MARKS[marks],
                "read": READ[mark],
                "distortion": self.benchmark.distortions[place],
            },
            mark,
            place,
            bits,
            marks * bits / corpus.duration,
            tuple(self._seed(watermark, marks, mark, seed) for seed in seeds),
            {
                metric: tuple(
                    self.expander.quality(
                        self.expander.metric(metric), self._marked(watermark, marks, seed), self.benchmark.utterances
                    )
                    for seed in seeds
                )
                for metric in self.benchmark.metrics
                if not self.expander.metric(metric).needs_target  # marks have no target
            },
            self._efficiency(watermark) if self.benchmark.efficiency else None,
            self._keys(watermark, seeds[0]).drawn,
        )

    def _seed(self, watermark: str, marks: int, mark: int, seed: int) -> SeedReadings:
        keys = self._keys(watermark, seed)
        right = (keys.right[mark - 1],)
        stage = self._generator(watermark, seed)
        marked = self._marked(watermark, marks, seed)
        limit, validation = self.benchmark.utterances, self.benchmark.validation_utterances
        return SeedReadings(
            self._reading(stage, marked, right, self.distortions),
            self._reading(stage, self.corpus, right, self.distortions, "test", limit),
            self._reading(stage, self.corpus, right, UNDISTORTED, "validation", validation),
            self._reading(stage, marked, keys.foreign, UNDISTORTED) if keys.foreign else None,
        )

    @cache
    def _marked(self, watermark: str, marks: int, seed: int) -> MarkedStage:
        """The corpus's test utterances with so many marks."""
        stage = self._generator(watermark, seed)
        return MarkedStage(
            self.expander.code("marked", stage.plugins),
            self.corpus if marks == 1 else self._marked(watermark, marks - 1, seed),
            stage,
            self._keys(watermark, seed).right[marks - 1],
            self.benchmark.strength,
            seed,
            self.benchmark.utterances,
        )

    def _reading(
        self,
        stage: WatermarkStage,
        audio: CorpusStage | MarkedStage,
        secrets: tuple[str | None, ...],
        distortions: tuple[Distortion, ...],
        split: str = "test",
        limit: int | None = None,
    ) -> ReadingStage:
        code = self.expander.code("readings", [*stage.plugins, *distortions])
        return ReadingStage(code, audio, stage, secrets, distortions, split, limit)

    def _efficiency(self, watermark: str) -> EfficiencyStage:
        stage = self._generator(watermark, self.benchmark.seeds[0])
        code = self.expander.code("efficiency", stage.plugins)
        return EfficiencyStage(code, self.corpus, stage, self._keys(watermark, 0).right[0])

    def _generator(self, watermark: str, seed: int) -> WatermarkStage:
        return self.expander.watermark(watermark, seed if self.benchmark.retrained else 0)

    def _plugin(self, watermark: str) -> Watermark:
        plugin = self.expander.entries["watermarks"][watermark]
        assert isinstance(plugin, Watermark)
        return plugin

    @cache
    def _keys(self, watermark: str, seed: int) -> _Keys:
        """Of seed 0 the first key is the configured one, of others it is drawn like it, as all the other keys are."""
        given = self.benchmark.keys.get(watermark)
        if given is None:
            return _Keys((None, None), (), 0)
        plugin = self._plugin(watermark)
        first = given if seed == 0 else drawn_key(plugin, given, f"first {seed}")
        second = drawn_key(plugin, given, f"second {seed}", [first])
        wrong = drawn_keys(plugin, given, f"wrong {seed}", self.benchmark.wrong_keys, [first, second])
        near = [key for key in neighbours(plugin, first) if key != second] if wrong else []
        return _Keys((first, second), (*wrong, *near), len(wrong))
