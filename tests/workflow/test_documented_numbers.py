"""Numbers of the documentation agree with the tables that its pages cite, and the check finds those that do not."""

from decimal import Decimal
from functools import cache, partial
from pathlib import Path

import pytest

from sanguinaria.core.errors import InputError
from sanguinaria.workflow.commands.numbers import cited_pages, main
from sanguinaria.workflow.documented_numbers.check import COMPUTED, PROSE, STATED, TABLE, WRONG, check_page
from sanguinaria.workflow.documented_numbers.formulas import is_result
from sanguinaria.workflow.documented_numbers.tables import published
from sanguinaria.workflow.documented_numbers.written import exact, is_rounding, measured

ROOT = Path(__file__).parents[2]
HEADER = (
    "experiment,trigger,victim,defence,attack_success_rate,attack_success_rate_low,attack_success_rate_high,pesq,stoi"
)
RESULTS = f"""{HEADER}
made_up,tone,lstm,none,0.917436,0.84002,0.994852,2.97757,0.992115
made_up,tone,resnet18,none,0.955,0.91,0.99,2.97757,0.992115
made_up,tone,resnet18,lowpass,0.599,0.394,0.804,2.97757,0.992115
made_up,tone_quiet,lstm,none,0.288,0.2,0.4,4.125,0.996
"""
METRICS = """experiment,trigger,victim,defence,metric,value,low,high
made_up,tone,lstm,none,pesq,2.97757,2.92207,3.03398
"""
RUNS = """experiment,trigger,victim,defence,metric,generator,poison,training,value,scored
made_up,tone,lstm,none,attack_success_rate,0,0,0,0.5,100
made_up,tone,lstm,none,attack_success_rate,0,1,1,0.7,100
made_up,tone,lstm,none,attack_success_rate,1,0,0,0.031,100
made_up,tone_quiet,lstm,none,attack_success_rate,,0,0,0.123,100
"""
COMPARISON = """corpus: sc10; victim: lstm.

| trigger | metric | ours | printed | difference |
| --- | --- | --- | --- | --- |
| tone | ASR % | 91.7 (84.0–99.5) | 95.09 | -3.4 |
"""
LINK = "\n\n[Table](results/made_up.md).\n"
LABELS = """<!-- numbers: LSTM means victim lstm; ResNet means victim resnet18;
otherwise defence none and metric attack_success_rate -->"""


@pytest.fixture
def check(tmp_path):
    (tmp_path / "made_up.csv").write_text(RESULTS)
    (tmp_path / "made_up.metrics.csv").write_text(METRICS)
    (tmp_path / "made_up.comparison.md").write_text(COMPARISON)
    (tmp_path / "made_up.runs.csv").write_text(RUNS)

    def ties(text: str) -> list[tuple[str, str]]:
        numbers = check_page(f"# A page\n\n{text}{LINK}", partial(published, tmp_path))
        return [(number.text, number.tie) for number in numbers]

    return ties


def table(header: str, *rows: str) -> str:
    return "\n".join(
        [LABELS, "", f"| {header} |", "|---" * (header.count("|") + 1) + "|", *(f"| {row} |" for row in rows)]
    )


def test_the_mean_of_the_runs_of_a_generator(check):
    header = "| trigger | first, LSTM | second, LSTM |\n|---|---|---|\n"
    comment = """<!-- numbers: LSTM means victim lstm; first means generator 0 and source by generator;
second means generator 1 and source by generator; otherwise metric attack_success_rate -->

"""
    assert check(f"{comment}{header}| tone | 60.0 | 3.1 |") == [("60.0", TABLE), ("3.1", TABLE)]
    assert check(f"{comment}{header}| tone | 50.0 | 3.2 |") == [("50.0", WRONG), ("3.2", WRONG)]
    # A run without a generator has none, and prose has to name the generator.
    assert check("The attack succeeds in 12.3 %.") == [("12.3", WRONG)]
    assert check("The attack succeeds in 3.1 %.") == [("3.1", WRONG)]


@pytest.mark.parametrize("page", cited_pages(ROOT), ids=lambda page: page.stem)
def test_numbers_of_the_documentation_are_those_of_the_tables(page):
    read = cache(partial(published, ROOT / "docs" / "results"))
    numbers = check_page(page.read_text(encoding="utf-8"), read)
    assert [f"{page.name}:{n.line}: {n.text} {n.note}" for n in numbers if n.tie == WRONG] == []
    assert sum(number.tie in (TABLE, PROSE, COMPUTED) for number in numbers) > 40


