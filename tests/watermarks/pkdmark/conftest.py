"""A corpus, and a teacher that is trained on it."""

from __future__ import annotations

import pytest
from small_pkdmark import SPLITS, teacher
from toy_speech import RATE, harmonic_tones, write_corpus

from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._weights import save_weights


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus") / "a.parquet", harmonic_tones(12, RATE).numpy(), SPLITS)


@pytest.fixture(scope="module")
def teacher_weights(tmp_path_factory, corpus):
    """A trained teacher's weights."""
    folder = tmp_path_factory.mktemp("teacher")
    save_weights(teacher(), Sources(audio=(corpus,), folder=folder / "made"), folder / "weights.safetensors")
    return folder / "weights.safetensors"
