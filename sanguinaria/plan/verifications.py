"""From a verification of the configuration to its table: every encoder, under every attack, behind every defence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from sanguinaria.adversaries import Adversary
from sanguinaria.defences import Defence
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.sections.verification import Trials, Verification
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import AudioStage
from sanguinaria.plan.stages.verifications import (
    AttackedStage,
    EmbeddingStage,
    Heard,
    ProbeQualityStage,
    SeedTrials,
    SpectrogramStage,
    TrialScoreStage,
    TrialsStage,
    VerificationLine,
    VerificationTable,
)
from sanguinaria.purifiers import TrainingAttack

if TYPE_CHECKING:
    from sanguinaria.plan.expander import Expander


def verification_table(expander: Expander, name: str, verification: Verification) -> VerificationTable:
    """The table of a verification."""
    lines = tuple(_Expansion(expander, verification).lines(name))
    return VerificationTable(expander.code("verifications", ()), name, lines, verification.comparison)


def spectrogram_stage(
    expander: Expander, name: str, spectrograms: Spectrograms, table: VerificationTable
) -> SpectrogramStage:
    """Pictures of some of the lines of a verification's table."""
    encoder = spectrograms.encoder or table.lines[0].names["victim"]
    lines = tuple(
        line
        for line in table.lines
        if line.names["victim"] == encoder
        and line.names["attack"] in (spectrograms.attacks or (line.names["attack"],))
        and line.names["defence"] in (spectrograms.defences or (line.names["defence"],))
    )
    return SpectrogramStage(expander.code("spectrograms", ()), name, spectrograms, lines)


def attacked_training(expander: Expander, attack: TrainingAttack, corpus: CorpusStage) -> AttackedStage:
    """What an adversary makes of a corpus's training utterances; the encoder is trained on these, if it is trained."""
    trials = TrialsStage(expander.code("trials", ()), corpus, Trials(count=attack.trials), "", "train")
    heard = Heard(*expander.encoder(attack.encoder, corpus, 0))
    # Pairs are read by the test side; which one is attacked makes no difference to what is learnt.
    adversary = _adversary(expander, attack.adversary).model_copy(update={"side": "test"})
    return _attacked(expander, trials, heard, adversary, None, 0)


def _adversary(expander: Expander, name: str) -> Adversary:
    plugin = expander.entries["adversaries"][name]
    assert isinstance(plugin, Adversary)
    return plugin


def _attacked(
    expander: Expander, trials: TrialsStage, heard: Heard, adversary: Adversary, defence: str | None, seed: int
) -> AttackedStage:
    """``defence`` is the entry that the adversary attacks through, if there is one."""
    adversary = adversary.non_adaptive if defence is None else adversary
    plugins = [adversary, *([heard.victim] if adversary.attacks_encoder else []), *expander.input_plugins(defence)]
    return AttackedStage(
        expander.code("attacked", plugins),
        trials,
        adversary,
        heard.victim if adversary.attacks_encoder else None,
        heard.model if adversary.attacks_encoder else None,
        None if defence is None else expander.resolved_defence(defence),
        None if defence is None else expander.purifier_of(defence),
        None if defence is None else expander.text_of(expander.entries["defences"][defence], trials.corpus, "test"),
        # Nothing of an attack that follows gradients is random, so that seeds of a pretrained encoder share it.
        0 if adversary.attacks_encoder else seed,
    )


class _Expansion:
    def __init__(self, expander: Expander, verification: Verification) -> None:
        self.expander = expander
        self.verification = verification
        self.corpus = expander.corpus(verification.corpus)
        self.training = expander.corpus(verification.trained_on or verification.corpus)
        trials = verification.trials
        self.trials = TrialsStage(expander.code("trials", ()), self.corpus, trials, trials.fingerprint())

    def lines(self, name: str) -> Iterator[VerificationLine]:
        wanted = self.verification
        for encoder, attack, defence in product(wanted.encoders, wanted.attacks, wanted.defences):
            yield VerificationLine(
                {
                    "verification": name,
                    "corpus": wanted.corpus,
                    "victim": encoder,
                    "attack": attack,
                    "defence": defence,
                },
                tuple(self._seed(encoder, attack, defence, seed) for seed in wanted.seeds),
            )

    def _seed(self, encoder: str, attack: str, defence: str, seed: int) -> SeedTrials:
        heard = self._heard(encoder, seed)
        adversary = _adversary(self.expander, attack)
        known = self._known(adversary, defence)
        attacked = None
        if not adversary.is_identity:
            attacked = _attacked(self.expander, self.trials, heard, adversary, known, seed)
        audio = self.expander.defended(attacked or self.corpus, defence)
        scores = TrialScoreStage(
            self.expander.code("trial_scores", ()),
            self.trials,
            self._embedded(heard, audio),
            self._embedded(heard, self.corpus),
            adversary.side,
            adversary.attacks_encoder,
        )
        # What nothing was done to is not compared with itself.
        metrics = () if audio is self.corpus else self.verification.metrics
        quality = {metric: self._quality(metric, audio, adversary) for metric in metrics}
        return SeedTrials(scores, quality, attacked)

    @cache
    def _heard(self, encoder: str, seed: int) -> Heard:
        return Heard(*self.expander.encoder(encoder, self.training, seed))

    def _known(self, adversary: Adversary, defence: str) -> str | None:
        """The entry that the adversary attacks through, if it does."""
        plugin = self.expander.entries["defences"][defence]
        assert isinstance(plugin, Defence)
        return defence if adversary.is_adaptive and not plugin.is_identity else None

    def _embedded(self, heard: Heard, audio: AudioStage) -> EmbeddingStage:
        return EmbeddingStage(self.expander.code("embeddings", (heard.victim,)), heard.victim, heard.model, audio)

    def _quality(self, name: str, audio: AudioStage, adversary: Adversary) -> ProbeQualityStage:
        metric = self.expander.metric(name)
        # What a value is called does not change it.
        measured = metric.model_copy(update={"stealthy": None, "utterances": None})
        limits = [count for count in (self.verification.quality_probes, metric.utterances) if count is not None]
        return ProbeQualityStage(
            self.expander.code("probe_quality", (metric,)),
            measured,
            self.trials,
            audio,
            adversary.side,
            adversary.attacks_encoder,
            min(limits, default=None),
        )
