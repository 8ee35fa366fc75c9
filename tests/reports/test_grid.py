"""The arrangement of tables, against tables made by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from sanguinaria.core.errors import InputError
from sanguinaria.reports.evaluation import read_table
from sanguinaria.reports.layout.context import Context
from sanguinaria.reports.layout.grid import grid_latex, grid_markdown
from tests.columns import COLUMNS


def markdown(table):
    return grid_markdown(table, COLUMNS)


def latex(table):
    return grid_latex(table, COLUMNS)


def line(trigger, accuracy, success, victim="lstm", defence="none", corpus="sc10", poisoning="flip-0.01", **more):
    return {
        "experiment": "hand",
        "corpus": corpus,
        "trigger": trigger,
        "poisoning": poisoning,
        "victim": victim,
        "defence": defence,
        "seeds": 3,
        "rate": 0.01,
        "benign_accuracy": accuracy,
        "attack_success_rate": success,
        "test_utterances": 719,
        **more,
    }


def cells(text):
    """The cells of a Markdown table, line by line, without the rule below the headings and the legend."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in lines]
    return rows[0], rows[2:]


def titled(text):
    """The table below each title."""
    parts, title = {}, ""
    for block in text.split("\n\n"):
        if block.startswith("**"):
            title = block.strip("*")
        elif block.startswith("|"):
            parts.setdefault(title, cells(block))
            title = ""
    return parts


def column(text, heading):
    headings, rows = cells(text)
    return [row[headings.index(heading)] for row in rows]


@pytest.fixture
def triggers():
    return pd.DataFrame(
        [
            line("clean", 0.99, 0.999, poisoning="none"),
            line("pbsm", 0.9311, 0.8581, pesq=1.114),
            line("ultrasonic", 0.9233, 0.8883, pesq=2.502),
            line("bloodroot", 0.9275, 0.9583, pesq=3.002),
        ]
    )


def test_the_legend_has_the_numbers_of_poisoned_utterances():
    counts = {"training_utterances": 3065}
    speakers = {"corpus": "speakers", "poisoned_utterances": 17, "training_utterances": 1702}
    lines = [
        line("clean", 0.99, 0.01, poisoning="none", poisoned_utterances=0, **counts),
        line("pbsm", 0.93, 0.85, poisoned_utterances=31, **counts),
        line("pbsm", 0.92, 0.95, poisoning="flip-0.05", poisoned_utterances=153, **counts),
        line("pbsm", 0.93, 0.85, **speakers),
    ]
    note = "poisoned training utterances: 31 or 153 of 3,065 (sc10), 17 of 1,702 (speakers)"
    assert f"; {note}." in markdown(pd.DataFrame(lines))
    assert note in latex(pd.DataFrame(lines[1:3] + lines[3:]))
    assert "poisoned training" not in markdown(pd.DataFrame(lines[:1]))


def test_the_best_is_bold_the_second_underlined_and_the_baseline_neither(triggers):
    assert column(markdown(triggers), "benign accuracy ↑") == ["99.0", "**93.1**", "92.3", "<u>92.8</u>"]
    assert column(markdown(triggers), "attack success ↑") == ["99.9", "85.8", "<u>88.8</u>", "**95.8**"]
    assert column(markdown(triggers), "PESQ ↑") == ["", "1.11", "<u>2.50</u>", "**3.00**"]


def test_a_rate_of_few_utterances_has_their_number(triggers):
    few = triggers.assign(
        attack_success_rate_low=0.207, attack_success_rate_high=1.0, triggered_utterances=[1, 9, 10, 700]
    )
    assert [cell.partition("(")[2] for cell in column(markdown(few), "attack success ↑")] == [
        "20.7–100.0, n = 1)",
        "20.7–100.0, n = 9)",
        "20.7–100.0)",
        "20.7–100.0)",
    ]
    assert "; n: number of utterances, where they are fewer than 10" in markdown(few)
    assert "(20.7--100.0, n = 9)" in latex(few)
    assert "n =" not in markdown(few.assign(triggered_utterances=700)) + markdown(triggers)


