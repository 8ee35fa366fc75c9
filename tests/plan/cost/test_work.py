"""Work of stages, worked by hand on a small configuration, and the sheet of its targets."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml
from plans import CONFIGURATION, plan_of

from sanguinaria.plan.configuration import load
from sanguinaria.plan.cost.disk import bytes_of
from sanguinaria.plan.cost.finished import files_of, is_finished
from sanguinaria.plan.cost.networks import gmac
from sanguinaria.plan.cost.rates import devices, rate, stated_seconds
from sanguinaria.plan.cost.sheet import Cost, Sheet
from sanguinaria.plan.cost.specifications import Specification, of_job, of_stage
from sanguinaria.plan.cost.work import Part, Work, work_of
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.workflow.configuration_files import merged
from sanguinaria.workflow.durations import expected_seconds

# Ten words in twelve voices at three paces; a quarter of them are for testing, a tenth for validation.
TRAIN, VALIDATION, TEST = 0.65 * 360, 0.1 * 360, 0.25 * 360


def nested(made: Plan, kind: str, part: str) -> Specification:
    """The specification of the first stage of a kind whose name has a part."""
    return of_stage(next(stage for stage in made.stages[kind].values() if part in stage.name))


def test_a_training_is_three_passes_of_each_utterance_in_each_epoch():
    stage = nested(plan_of(), "victims", "resnet18")
    settings = stage["victim"]
    (part,) = work_of(stage).parts
    utterance_passes = settings["epochs"] * (3 * TRAIN + 36)
    assert part.units == pytest.approx(utterance_passes * gmac("victims", settings))
    assert work_of(stage).gpu


def test_features_of_a_corpus_are_of_all_its_seconds():
    made = plan_of()
    (part,) = work_of(nested(made, "features", "corpora")).parts
    assert part.units == pytest.approx(360)
    (part,) = work_of(nested(made, "features", "ultrasonic-test")).parts
    assert part.units == pytest.approx(TEST)


def test_a_block_of_poisoned_utterances_is_its_share_of_the_training_split():
    # A rate of 0.1 takes the blocks up to 1, 5 and 20 % of 234 utterances.
    made = plan_of()
    blocks = [
        stage
        for stage in made.stages["triggered"].values()
        if "ultrasonic-poison" in stage.name and stage.block.seed == 0
    ]
    assert sorted(work_of(of_stage(stage)).parts[0].units for stage in blocks) == [2, 10, 35]


def test_scores_are_of_clean_and_of_triggered_test_utterances():
    stage = nested(plan_of(), "scores", "resnet18-triggered")
    (part,) = work_of(stage).parts
    assert part.units == pytest.approx(2 * TEST * gmac("victims", nested(plan_of(), "victims", "resnet18")["victim"]))


def test_a_fine_tuning_keeps_a_model_for_each_number_of_epochs():
    text = CONFIGURATION.replace(
        "  lowpass: {kind: lowpass}\n",
        "  lowpass: {kind: lowpass}\n  two: {kind: fine_tuning, epochs: 2}\n  five: {kind: fine_tuning, epochs: 5}\n",
    )
    made = plan_of(text, defences=["two", "five"], victims=["resnet"])
    (stage, victim) = (nested(made, "defended", "fine_tuning"), nested(made, "victims", "resnet18"))
    assert bytes_of(stage) == 2 * bytes_of(victim)
    network = work_of(stage).parts[-1]
    # Of five epochs of the validation split, and not of seven.
    assert network.units == pytest.approx(3 * 5 * VALIDATION * gmac("victims", victim["victim"]))


def test_a_metric_is_of_a_limited_number_of_utterances():
    made = plan_of(quality_utterances=20)
    (part,) = work_of(nested(made, "quality", "stoi")).parts
    assert (part.rate, part.units) == ("metrics/stoi", 20)


VERIFICATION = """
purifiers: {pure: {kind: dap, corpus: spoken, layers: 4, channels: 8, steps: 100, batch_size: 4, crop: 0.5}}
adversaries:
  pgd: {kind: pgd, norm: linf, epsilon: 30, steps: 5}
  adaptive: {kind: pgd, norm: linf, epsilon: 30, steps: 5, eot_samples: 2, adaptive: true}
verifications:
  mine:
    corpus: spoken
    encoders: [encoder]
    attacks: [pgd, adaptive]
    defences: [none, pure]
    metrics: []
    trials: {count: 40}