def test_cells_are_of_the_entries_that_row_and_column_name(check):
    page = table(
        "trigger | LSTM | ResNet | PESQ",
        "`tone` | **91.7 (84.0–99.5)** | 95.5 (91–99) | 2.98",
        "tone_quiet | 28.8 | | 4.13",
    )
    assert check(page) == [(n, TABLE) for n in ("91.7 (84.0–99.5)", "95.5 (91–99)", "2.98", "28.8", "4.13")]


@pytest.mark.parametrize(
    "cell",
    ["91.8 (84.0–99.5)", "91.7 (84.1–99.5)", "91.7 (84.0–99.4)", "28.8 (20.0–40.0)", "95.5", "0.917", "59.9"],
    ids=["value", "low", "high", "other row", "other column", "a fraction", "other defence"],
)
def test_a_cell_of_another_number_is_wrong(check, cell):
    assert check(table("trigger | LSTM", f"tone | {cell}")) == [(cell, WRONG)]


def test_the_message_says_what_the_table_says(tmp_path):
    (tmp_path / "made_up.csv").write_text(RESULTS)
    page = f"# A page\n\n{table('trigger | LSTM', 'tone | 81.7 (84.0–99.5)')}{LINK}"
    (number,) = check_page(page, partial(published, tmp_path))
    assert number.line == 8
    assert number.note.startswith("is 91.7436 (84.0020–99.4852)")


def test_a_label_or_metric_without_a_name_is_no_free_pass(check):
    assert check(table("trigger | LSTM", "a chirp | 91.7")) == [("91.7", WRONG)]
    page = "| trigger | value |\n|---|---|\n| tone | 2.98 |\n"
    assert check(page) == [("2.98", WRONG)]
    assert check("| mark | PESQ |\n|---|---|\n| a chirp | 2.98 |\n") == [("2.98", WRONG)]


def test_several_numbers_of_a_cell_are_in_the_order_of_its_labels(check):
    header = "trigger | PESQ, STOI | LSTM, ResNet"
    assert check(table(header, "tone | 2.98, .992 | 91.7, 95.5")) == [
        (n, TABLE) for n in ("2.98", ".992", "91.7", "95.5")
    ]
    assert check(table(header, "tone | .992, 2.98 | 95.5, 91.7")) == [
        (n, WRONG) for n in (".992", "2.98", "95.5", "91.7")
    ]


def test_an_ellipsis_stands_for_the_row_or_column_above(check):
    page = "<!-- numbers: filter means defence lowpass -->\n\n" + table(
        "trigger | ResNet | … behind the filter", "tone | 95.5 | 59.9", "… behind the filter | 59.9 | 59.9"
    )
    assert {tie for _, tie in check(page)} == {TABLE}


def test_an_entry_may_be_any_of_some_and_a_label_may_be_of_several_cells(check):
    either = "<!-- numbers: either means victim lstm or resnet18; accuracy means metric stoi -->\n\n"
    assert check(either + table("trigger | either", "tone | 91.7 to 95.5")) == [("91.7", TABLE), ("95.5", TABLE)]
    rows = ("tone | PESQ | 2.98", " | accuracy | .992", " | accuracy | 2.98")
    assert [tie for _, tie in check(either + table("trigger | | LSTM", *rows))] == [TABLE, TABLE, WRONG]


def test_printed_values_are_another_source(check):
    page = table("trigger | LSTM | the paper", "tone | 91.7 | 95.09").replace(
        " -->", "; the paper means source printed -->"
    )
    assert {tie for _, tie in check(page)} == {TABLE}
    assert check(page.replace("95.09", "91.7"))[1] == ("91.7", WRONG)


def test_prose_is_of_any_line_of_the_cited_tables(check):
    text = """At α = 0.5 and 3.8 kHz it has 91.7 % (84.0–99.5), a PESQ of 2.98 (2.92–3.03), and 60 to
96 %, in v0.02 of `0.77` (goal ≥ 97.3, Table 2)."""
    numbers = ["91.7 (84.0–99.5)", "2.98 (2.92–3.03)", "60", "96"]
    assert check(text) == [(number, PROSE) for number in numbers]
    assert check(text.replace("84.0", "84.2"))[0] == ("91.7 (84.2–99.5)", WRONG)
    assert check("It is 77.7 of 3 clips.") == [("77.7", WRONG)]


