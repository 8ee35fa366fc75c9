"""A benchmark's table as pages."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from sanguinaria.reports.benchmarks import LAYOUT
from sanguinaria.reports.layout import write_layouts
from sanguinaria.reports.layout.parts import Part, arrange_parts, latex_part, markdown_part
from tests.columns import COLUMNS

SETTINGS = {"false_positive_rate": 0.01}


@pytest.fixture
def table() -> pd.DataFrame:
    names = {"benchmark": "b", "corpus": "c", "seeds": 1, "decoded_utterances": 9}
    lines = [
        {**names, "watermark": watermark, "marks": marks, "decoded_mark": "first", "distortion": distortion}
        | {"bit_error_rate": rate, "bit_error_rate_low": 0.0, "bit_error_rate_high": 0.5, "detection_rate": 1.0}
        | {"undecodable_utterances": failed, "undecodable_clean_utterances": 0, "f1": 0.5, "snr_db": 40.0}
        | {"embedding_parameters": 7, "bits_per_second": 16.0}
        for watermark, marks, distortion, rate, failed in (
            ("perth", "single", "none", None, 0),
            ("perth", "single", "mp3_64", None, 0),
            ("keyed", "single", "none", 0.00123, 0),
            ("keyed", "single", "mp3_64", 0.25, 3),
            ("keyed", "double", "none", 0.1, 0),
            ("keyed", "double", "mp3_64", 0.5, 0),
        )
    ]
    return pd.DataFrame(lines)


def test_rates_are_by_distortion_and_the_rest_once(table):
    parts = {part.title: part for part in arrange_parts(table, LAYOUT, COLUMNS, SETTINGS)}
    errors = parts["Bit error rate (%)"]
    assert errors.headings == ["watermark", "marks", "none", "mp3_64"]
    assert errors.rows[0] == ["perth", "single", "", ""]
    assert errors.rows[1] == ["keyed", "single", "0.12 (0.00–50.00)", "25.00 (0.00–50.00)"]
    assert parts["Readings that failed"].rows[1] == ["keyed", "single", "0", "3"]
    assert "Readings of clean utterances that failed" not in parts
    assert parts["Capacity, quality, keys"].rows == [
        ["perth", "single", "40.0", "16"],
        ["keyed", "single", "40.0", "16"],
        ["keyed", "double", "40.0", "16"],
    ]
    # The cost of a watermark does not depend on its marks.
    assert parts["Cost for each second of audio"].rows == [["perth", "7"], ["keyed", "7"]]


def test_pages_are_written(table, tmp_path):
    markdown, latex = (tmp_path / name for name in ("t.md", "t.tex"))
    write_layouts(table, LAYOUT, COLUMNS, SETTINGS, markdown_page=markdown, latex_page=latex)
    assert (
        "**Bit error rate (%)**\n\n| watermark | marks | none | mp3_64 |\n| --- | --- | --- | --- |\n"
        in markdown.read_text()
    )
    page = latex.read_text()
    assert r"keyed & single & 0.12 (0.00--50.00) & 25.00 (0.00--50.00) \\" in page and r"mp3\_64" in page
    assert page.count(r"\begin{tabular}") == page.count(r"\end{tabular}") == markdown.read_text().count("**") // 2
    assert r"\textbf{Bit error rate (\%)}\par" in page and page.count("{") == page.count("}")


def test_a_part_that_is_wider_than_a_page_is_divided():
    distortions = [f"distortion_{number}" for number in range(10)]
    part = Part("t", ["watermark", *distortions], [["keyed", *(f"{n}.50 (0.00–50.00)" for n in range(10))]], 1)
    page = latex_part(part)
    tables = re.findall(r"\\begin\{tabular\}\{(l+)(c+)\}(.*?)\\end", page, re.DOTALL)
    assert len(tables) > 2 and sum(len(columns) for _, columns, _ in tables) == 10
    assert all(names == "l" and rows.count("keyed & ") == 1 for names, _, rows in tables)
    # A value with its interval is at least 60 points wide in 9 pt.
    assert max(len(columns) for _, columns, _ in tables) <= 345 // 60
    shown = re.findall(r"distortion\\_\d", page)
    assert shown == [name.replace("_", r"\_") for name in distortions]


def test_a_requested_metric_without_a_value_is_listed(table):
    listed = table.assign(snr_db=None, pesq=float("inf"))
    parts = {part.title: part for part in arrange_parts(listed, LAYOUT, COLUMNS, SETTINGS, {"snr_db"})}
    (quality,) = (part for title, part in parts.items() if title.startswith("Capacity, quality, keys (–: "))
    names = [heading.split()[0] for heading in quality.headings]
    for row in quality.rows:
        assert row[names.index("SNR")] == "–" and row[names.index("PESQ")] == "∞"


def test_a_part_that_is_wider_than_a_line_of_text_is_divided():
    distortions = [f"distortion_{number}" for number in range(10)]
    part = Part("t", ["watermark", *distortions], [["keyed", *(f"{n}.50 (0.00–50.00)" for n in range(10))]], 1)
    title, *tables = markdown_part(part).split("\n\n")
    assert title == "**t**" and max(len(line) for table in tables for line in table.splitlines()) <= 103
    shown = [table.splitlines()[0].strip("| ").split(" | ") for table in tables]
    assert all(names[0] == "watermark" for names in shown)
    assert [name for names in shown for name in names[1:]] == distortions
    assert [table.splitlines()[2].count("keyed") for table in tables] == [1] * len(tables)