"""


def verification(**trials: int) -> Plan:
    config = yaml.safe_load(CONFIGURATION) | yaml.safe_load(VERIFICATION)
    config["victims"]["encoder"] = {"kind": "ecapa_tdnn", "channels": 64}
    config["defences"]["pure"] = {"kind": "purification", "purifier": "pure"}
    config["verifications"]["mine"]["trials"].update(trials)
    return Plan(load(config))


def attacks(made: Plan) -> list[Specification]:
    return [of_stage(stage) for stage in made.stages["attacked"].values()]


def test_an_adaptive_attack_passes_through_the_purifier_in_each_step():
    plain, adaptive = sorted(attacks(verification()), key=lambda stage: stage["purifier"] is not None)
    (encoder,) = work_of(plain).parts
    assert encoder.units == pytest.approx(40 * 5 * 3 * gmac("victims", plain["victim"]))
    purifier = work_of(adaptive).parts[1]
    # 5 steps, 2 draws, 6 reverse steps of the fast sampling, and with checkpointing 4 passes each.
    assert purifier.units == pytest.approx(40 * 5 * 2 * 6 * 4 * gmac("purifiers", adaptive["purifier"]["purifier"]))


def test_a_purifier_s_training_is_its_crops():
    (part,) = work_of(nested(verification(), "purifiers", "dap")).parts
    settings = nested(verification(), "purifiers", "dap")["purifier"]
    assert part.units == pytest.approx(3 * 100 * 4 * 0.5 * gmac("purifiers", settings))
    assert part.passes == 100


@pytest.mark.parametrize("trials", [41, 400])
def test_more_trials_take_longer(trials):
    before, after = (
        sum(stated_seconds(work_of(each)) for each in attacks(made))
        for made in (verification(), verification(count=trials))
    )
    assert before < after <= before * trials / 40


@pytest.mark.parametrize(
    "larger",
    [
        CONFIGURATION.replace("voices: 12", "voices: 24"),
        CONFIGURATION.replace("{kind: resnet18}", "{kind: resnet18, width: 32}"),
        CONFIGURATION.replace("{kind: lstm,", "{kind: lstm, epochs: 70,"),
        CONFIGURATION.replace("seeds: [0, 1]", "seeds: [0, 1, 2]"),
    ],
)
def test_more_of_anything_takes_longer_on_every_device(larger):
    for device in devices():
        assert hours(plan_of(larger), device) > hours(plan_of(), device)


def hours(made: Plan, device: str = "cpu") -> float:
    total = sheet(made, device).total().total
    return total.cpu_hours + total.gpu_hours


def sheet(made: Plan, device: str = "cpu", finished: set[str] = frozenset(), targets: tuple[str, ...] = ()) -> Sheet:
    return Sheet(
        made,
        targets or made.targets,
        lambda stage: stated_seconds(work_of(of_stage(stage)), device),
        device != "cpu",
        lambda stage: stage.key in finished,
    )


def test_a_sheet_counts_what_is_shared_once():
    config = yaml.safe_load(CONFIGURATION)
    config["experiments"]["again"] = config["experiments"]["demo"]
    one, two = sheet(plan_of()), sheet(Plan(load(config)))
    assert [line.total for line in two.by_target()] == 2 * [one.total().total]
    assert two.total().total == one.total().total


def test_the_rules_of_a_sheet_add_up_to_the_total():
    lines = sheet(plan_of(), "h200").by_rule()
    summed = sum((line.total for line in lines), Cost())
    total = sheet(plan_of(), "h200").total().total
    assert summed.jobs == total.jobs
    assert summed.gpu_hours == pytest.approx(total.gpu_hours)
    assert summed.cpu_hours == pytest.approx(total.cpu_hours)


def test_finished_results_and_what_they_alone_depend_on_do_not_remain():
    made = plan_of()
    scores = set(made.stages["scores"])
    quality = set(made.stages["quality"]) | set(made.stages["detections"])
    remaining = sheet(made, finished=scores | quality).total().remaining
    manifests = sheet(made, finished=scores).by_rule()
    assert remaining.cpu_hours < sheet(made).total().total.cpu_hours
    by_name = {line.name: line for line in manifests}
    assert by_name["victims"].remaining == Cost()
    assert by_name["victims"].total.jobs == len(made.stages["victims"])


def test_a_stage_is_finished_when_all_its_files_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stages in plan_of().stages.values():
        for stage in stages.values():
            assert files_of(stage) and not is_finished(stage)
            for path in files_of(stage):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            assert is_finished(stage)


def test_a_job_s_specification_is_that_of_its_planned_stage(tmp_path):
    stage = next(iter(plan_of().stages["scores"].values()))
    for upstream in (stage, *ancestors(stage)):
        path = tmp_path / upstream.stage / upstream.key / "spec.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(upstream.specification)
    assert of_job(stage.specification, stage.key, tmp_path) == of_stage(stage)


def ancestors(stage: Stage) -> Iterator[Stage]:
    for upstream in stage.upstream:
        yield upstream
        yield from ancestors(upstream)


@pytest.fixture(scope="module")
def shipped() -> list[Stage]:
    """Every stage of the shipped configurations."""
    from pathlib import Path

    root = Path(__file__).parents[3]
    overlays = ([], ["real"], ["paper"])
    made = [
        Plan(load(merged([root / "config.yaml", *(root / "config" / f"{name}.yaml" for name in names)])))
        for names in overlays
    ]
    return [stage for each in made for stages in each.stages.values() for stage in stages.values()]


def test_every_stage_of_the_shipped_configurations_has_a_rate(shipped):
    for stage in shipped:
        work = work_of(of_stage(stage))
        assert work.parts
        assert all(rate(part.rate).cpu_rate > 0 for part in work.parts)
        assert expected_seconds(stage, "h200") > 0
        if any(stage.upstream):
            assert sum(part.units for part in work.parts) > 0 or stage.stage == "defended"


def test_work_on_a_gpu_is_that_of_jobs_that_request_one(shipped):
    differing = {stage.stage for stage in shipped if work_of(of_stage(stage)).gpu != bool(stage.gpus)}
    assert differing == set()


def test_a_lower_precision_is_faster_where_the_gpu_has_it():
    work = Work(kind="victims/vgg19", parts=(Part(rate="victims/vgg19", units=1e6),), gpu=True)
    halved = replace(work, parts=(replace(work.parts[0], precision="bfloat16"),))
    assert stated_seconds(halved, "h200") < stated_seconds(work, "h200")
    assert stated_seconds(halved, "cpu") == stated_seconds(work, "cpu")


def test_the_longest_beginning_of_a_name_has_the_rate():
    assert rate("victims/lstm") != rate("victims/unknown") == rate("victims")
    with pytest.raises(KeyError):
        rate("unknown")
