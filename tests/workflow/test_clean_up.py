"""Clean-up of results: unreachable results are listed and removed, and nothing else."""

import shutil
from pathlib import Path

import pytest
import yaml
from tiny import ROOT

from sanguinaria.core.atomic_files import atomic
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow import clean_up

CONFIGURATION = """
corpora: {spoken: {kind: synthetic}}
triggers: {clean: {kind: none}, tone: {kind: ultrasonic}}
victims: {lstm: {kind: lstm}}
defences: {none: {kind: none}}
metrics: {snr: {kind: snr}}
experiments:
  mine: {corpus: spoken, target: left, triggers: [clean, tone], victims: [lstm], metrics: [snr]}
figures:
  curve: {experiment: mine, panels: [{x: rate, y: attack_success_rate}]}
"""


def planned(**changes: object) -> Plan:
    settings = yaml.safe_load(CONFIGURATION)
    settings["victims"]["lstm"].update(changes)
    return Plan(load(settings))


def fill(results: Path, *plans: Plan) -> None:
    """Write a file for every result of the plans, its log, and the tables and figures."""
    for reached in plans:
        for stage, specifications in reached.stages.items():
            for key in specifications:
                write(results / stage / key / "data")
                write(results / "logs" / stage / f"{key}.log")
                write(results / "logs" / stage / f"{key}.training.csv")
        for kind, names in (("tables", reached.tables), ("figures", reached.figures)):
            for name in names:
                for path in (f"specifications/{name}.json", f"{name}.csv", f"{name}.more.md"):
                    write(results / kind / path)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(1000))


def test_reached_results_are_not_listed(tmp_path):
    fill(tmp_path, planned(), planned(epochs=3))
    assert clean_up.unreachable([planned(), planned(epochs=3)], tmp_path) == []


def test_results_of_former_settings_are_listed(tmp_path):
    fill(tmp_path, planned(), planned(epochs=3))
    listed = clean_up.unreachable([planned()], tmp_path)
    # Models, their scores and the logs; audio, features and manifests are shared.
    assert {path.relative_to(tmp_path).parts[:-1] for path in listed} == {
        ("victims",),
        ("scores",),
        ("logs", "victims"),
        ("logs", "scores"),
    }
    assert {path.name.removesuffix(".log").removesuffix(".training.csv") for path in listed} == {
        key
        for stage in ("victims", "scores")
        for key in set(planned(epochs=3).stages[stage]) - set(planned().stages[stage])
    }


def test_files_of_other_names_are_kept(tmp_path):
    for path in ("downloads/archive-0123456789ab.tar", "victims/notes.txt", "tables/by_hand.csv", "mine/README"):
        write(tmp_path / path)
    assert clean_up.unreachable([planned()], tmp_path) == []


def test_tables_and_figures_of_removed_experiments_are_listed(tmp_path):
    fill(tmp_path, planned())
    for path in ("tables/specifications/old.json", "tables/old.csv", "tables/old.metrics.csv", "figures/older.svg"):
        write(tmp_path / path)
    listed = clean_up.unreachable([planned()], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in listed] == [
        "tables/old.csv",
        "tables/old.metrics.csv",
        "tables/specifications/old.json",
    ]


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A configuration, an overlay that reaches more results, and results of both, of other overlays and of none."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "workflow_scripts", "workflow_scripts")
    Path("config.yaml").write_text(CONFIGURATION)
    Path("config").mkdir()
    Path("config/more.yaml").write_text("victims: {lstm: {epochs: 3}}")
    for path in ("elsewhere.yaml", "unknown.yaml"):
        Path(path).write_text(f"victims: {{lstm: {{epochs: {len(path)}}}}}")
    fill(Path("results"), *clean_up.plans([Path("config/more.yaml"), Path("elsewhere.yaml"), Path("unknown.yaml")]))
    return tmp_path


def stored() -> set[str]:
    return {str(path) for path in Path("results").rglob("*") if path.is_file()}


def test_temporary_and_damaged_files_are_listed(tmp_path):
    plan = planned()
    key = next(iter(plan.stages["features"]))
    folder = tmp_path / "features" / key
    with atomic(folder / "0.safetensors") as temporary:
        temporary.touch()
        unfinished = Path(shutil.copy(temporary, temporary.with_name(temporary.name.replace(".0.", ".1."))))
    (folder / "0.safetensors.damaged").touch()
    (folder / ".snakemake_timestamp").touch()
    assert clean_up.unreachable([plan], tmp_path) == sorted([unfinished, folder / "0.safetensors.damaged"])
    # They are not listed apart from a listed folder.
    assert clean_up.unreachable([], tmp_path) == [folder]


def test_the_command_lists_and_with_delete_removes(checkout, capsys):
    before = stored()
    clean_up.main(["elsewhere.yaml"])
    printed = capsys.readouterr().out
    assert stored() == before
    assert "Reached by config.yaml, config/more.yaml, elsewhere.yaml" in printed
    clean_up.main(["--delete", "elsewhere.yaml"])
    removed = before - stored()
    # One victim of each poisoned corpus, clean and with the tone, and its scores: each a file, a log, and losses.
    assert len(removed) == 2 * (2 + 2 + 2)
    assert capsys.readouterr().out.splitlines()[1:-1] == printed.splitlines()[1:-1]
    clean_up.main(["elsewhere.yaml"])
    assert capsys.readouterr().out.splitlines()[-1] == "       0.0 MiB  would be removed by --delete"


def test_targets_of_links_are_kept(checkout):
    stale = Path("results/victims/lstm-0123456789ab")
    write(Path("cache/model"))
    stale.mkdir(parents=True)
    (stale / "model").symlink_to(Path("cache/model").resolve())
    clean_up.main(["--delete", "elsewhere.yaml", "unknown.yaml"])
    assert not stale.exists() and Path("cache/model").is_file()


@pytest.mark.parametrize(
    "content", ["victims: {lstm: {epochs: -1}}", "victims: [", "experiments: {mine: {corpus: none}}"]
)
def test_an_invalid_configuration_removes_nothing(checkout, content):
    before = stored()
    Path("config/more.yaml").write_text(content)
    with pytest.raises(SystemExit, match=r"config/more.yaml[\s\S]*nothing was removed"):
        clean_up.main(["--delete"])
    assert stored() == before
