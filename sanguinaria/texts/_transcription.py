"""Transcripts on disk, as :mod:`sanguinaria.steps.texts` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sanguinaria.core import parquet


def read_texts(files: Sequence[Path]) -> Mapping[str, str]:
    """Return the transcripts of several files by utterance id.

    Args:
        files: with columns ``utterance_id, text``.
    """
    return {name: text for path in files for name, text in parquet.read(path).itertuples(index=False)}
