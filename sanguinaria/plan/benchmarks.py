"""From a benchmark of the configuration to its table: every watermark, with every number of marks, after every
distortion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from sanguinaria.core.runs import GENERATOR, Run
from sanguinaria.corpora import Corpus
from sanguinaria.distortions import Distortion
from sanguinaria.distortions.none import NoDistortion
from sanguinaria.plan.evaluation import Cell, Evaluation, Seeds
from sanguinaria.plan.expander import Expander
from sanguinaria.plan.sections.benchmark import Benchmark
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.marked import MarkedStage
from sanguinaria.plan.stages.readings import EfficiencyStage, ReadingStage
from sanguinaria.plan.stages.watermarks import WatermarkStage
from sanguinaria.watermarks import Watermark
from sanguinaria.watermarks._wrong_keys import neighbouring_keys, random_key, random_keys

UNDISTORTED = (NoDistortion(),)
MARKS = {1: "single", 2: "double"}
DECODED = {1: "first", 2: "second"}


@dataclass(frozen=True)
class _Keys:
    """The keys of one seed: of the first and the second mark, and wrong ones, of which ``drawn`` are not near the
    right one."""

    right: tuple[str | None, str | None]
    wrong: tuple[str, ...]
    drawn: int


def benchmark_table(expander: Expander, name: str, benchmark: Benchmark) -> Evaluation:
    """Expand a benchmark into its evaluation.

    Args:
        expander: of the configuration's entries.
        name: of the benchmark.
        benchmark: its section of the configuration.

    Returns:
        A grid of watermarks, numbers of marks, decoded marks and distortions, by seeds.
    """
    cells = tuple(_Expansion(expander, benchmark).cells(name))
    columns = expander.columns(benchmark.metrics)
    settings = {"false_positive_rate": benchmark.false_positive_rate}
    return expander.evaluation("benchmarks", name, cells, columns, benchmark.comparison, settings)


class _Expansion:
    def __init__(self, expander: Expander, benchmark: Benchmark) -> None:
        self.expander = expander
        self.benchmark = benchmark
        self.corpus = expander.corpus(benchmark.corpus)
        entries = [expander.entries["distortions"][name] for name in benchmark.distortions]
        self.distortions = tuple(entry for entry in entries if isinstance(entry, Distortion))

    def cells(self, name: str) -> Iterator[Cell]:
        for watermark, marks in product(self.benchmark.watermarks, self.benchmark.marks):
            for mark, distortion in product(range(1, marks + 1), range(len(self.distortions))):
                yield Cell(
                    factors={
                        "benchmark": name,
                        "corpus": self.benchmark.corpus,
                        "watermark": watermark,
                        "marks": MARKS[marks],
                        "decoded_mark": DECODED[mark],
                        "distortion": self.benchmark.distortions[distortion],
                    },
                    settings=self._settings(watermark, marks, mark, distortion),
                    runs=self._runs(watermark),
                    rows=self._rows(watermark, marks, mark),
                    quality=self._quality(watermark, marks),
                )

    def _settings(self, watermark: str, marks: int, mark: int, distortion: int) -> dict[str, float]:
        bits = self._plugin(watermark).message_bits
        corpus = self.corpus.corpus
        assert isinstance(corpus, Corpus)
        return {
            "mark": mark,
            "distortion": distortion,
            "bits": bits,
            "bits_per_second": marks * bits / corpus.duration,
            "wrong_keys": self._keys(watermark, self.benchmark.seeds[0]).drawn,
        }

    @cache
    def _runs(self, watermark: str) -> tuple[Run, ...]:
        """The seeds of each run: of messages and keys, and of the generator where one is trained."""
        seeds = self.benchmark.seeds
        if self._generator(watermark, 0).corpus is None:
            return tuple({"messages": seed} for seed in seeds)
        generators = seeds if self.benchmark.train_per_seed else [0] * len(seeds)
        return tuple(
            {GENERATOR: generator, "messages": seed} for generator, seed in zip(generators, seeds, strict=True)
        )

    @cache
    def _rows(self, watermark: str, marks: int, mark: int) -> dict[str, Seeds]:
        seeds = [self._readings(watermark, marks, mark, seed) for seed in self.benchmark.seeds]
        rows: dict[str, Seeds] = {
            kind: tuple(seed[kind] for seed in seeds if kind in seed)
            for kind in ("marked", "clean", "validation", "wrong_keys")
        }
        return rows | ({"efficiency": (self._efficiency(watermark),)} if self.benchmark.efficiency else {})

    def _readings(self, watermark: str, marks: int, mark: int, seed: int) -> dict[str, ReadingStage]:
        """Readings of one seed: of marked and of clean utterances after the distortions and of clean ones for
        validation, with the right key; and of undistorted marked ones with wrong keys, if there are any."""
        keys = self._keys(watermark, seed)
        right = (keys.right[mark - 1],)
        stage = self._generator(watermark, seed)
        marked = self._marked(watermark, marks, seed)
        limit, validation = self.benchmark.utterances, self.benchmark.validation_utterances
        readings = {
            "marked": self._reading(stage, marked, right, self.distortions),
            "clean": self._reading(stage, self.corpus, right, self.distortions, "test", limit),
            "validation": self._reading(stage, self.corpus, right, UNDISTORTED, "validation", validation),
        }
        if keys.wrong:
            readings["wrong_keys"] = self._reading(stage, marked, keys.wrong, UNDISTORTED)
        return readings

    @cache
    def _marked(self, watermark: str, marks: int, seed: int) -> MarkedStage:
        """The corpus's test utterances with one or two marks."""
        stage = self._generator(watermark, seed)
        return MarkedStage(
            self.expander.code(MarkedStage, stage.plugins),
            self.corpus if marks == 1 else self._marked(watermark, marks - 1, seed),
            stage,
            self._keys(watermark, seed).right[marks - 1],
            self.benchmark.strength,
            seed,
            self.benchmark.utterances,
        )

    @cache
    def _quality(self, watermark: str, marks: int) -> dict[str, Seeds]:
        metrics = {name: self.expander.metric(name) for name in self.benchmark.metrics}
        return {
            self.expander.column_name(name): tuple(
                self.expander.quality(metric, self._marked(watermark, marks, seed), self.benchmark.utterances)
                for seed in self.benchmark.seeds
            )
            for name, metric in metrics.items()
            if not metric.needs_target  # marks have no target
        }

    def _reading(
        self,
        stage: WatermarkStage,
        audio: CorpusStage | MarkedStage,
        secrets: tuple[str | None, ...],
        distortions: tuple[Distortion, ...],
        split: str = "test",
        limit: int | None = None,
    ) -> ReadingStage:
        code = self.expander.code(ReadingStage, [*stage.plugins, *distortions])
        return ReadingStage(code, audio, stage, secrets, distortions, split, limit)

    def _efficiency(self, watermark: str) -> EfficiencyStage:
        stage = self._generator(watermark, self.benchmark.seeds[0])
        code = self.expander.code(EfficiencyStage, stage.plugins)
        return EfficiencyStage(code, self.corpus, stage, self._keys(watermark, 0).right[0])

    def _generator(self, watermark: str, seed: int) -> WatermarkStage:
        return self.expander.watermark(watermark, seed if self.benchmark.train_per_seed else 0)

    def _plugin(self, watermark: str) -> Watermark:
        plugin = self.expander.entries["watermarks"][watermark]
        assert isinstance(plugin, Watermark)
        return plugin

    @cache
    def _keys(self, watermark: str, seed: int) -> _Keys:
        """The first key of seed 0 is the configured one; those of other seeds and all other keys are drawn like it."""
        given = self.benchmark.keys.get(watermark)
        if given is None:
            return _Keys((None, None), (), 0)
        plugin = self._plugin(watermark)
        first = given if seed == 0 else random_key(plugin, given, f"first {seed}")
        second = random_key(plugin, given, f"second {seed}", [first])
        wrong = random_keys(plugin, given, f"wrong {seed}", self.benchmark.wrong_keys, excluded=[first, second])
        near = [key for key in neighbouring_keys(plugin, first) if key != second] if wrong else []
        return _Keys((first, second), (*wrong, *near), len(wrong))
