"""Places of recordings, which the main process tells the jobs of corpora."""

import json
from pathlib import Path

import pytest
from configured import VALID
from plans import plan_of
from recordings import empty_files

from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import LOCATIONS
from sanguinaria.corpora.folder import Folder
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow import corpus_locations
from sanguinaria.workflow.located_corpus import located_corpus

pytestmark = pytest.mark.usefixtures("working_folder")


def planned(folder: Path) -> Plan:
    """The plan of a table of recordings in a folder."""
    empty_files(folder, "left/a.wav", "right/b.wav")
    text = VALID.replace("kind: synthetic", f"kind: folder\n    path: {folder}\n    incomplete_labels: allow")
    plan = plan_of(text)
    plan.expand(["demo"])
    return plan


def test_jobs_have_the_corpus_of_the_configuration(tmp_path: Path) -> None:
    plan = planned(tmp_path / "one")
    corpus_locations.write(plan)
    (stage,) = plan.stages["corpora"].values()
    specification = json.loads(stage.identifying)
    assert "path" not in specification["corpus"]
    corpus = located_corpus(specification, stage.folder / "audio" / "0.parquet")
    assert isinstance(corpus, Folder)
    assert corpus == plan.configuration.entries["corpora"]["spoken"]


def test_the_place_is_that_of_the_last_run(tmp_path: Path) -> None:
    for place in ("one", "two"):
        plan = planned(tmp_path / place)
        corpus_locations.write(plan)
    (stage,) = plan.stages["corpora"].values()
    corpus = located_corpus(json.loads(stage.identifying), stage.folder / "recordings.parquet")
    assert corpus.place_of("left/a.wav") == f"{tmp_path}/two/left/a.wav"


def test_corpora_without_places_need_none(tmp_path: Path) -> None:
    plan = plan_of(VALID)
    plan.expand(["demo"])
    corpus_locations.write(plan)
    assert json.loads(LOCATIONS.read_text()) == {}
    (stage,) = plan.stages["corpora"].values()
    corpus = located_corpus(json.loads(stage.identifying), stage.folder / "recordings.parquet")
    assert corpus == plan.configuration.entries["corpora"]["spoken"]
    assert stage.identifying == stage.specification


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_an_absent_place_is_an_error(tmp_path: Path, content: str | None) -> None:
    plan = planned(tmp_path / "one")
    if content is not None:
        LOCATIONS.parent.mkdir(parents=True)
        LOCATIONS.write_text(content)
    (stage,) = plan.stages["corpora"].values()
    with pytest.raises(InputError, match="has no place of the recordings of folder-.*run again"):
        located_corpus(json.loads(stage.identifying), stage.folder / "recordings.parquet")
