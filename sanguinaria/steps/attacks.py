"""Changing the audio of trials: a shard of what an adversary makes."""

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
from sanguinaria.defences import Defence
from sanguinaria.texts._transcription import read_texts
from sanguinaria.victims import Victim
from sanguinaria.victims._encoders import EmbeddingFunction, load_encoder

if TYPE_CHECKING:
    import torch

    from sanguinaria.adversaries import DefenceFunction
    from sanguinaria.steps.defence_gradients import Purify


@dataclass(frozen=True)
class Target:
    """Knowledge of an adversary that attacks an encoder: the encoder with its model, none where it is pretrained, and
    the defence with the weights of its purifier, if it has one, and rows of the utterances' texts, if it uses them.
    """

    victim: Victim
    model: Path | None
    defence: Defence | None
    weights: Path | None = None
    texts: tuple[Path, ...] = ()


def attack_audio(
    adversary: Adversary,
    target: Target | None,
    trials: Path,
    audio: Sequence[Path],
    part: tuple[int, int],
    seed: int,
    destination: Path,
    remarks: Path,
    device: torch.device,
) -> None:
    """Write one part of all probes, as utterances of the test split whose labels are their speakers.

    Args:
        adversary: who changes them.
        target: the encoder that it attacks, if it attacks one.
        trials: as :mod:`sanguinaria.steps.trials` writes them.
        audio: all shards of the corpus.
        part: which one, and of how many; a part may be empty.
        seed: of all that is random.
        destination: of the audio.
        remarks: of rows ``probe, problem``; a probe that could not be changed is as it was, and has a problem.
        device: where the encoder computes.
    """
    table = probes(parquet.read(trials), adversary.side, adversary.attacks_encoder)
    chosen = table.iloc[part[0] :: part[1]].reset_index(drop=True)
    names = pd.unique(
        chosen[["utterance", "reference"] if adversary.attacks_encoder else ["utterance"]].to_numpy().ravel()
    )
    waveforms, sample_rate = read_waveforms(audio, names.tolist())
    told: list[str] = []

    def changed() -> Iterator[Utterances]:
        attack = _Attack(adversary, target, waveforms, sample_rate, seed, device)
        for start in range(0, len(chosen), adversary.utterances_per_batch):
            rows = chosen.iloc[start : start + adversary.utterances_per_batch]
            made, problems = attack(rows)
            told.extend(problems)
            print(f"{start + len(rows)} of {len(chosen)} probes", flush=True)
            yield Utterances(_described(rows), made, sample_rate)

    utterances.write(destination, changed())
    parquet.write(pd.DataFrame({"probe": chosen["probe"], "problem": pd.Series(told, dtype="str")}), remarks)


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"utterance_id": rows["probe"], "label": rows["speaker"], "speaker": rows["speaker"], "split": "test"}
    )


class _Attack:
    """An adversary with what it knows, on the device."""

    def __init__(
        self,
        adversary: Adversary,
        target: Target | None,
        waveforms: dict[str, np.ndarray],
        sample_rate: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.adversary = adversary
        self.target = target
        self.waveforms = waveforms
        self.sample_rate = sample_rate
        self.seed = seed
        self.device = device
        self.embed: EmbeddingFunction | None = None
        self.known: tuple[Purify, ...] | None = None
        self.texts = {} if target is None else read_texts(target.texts)
        if target is not None and waveforms:
            self.embed = load_encoder(target.victim, target.model, sample_rate, device)

    def __call__(self, rows: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
        audio = self._audio(rows["utterance"])
        made, problems = self.adversary.perturb(audio, self._aim(rows, audio), self.seed)
        return made.float().cpu().numpy(), problems

    def _aim(self, rows: pd.DataFrame, audio: torch.Tensor) -> AttackObjective | None:
        import torch

        if self.embed is None or self.target is None:
            return None
        with torch.no_grad():
            others = self.embed(self._audio(rows["reference"]))
        told = [self.texts.get(name, "") for name in rows["utterance"]]
        known = tuple(_of_rows(purify, told) for purify in self._known(audio.shape[-1]))
        return AttackObjective(
            embed=self.embed,
            references=others,
            is_target=torch.tensor(rows["target"].to_numpy(), device=self.device),
            defences=known,
        )

    def _known(self, samples: int) -> tuple[Purify, ...]:
        """The defence that is known, loaded once."""
        from sanguinaria.steps.defence_gradients import purifiers

        target = self.target
        if self.known is None and target is not None and target.defence is not None:
            draws = self.adversary.defence_draws
            self.known = purifiers(target.defence, target.weights, draws, self.sample_rate, self.device, samples)
        return self.known or ()

    def _audio(self, names: pd.Series) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.stack([self.waveforms[name] for name in names])).to(self.device)


def _of_rows(purify: Purify, texts: Sequence[str]) -> DefenceFunction:
    """A defence that is told what is said in the rows that it acts on."""
    return lambda waveforms, rows: purify(waveforms, [texts[row] for row in rows.tolist()])
