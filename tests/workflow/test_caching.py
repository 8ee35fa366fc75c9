"""Cache between workflows, which two checkouts share."""

from pathlib import Path

import pytest
from tiny import checkout, run, smaller

TARGET = ["tiny_marked"]


def jobs_run(folder: Path) -> set[str]:
    """Stages of which a job ran in this checkout: it wrote its specification, which is not an output and not cached."""
    return {path.parents[1].name for path in (folder / "results").rglob("spec.json")}


def stored(cache: dict[str, str]) -> dict[str, int]:
    """Names and modification times of the cached files."""
    return {path.name: path.stat().st_mtime_ns for path in Path(cache["SNAKEMAKE_OUTPUT_CACHE"]).iterdir()}


def content(folder: Path) -> dict[str, bytes]:
    """Content of every result by its path, without specifications, logs and time stamps."""
    results = folder / "results"
    paths = (path for path in results.rglob("*") if path.is_file() and "logs" not in path.relative_to(results).parts)
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in paths
        if path.name not in ("spec.json", "recordings.parquet", ".snakemake_timestamp")
        # Time and command of a table.
        and not path.name.endswith(".provenance.json")
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> dict[str, str]:
    return {"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path_factory.mktemp("caching") / "cache")}


@pytest.fixture(scope="module")
def first(tmp_path_factory, cache) -> Path:
    folder = smaller(checkout(tmp_path_factory.mktemp("caching") / "first"), seeds=[0])
    run(folder, "--cache", targets=TARGET, environment=cache)
    return folder


def test_a_second_checkout_recomputes_only_the_table(first, cache, tmp_path):
    assert {"victims", "features", "watermarks", "quality"} <= jobs_run(first)
    before = stored(cache)
    second = smaller(checkout(tmp_path / "second"), seeds=[0])
    run(second, "--cache", targets=TARGET, environment=cache)
    # The list of recordings is not cached, as it names files of the checkout.
    assert jobs_run(second) == {"corpora"}
    assert stored(cache) == before
    assert content(second) == content(first)


def test_changed_code_reuses_no_stale_result(first, cache, tmp_path):
    second = smaller(checkout(tmp_path / "second"), seeds=[0])
    path = second / "sanguinaria" / "nn" / "supervised_training.py"
    path.write_text(path.read_text().replace("seed * 100003", "seed * 100019"))
    run(second, "--cache", targets=TARGET, environment=cache)
    assert jobs_run(second) == {"corpora", "victims", "scores"}
