"""From trials to a table without Snakemake: attacked audio, embeddings, trial scores, quality, reductions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from sanguinaria.adversaries._probes import probes
from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet, plugins
from sanguinaria.core.errors import InputError
from sanguinaria.reports.comparison import compare, printed_numbers
from sanguinaria.reports.evaluation import write_tables
from sanguinaria.reports.layout.parts import arrange_parts
from sanguinaria.reports.verifications import LAYOUT
from sanguinaria.steps.verification.attacked import attack_audio
from sanguinaria.steps.verification.embeddings import embed_audio
from sanguinaria.steps.verification.probe_quality import score_probes
from sanguinaria.steps.verification.trial_scores import cosine_similarity, score_trials
from sanguinaria.steps.verification.trials import write_trials
from sanguinaria.victims._models import save_model
from tests.columns import COLUMNS

CPU = torch.device("cpu")
RATE = 8000
SILENT = "s0/0"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four speakers with four clips each in two shards, one clip silent; and an untrained encoder."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = pd.DataFrame(
        [(f"s{s}/{u}", f"s{s}") for s in range(4) for u in range(4)], columns=["utterance_id", "speaker"]
    )
    rows = rows.assign(label=rows["speaker"], split="test")
    random = np.random.default_rng(0)
    time = np.arange(4000) / RATE
    tones = [np.sin(2 * np.pi * (200 + 300 * int(speaker[1])) * time) for speaker in rows["speaker"]]
    audio = 0.1 * (np.stack(tones) + 0.3 * random.normal(size=(16, 4000)))
    audio[0] = 0
    for shard in range(2):
        of_shard = rows.iloc[shard::2].reset_index(drop=True)
        batch = Utterances(of_shard, audio[shard::2].astype(np.float32), RATE)
        utterances.write(folder / f"{shard}.parquet", iter([batch]))
    parquet.write(rows, folder / "index.parquet")
    write_trials(
        index=folder / "index.parquet", trial_list=None, count=48, seed=1, destination=folder / "trials.parquet"
    )
    torch.manual_seed(0)
    victim = plugins.build(
        "victims", {"kind": "ecapa_tdnn", "channels": 16, "embedding": 8, "bands": 20, "sample_rate": RATE}
    )
    save_model(victim, ["a", "b"], victim.network(2), folder / "model.safetensors")
    return folder, victim


def shards(folder):
    return [folder / f"{shard}.parquet" for shard in range(2)]


def attacked(corpus, folder, settings, defence=None, shares=1):
    source, victim = corpus
    adversary = plugins.build("adversaries", settings)
    for part in range(shares):
        attack_audio(
            adversary,
            victim=victim if adversary.attacks_encoder else None,
            model=source / "model.safetensors",
            defence=defence,
            trials=source / "trials.parquet",
            audio=shards(source),
            shard=part,
            shards=shares,
            seed=0,
            destination=folder / f"{part}.parquet",
            remarks=folder / f"remarks-{part}.parquet",
            device=CPU,
        )
    remarks = pd.concat([parquet.read(folder / f"remarks-{part}.parquet") for part in range(shares)])
    return [folder / f"{part}.parquet" for part in range(shares)], remarks


def scored(corpus, folder, files, side="test", per_trial=True):
    source, victim = corpus
    for name, audio in (("probes", files), ("others", shards(source))):
        embed_audio(
            victim,
            model=source / "model.safetensors",
            shards=audio,
            destination=folder / f"{name}.parquet",
            device=CPU,
        )
    score_trials(
        trials=source / "trials.parquet",
        probes=[folder / "probes.parquet"],
        others=[folder / "others.parquet"],
        side=side,
        per_trial=per_trial,
        destination=folder / "scores.parquet",
    )
    return parquet.read(folder / "scores.parquet")


@pytest.mark.parametrize("side", ["test", "enrolment"])
def test_attacks_on_either_side_lower_target_and_raise_non_target_scores(corpus, tmp_path, side):
    settings = {"kind": "pgd", "norm": "l2", "epsilon": 6400, "steps": 20, "side": side, "batch_size": 7}
    files, remarks = attacked(corpus, tmp_path, settings, shares=2)
    genuine = scored(corpus, tmp_path, shards(corpus[0]), side, per_trial=False)
    changed = scored(corpus, tmp_path, files, side)
    assert changed["trial"].tolist() == genuine["trial"].tolist() and (changed["problem"] == "").all()
    gain = (changed["score"] - genuine["score"]) * np.where(changed["target"], -1, 1)
    silent = genuine[side] == SILENT
    assert silent.any() and (gain[~silent] > 0).mean() > 0.9 and gain.mean() > 0.1 and gain[silent].abs().max() < 1e-6
    problems = remarks.set_index("probe")["problem"]
    assert set(problems[problems != ""].index) == set(genuine["trial"][silent])


def test_probes_of_untargeted_noise_are_utterances(corpus, tmp_path):
    files, remarks = attacked(corpus, tmp_path, {"kind": "noise", "snr": 20})
    named = probes(parquet.read(corpus[0] / "trials.parquet"), "test", False)["probe"]
    assert remarks["probe"].tolist() == sorted(set(named))
    scores = scored(corpus, tmp_path, files, per_trial=False)
    assert np.isfinite(scores["score"]).all()
    score_probes(
        plugins.build("metrics", {"kind": "snr"}),
        trials=corpus[0] / "trials.parquet",
        side="test",
        per_trial=False,
        limit=None,
        clean=shards(corpus[0]),
        audio=files,
        destination=tmp_path / "quality.parquet",
    )
    quality = parquet.read(tmp_path / "quality.parquet")
    assert len(quality) == len(named)
    good = quality[quality["probe"] != SILENT]
    assert good["value"].between(19.9, 20.1).all() and (good["problem"] == "").all()


def test_an_adaptive_attack_differs_from_a_plain_one(corpus, tmp_path):
    settings = {"kind": "pgd", "norm": "linf", "epsilon": 30, "steps": 3, "adaptive": True}
    files, _ = attacked(corpus, tmp_path, settings, plugins.build("defences", {"kind": "lowpass", "cutoff": 1000}))
    adaptive = next(utterances.read(files[0])).waveforms
    plain, _ = attacked(corpus, tmp_path, settings)
    assert not np.array_equal(adaptive, next(utterances.read(plain[0])).waveforms)


def test_a_shard_may_be_empty(corpus, tmp_path):
    files, remarks = attacked(corpus, tmp_path, {"kind": "noise", "snr": 20}, shares=30)
    assert sum(len(utterances.read_rows(path)) for path in files) == len(remarks) <= 16


def test_cosine_similarity_of_rows_with_and_without_a_norm():
    one = np.array([[1.0, 0], [3, 4], [0, 0], [np.nan, 1]])
    other = np.array([[2.0, 0], [4, -3], [1, 1], [1, 1]])
    np.testing.assert_allclose(cosine_similarity(one, other), [1, 0, np.nan, np.nan])


def test_missing_embeddings_are_an_error(corpus, tmp_path):
    with pytest.raises(InputError, match="utterances of the trials have no embedding"):
        scored(corpus, tmp_path, shards(corpus[0])[:1], per_trial=False)


def table_of(folder, scores, quality):
    """Of TDAP's printed numbers: trials with one error rate, and utterances with one quality."""
    targets = np.arange(2000) % 2 == 0
    values = np.where(targets, 1.0, 0.0)
    wrong = round(scores * 1000)
    values[np.flatnonzero(targets)[:wrong]] = -1
    values[np.flatnonzero(~targets)[:wrong]] = 2
    rows = pd.DataFrame({"trial": np.arange(2000).astype(str), "target": targets, "score": values, "problem": ""})
    rows = rows.assign(enrolment_speaker="a", test_speaker=np.where(targets, "a", "b"))
    parquet.write(rows, folder / "scores.parquet")
    paths = {}
    for metric, value in quality.items():
        values = [value - 0.1, value + 0.1, None]
        names = {"probe": ["x", "y", "z"], "speaker": ["a", "b", "c"]}
        scores = pd.DataFrame({**names, "value": values, "problem": ["", "", "?"]})
        parquet.write(scores, folder / f"{metric}.parquet")
        column = "si_sdr_db" if metric == "si_sdr" else metric
        paths[column] = [[str(folder / f"{metric}.parquet")]]
    parquet.write(pd.DataFrame({"probe": ["x"], "problem": ["silent"]}), folder / "remarks.parquet")
    rows = {"scores": [[str(folder / "scores.parquet")]], "attacks": [[str(folder / "remarks.parquet")]]}
    return rows, paths