def test_corpora_that_no_page_is_wide_enough_for_have_parts_of_their_own(triggers):
    more = {f"metric_{number}": 1.0 for number in range(8)}
    other = triggers.assign(corpus="speakers", victim="sinc_net", benign_accuracy=0.5)
    both = pd.concat([triggers, triggers.assign(victim="resnet"), other]).assign(**more)
    parts = titled(markdown(both))
    every = [f"{corpus} · every victim{more}" for corpus in ("sc10", "speakers") for more in ("", " (continued)")]
    assert list(parts) == ["sc10 · lstm", "sc10 · resnet", *every[:2], "speakers · sinc_net", *every[2:]]
    assert parts["sc10 · resnet"][1][0] == ["clean", "99.0", "99.9"]
    assert parts["speakers · sinc_net"][1][0][1] == "50.0"
    page = latex(both)
    assert page.count(r"\tabcolsep") == 2 and r"speakers · sinc\_net" in page


def test_no_table_of_a_page_is_wider_than_a_line_of_text(triggers):
    """The demonstration's page had fifteen columns in one table."""
    measured = triggers.assign(benign_accuracy_low=0.9, benign_accuracy_high=1.0, attack_success_rate_low=0.5)
    measured = measured.assign(attack_success_rate_high=1.0, false_trigger_rate=0.01, stoi=0.9, snr_db=20.0)
    wide = pd.concat([measured, measured.assign(defence="lowpass", benign_accuracy=0.8)])
    wide = wide.assign(**{f"metric_{number}": 1.0 for number in range(9)})
    page = markdown(wide)
    lines = [line.replace("**", "").replace("<u>", "").replace("</u>", "") for line in page.splitlines()]
    assert max(len(line) for line in lines if line.startswith("|")) <= 103
    parts = titled(page)
    assert parts["lowpass"][0] == ["trigger", "benign accuracy ↑", "attack success ↑", "false trigger ↓"]
    assert parts["none"][1][1][1] == "**93.1** (90.0–100.0)" and parts["lowpass"][1][0][1] == "80.0 (90.0–100.0)"
    # What is the same behind every defence stands once, in as many tables as it needs.
    headings = [line.strip("| ").split(" | ") for line in lines if line.startswith("| trigger")]
    shown = [heading for row in headings for heading in row]
    assert [shown.count(f"metric_{number}") for number in range(9)] == [1] * 9 and len(headings) == 4


def test_a_part_of_a_page_has_the_rows_that_have_a_value_in_it(triggers):
    measured = triggers.assign(detection_rate=[None, None, None, 0.9])
    wide = pd.concat([measured, measured.assign(victim="resnet18"), measured.assign(victim="vgg")])
    assert [row[0] for row in titled(markdown(wide))["every victim"][1]] == ["pbsm", "ultrasonic", "bloodroot"]
    assert [row[0] for row in titled(markdown(wide))["vgg"][1]] == ["clean", "pbsm", "ultrasonic", "bloodroot"]


def test_where_less_is_better_the_least_is_best(triggers):
    assert column(markdown(triggers.assign(false_trigger_rate=[0, 0.02, 0.01, 0.03])), "false trigger ↓") == [
        "0.0",
        "<u>2.0</u>",
        "**1.0**",
        "3.0",
    ]


def test_ties_share_the_mark_and_digits_not_shown_count(triggers):
    assert column(markdown(triggers.assign(pesq=[np.nan, 2, 3, 3])), "PESQ ↑")[1:] == ["<u>2.00</u>"] + ["**3.00**"] * 2
    assert column(markdown(triggers.assign(pesq=[np.nan, 2.001, 2.002, 1])), "PESQ ↑")[1:] == [
        "<u>2.00</u>",
        "**2.00**",
        "1.00",
    ]


def test_two_of_them_are_not_ranked(triggers):
    text = markdown(triggers[triggers["trigger"] != "pbsm"])
    assert "**" not in text and "<u>" not in text


def test_rates_have_their_intervals(triggers):
    lows, highs = triggers["benign_accuracy"] - 0.002, triggers["benign_accuracy"] + 0.001
    text = markdown(triggers.assign(benign_accuracy_low=lows, benign_accuracy_high=highs))
    assert column(text, "benign accuracy ↑")[:2] == ["99.0 (98.8–99.1)", "**93.1** (92.9–93.2)"]
    assert r"\textbf{93.1} {\footnotesize (92.9--93.2)}" in latex(
        triggers.assign(benign_accuracy_low=lows, benign_accuracy_high=highs)
    )


