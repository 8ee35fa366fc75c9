"""Snakemake's own command line: documented commands, checks before the first job, provenance, folder of the cache."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import snakemake.cli

from sanguinaria.core.errors import InputError
from sanguinaria.plan.evaluation import table_files
from sanguinaria.plan.rules import rule_names
from sanguinaria.workflow.parse import check_targets
from sanguinaria.workflow.preparation import CACHE_VARIABLE, create_cache_folder, prepare_run
from sanguinaria.workflow.provenance import COMMAND_VARIABLE

ROOT = Path(__file__).parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"^ *\$ (\S*snakemake .*)$", re.MULTILINE)
QUOTED = re.compile(r"`([^`|]*\bsnakemake [^`|]+)`")
# A path of the reader's own, and an ellipsis or a placeholder in place of targets and options.
READERS_FILES = ("my.yaml", "mine.yaml", "suspect.yaml")
INCOMPLETE = re.compile(r"…|TARGET|snakemake==")


def documented_commands() -> list[str]:
    """Return the complete Snakemake commands of README and documentation, without the path of the program."""
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS if path.exists()]
    matches = [match for text in texts for match in (*TYPED.findall(text), *QUOTED.findall(BLOCK.sub("", text)))]
    commands = [" ".join(match.split()) for match in matches if not INCOMPLETE.search(match)]
    return sorted({command[command.index("snakemake ") :].partition(" #")[0] for command in commands})


def run(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SNAKEMAKE, *arguments], cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables that :func:`prepare_run` sets are removed after each test."""
    monkeypatch.setenv(COMMAND_VARIABLE, "")
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)


def test_no_distribution_replaces_the_command() -> None:
    assert not [point.name for point in distribution("sanguinaria").entry_points]
    assert "from snakemake.cli import main" in SNAKEMAKE.read_text()


@pytest.mark.parametrize("command", documented_commands())
def test_documented_commands_name_configuration_files_and_targets(command: str) -> None:
    parser: argparse.ArgumentParser = snakemake.cli.get_argument_parser()
    arguments = parser.parse_args(shlex.split(command)[1:])
    for path in arguments.configfile:
        assert (ROOT / path).is_file() or str(path) in READERS_FILES
    assert all(re.fullmatch(r"\w+", target) for target in arguments.targets)
    assert not arguments.cache
    if arguments.configfile and not (arguments.dryrun or arguments.unlock):
        assert arguments.targets


def test_there_are_documented_commands() -> None:
    assert "snakemake bloodroot_table1 --cores 2 --configfile config/real.yaml" in documented_commands()
    assert len(documented_commands()) >= 8


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "-n", "--quiet", "host", "--configfile", "config/real.yaml"],
        ["-n", "--quiet", "host", "--configfile", "config/real.yaml", "--", "demo"],
    ],
)
def test_targets_before_the_options_or_after_two_dashes(arguments: list[str]) -> None:
    finished = run("--forceall", *arguments)  # in a checkout that has the demonstration, too
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "results/tables/demo.csv" in finished.stdout


def test_a_target_after_configfile_is_taken_for_a_file() -> None:
    """Snakemake reads configuration files before the Snakefile; docs/troubleshooting.md explains its message."""
    finished = run("-n", "--configfile", "config/real.yaml", "bloodroot_table1")
    message = "FileNotFoundError: [Errno 2] No such file or directory: 'bloodroot_table1'"
    assert finished.returncode == 1
    assert message in finished.stdout + finished.stderr
    assert message in (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def test_a_wrong_number_of_jobs_per_gpu_stops_the_run_at_its_start() -> None:
    finished = run("-n", "demo", SANGUINARIA_JOBS_PER_GPU="0")
    assert finished.returncode == 1
    assert "SANGUINARIA_JOBS_PER_GPU is '0'" in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr


def test_the_main_process_records_its_own_command() -> None:
    os.environ[COMMAND_VARIABLE] = "snakemake of another run"
    prepare_run(["a table", "--configfile", "a.yaml"], cache=False)
    assert os.environ[COMMAND_VARIABLE] == "snakemake 'a table' --configfile a.yaml"


@pytest.mark.parametrize("cache", [True, False])
def test_the_cache_s_folder_is_created_where_the_cache_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: bool
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "outer" / "inner"))
    prepare_run([], cache=cache)
    assert (tmp_path / "outer" / "inner").is_dir() == cache
    if cache:  # whose files Snakemake lets everyone write
        assert (tmp_path / "outer" / "inner").stat().st_mode & 0o007 == 0


