"""Presentation of a table's column: heading, digits, unit, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isinf
from typing import Any, Literal

Better = Literal["higher", "lower"]

# A rate of fewer utterances has their number beside it: of 5 of 10, Wilson's 95 % interval is 24 to 76 %.
FEW = 10


@dataclass(frozen=True, kw_only=True)
class Column:
    """Presentation of a column.

    Attributes:
        heading: above the column.
        label: of an axis, without a unit where values are shown in per cent.
        better: which values are the better ones; ``None`` for a column that is not ranked.
        digits: after the decimal point.
        percent: whether it holds fractions that are shown in per cent.
        level: the factors, besides the corpus and the row, that a value depends on at least.
        words: texts in place of false and true.
        title: the heading in words, where space is not scarce; empty where it is the same.
        count: the column with the number of utterances that a rate is a share of; empty where there is none.
    """

    heading: str
    label: str
    better: Better | None = None
    digits: int = 3
    percent: bool = False
    level: tuple[str, ...] = ()
    words: tuple[str, str] | None = None
    title: str = ""
    count: str = ""

    @property
    def scale(self) -> int:
        """The factor between a value of the table and the value that is shown."""
        return 100 if self.percent else 1

    @property
    def axis(self) -> str:
        """The label of an axis, its unit included."""
        return f"{self.label} (%)" if self.percent else self.label

    def text(self, value: float) -> str:
        """A value of the table as it is shown.

        >>> Column(heading="BA", label="benign accuracy", digits=1, percent=True).text(0.912)
        '91.2'
        >>> Column(heading="PSNR", label="PSNR").text(float("-inf"))
        '−∞'
        """
        if self.words is not None:
            return self.words[bool(value)]
        if isinf(value):
            return "∞" if value > 0 else "−∞"
        return f"{self.scale * value:.{self.digits}f}"


class Columns(dict[str, Column]):
    """Columns by name; an unknown one is shown under its own name, as a plain number that is not ranked.

    >>> Columns()["frames"].heading
    'frames'
    """

    def __missing__(self, name: str) -> Column:
        return Column(heading=name, label=name)

    def plain(self) -> dict[str, dict[str, Any]]:
        """The columns for JSON; :meth:`of_plain` is the inverse."""
        return {name: asdict(column) for name, column in self.items()}

    @classmethod
    def of_plain(cls, columns: Mapping[str, Mapping[str, Any]]) -> Columns:
        """The columns that :meth:`plain` described."""
        return cls((name, _column(**column)) for name, column in columns.items())


def _column(*, level: Sequence[str], words: Sequence[str] | None, **shown: Any) -> Column:
    """A column from JSON, which has lists in place of tuples."""
    false_and_true = None if words is None else (words[0], words[1])
    return Column(level=tuple(level), words=false_and_true, **shown)