def test_a_level_is_shown_only_where_it_has_several_values(triggers):
    assert cells(markdown(triggers))[0] == ["trigger", "benign accuracy ↑", "attack success ↑", "PESQ ↑"]
    both = pd.concat([triggers, triggers.assign(defence="lowpass")])
    parts = titled(markdown(both))
    model = ["trigger", "benign accuracy ↑", "attack success ↑"]
    quality = ["trigger", "PESQ ↑"]  # the same behind every filter: once
    assert {title: part[0] for title, part in parts.items()} == {
        "none": model,
        "lowpass": model,
        "every defence": quality,
    }
    grid = titled(markdown(pd.concat([both, both.assign(victim="resnet18")])))
    assert list(grid) == [
        "lstm · none",
        "lstm · lowpass",
        "resnet18 · none",
        "resnet18 · lowpass",
        "every victim · every defence",
    ]
    corpora = titled(markdown(pd.concat([triggers, triggers.assign(corpus="sc30", pesq=1.0)])))
    assert {title: part[0] for title, part in corpora.items()} == {
        name: [*model, "PESQ ↑"] for name in ("sc10", "sc30")
    }
    short = triggers.drop(columns=["benign_accuracy", "attack_success_rate"])
    assert cells(markdown(pd.concat([short, short.assign(corpus="sc30", pesq=1.0)])))[0] == [
        *("trigger", "sc10 · PESQ ↑", "sc30 · PESQ ↑")
    ]


def test_detection_stands_once_for_every_defence():
    table = pd.DataFrame(
        line("t", 0.9, 0.8, victim, defence, detection_rate=detected)
        for victim in ("lstm", "resnet18")
        for defence, detected in (("none", 1.0), ("lowpass", 0.25))
    )
    parts, every = titled(markdown(table)), ["every victim · none", "every victim · lowpass"]
    assert list(parts) == ["lstm · none", "lstm · lowpass", "resnet18 · none", "resnet18 · lowpass", *every]
    assert parts[every[0]] == (["trigger", "detected ↑"], [["t", "100.0"]])
    assert parts[every[1]] == (["trigger", "detected ↑"], [["t", "25.0"]])


def test_many_defences_have_rows_of_their_own_and_are_ranked_each_by_itself():
    table = pd.DataFrame(
        line(trigger, 0.9, success - share / 100, defence=f"pruned_{share}", pesq=pesq)
        for trigger, success, pesq in (("a", 0.9, 1.5), ("b", 0.95, 2.5), ("c", 1.0, 3.5))
        for share in range(10, 100, 10)
    )
    headings, rows = cells(markdown(table))
    assert headings == ["trigger", "defence", "benign accuracy ↑", "attack success ↑", "PESQ ↑"]
    assert len(rows) == 3 * 9
    at_20 = [row for row in rows if row[1] == "pruned_20"]
    assert at_20 == [
        ["a", "pruned_20", "**90.0**", "70.0", "1.50"],
        ["b", "pruned_20", "**90.0**", "<u>75.0</u>", "<u>2.50</u>"],
        ["c", "pruned_20", "**90.0**", "**80.0**", "**3.50**"],
    ]
    assert latex(table).startswith("{\\small\\parindent=0pt\\setlength{\\tabcolsep}{3pt}\n\\begin{tabular}{llccc}")


def test_what_varies_more_than_expected_stands_at_the_finer_level():
    table = pd.DataFrame(
        [line("t", 0.9, 0.8, victim, pesq=pesq) for victim, pesq in (("lstm", 2.0), ("resnet18", 3.0))]
    )
    headings, rows = titled(markdown(table))["resnet18"]
    assert headings[-1] == "PESQ ↑" and rows[0][-1] == "3.00"


def test_poisonings_are_shown_where_a_trigger_has_several():
    table = pd.DataFrame([line("t", 0.9, 0.8), line("t", 0.7, 0.6, poisoning="clean-0.01")])
    headings, rows = cells(markdown(table))
    assert headings[:2] == ["trigger", "poisoning"]
    assert rows == [["t", "flip-0.01", "90.0", "80.0"], ["t", "clean-0.01", "70.0", "60.0"]]


def test_test_triggers_are_shown_where_they_differ_from_the_model_s_own():
    own = pd.DataFrame([line("a", 0.9, 0.8, test_trigger="a"), line("b", 0.9, 0.7, test_trigger="b")])
    assert cells(markdown(own))[0][:2] == ["trigger", "benign accuracy ↑"]
    table = pd.concat([own, pd.DataFrame([line("a", 0.9, 0.1, test_trigger="b")])])
    headings, rows = cells(markdown(table))
    assert headings[:2] == ["trigger", "test_trigger"]
    assert rows == [["a", "a", "90.0", "80.0"], ["b", "b", "90.0", "70.0"], ["a", "b", "90.0", "10.0"]]