def test_a_cache_elsewhere_is_left_to_snakemake_and_one_without_a_name_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    create_cache_folder("s3://bucket/cache")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="SNAKEMAKE_OUTPUT_CACHE names no folder, and --cache shares results in it"):
        prepare_run([], cache=True)
    prepare_run([], cache=False)


def test_a_cache_s_folder_that_cannot_be_created_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="SNAKEMAKE_OUTPUT_CACHE: cannot create the folder .*name another"):
        create_cache_folder(str(tmp_path / "file" / "below"))


def test_a_cache_s_folder_that_cannot_be_created_stops_the_run_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finished = run("demo", "-n", "--cache", SNAKEMAKE_OUTPUT_CACHE=str(tmp_path / "file" / "below"))
    assert finished.returncode == 1
    assert "SNAKEMAKE_OUTPUT_CACHE: cannot create the folder" in finished.stdout + finished.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("demmo", "unknown target 'demmo'; did you mean 'demo'?"),
        ("mein", "unknown target 'mein'; there are: demo, watermark_benchmark"),
        ("results/tables/demo.cvs", "'results/tables/demo.cvs'; did you mean 'results/tables/demo.csv'?"),
    ],
)
def test_a_mistyped_target_has_a_suggestion(name: str, message: str) -> None:
    targets = {each: table_files(each, "experiments", compared=False) for each in ("demo", "watermark_benchmark")}
    with pytest.raises(InputError, match=re.escape(message)):
        check_targets(["--cores=2", "-n", name, "--configfile", "a.yaml"], targets, rule_names())


def test_targets_rules_and_other_files_are_not_mistyped() -> None:
    targets = {"demo": table_files("demo", "experiments", compared=False)}
    known = [
        "demo",
        "demo_data",
        "all",
        "table",
        "results/tables/demo.metrics.csv",
        "results/victims/a/model.safetensors",
    ]
    check_targets([*known, "--resources", "gpu=1", "--cores", "2"], targets, ("all", *rule_names()))


def test_a_folder_of_downloads_that_is_not_there_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANGUINARIA_DOWNLOADS", str(tmp_path / "none"))
    with pytest.raises(InputError, match="SANGUINARIA_DOWNLOADS is set to '.*none', which is not a folder"):
        prepare_run([], cache=False)
    (tmp_path / "none").mkdir()
    prepare_run([], cache=False)


def test_a_target_of_an_overlay_that_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = os.path.relpath(ROOT / "config", tmp_path)
    targets = {"demo": table_files("demo", "experiments", compared=False)}
    (tmp_path / "mine.yaml").write_text("figures: {curves: {}}\nexperiments:\n")
    (tmp_path / "broken.yaml").write_text("figures: [1\n")
    both = f"is no target of this configuration: add --configfile {config}/paper.yaml or {config}/real.yaml"
    for name, message in (
        ("bloodroot_table1", f"'bloodroot_table1' {both}"),
        ("bloodroot_table1_data", f"'bloodroot_table1_data' {both}"),
        ("curves", "'curves' is no target of this configuration: add --configfile mine.yaml"),
        ("curvse", "unknown target 'curvse'; there are: demo"),
    ):
        with pytest.raises(InputError, match=re.escape(f"Nothing was run: {message}")):
            check_targets([name, "-n"], targets, rule_names())


def test_snakemake_reports_a_mistyped_target() -> None:
    finished = run("demmo", "-n")
    assert finished.returncode == 1
    assert "Nothing was run: unknown target 'demmo'; did you mean 'demo'?" in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr


def test_a_dry_run_from_another_folder_has_the_configuration_and_leaves_the_results_alone(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    finished = run("demo", "-n", "--quiet", "host", "--snakefile", str(ROOT / "Snakefile"), cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "results/tables/demo.csv" in finished.stdout
    assert not list((tmp_path / "results").iterdir())
