"""Numbers of utterances by label and split, and what they say against a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sanguinaria.corpora import SPLITS

# Labels in an error message, at most.
NAMED = 5

LabelCounts = Mapping[str, Mapping[str, int]]


def count_labels(pairs: Iterable[tuple[str, str]]) -> LabelCounts:
    """Return the number of utterances by label and split.

    Args:
        pairs: label and split of each utterance.

    Example:
        >>> count_labels([("yes", "train"), ("yes", "train"), ("no", "test")])
        {'no': {'train': 0, 'validation': 0, 'test': 1}, 'yes': {'train': 2, 'validation': 0, 'test': 0}}
    """
    counts = Counter(pairs)
    return {label: {split: counts[label, split] for split in SPLITS} for label in sorted({pair[0] for pair in counts})}


def missing_splits(counts: LabelCounts) -> str | None:
    """Return the message about labels without training or without test utterances; ``None`` where there is none.

    Example:
        >>> missing_splits({"yes": {"train": 2, "test": 1}})
    """
    untrained = [label for label, splits in counts.items() if splits["test"] and not splits["train"]]
    untested = [label for label, splits in counts.items() if splits["train"] and not splits["test"]]
    parts = []
    if untrained:
        parts.append(f"{_named(untrained)} test utterances and no training utterances: no model can predict them")
    if untested:
        parts.append(f"{_named(untested)} training utterances and no test utterances: no rate measures them")
    if not parts:
        return None
    return (
        f"{'; '.join(parts)}. Change the shares under `split`, list the splits in a table, or set "
        "`incomplete_labels: allow`"
    )


def _named(labels: list[str]) -> str:
    names = ", ".join(map(repr, labels[:NAMED])) + (", …" if len(labels) > NAMED else "")
    return f"{len(labels)} labels ({names}) have" if len(labels) > 1 else f"1 label ({names}) has"
