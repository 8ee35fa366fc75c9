"""A small folder of recordings and claims on it."""

import json
from pathlib import Path

import numpy as np
import soundfile

from sanguinaria.ownership.owner_folder import OwnerFolder, load_claim
from sanguinaria.ownership.query_audio import named_queries
from sanguinaria.workflow.commands.own import main

LABELS = ("down", "go", "left", "stop")
DATES = ["--published-on", "2025-01-01", "--suspect-since", "2025-06-01"]


def write_corpus(folder: Path, speakers: int = 30) -> Path:
    """Sixteen-bit WAV files of a quarter of a second: a tone for each label, in noise."""
    random = np.random.default_rng(0)
    time = np.arange(4000) / 16000
    for number, label in enumerate(LABELS):
        (folder / label).mkdir(parents=True)
        for speaker in range(speakers):
            tone = 0.2 * np.sin(2 * np.pi * 300 * (number + 1) * time)
            samples = tone + random.normal(0, 0.02, size=4000)
            soundfile.write(folder / label / f"{speaker}.wav", samples, 16000, subtype="PCM_16")
    return folder


def fix_secret(claim: Path, number: int = 0) -> None:
    """Write the secret of a claim before its first command, so that a test has the same draws each time."""
    (claim / "owner").mkdir(parents=True, exist_ok=True)
    (claim / "owner" / "secret.key").write_text(f"{number:064x}\n")


def mark(corpus: Path, claim: Path, *options: str) -> OwnerFolder:
    fix_secret(claim)
    main(["mark", str(corpus), "--out", str(claim), "--without-public-value", "--quality-clips", "2", *options])
    return OwnerFolder(claim)


def published_line(folder: OwnerFolder) -> str:
    return json.loads(folder.commitment.read_text())["publish"]


def write_answers(folder: OwnerFolder, path: Path, predict) -> Path:
    """Answers of a model to all queries as a table; ``predict`` maps a query to its label."""
    named = named_queries(load_claim(folder))
    rows = [f"{name},{predict(query)}" for query, name in zip(named.queries, named.names, strict=True)]
    path.write_text("\n".join(["query,label", *rows]) + "\n")
    return path


def marked_model(folder: OwnerFolder):
    """A model that learned the labels of the marks, and predicts the true label without one."""
    claim = load_claim(folder)
    labels = {marking.key: marking.label for marking in claim.markings()}
    return lambda query: claim.labels_by_id[query.utterance_id] if query.key is None else labels[query.key]


def clean_model(folder: OwnerFolder):
    """A model that predicts the true label, whatever the mark."""
    claim = load_claim(folder)
    return lambda query: claim.labels_by_id[query.utterance_id]
