"""Remarks on corpora before a run: rates of few utterances, and labels whose letters look alike."""

from pathlib import Path

import pytest
from configured import VALID
from hypothesis import given
from hypothesis import strategies as st
from plans import plan_of
from recordings import empty_files, write_csv

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.names import foreign_letters, lookalikes
from sanguinaria.plan.corpus_remarks import corpus_remarks
from sanguinaria.plan.needed_stages import specification_file
from sanguinaria.workflow.monitoring.results import results_of
from sanguinaria.workflow.run_checks import check_run

pytestmark = pytest.mark.usefixtures("working_folder")

CYRILLIC_IE = "\u0435"


def remarks(tmp_path: Path, test: dict[str, int]) -> list[str]:
    """Remarks on a corpus with so many test utterances of each label, and one for the training."""
    rows = [
        (f"{label}{number}.wav", label, "test" if number else "train")
        for label, count in test.items()
        for number in range(count + 1)
    ]
    empty_files(tmp_path / "recordings", *(row[0] for row in rows))
    table = write_csv(tmp_path / "table.csv", [("path", "label", "split"), *rows])
    text = VALID.replace("kind: synthetic", f"kind: folder\n    path: {tmp_path}/recordings\n    table: {table}")
    plan = plan_of(text)
    shown = check_run(plan, ["demo", "--cores", "1"], dry_run=False, names_targets=lambda: True)
    assert shown == corpus_remarks(plan, ["demo"])
    return shown


def test_a_rate_of_few_utterances_is_announced(tmp_path: Path) -> None:
    (remark,) = remarks(tmp_path, {"left": 50, "right": 4})
    assert remark.startswith(
        "corpus 'spoken': the attack success rate of target 'left' will be that of 4 test utterances of other labels"
    )


def test_enough_utterances_have_no_remark(tmp_path: Path) -> None:
    assert remarks(tmp_path, {"left": 1, "right": 10}) == []


def test_labels_whose_letters_look_alike_have_a_remark(tmp_path: Path) -> None:
    (remark,) = remarks(tmp_path, {"left": 10, f"l{CYRILLIC_IE}ft": 10})
    assert r"labels 'left' and 'l\u0435ft' look alike and are two" in remark


def test_a_label_of_two_scripts_has_a_remark(tmp_path: Path) -> None:
    (remark,) = remarks(tmp_path, {"left": 10, f"r{CYRILLIC_IE}d": 10})
    assert r"label 'r\u0435d' has letters of two scripts: '\u0435' is not Latin" in remark


def test_corpora_that_are_downloaded_have_no_remark() -> None:
    assert corpus_remarks(plan_of(VALID), ["demo"]) == []


@pytest.mark.parametrize("names", [["left", "Left", "right"], ["\u0434\u0430", "\u043d\u0435\u0442"], ["0", "o", "O"]])
def test_names_of_one_script_are_no_lookalikes(names: list[str]) -> None:
    assert lookalikes(names) == []
    assert all(foreign_letters(name) == [] for name in names)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789 ", min_size=1))
def test_latin_names_have_no_foreign_letters(name: str) -> None:
    assert foreign_letters(name) == []
    assert lookalikes([name, name.replace("e", CYRILLIC_IE)]) == (
        [tuple(sorted((name, name.replace("e", CYRILLIC_IE))))] if "e" in name else []
    )


@pytest.mark.parametrize(("count", "lines"), [(9, 1), (10, 0)])
def test_the_end_of_a_run_names_tables_of_few_utterances(count: int, lines: int) -> None:
    plan = plan_of(VALID)
    plan.expand(["demo"])
    write_text(specification_file("tables", "demo"), f"{plan.tables['demo'].specification}\n")
    for path in plan.targets["demo"]:
        write_text(path, f"trigger,triggered_utterances\nclean,700\ntone,{count}\n")
    printed = [line for line in results_of(plan, ["demo", "--cores", "1"]) if line.startswith("Few")]
    assert len(printed) == lines
    assert all(line.startswith(f"Few utterances: demo has attack success rates of {count} test") for line in printed)
