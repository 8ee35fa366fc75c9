"""From a verification of the configuration to its table: every encoder, under every attack, behind every defence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from sanguinaria.adversaries import Adversary
from sanguinaria.core.runs import TRAINING, Run
from sanguinaria.defences import Defence
from sanguinaria.plan.evaluation import Cell, Evaluation
from sanguinaria.plan.expander import Expander
from sanguinaria.plan.sections.verification import Verification
from sanguinaria.plan.stages.attacks import AttackedStage, Encoder, TrialsStage
from sanguinaria.plan.stages.embeddings import EmbeddingStage, ProbeQualityStage, TrialScoreStage
from sanguinaria.plan.stages.stage import AudioStage


def verification_table(expander: Expander, name: str, verification: Verification) -> Evaluation:
    """Expand a verification into its evaluation.

    Args:
        expander: of the configuration's entries.
        name: of the verification.
        verification: its section of the configuration.

    Returns:
        A grid of encoders, attacks and defences, by seeds.
    """
    cells = tuple(_Expansion(expander, verification).cells(name))
    columns = expander.columns(verification.metrics)
    return expander.evaluation("verifications", name, cells, columns, verification.comparison)


class _Expansion:
    def __init__(self, expander: Expander, verification: Verification) -> None:
        self.expander = expander
        self.verification = verification
        self.corpus = expander.corpus(verification.corpus)
        self.training = expander.corpus(verification.training_corpus or verification.corpus)
        trials = verification.trials
        self.trials = TrialsStage(expander.code(TrialsStage, ()), self.corpus, trials, trials.fingerprint())

    def cells(self, name: str) -> Iterator[Cell]:
        grid = self.verification
        for victim, attack, defence in product(grid.encoders, grid.attacks, grid.defences):
            factors = {"corpus": grid.corpus, "victim": victim, "attack": attack, "defence": defence}
            adversary = self.expander.adversary(attack)
            encoders = [self.expander.encoder(victim, self.training, seed) for seed in grid.seeds]
            attacked = [
                self._attacked(encoder, adversary, defence, seed)
                for encoder, seed in zip(encoders, grid.seeds, strict=True)
            ]
            defended = [self.expander.defended(audio or self.corpus, defence) for audio in attacked]
            # Unchanged audio is not compared with itself.
            changed = [audio for audio in defended if audio is not self.corpus]
            yield Cell(
                factors={"verification": name, **factors},
                settings={},
                runs=self._runs(encoders[0], adversary, defence),
                rows={
                    "scores": tuple(
                        self._scores(encoder, audio, adversary)
                        for encoder, audio in zip(encoders, defended, strict=True)
                    ),
                    "attacks": tuple(audio for audio in attacked if audio is not None),
                },
                quality={
                    self.expander.column_name(metric): tuple(
                        self._quality(metric, audio, adversary) for audio in changed
                    )
                    for metric in grid.metrics
                    if changed
                },
            )

    def _runs(self, encoder: Encoder, adversary: Adversary, defence: str) -> tuple[Run, ...]:
        """The seeds of each run: of the encoder's training unless it is pretrained, and of an attack that is random; of
        a purifier there is one training."""
        applies = {
            TRAINING: encoder.model is not None,
            "attack": not adversary.is_identity and not adversary.attacks_encoder,
        }
        purifier = {} if self.expander.purifier_of(defence) is None else {"purifier": 0}
        varied = [factor for factor, does in applies.items() if does]
        return tuple({**dict.fromkeys(varied, seed), **purifier} for seed in self.verification.seeds)

    def _attacked(self, encoder: Encoder, adversary: Adversary, defence: str, seed: int) -> AttackedStage | None:
        """The attacked audio; ``None`` for an adversary that changes nothing."""
        if adversary.is_identity:
            return None
        plugin = self.expander.entries["defences"][defence]
        assert isinstance(plugin, Defence)
        through = defence if adversary.is_adaptive and not plugin.is_identity else None
        return self.expander.attacked(self.trials, encoder, adversary, through, seed)

    def _scores(self, encoder: Encoder, audio: AudioStage, adversary: Adversary) -> TrialScoreStage:
        return TrialScoreStage(
            self.expander.code(TrialScoreStage, ()),
            self.trials,
            self._embedded(encoder, audio),
            self._embedded(encoder, self.corpus),
            adversary.side,
            adversary.attacks_encoder,
        )

    def _embedded(self, encoder: Encoder, audio: AudioStage) -> EmbeddingStage:
        code = self.expander.code(EmbeddingStage, (encoder.victim,))
        return EmbeddingStage(code, encoder.victim, encoder.model, audio)

    def _quality(self, name: str, audio: AudioStage, adversary: Adversary) -> ProbeQualityStage:
        metric = self.expander.metric(name)
        return ProbeQualityStage(
            self.expander.code(ProbeQualityStage, (metric,)),
            self.expander.measured(metric),
            self.trials,
            audio,
            adversary.side,
            adversary.attacks_encoder,
            self.expander.limit(metric, self.verification.quality_utterances),
        )
