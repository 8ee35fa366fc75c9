"""A stage's code is the statements that its job can reach: not their comments, their layout, or anybody else's."""

import ast
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from sanguinaria.core.plugins import Plugin, kind_of, kinds
from sanguinaria.plan import code_hash as hashing
from sanguinaria.plan.code_hash import SourceCode, label, module_path
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.sections import ROOMS
from sanguinaria.plan.source_summary import _written, summarise
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.workflow.parse import code_hash

ROOT = Path(__file__).parents[2]

CONFIGURATION = """
corpora: {spoken: {kind: synthetic}}
watermarks: {perth: {kind: perth}}
triggers:
  clean: {kind: none}
  tone: {kind: ultrasonic}
  mark: {kind: watermark, watermark: perth}
  notched: {kind: notch}
victims: {lstm: {kind: lstm}, resnet: {kind: resnet18}}
defences: {none: {kind: none}, lowpass: {kind: lowpass}, pruned: {kind: pruning, share: 0.5}}
metrics: {snr: {kind: snr}, stoi: {kind: stoi}}
experiments:
  demo:
    corpus: spoken
    target: left
    triggers: [clean, tone, mark, notched]
    victims: [lstm, resnet]
    defences: [none, lowpass, pruned]
    metrics: [snr, stoi]
"""


class Project:
    """A copy of the package and of the workflow's scripts whose code is hashed in place of the real one."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "sanguinaria"
        self.scripts = folder / "workflow_scripts"

    @property
    def files(self) -> list[Path]:
        return sorted([*self.package.rglob("*.py"), *self.scripts.glob("*.py")])

    def plan(self) -> Plan:
        made = Plan(load(yaml.safe_load(CONFIGURATION)), code_hash(self.scripts))
        assert made.stages  # expanded while the code is as it is
        return made

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        file = self.package / path
        before = file.read_text(encoding="utf-8")
        after = change(before)
        assert after != before
        file.write_text(after, encoding="utf-8")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One copy for all tests, so that files which change meanwhile disturb none."""
    copy = Project(tmp_path_factory.mktemp("original"))
    for folder in (copy.package, copy.scripts):
        shutil.copytree(ROOT / folder.name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def before(original: Project) -> Plan:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "PACKAGE", original.package)
        return original.plan()