def test_targets_are_shown_where_a_corpus_has_several():
    one = pd.DataFrame([line("a", 0.9, 0.8, target="x")])
    assert cells(markdown(one))[0][0] == "trigger"
    table = pd.concat([one, pd.DataFrame([line("a", 0.9, 0.7, target="07e1")])])
    headings, rows = cells(markdown(table))
    assert headings[:2] == ["target", "trigger"]
    assert rows == [["x", "a", "90.0", "80.0"], ["07e1", "a", "90.0", "70.0"]]


def test_a_target_that_looks_like_a_number_is_none(tmp_path):
    pd.DataFrame([line("a", 0.9, 0.8, target="07e1")]).to_csv(tmp_path / "table.csv", index=False)
    assert read_table(tmp_path / "table.csv")["target"].tolist() == ["07e1"]


def test_a_configuration_that_was_not_measured_is_empty():
    table = pd.DataFrame([line("a", 0.9, 0.8), line("a", 0.9, 0.7, "resnet18"), line("b", 0.9, 0.6)])
    assert cells(markdown(table.drop(columns="benign_accuracy")))[1] == [["a", "80.0", "70.0"], ["b", "60.0", ""]]


def test_an_unknown_column_is_plain_and_counts_are_left_out(triggers):
    text = markdown(triggers.assign(novelty=[1.0, 2.5, 3.5, 4.5]))
    assert column(text, "novelty") == ["1.000", "2.500", "3.500", "4.500"]
    assert not re.search("utterances|seeds|rate |719", text.partition("\n\n")[0])


def spans(row):
    """Number of columns that each cell of a row of LaTeX spans."""
    parts = row.removesuffix(r" \\").split(" & ")
    return [int(span[1]) if (span := re.match(r"\\multicolumn{(\d+)}", part)) else 1 for part in parts]


def test_latex_groups_by_victim_and_defence(triggers):
    both = pd.concat([triggers, triggers.assign(defence="low_pass")])
    rows = latex(pd.concat([both, both.assign(victim="resnet18")])).splitlines()[1:]
    assert rows[0] == r"\begin{tabular}{lccccccccc}"
    assert rows[2] == r" & \multicolumn{4}{c}{lstm} & \multicolumn{4}{c}{resnet18} &  \\"
    assert rows[3] == r"\cmidrule(lr){2-5} \cmidrule(lr){6-9}"
    assert rows[4].count(r"\multicolumn{2}{c}{low\_pass}") == 2
    assert rows[5] == r"\cmidrule(lr){2-3} \cmidrule(lr){4-5} \cmidrule(lr){6-7} \cmidrule(lr){8-9}"
    assert rows[6].endswith(r"PESQ~$\uparrow$ \\")
    assert all(sum(spans(row)) == 10 for row in rows if row.endswith(r"\\"))
    assert [row for row in rows if "rule" in row and "cmid" not in row] == [r"\toprule", r"\midrule", r"\bottomrule"]


def test_latex_marks_and_escapes(triggers):
    text = latex(triggers.replace("bloodroot", "50% & {more}_#1"))
    assert r"50\% \& \{more\}\_\#1 & \underline{92.8} & \textbf{95.8} & \textbf{3.00} \\" in text


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.head(0), "no lines"),
        (lambda table: table.drop(columns="poisoning"), "'poisoning' is missing"),
        (lambda table: pd.concat([table, table]), "two lines for sc10, lstm, none, clean, none"),
    ],
)
def test_a_table_that_cannot_be_laid_out(triggers, spoil, message):
    with pytest.raises(InputError, match=message):
        markdown(spoil(triggers))


def with_intervals(table, half_widths, metric="benign_accuracy"):
    ends = {f"{metric}_low": table[metric] - half_widths, f"{metric}_high": table[metric] + half_widths}
    return table.assign(**ends)


def compared(metric, **p_values):
    """Paired differences of some triggers to the best one."""
    lines = [
        {"metric": metric, "corpus": "sc10", "victim": "", "defence": "", "trigger": trigger, "p_holm": p_value}
        for trigger, p_value in p_values.items()
    ]
    return pd.DataFrame(lines).assign(poisoning="flip-0.01", test_trigger="", target="")


def marks(table, metric, heading, **p_values):
    page = grid_markdown(table, COLUMNS, Context(differences=compared(metric, **p_values)))
    assert "paired tests" in page or not any("**" in cell for cell in column(page, heading))
    return column(page, heading)


