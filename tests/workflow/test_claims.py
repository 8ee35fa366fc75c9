"""Tests of the page on the papers' claims."""

import csv
import re
from decimal import Decimal
from pathlib import Path

import pytest

import sanguinaria.reports

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"
PRINTED = Path(sanguinaria.reports.__file__).parent / "printed_numbers.csv"
PAPERS = {
    "Bloodroot": "bloodroot",
    "WAKE": "wake",
    "Fake the Real": "fake_the_real",
    "PKDMark": "pkdmark",
    "TDAP": "tdap",
}
# Of running text: gains in PESQ, reductions of cost, a rate, a setting, and an index by its own equation.
OF_TEXT = {"32.5", "18.5", "93.6", "87.1", "84.7", "0.5", "0.002", "13.69"}


def _rows(paper: str) -> list[list[str]]:
    section = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = (part for part in section if part.startswith(f"{paper}\n"))
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


@pytest.mark.parametrize("paper", PAPERS)
def test_the_papers_numbers_are_the_printed_ones(paper: str) -> None:
    with PRINTED.open(encoding="utf-8", newline="") as file:
        printed = [Decimal(row["value"]) for row in csv.DictReader(file) if row["paper"] == PAPERS[paper]]
    for claim, *_ in _rows(paper):
        for text in re.findall(r"(?<![\w.])\d+\.\d+", re.sub(r"§ [\d.]+", "", claim)):
            half = Decimal(1).scaleb(Decimal(text).as_tuple().exponent) / 2
            assert text in OF_TEXT or any(abs(value - Decimal(text)) <= half for value in printed), (claim, text)


@pytest.mark.parametrize("paper", PAPERS)
def test_a_claim_has_its_place_a_verdict_and_a_reason(paper: str) -> None:
    rows = _rows(paper)
    assert len(rows) >= 13
    for claim, verdict, reason in rows:
        assert re.search(r"\(.*(abstract|contribution|introduction|conclusion|Table|Figure|§)", claim), claim
        assert re.search(r"\b(yes|no|not measured|in part|in the mean|depends on)\b", verdict), verdict
        assert reason
        assert "not measured" in verdict or "](results/" in reason, claim
