"""What no configuration reaches is listed and removed, and nothing else."""

import shutil
from pathlib import Path

import pytest
import yaml
from tiny import ROOT

from sanguinaria.core.atomic_files import atomic
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan, plan
from sanguinaria.workflow import clean_up as leftovers

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
    return plan(load(settings))


def fill(results: Path, *plans: Plan) -> None:
    """A file for every result of the plans, its log, and the tables and figures."""
    for made in plans:
        for stage, known in made.stages.items():
            for key in known:
                write(results / stage / key / "data")
                write(results / "logs" / stage / f"{key}.log")
        for kind, names in (("tables", made.tables), ("figures", made.figures)):
            for name in names:
                for path in (f"specifications/{name}.json", f"{name}.csv", f"{name}.more.md"):
                    write(results / kind / path)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(1000))


def test_what_a_plan_reaches_is_never_listed(tmp_path):
    fill(tmp_path, planned(), planned(epochs=3))
    assert leftovers.leftovers([planned(), planned(epochs=3)], tmp_path) == []


def test_what_changed_settings_left_behind_is_listed(tmp_path):
    fill(tmp_path, planned(), planned(epochs=3))
    listed = leftovers.leftovers([planned()], tmp_path)
    # Models, what they say, and their logs; audio, features and manifests serve both.
    assert {path.relative_to(tmp_path).parts[:-1] for path in listed} == {
        ("victims",),
        ("scores",),
        ("logs", "victims"),
        ("logs", "scores"),
    }
    assert {path.name.removesuffix(".log") for path in listed} == {
        key
        for stage in ("victims", "scores")
        for key in set(planned(epochs=3).stages[stage]) - set(planned().stages[stage])
    }


def test_files_that_are_nobody_s_stay(tmp_path):
    for path in ("downloads/archive-0123456789ab.tar", "victims/notes.txt", "tables/by_hand.csv", "mine/README"):
        write(tmp_path / path)
    assert leftovers.leftovers([planned()], tmp_path) == []


def test_tables_and_figures_without_experiment_are_listed(tmp_path):
    fill(tmp_path, planned())
    for path in ("tables/specifications/old.json", "tables/old.csv", "tables/old.metrics.csv", "figures/older.svg"):
        write(tmp_path / path)
    listed = leftovers.leftovers([planned()], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in listed] == [
        "tables/old.csv",
        "tables/old.metrics.csv",
        "tables/specifications/old.json",
    ]


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """Where the command looks: a configuration, an overlay that reaches more, and results of both and of neither."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "workflow_scripts", "workflow_scripts")
    Path("config.yaml").write_text(CONFIGURATION)
    Path("config").mkdir()
    Path("config/more.yaml").write_text("victims: {lstm: {epochs: 3}}")
    for path in ("elsewhere.yaml", "unknown.yaml"):
        Path(path).write_text(f"victims: {{lstm: {{epochs: {len(path)}}}}}")
    fill(Path("results"), *leftovers.plans([Path("config/more.yaml"), Path("elsewhere.yaml"), Path("unknown.yaml")]))
    return tmp_path


def stored() -> set[str]:
    return {str(path) for path in Path("results").rglob("*") if path.is_file()}


def test_what_a_kill_or_damage_left_behind_is_listed(tmp_path):
    plan = planned()
    key = next(iter(plan.stages["features"]))
    folder = tmp_path / "features" / key
    with atomic(folder / "0.safetensors") as temporary:
        temporary.touch()
        kept = Path(shutil.copy(temporary, temporary.with_name(temporary.name.replace(".0.", ".1."))))
    (folder / "0.safetensors.damaged").touch()
    (folder / ".snakemake_timestamp").touch()
    assert leftovers.leftovers([plan], tmp_path) == sorted([kept, folder / "0.safetensors.damaged"])
    # In a folder that goes as a whole they are not listed again.
    assert leftovers.leftovers([], tmp_path) == [folder]


def test_the_command_lists_and_then_removes(checkout, capsys):
    before = stored()
    leftovers.main(["elsewhere.yaml"])
    printed = capsys.readouterr().out
    assert stored() == before
    assert "Reached by config.yaml, config/more.yaml, elsewhere.yaml" in printed
    leftovers.main(["--delete", "elsewhere.yaml"])
    gone = before - stored()
    # One victim of each poisoned corpus, clean and with the tone, and its scores: each a folder's file and a log.
    assert len(gone) == 2 * (2 + 2)
    assert capsys.readouterr().out.splitlines()[1:-1] == printed.splitlines()[1:-1]
    leftovers.main(["elsewhere.yaml"])
    assert capsys.readouterr().out.splitlines()[-1] == "       0.0 MiB  would be removed by --delete"


def test_what_a_link_points_at_stays(checkout):
    stale = Path("results/victims/lstm-0123456789ab")
    write(Path("cache/model"))
    stale.mkdir(parents=True)
    (stale / "model").symlink_to(Path("cache/model").resolve())
    leftovers.main(["--delete", "elsewhere.yaml", "unknown.yaml"])
    assert not stale.exists() and Path("cache/model").is_file()


@pytest.mark.parametrize(
    "content", ["victims: {lstm: {epochs: -1}}", "victims: [", "experiments: {mine: {corpus: none}}"]
)
def test_where_a_configuration_is_wrong_nothing_is_removed(checkout, content):
    before = stored()
    Path("config/more.yaml").write_text(content)
    with pytest.raises(SystemExit, match=r"config/more.yaml[\s\S]*nothing was removed"):
        leftovers.main(["--delete"])
    assert stored() == before