@pytest.fixture
def project(original: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy to be edited; as it is, it has the plan ``before``."""
    shutil.copytree(original.package.parent, tmp_path / "copy")
    copy = Project(tmp_path / "copy")
    monkeypatch.setattr(hashing, "PACKAGE", copy.package)
    return copy


def write(folder: Path, **sources: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)


def closure(path: Path) -> set[str]:
    """Everything that a file reaches, by the names that are hashed."""
    return {label(file) for file in SourceCode().closure([path])}


def ancestry(stage: Stage) -> Iterable[Stage]:
    yield stage
    for upstream in stage.upstream:
        yield from ancestry(upstream)


def uses(stage: Stage, kind: str) -> bool:
    """Whether a plug-in of the kind is called for a stage, or for one that it is made from."""
    values = (value for part in ancestry(stage) for value in part._values())
    return any(isinstance(value, Plugin) and kind_of(value) == kind for value in values)


def changed(before: Plan, after: Plan) -> set[str]:
    """The results of a plan that another one does not have."""
    return {key for stage, stages in before.stages.items() for key in stages if key not in after.stages[stage]}


def test_a_copy_elsewhere_has_the_same_identities(before: Plan, project: Project):
    assert not changed(before, project.plan())
    assert all(stage.code for stages in before.stages.values() for stage in stages.values())


def test_a_project_behind_a_link_has_the_same_identities(before: Plan, project: Project, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(project.package.parent)
    project.scripts = link / "workflow_scripts"
    assert not changed(before, project.plan())


def test_layout_comments_and_quotes_change_nothing(before: Plan, project: Project):
    for path in project.files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        path.write_text("# Rewritten by a machine.\n" + ast.unparse(tree) + "\n\n\n", encoding="utf-8")
    assert not changed(before, project.plan())


def test_docstrings_change_nothing(before: Plan, project: Project):
    for path in project.files:
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r'^( *)"""(?=\S)', r'\1"""Otherwise. ', text, flags=re.M), encoding="utf-8")
    assert "Otherwise." in (project.package / "triggers" / "ultrasonic.py").read_text(encoding="utf-8")
    assert not changed(before, project.plan())


def test_the_start_of_a_job_changes_nothing(before: Plan, project: Project):
    for module in ("warm_process", "warm_server"):
        project.edit(f"workflow/{module}.py", lambda text: text + "\nEDITED = True\n")
    assert not changed(before, project.plan())
    project.edit("workflow/job.py", lambda text: text + "\nEDITED = True\n")
    assert changed(before, project.plan()) == {key for stages in before.stages.values() for key in stages}


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("triggers/ultrasonic.py", "ultrasonic"),
        ("triggers/watermark.py", "watermark"),
        ("watermarks/perth.py", "perth"),
        ("victims/lstm.py", "lstm"),
        ("victims/resnet18.py", "resnet18"),
        ("triggers/notch.py", "notch"),
        ("defences/lowpass.py", "lowpass"),
        ("defences/pruning/__init__.py", "pruning"),
        ("defences/pruning/channels.py", "pruning"),
        ("metrics/stoi.py", "stoi"),
        ("corpora/synthetic.py", "synthetic"),
    ],
)
def test_a_plug_in_s_file_changes_its_branch_and_nothing_else(before: Plan, project: Project, file: str, kind: str):
    project.edit(file, lambda text: text + "\nEDITED = True\n")
    after = project.plan()
    stages = [stage for stages in before.stages.values() for stage in stages.values()]
    branch = {stage.key for stage in stages if uses(stage, kind)}
    assert branch
    assert changed(before, after) == branch
    assert before.tables["demo"].code == after.tables["demo"].code


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("distortions/noise.py", ["hiss"]),
        ("distortions/codec.py", ["coded"]),
        ("audio/codecs.py", ["coded"]),
        ("defences/distortion.py", ["hiss", "coded"]),
        ("distortions/__init__.py", ["hiss", "coded"]),
        ("distortions/echo.py", []),
    ],
)
def test_a_distortion_s_file_changes_what_is_defended_by_it(project: Project, file: str, kinds: list[str]):
    config = yaml.safe_load(CONFIGURATION)
    config["distortions"] = {
        "hiss": {"kind": "noise", "snr": 20},
        "coded": {"kind": "codec", "format": "aac", "bit_rate": 32},
    }
    config["defences"] |= {name: {"kind": "distortion", "distortion": name} for name in config["distortions"]}
    config["experiments"]["demo"]["defences"] += list(config["distortions"])

    def made() -> Plan:
        plan = Plan(load(config), code_hash(project.scripts))
        assert plan.stages
        return plan

    before = made()
    project.edit(file, lambda text: text + "\nEDITED = True\n")
    gone = changed(before, made())
    marks = {"hiss": '"kind": "noise"', "coded": '"kind": "codec"'}
    branch = {
        stage.key
        for stages in before.stages.values()
        for stage in stages.values()
        if any(marks[kind] in part.specification for kind in kinds for part in ancestry(stage))
    }
    assert gone == branch and bool(branch) == bool(kinds)


def test_a_constant_counts_and_going_back_finds_the_older_results(before: Plan, project: Project):
    project.edit("triggers/ultrasonic.py", lambda text: text.replace("FADE = 0.002", "FADE = 0.003"))
    assert changed(before, project.plan())
    project.edit("triggers/ultrasonic.py", lambda text: text.replace("FADE = 0.003", "FADE = 2e-3  # As it was."))
    assert not changed(before, project.plan())


def test_plug_ins_that_are_not_used_and_what_no_job_calls_change_nothing(before: Plan, project: Project):
    for plugin in ("triggers/none", "corpora/folder/tables", "watermarks/audioseal", "metrics/pesq"):
        project.edit(f"{plugin}.py", lambda text: text + "\nEDITED = True\n")
    for module in ("plan/configuration", "plan/plan", "plan/code_hash", "workflow/parse", "workflow/generated_files"):
        project.edit(f"{module}.py", lambda text: text + "\nEDITED = True\n")
    after = project.plan()
    assert not changed(before, after)
    assert before.tables["demo"].code == after.tables["demo"].code


def test_a_function_that_a_plug_in_imports_late_is_part_of_it(before: Plan, project: Project):
    project.edit("victims/_layers.py", lambda text: text + "\nEDITED = True\n")
    gone = changed(before, project.plan())
    assert set(before.stages["victims"]) <= gone
    assert not set(before.stages["triggered"]) & gone


def test_the_scripts_of_a_stage_count(before: Plan, project: Project):
    script = project.scripts / "triggered_block.py"
    script.write_text(script.read_text() + "\nEDITED = True\n")
    gone = changed(before, project.plan())
    assert set(before.stages["triggered"]) <= gone
    assert not gone & set(before.stages["corpora"])
    script.unlink()
    with pytest.raises(FileNotFoundError, match=r"no workflow script triggered_block\.py"):
        project.plan()


def test_every_kind_of_import_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "pack"
    names = ("plain", "attribute", "module", "late", "typed", "neighbour", "beside", "above", "unused")
    write(package, __init__="", **dict.fromkeys(names, ""))
    write(package / "room", __init__="from pack import attribute", sibling="", deep="")
    (package / "room" / "plugin.py").write_text(
        "import json, os.path\n"
        "import pack.plain\n"
        "from pack.module import something\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from pack.typed import Kind\n"
        "def call():\n    from pack import late\n"
        "from . import sibling\n"
        "from .deep import thing\n"
        "from .. import neighbour\n"
        "from ..beside import other, more\n"
        "from ..above import *\n"
    )
    script = tmp_path / "scripts" / "do.py"
    write(script.parent, do="from pack.room.plugin import call")
    monkeypatch.setattr(hashing, "PACKAGE", package)
    assert closure(script) == {
        "scripts/do.py",
        "pack/__init__.py",
        *(f"pack/room/{name}.py" for name in ("__init__", "plugin", "sibling", "deep")),
        *(f"pack/{name}.py" for name in names if name != "unused"),
    }


def test_circular_imports_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "pack", __init__="", one="import pack.two", two="import pack.one")
    monkeypatch.setattr(hashing, "PACKAGE", tmp_path / "pack")
    paths = [tmp_path / "pack" / f"{name}.py" for name in ("one", "two")]
    source = SourceCode()
    assert source.fingerprint(paths[0]) == source.fingerprint(paths[1]) == source.fingerprint(*paths)
    assert re.fullmatch("[0-9a-f]{16}", source.fingerprint(*paths))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('def f(x):\n    """Adds."""\n    return x + 1\n', True),
        ("def f( x ) :\n  return (x+1)   # one more\n", True),
        ('def f(x):\n    """Adds."""\n    pass\n    return x + 1\n', True),
        ("def f(x):\n    return x + 2\n", False),
        ('def f(x):\n    y = """Adds."""\n    return x + 1\n', False),
        ("def f(y):\n    return y + 1\n", False),
    ],
)
def test_what_makes_two_files_the_same(tmp_path: Path, other: str, same: bool):
    write(tmp_path / "a", code="def f(x):\n    return x + 1\n")
    write(tmp_path / "b", code=other)
    first, second = (SourceCode().fingerprint(tmp_path / folder / "code.py") for folder in "ab")
    assert (first == second) == same


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("class A(Exception):\n    pass\n", 'class A(Exception):\n    """Wrong."""\n'),
        ("class A:\n    x = 1\n", 'class A:\n    x = 1\n    """How many."""\n'),
        ("def f(): ...\n", 'def f():\n    """Nothing."""\n'),
    ],
)
def test_a_docstring_may_come_and_go(tmp_path: Path, one: str, two: str):
    write(tmp_path / "a", code=one)
    write(tmp_path / "b", code=two)
    first, second = (SourceCode().fingerprint(tmp_path / folder / "code.py") for folder in "ab")
    assert first == second


def test_files_outside_the_project_go_by_their_names(tmp_path: Path):
    write(tmp_path, one="x = 1", two="x = 1")
    assert label(tmp_path / "one.py") == "one.py"
    assert label(ROOT / "sanguinaria" / "triggers" / "none.py") == "sanguinaria/triggers/none.py"
    one, two = (SourceCode().fingerprint(tmp_path / f"{name}.py") for name in ("one", "two"))
    assert one != two


def test_modules_are_found_in_the_package_alone():
    package = ROOT / "sanguinaria"
    assert module_path("sanguinaria") == package / "__init__.py"
    assert module_path("sanguinaria.triggers") == package / "triggers" / "__init__.py"
    assert module_path("sanguinaria.triggers.none") == package / "triggers" / "none.py"
    assert module_path("sanguinaria.triggers.none.NoTrigger") is None
    assert module_path("os.path") is None


def test_no_script_names_a_plug_in():
    plugins = {f"sanguinaria/{room}/{kind}.py" for room in ROOMS for kind in kinds(room)}
    for script in (ROOT / "workflow_scripts").glob("*.py"):
        assert not closure(script) & plugins


def test_a_tree_is_written_the_same_by_every_python():
    # `ast.dump` adds `type_params=[]` from 3.12 on, and leaves out all that is empty from 3.13 on.
    tree = ast.parse("def f(x):\n    return [x, None, 0]\n")
    assert _written(tree) == (
        "Module(body=[FunctionDef(name='f', args=arguments(args=[arg(arg='x')]), body=[Return(value=List(elts="
        "[Name(id='x', ctx=Load()), Constant(), Constant(value=0)], ctx=Load()))])])"
    )


class TestSummariesThatAreKept:
    """Summaries are kept by content, and damage to the file that keeps them changes no hash."""

    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        write(tmp_path / "pack", __init__="", one="import pack.two", two="x = 1")
        monkeypatch.setattr(hashing, "PACKAGE", tmp_path / "pack")
        return tmp_path / "pack"

    @pytest.fixture
    def parsed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The names of the files that were parsed."""
        names: list[str] = []

        def recording(source: bytes, package: tuple[str, ...], name: str) -> object:
            names.append(Path(name).name)
            return summarise(source, package, name)

        monkeypatch.setattr(hashing, "summarise", recording)
        return names

    def test_nothing_is_parsed_twice(self, package: Path, tmp_path: Path, parsed: list[str]):
        first = SourceCode(store=tmp_path / "kept.json").fingerprint(package / "one.py")
        assert sorted(parsed) == ["__init__.py", "one.py", "two.py"]
        parsed.clear()
        assert SourceCode(store=tmp_path / "kept.json").fingerprint(package / "one.py") == first
        assert parsed == []
        (package / "two.py").write_text("x = 2")
        assert SourceCode(store=tmp_path / "kept.json").fingerprint(package / "one.py") != first
        assert parsed == ["two.py"]

    @pytest.mark.parametrize("content", ["", "[]", '{"algorithm": 1}', '{"sources": {}}', "\ud800", '{"a'])
    def test_a_damaged_file_is_made_again(self, package: Path, tmp_path: Path, content: str):
        kept = tmp_path / "kept.json"
        first = SourceCode(store=kept).fingerprint(package / "one.py")
        whole = kept.read_text()
        kept.write_bytes(content.encode("utf-8", "surrogatepass"))
        assert SourceCode(store=kept).fingerprint(package / "one.py") == first
        assert kept.read_text() == whole

    def test_of_another_algorithm_nothing_is_used(self, package: Path, tmp_path: Path, parsed: list[str]):
        kept = tmp_path / "kept.json"
        SourceCode(store=kept)
        kept.write_text(kept.read_text().replace(hashing._algorithm(), "0" * 64))
        parsed.clear()
        SourceCode(store=kept)
        assert len(parsed) == 3

    def test_a_file_that_is_not_python_concerns_what_reaches_it(self, package: Path):
        write(package, broken="x = = 1", other="x = 1")
        source = SourceCode()
        assert re.fullmatch("[0-9a-f]{16}", source.fingerprint(package / "other.py"))
        with pytest.raises(SyntaxError, match="invalid syntax"):
            source.fingerprint(package / "broken.py")
