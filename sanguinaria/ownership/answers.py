"""Answers of a suspect model: asked once each and kept in a journal, or read from a table; checked in both cases."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sanguinaria.core.errors import InputError
from sanguinaria.ownership.suspects import Answer, Suspect
from sanguinaria.ownership_methods import Answers

if TYPE_CHECKING:
    import pandas as pd

# Probabilities are often written with three digits.
TOLERANCE = 5e-3


def ask(suspect: Suspect, identity: str, files: Mapping[str, Path], journal: Path) -> dict[str, Answer]:
    """Ask a suspect model all queries that the journal has no answer to, and keep each answer at once.

    Args:
        suspect: the model.
        identity: of the model, for a journal is of one model.
        files: audio of the queries by name.
        journal: file of a line for each answer.

    Returns:
        Answers by the name of the query.

    Raises:
        InputError: the model fails; what it answered so far is kept.
    """
    answers = read_journal(journal, identity)
    missing = [name for name in sorted(files) if name not in answers]
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a", encoding="utf-8") as file:
        if file.tell() == 0:
            file.write(json.dumps({"suspect": identity}) + "\n")
        for start in range(0, len(missing), suspect.batch_size):
            names = missing[start : start + suspect.batch_size]
            try:
                replies = suspect.answer([files[name] for name in names])
            except InputError as error:
                raise InputError(
                    f"{error}; {len(answers)} of {len(files)} answers are kept in {journal}: the same command goes on"
                ) from error
            for name, reply in zip(names, replies, strict=True):
                answers[name] = reply
                file.write(json.dumps({"query": name, "answer": reply}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return answers


def read_journal(path: Path, identity: str) -> dict[str, Answer]:
    """Read the answers of a journal; a last line that was cut off is removed from it.

    Raises:
        InputError: it is of another model, or damaged.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        with path.open("r+b") as file:
            file.truncate(len(whole))
    try:
        lines = [json.loads(line) for line in whole.decode("utf-8").splitlines()]
        if lines and lines[0]["suspect"] != identity:
            raise InputError(f"{path}: the answers of {lines[0]['suspect']}; give another folder for {identity}")
        return {line["query"]: line["answer"] for line in lines[1:]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}); delete it to ask anew") from error


def read_answers(path: Path) -> dict[str, Answer]:
    """Read a table of answers: columns ``query`` and ``label``, or ``query`` and one of probabilities for each label.

    Args:
        path: a Parquet file if its name ends so, else CSV.

    Returns:
        Answers by the name of the query.

    Raises:
        InputError: it cannot be read, has other columns, or has a query twice.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except Exception as error:  # readers of tables raise classes of their own
        raise InputError(f"{path}: not a readable CSV or Parquet table ({error})") from error
    if "query" not in table or len(table.columns) < 2:
        raise InputError(f"{path}: needs the columns query and label, or query and one for each label")
    if table["query"].duplicated().any():
        raise InputError(f"{path}: has {table['query'][table['query'].duplicated()].iloc[0]!r} twice")
    names = table["query"].astype(str).tolist()
    if list(table.columns.drop("query")) == ["label"]:
        return dict(zip(names, table["label"].astype(str).tolist(), strict=True))
    try:
        numbers = table.drop(columns=["query", *(["label"] if "label" in table else [])]).astype(float)
    except ValueError as error:
        raise InputError(f"{path}: probabilities that are no numbers ({error})") from error
    return dict(zip(names, numbers.to_dict("records"), strict=True))  # type: ignore[arg-type]


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    # Names stay texts: a query may look like a number, and a label like a missing value.
    return pd.read_csv(path, dtype={"query": str, "label": str}, keep_default_na=False)


def check_answers(
    answers: Mapping[str, Answer], names: Sequence[str], labels: Sequence[str], other_labels: bool = False
) -> Answers:
    """Return the answers to all queries in their order as arrays.

    Args:
        answers: by the name of the query.
        names: of the queries, in the order of the method.
        labels: of the protocol.
        other_labels: whether the model may predict labels that the protocol does not have.

    Raises:
        InputError: the answers are to other queries, name other labels, are no probabilities, or are all the same.
    """
    absent, foreign = [name for name in names if name not in answers], set(answers) - set(names)
    if absent or foreign:
        raise InputError(
            f"answers for other queries: {len(absent)} of {len(names)} are missing and {len(foreign)} are not asked, "
            f"{(absent or sorted(foreign))[0]!r} first; answer each of queries.csv once"
        )
    ordered = [answers[name] for name in names]
    if len({isinstance(answer, str) for answer in ordered}) > 1:
        raise InputError("some answers are labels and others probabilities; give one kind")
    probabilities = None
    if isinstance(ordered[0], str):
        predicted_labels = [str(answer) for answer in ordered]
    else:
        tables = [answer for answer in ordered if not isinstance(answer, str)]
        probabilities = np.array([_row(row, name, labels) for row, name in zip(tables, names, strict=True)])
        predicted_labels = [max(row, key=lambda label: row[label]) for row in tables]
    unknown = sorted(set(predicted_labels) - set(labels))
    if unknown and not other_labels:
        raise InputError(
            f"answers have {len(unknown)} labels that the protocol does not have, {unknown[0]!r} first; its labels are "
            f"{', '.join(labels[:20])}: map them, or give --other-labels if the model has more classes"
        )
    if len(set(predicted_labels)) == 1:
        raise InputError(f"all {len(names)} answers are {predicted_labels[0]!r}: one class only; the model is broken")
    index = {label: number for number, label in enumerate(labels)}
    return Answers(np.array([index.get(label, -1) for label in predicted_labels]), probabilities)


def _row(answer: Mapping[str, float], name: str, labels: Sequence[str]) -> list[float]:
    """Probabilities of the protocol's labels."""
    values = list(answer.values())
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise InputError(f"{name}: probabilities that are negative or not finite")
    if abs(sum(values) - 1) > TOLERANCE:
        raise InputError(
            f"{name}: its probabilities sum to {sum(values):.4g}, not to 1; for logits give --outputs logits"
        )
    if absent := [label for label in labels if label not in answer]:
        raise InputError(f"{name}: no probability of the label {absent[0]!r} among {', '.join(list(answer)[:20])}")
    return [answer[label] for label in labels]
