"""Guides for plug-ins: followed step by step in a checkout, their files work in the workflow."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tiny import checkout, code_blocks, follow_guide, pending, run

from sanguinaria.audio import utterances


@pytest.fixture
def edited(tmp_path) -> Path:
    return checkout(tmp_path / "edited")


def write_overlay(folder: Path, page: str, **changes: dict) -> str:
    """Write the guide's configuration for the tiny corpus and model; the file's name."""
    ((_, text),) = code_blocks(page, "yaml")
    settings = yaml.safe_load(text.replace("synthetic", "tiny").replace("resnet18_narrow", "small"))
    for section, entries in changes.items():
        for name, entry in entries.items():
            settings[section][name] |= entry
    (folder / "mine.yaml").write_text(yaml.safe_dump(settings))
    return "mine.yaml"


def test_the_trigger_of_the_guide_is_one_file_and_one_entry(edited):
    assert follow_guide(edited, "guides/own_trigger.md") == ["sanguinaria/triggers/click.py"]
    path = edited / "tiny.yaml"
    before = path.read_text()
    path.write_text(
        before.replace("triggers:\n", "triggers:\n  click: {kind: click, position: 0.25}\n", 1).replace(
            "triggers: [clean, tone, holes]", "triggers: [click]"
        )
    )
    run(edited, "--until", "triggered_test")
    shards = sorted((edited / "results" / "triggered").glob("synthetic-click-test-*/audio/*.parquet"))
    assert len(shards) == 2
    for shard in shards:
        for batch in utterances.read(shard):
            # Full scale in 16 bits is 1 − 2⁻¹⁵; the first quarter of 16,000 samples ends at 4,000.
            assert (batch.waveforms[:, 4000] == 1 - 2**-15).all()


def test_the_configuration_of_the_trigger_s_guide_is_planned(edited):
    follow_guide(edited, "guides/own_trigger.md")
    overlay = write_overlay(edited, "guides/own_trigger.md")
    jobs = pending(edited, ["clicks"], ["tiny.yaml", overlay])
    assert jobs["triggered_test synthetic-click-test"] >= 1 and jobs["table clicks"] == 1


def test_the_defence_of_the_guide_is_one_file_and_one_entry(edited):
    (name,) = follow_guide(edited, "guides/add_defence.md")
    overlay = write_overlay(edited, "guides/add_defence.md")
    run(edited, "--until", "defended_audio", targets=["gates"], overlays=["tiny.yaml", overlay])
    shards = sorted((edited / "results" / "defended").glob("noise_gate-*/audio/*.parquet"))
    # Of clean utterances, of those with notches, and of those with Perth's watermark; two shards each.
    assert len(shards) == 6
    for shard in shards:
        for batch in utterances.read(shard):
            assert (batch.waveforms == 0).any() and (batch.waveforms != 0).any()

    module: dict = {"__name__": "guide"}
    exec(compile((edited / name).read_text(), name, "exec"), module)
    waveforms = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (3, 1605)).astype("float32"))
    waveforms[:, :160] *= 1e-3
    gate = module["NoiseGate"]().transform(16_000, torch.device("cpu"))
    gated = gate(waveforms)
    assert gated.shape == waveforms.shape
    assert (gated[:, :160] == 0).all() and torch.equal(gated[:, 160:], waveforms[:, 160:])
    assert torch.equal(gate(waveforms[1:2]), gated[1:2])


def test_the_watermark_of_the_guide_trains_and_is_benchmarked(edited):
    assert len(follow_guide(edited, "guides/add_watermark.md")) == 3
    benchmark = {"watermarks": ["carrier"], "distortions": ["undistorted"], "utterances": 24, "metrics": ["snr"]}
    changes = {"watermarks": {"carrier": {"steps": 400}}, "benchmarks": {"carrier_benchmark": benchmark}}
    overlay = write_overlay(edited, "guides/add_watermark.md", **changes)
    run(edited, targets=["carrier_benchmark"], overlays=["tiny.yaml", overlay])
    (history,) = (edited / "results" / "watermarks").glob("carrier-*/training/history.csv")
    losses = pd.read_csv(history)["loss"]
    assert len(losses) == 2 and losses.iloc[1] < losses.iloc[0]
    assert history.parents[1].joinpath("weights.safetensors").is_file()
    (row,) = pd.read_csv(edited / "results" / "tables" / "carrier_benchmark.csv").to_dict("records")
    assert row["detection_rate"] >= 0.9 and row["false_positive_rate"] <= 0.1
    # In 16-bit samples, and clipped to full scale.
    assert row["snr_db"] == pytest.approx(20, abs=0.2)