def test_a_section_is_checked_against_its_own_tables(tmp_path):
    for name, value in (("first", "0.811"), ("second", "0.722")):
        (tmp_path / f"{name}.csv").write_text(f"trigger,attack_success_rate\ntone,{value}\n")
    first, second = (f"{{}} % of [clips](results/{name}.md)." for name in ("first", "second"))
    one = f"## One\n\n{first.format(81.1)}\n\n### Within\n\nOf 72.2 %."
    page = f"Of 81.1 % and 72.2 %.\n\n{one}\n\n## Two\n\n{second.format(72.2)}"
    ties = [(number.text, number.tie) for number in check_page(page, partial(published, tmp_path))]
    assert ties == [("81.1", PROSE), ("72.2", PROSE), ("81.1", PROSE), ("72.2", WRONG), ("72.2", PROSE)]


def test_annotations_state_where_a_number_is_from(check):
    assert check("<!-- numbers: 62.9 = 91.7 − 28.8 -->\n\nBy 62.9 points.") == [("62.9", COMPUTED)]
    assert check("<!-- numbers: 61.9 = 91.7 − 28.8 -->\n\nBy 61.9 points.") == [("61.9", WRONG)]
    assert check("<!-- numbers: 62.0 = 91.7 − 29.7 -->\n\nBy 62.0 points.") == [("62.0", WRONG)]
    assert check("By 62.9 points.") == [("62.9", WRONG)]
    claim = "<!-- numbers: 91.7, 95.5 are trigger tone and victim lstm, resnet18 and metric attack_success_rate -->\n\n"
    assert check(claim + "Of 91.7 and 95.5 %.") == [("91.7", TABLE), ("95.5", TABLE)]
    assert check(claim.replace("lstm, resnet18", "resnet18, lstm") + "Of 91.7 and 95.5 %.")[0] == ("91.7", WRONG)
    assert check("<!-- numbers: 13.2: by a microphone -->\n\nIt has 13.2 dB.") == [("13.2", STATED)]
    assert check("<!-- numbers: 13.2: by a microphone -->\n\nIt has 91.7 %.") == [("91.7", PROSE), ("13.2", WRONG)]
    assert check("One.\n\n<!-- numbers: 13.2: by a microphone -->\n\nIt has 91.7 %.") == [
        ("91.7", PROSE),
        ("13.2", WRONG),
    ]
    assert check("## Trials\n\n<!-- numbers: all: not published -->\n\nAt 13.2 dB.\n\n### More\n\n12.1 %.") == [
        ("13.2", STATED),
        ("12.1", STATED),
    ]


def test_an_annotation_of_no_known_form_is_an_error(check):
    with pytest.raises(InputError, match="'about 5' is no statement"):
        check("<!-- numbers: about 5 -->\n\nOf 91.7 %.")
    with pytest.raises(InputError, match="no table 'absent'"):
        check("<!-- numbers: tables absent -->\n\nOf 91.7 %.")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.12", "0.125"),
        ("0.13", "0.125"),
        (".992", "0.992115"),
        ("−.08", "-0.0812"),
        ("1,601", "1601"),
        ("4.12", "4.125"),
    ],
)
def test_of_an_exact_half_both_neighbours_are_roundings(written, value):
    assert is_rounding(written, Decimal(value))


@pytest.mark.parametrize(
    ("written", "value"), [("0.12", "0.1251"), ("0.13", "0.1249"), ("0.14", "0.125"), (".08", "-0.0812")]
)
def test_another_number_is_no_rounding(written, value):
    assert not is_rounding(written, Decimal(value))


def test_numbers_are_read_in_the_notation_of_the_pages():
    text = (
        "−3.5, .671, 1,601 dB, 12 to 24 %, ResNet-18, 10⁻⁴, 3·10⁻³, **4.3 dB**, [4.4](a_5.5.md), < 9.9, 0.5 s, 87 → 3"
    )
    assert [str(number) for number in measured(text)] == ["−3.5", ".671", "1,601", "12", "24", "4.3", "4.4"]
    assert exact("−.08") == Decimal("-0.08")


def test_formulas_are_as_exact_as_their_operands():
    assert is_result("0.24", "12.11 − 11.87")
    assert is_result("88.4", "mean(85.7, 87.2, 92.3)")
    assert is_result("0.5", "1.0 / 2.0")
    assert not is_result("0.26", "12.11 − 11.87")
    with pytest.raises(InputError, match="no formula"):
        is_result("1.0", "open(2.0)")


def test_the_command_counts_and_refuses(tmp_path, capsys):
    (tmp_path / "made_up.csv").write_text(RESULTS)
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\nOf 91.7 %.{LINK}")
    main([str(page), "--results", str(tmp_path)])
    assert "1 numbers, 1 prose" in capsys.readouterr().out
    page.write_text(f"# A page\n\nOf 91.6 %.{LINK}")
    with pytest.raises(InputError, match=r"page.md:3: 91.6 is not in made_up"):
        main([str(page), "--results", str(tmp_path)])