# TDAP's Table 2: the error rate, the three metrics, and the printed index, which the rounding of the rate changes
# by a few thousandths.
@pytest.mark.parametrize(
    ("rate", "quality", "index"),
    [
        (0.039, {"stoi": 0.930, "pesq": 2.962, "si_sdr": 10.239}, 13.585),
        (0.293, {"stoi": 0.630, "pesq": 1.139, "si_sdr": 1.049}, 1.993),
        (0.040, {"stoi": 0.746, "pesq": 1.144, "si_sdr": 5.860}, 7.441),
        (0.041, {"stoi": 0.812, "pesq": 1.243, "si_sdr": 8.548}, 10.165),
    ],
)
def test_the_composite_index_equals_the_paper_s(tmp_path, rate, quality, index):
    names = {"verification": "v", "corpus": "c", "victim": "e", "attack": "pgd_l2", "defence": "d"}
    rows, metrics = table_of(tmp_path, rate, quality)
    cell = {"factors": names, "settings": {}, "runs": [{"training": 0}], "rows": rows, "quality": metrics}
    specification = {"kind": "verifications", "cells": [cell], "settings": {}, "columns": {}}
    write_tables(
        specification, *(tmp_path / f"v.{form}" for form in ("csv", "metrics.csv", "differences.csv", "runs.csv"))
    )
    line = pd.read_csv(tmp_path / "v.csv").iloc[0]
    assert line["equal_error_rate"] == pytest.approx(rate, abs=1e-6)
    assert line["si_sdr_db"] == pytest.approx(quality["si_sdr"])
    assert line["composite_quality"] == pytest.approx(index, abs=0.01)
    assert line["composite_quality"] == pytest.approx(sum(quality.values()) * (1 - rate), abs=1e-4)
    assert line["failed_attacks"] == 1 and line["scored_trials"] == 2000
    long = pd.read_csv(tmp_path / "v.metrics.csv").set_index("metric")
    assert long.loc["stoi", ["scored", "unscored"]].tolist() == [2, 1]
    (rates, cost, failed, sound) = list(arrange_parts(pd.read_csv(tmp_path / "v.csv"), LAYOUT, COLUMNS, {}))
    assert rates.headings == ["attack", "d"] and rates.rows[0][1].startswith(f"{100 * rate:.2f}")
    assert failed.rows == [["pgd_l2", "1"]] and "CSQI" in sound.headings and cost.title == "Minimum detection cost"