class TestPairedDifferences:
    def test_values_that_no_test_distinguishes_from_the_best_are_as_good(self, triggers):
        cells_ = marks(triggers, "benign_accuracy", "benign accuracy ↑", ultrasonic=0.01, bloodroot=0.2)
        assert cells_ == ["99.0", "**93.1**", "<u>92.3</u>", "**92.8**"]

    def test_where_none_is_distinguishable_none_is_marked(self, triggers):
        cells_ = marks(triggers, "benign_accuracy", "benign accuracy ↑", ultrasonic=0.06, bloodroot=np.nan)
        assert cells_ == ["99.0", "93.1", "92.3", "92.8"]

    def test_where_less_is_better_the_least_is_the_best(self, triggers):
        rates = triggers.assign(false_trigger_rate=[0, 0.02, 0.01, 0.05])
        cells_ = marks(rates, "false_trigger_rate", "false trigger ↓", pbsm=0.5, bloodroot=0.001)
        assert cells_[1:] == ["**2.0**", "**1.0**", "<u>5.0</u>"]

    def test_a_difference_counts_where_its_names_are_those_of_the_column(self, triggers):
        both = pd.concat([triggers, triggers.assign(victim="resnet")])
        differences = compared("benign_accuracy", bloodroot=0.2, ultrasonic=0.01).assign(victim="resnet")
        page = grid_latex(both, COLUMNS, Context(differences=differences))
        # Accuracy and attack success of the first model, and those of the second.
        [row] = [line for line in page.splitlines() if line.startswith("bloodroot")]
        assert [cell.strip() for cell in row.split("&")][1:4:2] == [r"\underline{92.8}", r"\textbf{92.8}"]

    def test_notes_stand_in_the_legend(self, triggers):
        context = Context(notes=("intervals are over 3 of training",))
        assert grid_markdown(triggers, COLUMNS, context).endswith("; intervals are over 3 of training.\n")
        assert "intervals are over 3 of training" in grid_latex(triggers, COLUMNS, context)


class TestMetricsWithoutValues:
    @pytest.mark.parametrize("value", [None, np.nan])
    def test_a_requested_metric_is_shown(self, triggers, value):
        table = triggers.assign(pesq=value, stoi=None)
        page = grid_markdown(table, COLUMNS, Context(requested={"pesq"}))
        assert column(page, "PESQ ↑") == ["–"] * 4 and "STOI" not in page
        assert page.endswith("–: the metric has no value for any utterance.\n")
        assert r"ultrasonic & 92.3 & \underline{88.8} & --" in grid_latex(table, COLUMNS, Context(requested={"pesq"}))

    def test_infinite_values_are_shown_as_such(self, triggers):
        table = triggers.assign(pesq=[np.nan, np.inf, 1.0, -np.inf])
        assert column(markdown(table), "PESQ ↑") == ["", "**∞**", "<u>1.00</u>", "−∞"]
        assert r"\textbf{$\infty$}" in latex(table) and r"$-$$\infty$" in latex(table)


def test_a_wide_latex_table_is_divided(triggers):
    """Rows are measured in Computer Modern, as matplotlib has it."""
    from matplotlib import font_manager, get_data_path

    font = font_manager.get_font(f"{get_data_path()}/fonts/ttf/cmr10.ttf")

    def points(text, size):
        font.set_size(size, 72)
        font.set_text(text.replace("--", "-"))
        return font.get_width_height()[0] / 64

    table = with_intervals(with_intervals(triggers, 0.002), 0.03, "attack_success_rate")
    table = table.assign(false_trigger_rate=0.001, detection_rate=1.0, stoi=0.9, snr_db=20.0)
    page = latex(pd.concat([table, table.assign(defence="lowpass", detection_rate=0.5)]))
    assert page.count(r"\begin{tabular}") == 3
    assert page.count(r"{none}") == page.count(r"{lowpass}") == 1
    rows = [line.removesuffix(r"\\") for line in page.splitlines() if re.match("bloodroot|ultrasonic", line)]
    for row in rows:
        plain = [re.sub(r"\\(textbf|underline)|[{}]", "", cell).strip() for cell in row.split("&")]
        parts = [cell.partition(r"\footnotesize") for cell in plain]
        assert sum(points(value, 9) + points(interval, 8) + 6 for value, _, interval in parts) <= 345
    assert "BA: benign accuracy" in page and r"in parentheses: 95 \% intervals" in page
