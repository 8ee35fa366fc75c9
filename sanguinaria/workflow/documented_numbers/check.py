"""Check of a page's numbers against the tables that it cites."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sanguinaria.workflow.documented_numbers.annotations import Annotations, Entries, at_position, named, parse
from sanguinaria.workflow.documented_numbers.blocks import Block, blocks
from sanguinaria.workflow.documented_numbers.formulas import is_result, operands
from sanguinaria.workflow.documented_numbers.tables import BY_GENERATOR, MEASURED, Line
from sanguinaria.workflow.documented_numbers.written import Written, is_rounding, measured

TABLE, PROSE, COMPUTED, STATED, WRONG = "table", "prose", "computed", "stated", "wrong"
# Headings of the published tables, and the metrics of these.
METRICS = {
    "attack success": "attack_success_rate",
    "benign accuracy": "benign_accuracy",
    "false trigger": "false_trigger_rate",
    "bit error rate": "bit_error_rate",
    "detected": "detection_rate",
    "PESQ": "pesq",
    "STOI": "stoi",
    "SNR": "snr_db",
    "SI-SDR": "si_sdr_db",
    "LSD": "lsd_db",
    "ViSQOL": "visqol",
    "CSQI": "composite_quality",
    "ΔDNSMOS": "dnsmos_change",
    "NISQA": "nisqa",
    "DNSMOS": "dnsmos",
    "Distill-MOS": "distillmos",
}
_PHRASES: Mapping[str, Entries] = {phrase: {"metric": (metric,)} for phrase, metric in METRICS.items()}
_SEVERAL = {"metric", "source", "generator", "table", "corpus", "experiment", "benchmark", "verification", "stealthy"}


@dataclass(frozen=True)
class Number:
    """A number of a page.

    Attributes:
        line: of the page, from 1.
        text: as written.
        tie: what it was checked by: ``table`` (the entries that row and column name), ``prose`` (some value of the
            cited tables), ``computed`` (a formula of such values), ``stated`` (no table has it, and an annotation says
            where it is from), or ``wrong``.
        note: the reason that is stated, or the difference from the table.
    """

    line: int
    text: str
    tie: str
    note: str = ""


def check_page(page: str, read: Callable[[str], Sequence[Line]]) -> list[Number]:
    """Check the numbers of a page.

    Args:
        page: its Markdown.
        read: the lines of a published table, by its name.

    Returns:
        All numbers that stand for measurements in sections that cite a table, or that are annotated.

    Raises:
        InputError: an annotation has none of the known forms, or a cited table is not published.
    """
    checked = [(block, _check_block(block, read)) for block in blocks(page)]
    result = [number for _, numbers in checked for number in numbers]
    for block, numbers in checked:
        result += _unused(block.annotations, block.first_line, numbers)
    for section in {id(section): section for block, _ in checked for section in block.sections}.values():
        within = [(block, numbers) for block, numbers in checked if any(part is section for part in block.sections)]
        numbers = [number for _, block_numbers in within for number in block_numbers]
        result += _unused(section.annotations, within[0][0].first_line, numbers)
    return sorted(result, key=lambda number: number.line)


def _check_block(block: Block, read: Callable[[str], Sequence[Line]]) -> list[Number]:
    inherited = [text for section in block.sections for text in section.annotations]
    annotations = parse([*inherited, *block.annotations])
    names = block.cited if annotations.tables is None else annotations.tables
    if not names and "all" not in annotations.reasons:
        return []
    lines = [line for name in names for line in read(name)]
    check = _check_table if block.is_table else _check_prose
    return list(check(block, lines, annotations))


def _unused(comments: Sequence[str], line: int, numbers: Sequence[Number]) -> Iterator[Number]:
    """Annotations of numbers that a block or section does not have: left behind when it was changed."""
    annotations = parse(comments)
    texts = {"all", *(text for number in numbers for text in (number.text, number.text.split(" (")[0]))}
    for text in (*annotations.reasons, *annotations.claims, *annotations.formulas):
        if text not in texts:
            yield Number(line, text, WRONG, "is annotated, and not a number of what follows")


def _check_prose(block: Block, lines: Sequence[Line], annotations: Annotations) -> Iterator[Number]:
    text = "\n".join(line.strip() for line in block.lines)
    for written in measured(text):
        place = block.first_line + written.line
        yield _exception(place, written, lines, annotations) or _in_prose(place, written, lines)


def _in_prose(place: int, written: Written, lines: Sequence[Line]) -> Number:
    if written.unit == "points":
        return Number(place, str(written), WRONG, "is a difference: annotate of which numbers")
    lines = [line for line in lines if line.entries["source"] != BY_GENERATOR]
    if any(_is_of(written, line, or_an_end=True) for line in lines if written.unit in ("", line.unit)):
        return Number(place, str(written), PROSE)
    tables = ", ".join(sorted({line.entries["table"] for line in lines}))
    return Number(place, str(written), WRONG, f"is not in {tables or 'any table'}{_same_value(written, lines)}")


def _same_value(written: Written, lines: Sequence[Line]) -> str:
    """The intervals of a table that a wrong interval may stand for."""
    intervals = {str(line) for line in lines if written.low and line.low is not None and _is_value(written, line)}
    return f", which says {'; '.join(sorted(intervals)[:3])}" if intervals else ""


def _check_table(block: Block, lines: Sequence[Line], annotations: Annotations) -> Iterator[Number]:
    header, *rows = block.rows
    phrases = {**_phrases(lines), **annotations.phrases}
    columns = list(_inherited(header, phrases, first=1))
    for index, (row, of_row) in enumerate(zip(rows, _inherited(list(map(_label, rows)), phrases), strict=True)):
        for cell, of_column in zip(row[1:], columns, strict=False):
            entries = {**annotations.defaults, **of_row, **of_column}
            entries |= {"metric": of_row["metric"]} if "metric" in of_row else {}
            numbers = list(measured(cell, every_integer=True))
            for position, written in enumerate(numbers):
                place = block.first_line + 2 + index
                chosen = at_position(entries, position, len(numbers))
                yield (
                    _exception(place, written, lines, annotations)
                    or _unnamed(place, written, entries, of_row, of_column)
                    or _in_cell(place, written, lines, chosen)
                )


def _label(row: Sequence[str]) -> str:
    """The cells of a row before its first number; ``…`` where the first is empty."""
    cells = itertools.takewhile(lambda cell: not any(measured(cell, every_integer=True)), row[1:])
    return " ".join([row[0] or "…", *cells])


def _phrases(lines: Sequence[Line]) -> dict[str, Entries]:
    """Entries of the tables stand for themselves, and headings for metrics."""
    entries = {(column, name) for line in lines for column, name in line.entries.items() if column not in _SEVERAL}
    result: dict[str, Entries] = dict(_PHRASES)
    for column, name in sorted(entries):
        result[name] = {**result.get(name, {}), column: (name,)}
    return result


def _inherited(labels: Sequence[str], phrases: Mapping[str, Entries], first: int = 0) -> Iterator[Entries]:
    """The entries that labels name; ``…`` stands for those of the label above."""
    above: Entries = {}
    for label in labels[first:]:
        text = label.replace("`", "").replace("*", "")
        own = named(text, phrases)
        entries = {**above, **own} if text.startswith("…") else own
        above = above if text.startswith("…") else entries
        yield entries


def _unnamed(place: int, written: Written, entries: Entries, of_row: Entries, of_column: Entries) -> Number | None:
    """A number of which the labels do not say what it is."""
    if "metric" not in entries:
        return Number(place, str(written), WRONG, "has no metric: annotate the label of its column")
    if not of_row or {*of_row, *of_column} <= {"metric", "source"}:
        return Number(place, str(written), WRONG, "has no entry: annotate the label of its row")
    return None


def _in_cell(place: int, written: Written, lines: Sequence[Line], entries: Entries) -> Number:
    chosen = _of(lines, {"source": (MEASURED,), **entries})
    if any(_is_of(written, line) for line in chosen):
        return Number(place, str(written), TABLE)
    names = ", ".join(f"{column} {' or '.join(entries[column])}" for column in entries)
    values = "; ".join(dict.fromkeys(map(str, sorted(chosen, key=lambda line: line.low is None)[:4])))
    return Number(place, str(written), WRONG, f"is {values or 'not in the table'} ({names})")


def _of(lines: Sequence[Line], entries: Entries) -> list[Line]:
    """The lines of all entries, of those columns that their table has."""
    chosen = list(lines)
    for column, names in entries.items():
        accepted = {None, *(part for name in names for part in name.split(" or "))}
        chosen = [line for line in chosen if line.entries.get(column) in accepted]
    return chosen


def _exception(place: int, written: Written, lines: Sequence[Line], annotations: Annotations) -> Number | None:
    """A number that an annotation explains."""
    for text in (str(written), written.value):
        if text in annotations.claims:
            return _in_cell(place, written, lines, {**annotations.defaults, **annotations.claims[text]})
        if text in annotations.formulas:
            return _computed(place, written, annotations.formulas[text], lines)
        if text in annotations.reasons:
            return Number(place, str(written), STATED, annotations.reasons[text])
    if "all" in annotations.reasons:
        return Number(place, str(written), STATED, annotations.reasons["all"])
    return None


def _computed(place: int, written: Written, formula: str, lines: Sequence[Line]) -> Number:
    for operand in operands(formula):
        if not any(_is_of(Written(operand), line, or_an_end=True) for line in lines):
            return Number(place, str(written), WRONG, f"is {formula}, and {operand} is not in the table")
    if not is_result(written.value, formula):
        return Number(place, str(written), WRONG, f"is not {formula}")
    return Number(place, str(written), COMPUTED, formula)


def _is_value(written: Written, line: Line) -> bool:
    return is_rounding(written.value, line.value)


def _is_of(written: Written, line: Line, *, or_an_end: bool = False) -> bool:
    """Whether a number is a line's value, with its interval where it has one; or an end of the interval."""
    if written.low:
        ends = ((written.low, line.low), (written.high, line.high))
        return _is_value(written, line) and all(end is not None and is_rounding(text, end) for text, end in ends)
    values = (line.value, line.low, line.high) if or_an_end else (line.value,)
    return any(value is not None and is_rounding(written.value, value) for value in values)
