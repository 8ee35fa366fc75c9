"""A verification from its configuration to its tables, and the jobs that an edit invalidates."""

from __future__ import annotations

import pandas as pd
import pytest
from test_invalidation import Edit, append, jobs, replace
from tiny import clone, pending

TARGET = ["tiny_verification"]


@pytest.fixture(scope="module")
def table(finished_verification) -> pd.DataFrame:
    path = finished_verification / "results" / "tables" / "tiny_verification.csv"
    return pd.read_csv(path).set_index(["attack", "defence"])


def test_every_attack_with_every_defence(table):
    # As many target trials as there are pairs of one speaker, and as many non-target trials.
    assert len(table) == 8 and (table["scored_trials"] == table["scored_trials"].iloc[0]).all()
    assert not table[["unscored_trials", "failed_attacks"]].any(axis=None)
    assert table["equal_error_rate"].between(0, 1).all()
    assert table["equal_error_rate_low"].isna().all()  # of one training there is no interval over trainings
    # An attack raises the error rate; without a defence the adaptive attack equals the plain one.
    rates = table["equal_error_rate"]
    assert rates["pgd_linf", "none"] >= rates["unchanged", "none"]
    assert rates["pgd_linf", "none"] == rates["adaptive_linf", "none"]
    assert pd.isna(table.loc[("unchanged", "none"), "si_sdr_db"])
    assert table.loc[("pgd_linf", "none"), "si_sdr_db"] > table.loc[("pgd_linf", "lowpass"), "si_sdr_db"]


def test_every_format_of_the_table_is_written(finished_verification):
    tables = finished_verification / "results" / "tables"
    forms = (
        "csv",
        "metrics.csv",
        "differences.csv",
        "runs.csv",
        "md",
        "tex",
        "provenance.json",
        "comparison.csv",
        "comparison.md",
    )
    assert all((tables / f"tiny_verification.{form}").stat().st_size for form in forms)
    page = (tables / "tiny_verification.md").read_text()
    assert "**Equal error rate (%)**\n\n| attack | none | lowpass |\n" in page
    assert "**Quality after the attack pgd_linf**" in page and "failed" not in page
    compared = pd.read_csv(tables / "tiny_verification.comparison.csv", keep_default_na=False)
    matched = compared[(compared["ours"] != "") & (compared["printed"] != "")]
    assert set(matched["attack"]) == {"genuine", "pgd_linf"} and set(matched["defence"]) == {"none"}


TABLE = "1 table tiny_verification \n 1 comparison tiny_verification"
EDITS: dict[str, tuple[Edit, str]] = {
    "nothing": (lambda folder: None, ""),
    "a metric's code": (
        append("sanguinaria/metrics/si_sdr.py", "\nUNUSED = 1\n"),
        "1 probe_quality si_sdr-synthetic-pgd \n 1 probe_quality si_sdr-synthetic-noise \n"
        "4 probe_quality si_sdr-lowpass \n" + TABLE,
    ),
    "noise of another level": (
        replace("config.yaml", "genuine: {kind: noise, epsilon: 6400}", "genuine: {kind: noise, epsilon: 640}"),
        "1 attacked synthetic-noise \n 1 defended_audio lowpass \n"
        "1 embeddings ecapa_tdnn-synthetic-noise \n 1 embeddings ecapa_tdnn-lowpass \n"
        "1 trial_scores ecapa_tdnn-synthetic-noise \n 1 trial_scores ecapa_tdnn-lowpass \n"
        + "".join(
            f"1 probe_quality {metric}-{audio} \n"
            for metric in ("si_sdr", "stoi", "pesq")
            for audio in ("synthetic-noise", "lowpass")
        )
        + TABLE,
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reruns_exactly_what_it_invalidates(finished_verification, tmp_path, name):
    edit, stated = EDITS[name]
    folder = clone(finished_verification, tmp_path / "edited")
    edit(folder)
    assert pending(folder, TARGET) == jobs(stated)
