"""Measured numbers as a page writes them, and the values that they may be a rounding of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?|\.\d+)"
_NUMBER = rf"(?<![\w.,·×])(?<!\w-)(?:(?<![\d%])[−+-])?{_DIGITS}(?![\w⁰¹²³⁴⁵⁶⁷⁸⁹⁻·×]|\.\d|,\d)"
_WITH_INTERVAL = re.compile(rf"(?P<value>{_NUMBER})(?:\s?%)?(?:\s?\((?P<low>{_NUMBER})–(?P<high>{_NUMBER})\))?")
# A list of numbers shares the unit behind its last one: "84 to 99 %".
_LINK = r"(?:,|;|–|,?\s(?:and|or|to|against|instead\sof))"
_UNIT = re.compile(rf"^(?:{_LINK}\s?{_NUMBER})*\s?(%|dB\b|points\b)")
_SETTING_BEFORE = re.compile(
    r"(?:[σαε]|[=≥≤<>≈]|\b(?:Tables?|Figures?|Equations?|Eq\.|[Ss]ections?|Snakemake|Python)) ?$"
)
_SETTING_BEHIND = re.compile(
    r"^\s?(?:(?:to|and|or|–)\s?[\d.,]+\s?)?(?:k?Hz|m?s|kbit/s|[KMG]i?B|minutes|seconds|hours)\b"
)
_CODE, _TARGET, _COMMENT = re.compile(r"`[^`]*`"), re.compile(r"\]\([^)]*\)"), re.compile(r"<!--.*?-->")


@dataclass(frozen=True)
class Written:
    """A number, or a number and its interval, as written on a page: ``91.7``, or ``91.7 (84.0–99.5)``.

    Attributes:
        value: its digits and sign.
        low: lower end of the interval, or nothing.
        high: upper end of the interval, or nothing.
        unit: ``%``, ``dB`` or ``points`` behind it or behind the list that it is in, or nothing.
        line: of the text, from 0.
    """

    value: str
    low: str = ""
    high: str = ""
    unit: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        """Return the number in the page's notation."""
        return f"{self.value} ({self.low}–{self.high})" if self.low else self.value


def measured(text: str, *, every_integer: bool = False) -> Iterator[Written]:
    """Return the numbers of a text that stand for measurements.

    These are decimals, integers with ``%``, ``dB`` or ``points`` behind them or behind the list that they begin, and
    numbers with an interval. Not among them are code, link targets, goals (behind ``≥``, ``≤``, ``<``, ``>``), settings
    (behind ``=`` or σ, α, ε), numbers of tables, figures, equations, sections and versions, and numbers with a unit of
    time, frequency or size.

    Args:
        text: of a paragraph, or of a cell of a table.
        every_integer: also integers without a unit, as in the cells of a table.
    """
    text = plain(text)
    for match in _WITH_INTERVAL.finditer(text):
        value, low, high = match["value"], match["low"] or "", match["high"] or ""
        is_decimal = "." in value or bool(low)
        behind = text[match.end("value") :]
        if _SETTING_BEFORE.search(text[: match.start()]) or _SETTING_BEHIND.match(behind):
            continue
        unit = _UNIT.match(behind)
        if is_decimal or every_integer or unit:
            yield Written(value, low, high, unit[1] if unit else "", text.count("\n", 0, match.start()))


def plain(text: str) -> str:
    """Return a text without Markdown's emphasis, code, link targets and comments, with as many lines."""
    for pattern, replacement in ((_COMMENT, ""), (_TARGET, "]"), (_CODE, "``")):
        text = pattern.sub(partial(_with_lines, replacement), text)
    return text.replace("*", "").replace("<u>", "").replace("</u>", "")


def _with_lines(replacement: str, match: re.Match[str]) -> str:
    return replacement + "\n" * match[0].count("\n")


def exact(written: str) -> Decimal:
    """Return a written number: ``−.08`` is -0.08, ``1,601`` is 1601."""
    return Decimal(written.replace("−", "-").replace(",", ""))


def half_unit(written: str) -> Decimal:
    """Return half of a unit in a written number's last place: 0.005 of ``4.42``."""
    return Decimal(5).scaleb(-len(written.partition(".")[2]) - 1)


def is_rounding(written: str, value: Decimal) -> bool:
    """Whether a number is a value, rounded to the digits that are shown; of an exact half both neighbours are."""
    return abs(exact(written) - value) <= half_unit(written)
