"""Attacked audio: the probes of one shard, as an adversary changes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sanguinaria.adversaries import Adversary, AttackObjective
from sanguinaria.adversaries._probes import probes, read_waveforms
from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet
from sanguinaria.core.plugin_promises import check_finite, check_texts, check_waveforms
from sanguinaria.defences import Defence
from sanguinaria.texts._transcription import read_texts
from sanguinaria.victims import Victim
from sanguinaria.victims._encoders import EmbeddingFunction, load_encoder

if TYPE_CHECKING:
    import torch

    from sanguinaria.adversaries import DefenceFunction
    from sanguinaria.steps.verification.defence_gradients import Purify


@dataclass(frozen=True, kw_only=True)
class _TargetSystem:
    """The system under attack, where the adversary has a target; fields as of :func:`attack_audio`."""

    victim: Victim
    model: Path | None
    defence: Defence | None
    weights: Path | None
    texts: tuple[Path, ...]


def attack_audio(
    adversary: Adversary,
    *,
    victim: Victim | None,
    model: Path | None,
    defence: Defence | None,
    weights: Path | None = None,
    texts: Sequence[Path] = (),
    trials: Path,
    audio: Sequence[Path],
    shard: int,
    shards: int,
    seed: int,
    destination: Path,
    remarks: Path,
    device: torch.device,
) -> None:
    """Write one shard of all probes, as utterances of the test split whose labels are their speakers.

    Args:
        adversary: that changes the probes.
        victim: speaker encoder under attack; ``None`` for an adversary without a target.
        model: file of its trained model; ``None`` for a pretrained encoder.
        defence: of an adaptive attack; ``None`` for none.
        weights: of the defence's purifier, if it has one.
        texts: files of transcripts of the utterances before the attack; none for a defence without text conditioning.
        trials: as :mod:`sanguinaria.steps.verification.trials` writes them.
        audio: all shards of the corpus.
        shard: index of the shard of probes.
        shards: number of shards of probes; some may be empty.
        seed: of the adversary's random numbers.
        destination: file of the audio.
        remarks: file of rows ``probe, problem``; a probe that cannot be attacked stays unchanged, and has a problem.
        device: of the encoder.
    """
    table = probes(parquet.read(trials), adversary.side, adversary.attacks_encoder)
    of_shard = table.iloc[shard::shards].reset_index(drop=True)
    columns = ["utterance", "reference"] if adversary.attacks_encoder else ["utterance"]
    names = pd.unique(of_shard[columns].to_numpy().ravel())
    waveforms, sample_rate = read_waveforms(audio, names.tolist())
    system = None
    if victim is not None:
        system = _TargetSystem(victim=victim, model=model, defence=defence, weights=weights, texts=tuple(texts))
    problems: list[str] = []

    def attacked() -> Iterator[Utterances]:
        attack = _Attack(adversary, system, waveforms, sample_rate, seed, device)
        for start in range(0, len(of_shard), adversary.utterances_per_batch):
            rows = of_shard.iloc[start : start + adversary.utterances_per_batch]
            batch, batch_problems = attack(rows)
            problems.extend(batch_problems)
            print(f"{start + len(rows)} of {len(of_shard)} probes", flush=True)
            yield Utterances(_utterance_rows(rows), batch, sample_rate)

    utterances.write(destination, attacked())
    parquet.write(pd.DataFrame({"probe": of_shard["probe"], "problem": pd.Series(problems, dtype="str")}), remarks)


def _utterance_rows(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"utterance_id": rows["probe"], "label": rows["speaker"], "speaker": rows["speaker"], "split": "test"}
    )


class _Attack:
    """An adversary, and the system under attack on a device."""

    def __init__(
        self,
        adversary: Adversary,
        system: _TargetSystem | None,
        waveforms: dict[str, np.ndarray],
        sample_rate: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.adversary = adversary
        self.system = system
        self.waveforms = waveforms
        self.sample_rate = sample_rate
        self.seed = seed
        self.device = device
        self.embed: EmbeddingFunction | None = None
        self.defences: tuple[Purify, ...] | None = None
        self.transcripts = {} if system is None else read_texts(system.texts)
        if system is not None and waveforms:
            self.embed = load_encoder(system.victim, system.model, sample_rate, device)

    def __call__(self, rows: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
        """Attacked waveforms (probes, samples), and the problem of each."""
        audio = self._audio(rows["utterance"])
        attacked, problems = self.adversary.perturb(audio, self._objective(rows, audio), self.seed)
        check_waveforms(self.adversary, attacked, audio)
        check_finite(self.adversary, attacked, rows["utterance"].tolist())
        check_texts(self.adversary, problems, len(rows))
        return attacked.cpu().numpy(), problems

    def _objective(self, rows: pd.DataFrame, audio: torch.Tensor) -> AttackObjective | None:
        import torch

        if self.embed is None or self.system is None:
            return None
        with torch.no_grad():
            references = self.embed(self._audio(rows["reference"]))
        texts = [self.transcripts.get(name, "") for name in rows["utterance"]]
        return AttackObjective(
            embed=self.embed,
            references=references,
            is_target=torch.tensor(rows["target"].to_numpy(), device=self.device),
            defences=tuple(_of_rows(purify, texts) for purify in self._defences(audio.shape[-1])),
        )

    def _defences(self, samples: int) -> tuple[Purify, ...]:
        """Differentiable copies of the defence of an adaptive attack, loaded once."""
        from sanguinaria.steps.verification.defence_gradients import differentiable_defences

        system = self.system
        if self.defences is None and system is not None and system.defence is not None:
            self.defences = differentiable_defences(
                system.defence,
                weights=system.weights,
                draws=self.adversary.defence_draws,
                sample_rate=self.sample_rate,
                device=self.device,
                samples=samples,
            )
        return self.defences or ()

    def _audio(self, names: pd.Series) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.stack([self.waveforms[name] for name in names])).to(self.device)


def _of_rows(purify: Purify, texts: Sequence[str]) -> DefenceFunction:
    """Defence as a function of waveforms and of their positions in a batch, which select the transcripts."""
    return lambda waveforms, rows: purify(waveforms, [texts[row] for row in rows.tolist()])
