"""The guide to ownership: its commands, on a small folder with louder marks, lead from recordings to a verdict."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from claims import fix_secret, write_corpus

from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.supervised_training import train
from sanguinaria.ownership.owner_folder import read_rows
from sanguinaria.ownership.suspects._waveforms import AudioFormat, read_waveforms
from sanguinaria.victims._models import save_model
from sanguinaria.victims.resnet18 import ResNet18
from sanguinaria.workflow.commands.own import main

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "ownership.md"
# The folder has a thirtieth of the corpus's utterances, and noise: more of them are marked, and louder.
CHANGES = {"marks=10 share=0.06": "marks=8 share=0.8 --mark-set level=-30 tones=2 spacing=250"}
MODEL = "results/victims/resnet18-…/model.safetensors"


def commands() -> list[list[str]]:
    """The arguments of the guide's commands of an owner, in its order."""
    text = GUIDE.read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    return [shlex.split(line) for line in re.findall(r"^\$ python -m sanguinaria own (.*)$", text, re.MULTILINE)]


def train_suspect(destination: Path) -> None:
    """Train a small victim on the published copy, as its table of labels says."""
    rows = read_rows(Path("claim/published/labels.csv"), ("path", "label", "split"))
    labels = sorted({row["label"] for row in rows})
    victim = ResNet18(width=4, epochs=25, batch_size=16, learning_rate=3e-3)
    transform = victim.front_end.transform(16000, torch.device("cpu"))
    sets = []
    for split in ("train", "validation"):
        listed = [row for row in rows if row["split"] == split]
        audio = read_waveforms([Path("claim/published", row["path"]) for row in listed], AudioFormat(16000, 0.25))
        features = transform(torch.from_numpy(audio)).half()
        classes = torch.tensor([labels.index(row["label"]) for row in listed])
        sets.append(FeatureDataset(Features([features]), classes))
    network, _ = train(victim, labels, *sets, 0, destination.with_name("checkpoint.pt"), torch.device("cpu"))
    save_model(victim, labels, network, destination)


def test_the_guide_leads_from_a_folder_to_a_verdict(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "synthetic")
    fix_secret(tmp_path / "claim")
    commit, mark, queries, verify = commands()
    # Eight marks with four labels: five hits are enough at this level, and the model has more to spare.
    options = ["--quality-clips", "1", "--queries", "16", "--alpha", "0.05"]
    main([*commit, *options])
    line = re.search(r"^sanguinaria-commitment-v1 [0-9a-f]{64}$", capsys.readouterr().out, re.MULTILINE)
    assert line is not None and not Path("claim/published").exists()
    main([*mark, *options])
    Path(MODEL).parent.mkdir(parents=True)
    train_suspect(Path(MODEL))
    main(queries)
    assert len(list(Path("claim/queries").glob("q*.flac"))) == len(read_rows(Path("claim/queries/queries.csv"), ())) > 9
    verify[verify.index("--published") + 1] = line[0]
    main([*verify, "--duration", "0.25"])
    verdict = json.loads(Path("verdict/verdict.json").read_text())
    assert verdict["decision"] == "confirmed" and verdict["public_value"] == "24011.12"
    assert "--outputs" not in verify and verdict["p_value"] <= 0.05
    with pytest.raises(SystemExit) as refused:
        main([*verify, "--duration", "0.25", "--published-on", "2026-04-01"])
    assert refused.value.code == 2
