"""Targets are found wherever Snakemake's users write them, after ``--configfile`` too."""

import argparse
import os
import sys
from pathlib import Path

import pytest
import snakemake.cli

from sanguinaria import command
from sanguinaria.command import arranged, cached


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    return snakemake.cli.get_argument_parser()


# A command line, how Snakemake is to get it, and the configuration files and targets that it then sees.
CASES = [
    (
        "--cores 2 --configfile config/real.yaml bloodroot_table1",
        "--cores 2 --configfile config/real.yaml -- bloodroot_table1",
        ["config/real.yaml"],
        ["bloodroot_table1"],
    ),
    ("--configfile a.yaml b.yml c.json one two", "--configfile a.yaml b.yml c.json -- one two", 3, ["one", "two"]),
    ("--configfiles a.yaml one --cores 2", "--configfiles a.yaml --cores 2 -- one", ["a.yaml"], ["one"]),
    ("--configfile a.yaml one -n", "--configfile a.yaml -n -- one", ["a.yaml"], ["one"]),
    ("--configfile a.yaml -n target", "--configfile a.yaml -n target", ["a.yaml"], ["target"]),
    ("--configfile=a.yaml target", "--configfile=a.yaml target", ["a.yaml"], ["target"]),
    ("--configfile a.yaml -- b.yaml", "--configfile a.yaml -- b.yaml", ["a.yaml"], ["b.yaml"]),
    ("--configfile a.yaml one -- two", "--configfile a.yaml -- one two", ["a.yaml"], ["one", "two"]),
    ("--configfile settings target", "--configfile settings -- target", ["settings"], ["target"]),
    ("--configfile settings", "--configfile settings", ["settings"], []),
    ("--configfile a.yaml --configfile b target", "--configfile a.yaml --configfile b -- target", ["b"], ["target"]),
    ("--configfile a.yaml --until rule one", "--configfile a.yaml --until rule one", ["a.yaml"], []),
    ("--config x=1 --configfile a.yaml one", "--config x=1 --configfile a.yaml -- one", ["a.yaml"], ["one"]),
    ("one two -n", "one two -n", [], ["one", "two"]),
    ("--cores 2 -- one", "--cores 2 -- one", [], ["one"]),
    ("--cores 2 --", "--cores 2", [], []),
    ("-n", "-n", [], []),
    ("", "", [], []),
]


@pytest.mark.parametrize(("line", "expected", "files", "targets"), CASES)
def test_snakemake_finds_files_and_targets(
    parser: argparse.ArgumentParser, line: str, expected: str, files: list[str] | int, targets: list[str]
):
    given = line.split()
    assert arranged(given) == expected.split()
    parsed = parser.parse_args(arranged(given))
    assert list(parsed.targets) == targets
    found = [str(path) for path in parsed.configfile]
    assert (len(found) if isinstance(files, int) else found) == files


def test_arranging_twice_changes_nothing_more():
    for line, *_ in CASES:
        assert arranged(arranged(line.split())) == arranged(line.split())


def test_the_arguments_are_left_as_they_were():
    given = ["--configfile", "a.yaml", "target"]
    arranged(tuple(given))
    assert given == ["--configfile", "a.yaml", "target"]


@pytest.mark.parametrize("line", ["", "-n", "one two", "one two -n", "--cores 2 --configfile a.yaml -- one", "-- one"])
def test_a_cache_that_the_environment_names_is_used(parser: argparse.ArgumentParser, tmp_path: Path, line: str):
    environment = {"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "made" / "here")}
    given = parser.parse_args(line.split())
    found = parser.parse_args(cached(line.split(), environment))
    assert given.cache is None and found.cache == []
    assert (found.targets, found.configfile, found.dryrun) == (given.targets, given.configfile, given.dryrun)
    assert (tmp_path / "made" / "here").is_dir()
    assert cached(line.split(), {}) == line.split()


def test_what_is_to_be_cached_may_be_said(tmp_path: Path):
    given = ["--cache", "victim", "--", "one"]
    assert cached(given, {"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path)}) == given


def test_a_cache_that_cannot_be_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="SNAKEMAKE_OUTPUT_CACHE: no folder can be made at .*name another"):
        cached(["-n"], {"SNAKEMAKE_OUTPUT_CACHE": str(tmp_path / "file" / "below")})


def test_the_command_is_snakemake_s_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SNAKEMAKE_OUTPUT_CACHE", raising=False)
    # Set first, so that what `main` makes of it is undone.
    monkeypatch.setenv(command.COMMAND_VARIABLE, "")
    monkeypatch.delenv(command.COMMAND_VARIABLE)
    calls: list[list[str]] = []
    monkeypatch.setattr(snakemake.cli, "main", calls.append)
    monkeypatch.setattr(sys, "argv", ["snakemake", "--configfile", "a.yaml", "target"])
    command.main()
    assert calls == [["--configfile", "a.yaml", "--", "target"]]
    assert os.environ[command.COMMAND_VARIABLE] == "snakemake --configfile a.yaml target"


def test_the_environment_s_command_is_this_one():
    script = Path(sys.executable).parent / "snakemake"
    assert "from sanguinaria.command import main" in script.read_text()


def test_a_wrong_number_of_jobs_on_a_gpu_is_told_at_once(monkeypatch):
    monkeypatch.setenv("SANGUINARIA_JOBS_PER_GPU", "0")
    with pytest.raises(SystemExit, match="SANGUINARIA_JOBS_PER_GPU is '0'"):
        command.main()
