"""Bloodroot-FT: an AudioSeal whose decoder is fine-tuned by low-rank adaptation (Bloodroot, section 2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark
from sanguinaria.watermarks._audioseal.networks import SAMPLE_RATE, AudioSealMarker, AudioSealNetworks
from sanguinaria.watermarks._audioseal.settings import Cutoffs, corpus_problems

if TYPE_CHECKING:
    import torch


class BloodrootFT(Watermark):
    """Low-rank changes of a decoder's convolutions, everything else frozen; the weights that are kept have them merged.

    The adapter itself is left beside the weights as peft saves it. With `adapter` one that was trained before is merged
    instead of training. Learning rate and batch size are the paper's; rank, scale, crop and steps are in neither paper
    nor appendix.
    """

    base: str = Field(description="entry of `watermarks`: an AudioSeal")
    corpus: str = Field(description="entry of `corpora`: its training utterances")
    bits: int = Field(default=16, ge=1, description="length of the base's message")
    objective: Literal["paper", "listener"] = Field(
        default="paper",
        description="paper: Eq. 5 of Bloodroot; listener: a network on log-mel spectrograms and the frozen detector "
        "find the mark after random low-pass filters, and it is masked by the speech",
    )
    strength: float = Field(default=5.0, gt=0, description="α of the target α·G(x) of Eq. 1, with objective: paper")
    masking: float = Field(default=0.15, ge=0, description="weight of the mark's audibility, with objective: listener")
    filtered: float = Field(
        default=0.2, ge=0, le=1, description="share that has passed a low-pass filter, with objective: listener"
    )
    cutoffs: Cutoffs = Field(default=(3000.0, 4000.0), description="Hz, between which the filters cut off")
    rank: int = Field(default=8, ge=1, description="of the changes")
    scale: float = Field(default=16.0, gt=0, description="peft's lora_alpha")
    adapter: Path | None = Field(default=None, description="folder of an adapter that peft saved, of the same rank")
    utterances: int = Field(default=20_000, ge=1, description="at most so many, as they are held in memory")
    steps: int = Field(default=600, ge=1)
    batch_size: int = Field(default=32, ge=2)
    crop: float = Field(default=0.5, gt=0, description="seconds of an utterance that are seen at a time")
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's")
    seed: int = Field(default=0, ge=0)

    @property
    def message_bits(self) -> int:
        return self.bits

    @property
    def references(self) -> dict[str, tuple[str, str]]:
        return {"base": ("watermarks", self.base), "corpus": ("corpora", self.corpus)}

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        base = referenced["base"]
        if not isinstance(base, AudioSealNetworks):
            yield "base", f"{self.base!r} is no AudioSeal: give an entry of kind audioseal or audioseal_trained"
        elif base.message_bits != self.bits:
            yield "bits", f"{self.base!r} carries {base.message_bits} bits, not {self.bits}"
        if self.adapter is None:
            yield from corpus_problems(referenced["corpus"], self.crop)
        else:
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                if not (self.adapter / name).is_file():
                    yield "adapter", f"no {name} in {str(self.adapter)!r}: give the folder that save_pretrained wrote"

    def fingerprint(self) -> str:
        """The adapter's content, where one is given."""
        import hashlib

        files = [] if self.adapter is None else sorted(self.adapter.glob("adapter_*"))
        return "-".join(hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files)

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train or read the adapter, and merge it; ``adapter/`` and ``history.csv`` are left in the sources' folder.

        Raises:
            sanguinaria.watermarks.WeightsError: the adapter is of another rank or decoder.
            InputError: the corpus is of another sample rate, or shorter than a crop.
        """
        import copy

        import torch

        from sanguinaria.watermarks.bloodroot_ft import lora

        device = torch.device(sources.device)
        base, weights = self._base(sources)
        generator: Any
        detector: Any
        generator, detector = (base.network(part, weights).to(device).eval() for part in ("generator", "detector"))
        for network in (generator, detector):
            network.requires_grad_(False)
        adapted = copy.deepcopy(generator)
        if self.adapter is not None:
            adapted.decoder.model = lora.loaded(adapted.decoder.model, self.adapter, self.rank)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                adapted.decoder.model = lora.adapted(adapted.decoder.model, self.rank, self.scale).to(device)
                self._train(generator, adapted, detector, base.window, sources, device)
        adapted.decoder.model.save_pretrained(str(sources.folder / "adapter"))
        adapted.decoder.model = lora.merged(adapted.decoder.model)
        return AudioSealNetworks.state(adapted, detector)

    def weights_reader(self, sources: Sources) -> Watermark:
        """The base's plug-in: merged weights are of its networks."""
        return self._base(sources)[0]

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> AudioSealMarker:
        """Not called: the weights name the base's plug-in as their reader."""
        raise NotImplementedError

    def _base(self, sources: Sources) -> tuple[AudioSealNetworks, dict[str, torch.Tensor]]:
        from sanguinaria.watermarks._weights import load_weights

        assert sources.base is not None
        base, weights = load_weights(sources.base)
        assert isinstance(base, AudioSealNetworks)
        return base, weights

    def _train(
        self,
        generator: torch.nn.Module,
        adapted: Any,
        detector: torch.nn.Module,
        window: int,
        sources: Sources,
        device: torch.device,
    ) -> None:
        from torch import nn

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import Schedule, finish_training
        from sanguinaria.watermarks._audioseal.surrogate import Listener
        from sanguinaria.watermarks._audioseal.training import Editing
        from sanguinaria.watermarks.bloodroot_ft import fine_tuning

        learnt = nn.ModuleDict({"decoder": adapted.decoder.model})
        if self.objective == "paper":
            objective = fine_tuning.paper(generator, window, self.strength, SAMPLE_RATE, device)
        else:
            learnt["listener"] = Listener(SAMPLE_RATE, device)
            editing = Editing(self.filtered, self.cutoffs, SAMPLE_RATE, device)
            objective = fine_tuning.listener(
                learnt["listener"], detector, window, self.masking, editing, SAMPLE_RATE, device
            )
        schedule = Schedule(
            self.steps, self.batch_size, round(self.crop * SAMPLE_RATE), self.learning_rate, window, self.seed
        )
        checkpoint = sources.folder / "checkpoint.pt"
        waveforms = load_utterances(sources.audio, SAMPLE_RATE, self.utterances)
        history = fine_tuning.train_adapter(adapted, learnt, objective, waveforms, schedule, checkpoint, device)
        finish_training(history, checkpoint)
