"""Factors of variation: what is made anew for another seed, and what is shared."""

import pytest
import yaml

from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.victims import PoisonedStage
from tests.plans import CONFIGURATION, count_added_stages, plan_of

TRAINED = CONFIGURATION.replace(
    "watermarks:\n",
    "watermarks:\n  trained: {kind: audioseal_trained, corpus: spoken, bits: 4}\n"
    "  tuned: {kind: bloodroot_ft, base: trained, corpus: spoken, bits: 4}\n",
).replace(
    "triggers:\n",
    "triggers:\n  mark: {kind: watermark, watermark: trained, message: '0110'}\n"
    "  tuned: {kind: watermark, watermark: tuned, message: '0110'}\n",
)


def cells(plan: Plan, defence: str = "none") -> dict[str, object]:
    return {
        cell.factors["trigger"]: cell
        for cell in plan.tables["demo"].cells
        if (cell.factors["victim"], cell.factors["defence"]) == ("lstm", defence)
    }


def test_a_list_of_seeds_moves_poison_and_training_together():
    runs = {name: cell.runs for name, cell in cells(plan_of()).items()}
    assert runs["tone"] == ({"poison": 0, "training": 0}, {"poison": 1, "training": 1})
    # Of clean data nothing is poisoned; Perth's generator is not trained here.
    assert runs["clean"] == ({"training": 0}, {"training": 1})
    assert runs["perth"] == runs["tone"]


def test_a_mapping_of_seeds_moves_each_factor_apart():
    plan = plan_of(seeds={"poison": [0, 1], "training": [0, 1, 2]})
    runs = {name: cell.runs for name, cell in cells(plan).items()}
    assert [(run["poison"], run["training"]) for run in runs["tone"]] == [(p, t) for p in (0, 1) for t in (0, 1, 2)]
    assert len(runs["clean"]) == 3
    manifests = plan.tables["demo"].results_of("manifest")
    assert len({stage.seed for stage in manifests if isinstance(stage, PoisonedStage) and stage.blocks}) == 2


def test_factors_named_together_move_together_and_the_others_stay():
    together = plan_of(seeds={"poison+training": [0, 1]})
    assert together.tables["demo"].specification == plan_of().tables["demo"].specification


def test_another_generator_is_another_training_of_it_and_of_what_follows():
    plan = plan_of(TRAINED, triggers=["clean", "tone", "mark"], seeds=[0, 1])
    moved = plan_of(TRAINED, triggers=["clean", "tone", "mark"], seeds={"generator": [0, 1], "poison+training": [0, 1]})
    added = count_added_stages(plan, moved)
    # One more generator; its poison of two seeds and its test audio; four more models; nothing of the tone's or the
    # clean line's.
    assert added["watermarks"] == 1 and added["victims"] == 2 * 2 and added["poisoned"] == 2
    by_trigger = cells(moved)
    assert len(by_trigger["mark"].runs) == 4 and len(by_trigger["tone"].runs) == 2
    assert [run["generator"] for run in by_trigger["mark"].runs] == [0, 0, 1, 1]
    assert "generator" not in by_trigger["tone"].runs[0]
    assert len(by_trigger["mark"].quality["snr_db"]) == 2 and len(by_trigger["tone"].quality["snr_db"]) == 1
    assert len(by_trigger["mark"].rows["detections.triggered"]) == 2


def test_a_fine_tuned_generator_moves_with_its_base():
    moved = plan_of(TRAINED, triggers=["tuned"], seeds={"generator": [0, 3]})
    generators = [stage for stage in moved.stages["watermarks"].values() if stage.base is not None]
    assert {(stage.watermark.seed, stage.base.watermark.seed) for stage in generators} == {(0, 0), (3, 3)}


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ({"generators": [0]}, "no factor of variation is called generators: there are generator, poison, training"),
        ({"poison+training": [0], "training": [1]}, "named more than once: training"),
        ({"training": [0, 0]}, "named more than once: 0"),
        ({}, "should not be empty"),
        ([], "should not be empty"),
    ],
)
def test_mistaken_seeds_are_told_with_their_place(seeds, message):
    config = yaml.safe_load(CONFIGURATION)
    config["experiments"]["demo"]["seeds"] = seeds
    with pytest.raises(InputError, match="experiments.demo.seeds") as raised:
        load(config)
    assert message in str(raised.value)
