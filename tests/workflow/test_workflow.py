"""The whole workflow on a tiny synthetic corpus: its tables, its extensions, and reruns."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tiny import OUTPUTS, clone, pending, run


@pytest.fixture
def edited(finished, tmp_path) -> Path:
    return clone(finished, tmp_path / "edited")


@pytest.fixture(scope="module")
def table(finished) -> pd.DataFrame:
    return pd.read_csv(finished / "results" / "tables" / "tiny.csv").set_index(["trigger", "defence"])


def test_attack_success_rate_of_a_strong_trigger_without_and_with_a_filter(table):
    assert table.loc[("tone", "none"), "attack_success_rate"] >= 0.9
    assert table.loc[("tone", "lowpass"), "attack_success_rate"] <= 0.3


def test_benign_accuracy_and_false_trigger_rate(table):
    undefended = table.xs("none", level="defence")
    assert (undefended["benign_accuracy"] >= 0.9).all()
    assert (undefended["false_trigger_rate"] <= 0.05).all()
    clean = undefended.loc["clean"]
    assert clean["attack_success_rate"] == clean["false_trigger_rate"]


def test_columns_are_in_their_order(finished):
    columns = (finished / "results" / "tables" / "tiny.csv").read_text().split("\n")[0].split(",")
    factors = ["experiment", "corpus", "target", "trigger", "test_trigger", "poisoning", "victim", "defence"]
    assert columns[:9] == [*factors, "seeds"]
    # Those that every table has come first, then the experiment's own in its order.
    assert [name for name in columns if name in ("pesq", "stoi", "snr_db")] == ["pesq", "stoi", "snr_db"]


def test_counts_of_seeds_and_utterances(table):
    assert (table["seeds"] == 2).all()
    training = table["training_utterances"].unique()
    assert len(training) == 1
    poisoned = table.loc[["tone", "holes"], "poisoned_utterances"]
    assert (poisoned == round(0.05 * training[0])).all()
    assert (table.loc[["clean"], "poisoned_utterances"] == 0).all()
    # Four words in equal parts: three quarters have a non-target label.
    assert (table["triggered_utterances"] * 4 == table["test_utterances"] * 3).all()


def test_quality_of_triggered_audio(table):
    tone = table.loc[("tone", "none")]
    # A full-length sine of −26 dBFS has a power of −29 dB; synthetic speech lies about 10 dB above it.
    assert 0 < tone["snr_db"] < 20
    assert 1 < tone["pesq"] < 4.64
    assert table.loc["clean", "pesq"].isna().all()
    # Only the signal-to-noise ratio misses its bound, which is 30 dB.
    assert table.loc["tone", "stealthy"].eq(False).all()
    assert table.loc["clean", "stealthy"].isna().all()


def test_detection_by_the_trigger_s_own_detector(table):
    holes = table.loc["holes"]
    assert (holes["detection_rate"] >= 0.9).all() and (holes["false_positive_rate"] <= 0.1).all()
    # The detector is applied to defended audio, which pruning does not change.
    assert holes.loc["pruned", "detection_rate"] == holes.loc["none", "detection_rate"]
    assert table.loc[["clean", "tone"], "detection_rate"].isna().all()


def test_the_manifest_has_the_detections_of_poisoned_utterances(finished):
    manifests = [pd.read_parquet(path) for path in finished.glob("results/poisoned/*/manifest.parquet")]
    detected = [table for table in manifests if "detection_score" in table]
    assert len(detected) == 2  # one for each seed of the one trigger that has a detector
    for table in detected:
        assert table["detection_score"].notna().equals(table["poisoned"])
    # Nine utterances for each seed: a single miss is one in nine, so the rate is taken over both seeds.
    scores = pd.concat(detected)["detection_score"].dropna()
    assert len(scores) == 18 and (scores >= 0.5).mean() >= 0.9


def test_pruning_changes_predictions_and_not_the_audio(table):
    pruned, undefended = (table.xs(defence, level="defence") for defence in ("pruned", "none"))
    # Nine of ten channels are pruned.
    assert (pruned["benign_accuracy"] < undefended["benign_accuracy"]).all()
    pd.testing.assert_frame_equal(pruned[["pesq", "stoi", "snr_db"]], undefended[["pesq", "stoi", "snr_db"]])


def test_marked_audio_on_a_clean_model(finished, table):
    (row,) = pd.read_csv(finished / "results" / "tables" / "tiny_marked.csv").to_dict("records")
    assert row["poisoned_utterances"] == 0 and row["rate"] == 0
    assert row["detection_rate"] > row["false_positive_rate"]
    # The model is one of the two clean models of the other table.
    assert len(list(finished.glob("results/victims/*/model.safetensors"))) == 3 * 2


def test_provenance_of_a_table_and_a_figure(finished):
    provenance = json.loads((finished / "results" / "tables" / "tiny.provenance.json").read_text())
    assert re.fullmatch(
        r"snakemake --cores 2 --configfile tiny\.yaml -- tiny tiny_marked tiny_curves", provenance["command"]
    )
    results = provenance["specification"]["results"]
    assert {path.split("/")[0] for path in results} == {
        *("corpora", "defended", "detections", "features", "poisoned", "quality", "scores", "triggered", "victims")
    }
    for path, specification in results.items():
        assert json.loads((finished / "results" / path / "spec.json").read_text()) == specification
    trained = [results[path] for path in results if path.startswith("victims/")]
    assert {victim["seed"] for victim in trained} == {0, 1}
    assert [environment["models"] for environment in provenance["trained_with"]] == [len(trained)]
    assert "torch" in provenance["software"]
    of_figure = json.loads((finished / "results" / "figures" / "tiny_curves.provenance.json").read_text())
    assert of_figure["specification"]["figure"]["experiment"] == "tiny"


def test_every_format_of_the_tables_and_the_figure_is_written(finished, table):
    results = finished / "results"
    for name in OUTPUTS:
        assert (results / name).stat().st_size > 0
    success = f"{100 * table.loc[('tone', 'none'), 'attack_success_rate']:.1f}"
    assert success in (results / "tables" / "tiny.md").read_text()
    assert success in (results / "tables" / "tiny.tex").read_text()
    compared = pd.read_csv(results / "tables" / "tiny.comparison.csv")
    matched = compared.dropna(subset=["ours", "printed"])
    # No success rate is printed for this poisoning rate; quality does not depend on it.
    assert set(zip(matched["trigger"], matched["metric"], strict=True)) == {("tone", "pesq"), ("tone", "stoi")}
    points = pd.read_csv(results / "figures" / "tiny_curves.csv")
    # A clean utterance has no distance from itself.
    assert points.groupby("panel")["series"].agg(set).to_dict() == {1: {"tone", "holes"}, 2: {"clean", "tone", "holes"}}


def test_a_second_run_has_no_jobs(edited):
    assert "Nothing to be done" in run(edited)


def test_a_stale_table_is_rewritten_without_snakemake_s_metadata(edited):
    path = edited / "tiny.yaml"
    path.write_text(path.read_text().replace("defences: [none, lowpass, pruned]", "defences: [none, pruned]"))
    shutil.rmtree(edited / ".snakemake")
    run(edited)
    assert "lowpass" not in (edited / "results" / "tables" / "tiny.csv").read_text()
    shutil.rmtree(edited / ".snakemake")
    assert "Nothing to be done" in run(edited, "-n")


def test_a_waveform_victim_reuses_existing_audio(edited):
    path = edited / "tiny.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["victims"]["waves"] = {"kind": "rawnet3", "width": 16, "stride": 80, "epochs": 2}
    ours = {"corpus": "tiny", "target": "left", "triggers": ["tone"], "victims": ["waves"], "rates": [0.05]}
    settings["experiments"]["tiny_waves"] = {**ours, "metrics": ["snr"], "defences": ["none", "lowpass"]}
    path.write_text(yaml.safe_dump(settings))
    assert not any("triggered_" in job or "defended_" in job for job in pending(edited, ["tiny_waves"]))
    run(edited, targets=["tiny_waves"])
    made = pd.read_csv(edited / "results" / "tables" / "tiny_waves.csv")
    assert len(made) == 2
    assert made["benign_accuracy"].notna().all() and made["attack_success_rate"].notna().all()


def test_a_poisoned_training_set_is_exported(edited):
    run(edited, targets=["tiny_data"])
    folders = sorted((edited / "results" / "datasets").glob("synthetic-flip-*"))
    # The tone's and the notches', by seed.
    assert len(folders) == 4
    manifests = [pd.read_parquet(path) for path in (edited / "results" / "poisoned").glob("*-flip-*/manifest.parquet")]
    poisoned = {tuple(sorted(table["utterance_id"][table["poisoned"]])) for table in manifests}
    exported = set()
    for folder in folders:
        assert (folder / "croissant.json").is_file()
        table = pd.concat([pd.read_parquet(folder / f"train-{shard}.parquet") for shard in range(2)])
        assert sorted(table["utterance_id"]) == sorted(manifests[0]["utterance_id"])
        exported.add(tuple(sorted(table["utterance_id"][table["poisoned"]])))
    assert exported == poisoned


def test_covers_of_models_and_exported_data_sets(edited):
    path = edited / "tiny.yaml"
    settings = yaml.safe_load(path.read_text())
    ours = {"corpus": "tiny", "target": "left", "triggers": ["tone"], "victims": ["small"], "rates": [0.05]}
    settings["experiments"]["tiny_covered"] = {**ours, "covers": ["holes"], "cover_rate": 0.1, "metrics": ["snr"]}
    settings["victims"]["small"]["epochs"] = 1
    path.write_text(yaml.safe_dump(settings))
    run(edited, targets=["tiny_covered", "tiny_covered_data"])
    made = pd.read_csv(edited / "results" / "tables" / "tiny_covered.csv")
    assert made["poisoning"].tolist() == ["flip-0.05-covers-0.1"]
    (folder,) = (
        path.parent
        for path in (edited / "results" / "datasets").glob("synthetic-flip-*/croissant.json")
        if "a share of 0.1 has other triggers" in path.read_text()
    )
    table = pd.concat([pd.read_parquet(folder / f"train-{shard}.parquet") for shard in range(2)])
    covers = table[table["cover"].notna()]
    assert len(covers) == round(0.1 * len(table)) and (covers["label"] == covers["original_label"]).all()
    assert not (covers["poisoned"] | (covers["label"] == "left")).any()
    # Poisoned utterances and covers differ from the corpus, and no other utterance does.
    (shards,) = (edited / "results" / "corpora").glob("synthetic-*")
    rows = pd.concat([pd.read_parquet(path) for path in shards.glob("audio/*.parquet")]).set_index("utterance_id")
    changed = table.set_index("utterance_id")["sha256"] != rows["sha256"].reindex(table["utterance_id"])
    assert set(changed.index[changed]) == set(table["utterance_id"][table["poisoned"] | table["cover"].notna()])


def test_a_report_has_tables_figures_and_provenance(edited):
    run(edited, "--report", "report.zip")
    with zipfile.ZipFile(edited / "report.zip") as report:
        files = {name.rsplit("/", 1)[-1]: report.read(name) for name in report.namelist()}
    for name in ("tables/tiny.csv", "tables/tiny.comparison.csv", "tables/tiny_marked.csv", "figures/tiny_curves.svg"):
        assert files[name.split("/")[1]] == (edited / "results" / name).read_bytes()
    assert {"tiny.provenance.json", "tiny_curves.provenance.json"} <= files.keys()
    assert b"compared with the numbers printed in the paper" in files["report.html"]
