"""Run environment and provenance of results."""

import json
import os
import subprocess
from importlib.metadata import version

import pytest
import torch

from sanguinaria.core import run_environment
from sanguinaria.workflow import provenance
from sanguinaria.workflow.provenance import COMMAND_VARIABLE


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "a.py").write_text("1\n")
    settings = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], [*settings, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def test_the_run_environment_of_a_training(tmp_path):
    run_environment.write_environment(tmp_path / "s.json", torch.device("cpu"))
    environment = json.loads((tmp_path / "s.json").read_text())
    assert environment["device"] == "cpu"
    assert environment["machine"]["cores"] == os.cpu_count() and environment["machine"]["processor"]
    software = environment["software"]
    assert software["torch"] == version("torch") and software["snakemake"] == version("snakemake")


def test_equal_environments_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv(COMMAND_VARIABLE, "snakemake --cores 2 mine")
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    for path, device in zip(paths, ("cpu", "H200", "cpu"), strict=True):
        path.write_text(json.dumps({"device": device}))
    provenance.write_provenance({"rows": [1]}, paths, tmp_path / "t.json")
    written = json.loads((tmp_path / "t.json").read_text())
    assert written["trained_with"] == [{"models": 1, "device": "H200"}, {"models": 2, "device": "cpu"}]
    assert written["command"] == "snakemake --cores 2 mine"
    assert written["specification"] == {"rows": [1]}


def test_the_commit_and_what_differs_from_it(repository):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True).stdout.strip()
    (repository / "notes.txt").touch()
    unchanged = {"commit": head, "changed": False, "changed_files": [], "untracked_files": []}
    assert provenance._commit(repository) == unchanged
    (repository / "a.py").write_text("2\n")
    assert provenance._commit(repository) == {**unchanged, "changed": True, "changed_files": ["a.py"]}


def test_untracked_code_is_a_change(repository):
    (repository / ".gitignore").write_text("/rules/\n__pycache__/\n")
    own = ["rules/more.smk", "sanguinaria/triggers/größer/__init__.py", "workflow_scripts/mine.py"]
    for name in (*own, "sanguinaria/triggers/__pycache__/click.pyc", "results/tables/t.csv"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).touch()
    code = provenance._commit(repository)
    assert code["changed"] and code["untracked_files"] == own and code["changed_files"] == []


def test_without_a_repository_there_is_no_commit(tmp_path):
    assert provenance._commit(tmp_path) is None
