"""Verification: marked models are confirmed, others are not, and each kind of bad input is one clear error."""

import json
import re

import pandas as pd
import pytest
from claims import DATES, LABELS, clean_model, mark, marked_model, published_line, write_answers, write_corpus

from sanguinaria.ownership.owner_folder import load_claim
from sanguinaria.ownership.query_audio import named_queries
from sanguinaria.workflow.commands.own import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    return mark(corpus, tmp_path_factory.mktemp("claim"), "--set", "marks=8", "share=0.2", "--queries", "10")


def run(folder, out, *suspect: str, line: str | None = None, dates=DATES) -> int:
    """The exit code of own verify."""
    arguments = ["verify", str(folder.root), "--out", str(out), "--published", line or published_line(folder)]
    try:
        main([*arguments, *dates, *suspect])
    except SystemExit as error:
        return int(error.code)
    return 0


def test_a_model_that_learned_the_marks_is_confirmed(folder, tmp_path):
    answers = write_answers(folder, tmp_path / "answers.csv", marked_model(folder))
    assert run(folder, tmp_path, "--answers", str(answers)) == 0
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["decision"] == "confirmed" and verdict["p_value"] == pytest.approx(0.25**8)
    page = re.sub(r"\s+", " ", (tmp_path / "verdict.html").read_text())
    assert "The claim is confirmed." in page and "1 in 65,536" in page and "depends on the marked data" in page
    assert "tried no others" in page  # no public value was fixed


def test_a_clean_model_and_one_with_another_owner_s_marks_are_not(folder, tmp_path):
    answers = write_answers(folder, tmp_path / "clean.csv", clean_model(folder))
    assert run(folder, tmp_path / "clean", "--answers", str(answers)) == 1
    labels = dict(enumerate([LABELS[0], LABELS[1], LABELS[2], LABELS[3]] * 2))
    others = write_answers(folder, tmp_path / "others.csv", lambda query: labels.get(query.key, "stop"))
    verdict = run(folder, tmp_path / "others", "--answers", str(others))
    assigned = load_claim(folder).method.assigned_labels(4, load_claim(folder).random)
    hits = sum(LABELS[label] == labels[mark] for mark, label in enumerate(assigned))
    assert verdict == (0 if hits >= 7 else 1)


def test_claims_without_an_earlier_commitment_are_refused(folder, tmp_path, capsys):
    answers = write_answers(folder, tmp_path / "answers.csv", marked_model(folder))
    late = ["--published-on", "2025-07-01", "--suspect-since", "2025-06-01"]
    assert run(folder, tmp_path, "--answers", str(answers), dates=late) == 2
    assert "a claim without an earlier commitment is refused" in capsys.readouterr().err
    assert run(folder, tmp_path, "--answers", str(answers), line="0" * 64) == 2
    assert not (tmp_path / "verdict.json").exists()


def probabilities(folder, change=lambda row: row) -> pd.DataFrame:
    model = marked_model(folder)
    named = named_queries(load_claim(folder))
    rows = []
    for query, name in zip(named.queries, named.names, strict=True):
        rows.append({"query": name, **{label: 0.7 if label == model(query) else 0.1 for label in LABELS}})
    return pd.DataFrame([change(row) for row in rows])


def test_probabilities_are_read_from_parquet(folder, tmp_path):
    probabilities(folder).to_parquet(tmp_path / "answers.parquet")
    assert run(folder, tmp_path, "--answers", str(tmp_path / "answers.parquet")) == 0
    assert json.loads((tmp_path / "verdict.json").read_text())["answers"] == "probabilities"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.iloc[1:], "answers for other queries: 1 of 90 are missing and 0 are not asked"),
        (lambda table: table.assign(query="x" + table["query"]), "90 of 90 are missing and 90 are not asked"),
        (lambda table: pd.concat([table, table[:1]]), "twice"),
        (lambda table: table.assign(go=0.5), "sum to"),
        (lambda table: table.assign(go=-table["go"]), "negative or not finite"),
        (lambda table: table.rename(columns={"go": "gone"}), "no probability of the label 'go'"),
        (lambda table: table.assign(go=0.7, down=0.1, left=0.1, stop=0.1), "one class only"),
        (lambda table: table.drop(columns="query"), "needs the columns query and label"),
        (lambda table: table.assign(go="much"), "probabilities that are no numbers"),
    ],
)
def test_bad_answers_are_one_clear_error(folder, tmp_path, capsys, change, message):
    change(probabilities(folder)).to_csv(tmp_path / "answers.csv", index=False)
    assert run(folder, tmp_path, "--answers", str(tmp_path / "answers.csv")) == 2
    assert message in capsys.readouterr().err


def test_labels_that_the_protocol_does_not_have_are_an_error_unless_allowed(folder, tmp_path, capsys):
    model = marked_model(folder)
    answers = write_answers(folder, tmp_path / "a.csv", lambda query: "bird" if query.key is None else model(query))
    assert run(folder, tmp_path, "--answers", str(answers)) == 2
    assert "1 labels that the protocol does not have, 'bird' first" in capsys.readouterr().err
    assert run(folder, tmp_path, "--answers", str(answers), "--other-labels") == 0


def test_pairs_are_verified_by_their_probabilities(tmp_path, capsys):
    options = ("--method", "pairs", "--set", "share=0.4", "--alpha", "0.01")
    folder = mark(write_corpus(tmp_path / "corpus", speakers=12), tmp_path / "claim", *options)
    claim = load_claim(folder)
    published = {marking.utterance_id: marking.key for marking in claim.markings()}
    named = named_queries(claim)
    rows = []
    for query, name in zip(named.queries, named.names, strict=True):
        own = 0.7 if query.key == published[query.utterance_id] else 0.4
        label = claim.labels_by_id[query.utterance_id]
        rows.append({"query": name, **{other: own if other == label else (1 - own) / 3 for other in LABELS}})
    pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
    assert run(folder, tmp_path, "--answers", str(tmp_path / "answers.csv")) == 0
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["counts"]["wins"] == len(published) >= 10 and verdict["p_value"] == 0.5 ** len(published)
    labels = write_answers(folder, tmp_path / "labels.csv", clean_model(folder))
    assert run(folder, tmp_path, "--answers", str(labels)) == 2
    assert "pairs need probabilities" in capsys.readouterr().err
