"""Remarks on the corpora of a run before its first job: rates of few utterances, and labels that look alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sanguinaria.core.columns import FEW
from sanguinaria.core.names import foreign_letters, lookalikes
from sanguinaria.corpora import Corpus
from sanguinaria.plan.needed_stages import tables_of
from sanguinaria.plan.plan import Plan


def corpus_remarks(plan: Plan, targets: Iterable[str]) -> list[str]:
    """Return remarks on the corpora of tables whose labels and splits are known before they are read.

    Args:
        plan: of the configuration.
        targets: names of tables and figures.
    """
    uses = {
        (str(cell.factors["corpus"]), str(cell.factors.get("target", "")))
        for target in targets
        for table in tables_of(plan, target)
        for cell in table.cells
        if "corpus" in cell.factors
    }
    remarks: dict[str, None] = {}
    for name in sorted({name for name, _ in uses}):
        corpus = plan.configuration.entries["corpora"].get(name)
        counts = corpus.label_counts() if isinstance(corpus, Corpus) else None
        if counts is not None:
            attacked = sorted(target for other, target in uses if other == name and target)
            remarks |= dict.fromkeys([*_of_labels(name, counts), *_of_few(name, attacked, counts)])
    return list(remarks)


def _of_few(corpus: str, targets: Iterable[str], counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Remarks on attack success rates, which are measured on the test utterances of other labels than the target."""
    test = {label: splits["test"] for label, splits in counts.items()}
    for target in targets:
        measured = sum(test.values()) - test.get(target, 0)
        if measured < FEW:
            yield (
                f"corpus {corpus!r}: the attack success rate of target {target!r} will be that of {measured} test "
                f"utterances of other labels; with fewer than {FEW}, its interval says next to nothing"
            )


def _of_labels(corpus: str, labels: Iterable[str]) -> Iterator[str]:
    """Remarks on letters that have the look of others."""
    labels = list(labels)
    pairs = lookalikes(labels)
    for one, other in pairs:
        yield f"corpus {corpus!r}: labels {one!a} and {other!a} look alike and are two: letters of two scripts"
    for label in labels:
        letters = foreign_letters(label)
        if letters and not any(label in pair for pair in pairs):
            yield f"corpus {corpus!r}: label {label!a} has letters of two scripts: {letters[0]!a} is not Latin"
