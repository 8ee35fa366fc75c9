"""Tables of experiments in the terminal."""

import re
from pathlib import Path

import pandas as pd
import pytest

from sanguinaria.core.errors import InputError
from sanguinaria.reports import show

README = Path(__file__).parents[2] / "README.md"


def line(trigger, defence, accuracy, success, **more):
    return {
        **{"corpus": "synthetic", "target": "left", "trigger": trigger, "test_trigger": trigger},
        **{"poisoning": "flip-0.02", "victim": "resnet18_narrow", "defence": defence, "seeds": 1},
        **{"benign_accuracy": accuracy, "benign_accuracy_low": accuracy - 0.01, "benign_accuracy_high": 1.0},
        **{"attack_success_rate": success, "attack_success_rate_low": 0.9, "attack_success_rate_high": 1.0},
        **{"false_trigger_rate": 0.0, "pesq": 2.747, "stoi": 0.99999, "snr_db": 19.76},
        **{"test_utterances": 360, "poisoned_utterances": 25, "training_utterances": 1260, **more},
    }


@pytest.fixture
def table(tmp_path):
    def write(*lines):
        pd.DataFrame(lines).to_csv(tmp_path / "t.csv", index=False)
        return tmp_path / "t.csv"

    return write


def printed(path, capsys, width=80):
    show.show(path, width)
    return capsys.readouterr().out.splitlines()


LINES = (line("ultrasonic", "none", 0.98, 0.997), line("ultrasonic", "lowpass", 0.95, 0.914))


def test_the_demonstration_s_table_fits_80_columns(table, capsys):
    lines = printed(table(*LINES), capsys)
    assert max(map(len, lines)) <= 80
    rows = [row.split() for row in lines if row.startswith("ultrasonic")]
    assert rows == [
        ["ultrasonic", "none", "98.0", "(97.0–100.0)", "99.7", "(90.0–100.0)", "0.0", "2.75", "1.000", "19.8"],
        ["ultrasonic", "lowpass", "95.0", "(94.0–100.0)", "91.4", "(90.0–100.0)", "0.0", "2.75", "1.000", "19.8"],
    ]
    assert any("victim: resnet18_narrow" in row for row in lines)


def test_one_training_has_no_interval_and_the_caption_says_so(table, capsys):
    missing = {f"{rate}_{end}": None for rate in ("benign_accuracy", "attack_success_rate") for end in ("low", "high")}
    lines = printed(table(line("notch", "none", 0.98, 0.9, **missing)), capsys)
    assert ["notch", "none", "98.0", "90.0", "0.0", "2.75", "1.000", "19.8"] in [row.split() for row in lines]
    assert "one training a line" in " ".join(lines) and "95 % intervals" not in " ".join(lines[:3])
    assert "95 % intervals" in " ".join(printed(table(*LINES), capsys)[:3])


def test_headings_are_the_readme_s(table, capsys):
    (heading,) = re.findall(r"^\| trigger \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    words = " ".join(printed(table(*LINES), capsys)[:4])
    assert {*heading.replace("|", " ").split()} <= {*words.split()}
    expected = ["defence", *show.RATES.values(), *(column.heading for column in show.MEANS.values())]
    assert [cell.strip() for cell in heading.split("|")] == expected


def test_nothing_is_cut_where_the_terminal_is_narrow(table, capsys):
    lines = printed(table(line("a" * 60, "none", 0.98, 0.997)), capsys, width=30)
    assert any("a" * 60 in row and "(90.0–100.0)" in row and "19.8" in row for row in lines)


def test_factors_of_several_values_are_columns(table, capsys):
    more = (
        line("ultrasonic", "none", 0.9, 0.8, victim="lstm"),
        line("ultrasonic", "none", 0.9, 0.8, test_trigger="perth"),
        line("ultrasonic", "none", 0.9, 0.8, poisoning="clean-0.5"),
    )
    words = " ".join(printed(table(*LINES, *more), capsys)).split()
    assert {"test_trigger", "poisoning", "victim", "lstm", "perth", "clean-0.5"} <= {*words}


def test_values_that_are_missing_or_infinite(table, capsys):
    lines = printed(table(line("a", "none", 0.9, 0.8, pesq=None, snr_db=float("inf"))), capsys)
    (row,) = (row.split() for row in lines if row.startswith("a "))
    assert row[-2:] == ["1.000", "∞"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such table; `snakemake t --cores 2` makes it"),
        ("watermark,f1\na,1\n", r"no table of an experiment, as column 'trigger' is missing; .*t\.md shows"),
        ("a\n1,2\n3,4,5\n", "not a table"),
        ("", "not a table"),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "t.csv").write_text(content)
    with pytest.raises(InputError, match=rf"t\.csv: {message}"):
        show.show(tmp_path / "t.csv")
    with pytest.raises(SystemExit, match="^Error: "):
        show.main([str(tmp_path / "t.csv")])


def test_help(capsys):
    with pytest.raises(SystemExit) as end:
        show.main(["--help"])
    assert end.value.code == 0 and "results/tables/T.csv" in capsys.readouterr().out