def test_printed_indices_agree_with_the_paper_s_equation():
    """The exception is TDAP's own line in its Table 3, whose index is 13.749 and should be 13.688."""
    printed = printed_numbers()
    printed = (
        printed[printed["paper"] == "tdap"].set_index(["table", "attack", "defence", "metric"])["value"].sort_index()
    )
    assert len(printed) == 33 + 2 * 19
    for table, attack in (("2", "pgd_l2"), ("3", "pgd_linf")):
        for defence in ("median_smoothing", "added_noise_15", "dap", "tdap"):
            line = printed[table, attack, defence]
            rate = printed["1", attack, defence, "equal_error_rate"] / 100
            expected = (line["stoi"] + line["pesq"] + line["si_sdr_db"]) * (1 - rate)
            right = line["composite_quality"] == pytest.approx(expected, abs=0.002)
            assert right == ((table, defence) != ("3", "tdap"))


def test_a_verification_is_compared_by_attack_and_defence():
    lines = [("libri", "small", attack, defence) for attack in ("genuine", "pgd_l2") for defence in ("none", "lowpass")]
    table = pd.DataFrame(lines, columns=["corpus", "victim", "attack", "defence"]).assign(
        equal_error_rate=[0.01, 0.02, 0.9, 0.8], equal_error_rate_low=0.0, equal_error_rate_high=1.0
    )
    printed = printed_numbers()
    printed = printed[(printed["paper"] == "tdap") & (printed["table"] == "1")]
    comparison = compare(table, printed, {"libri": "voxceleb1_o", "small": "ecapa_tdnn"})
    matched = comparison.dropna(subset=["ours", "printed"]).set_index(["attack", "defence"])
    assert matched["ours"].to_dict() == pytest.approx({("genuine", "none"): 1, ("pgd_l2", "none"): 90})
    assert matched["printed"].tolist() == [0.813, 98.78]
    assert len(comparison) == 33 + 2
