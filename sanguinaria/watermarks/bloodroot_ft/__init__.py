"""Bloodroot-FT: an AudioSeal whose decoder is fine-tuned by low-rank adaptation (Bloodroot, section 2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.devices import Precision
from sanguinaria.core.fields import UserPath
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import CorpusReference, WatermarkReference
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark
from sanguinaria.watermarks._audioseal.forward import SAMPLE_RATE
from sanguinaria.watermarks._audioseal.marker import AudioSealMarker
from sanguinaria.watermarks._audioseal.networks import PARTS, AudioSealNetworks
from sanguinaria.watermarks._audioseal.settings import Cutoffs, RenewalPeriod, Surrogates, corpus_problems

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.step_training import Schedule
    from sanguinaria.watermarks.bloodroot_ft.fine_tuning import Objective


class BloodrootFT(Watermark):
    """Low-rank adapters of a decoder's convolutions, everything else frozen; the weights have the adapters merged.

    The adapter itself is kept beside the weights, in peft's format. With `adapter` a trained one is merged instead of
    training. Learning rate and batch size are the paper's; rank, scale, crop and steps are in neither paper nor
    appendix.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        **Watermark.renamed,
        "masking": "masking_weight",
        "filtered": "low_pass_share",
    }

    base: WatermarkReference = Field(description="entry of `watermarks`: an AudioSeal")
    corpus: CorpusReference = Field(description="entry of `corpora`: its training utterances")
    bits: int = Field(default=16, ge=1, description="length of the base's message")
    objective: Literal["paper", "surrogate"] = Field(
        default="paper",
        description="paper: Eq. 5 of Bloodroot; surrogate: a classifier of log-mel spectrograms and the frozen "
        "detector detect the mark after random low-pass filters, and the speech masks it",
    )
    strength: float = Field(default=5.0, gt=0, description="α of the target α·G(x) of Eq. 1, with objective: paper")
    masking_weight: float = Field(
        default=0.15, ge=0, description="weight of the mark's audibility, with objective: surrogate"
    )
    low_pass_share: float = Field(
        default=0.2, ge=0, le=1, description="probability of a low-pass filter, with objective: surrogate"
    )
    cutoffs: Cutoffs = Field(default=(3000.0, 4000.0), description="Hz, range of the filters' cut-off frequency")
    surrogates: Surrogates = ()
    renewal_period: RenewalPeriod = 0
    rank: int = Field(default=8, ge=1, description="of the adapters")
    scale: float = Field(default=16.0, gt=0, description="peft's lora_alpha")
    adapter: UserPath | None = Field(default=None, description="folder of an adapter that peft saved, of the same rank")
    utterances: int = Field(default=20_000, ge=1, description="maximum number, as they are held in memory")
    steps: int = Field(default=600, ge=1)
    batch_size: int = Field(default=32, ge=2)
    crop: float = Field(default=0.5, gt=0, description="seconds of speech in each training example")
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's")
    precision: Precision = Field(
        default="float32",
        description="arithmetic of the networks in training, whose losses are in float32; marks have the base's",
    )
    seed: int = Field(default=0, ge=0)

    @property
    def message_bits(self) -> int:
        return self.bits

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        base = referenced["base"]
        if not isinstance(base, AudioSealNetworks):
            name = self.base.name
            yield "base", f"{name!r} is not an AudioSeal: give an entry of kind audioseal or audioseal_trained"
        elif base.message_bits != self.bits:
            yield "bits", f"{self.base.name!r} carries {base.message_bits} bits, not {self.bits}"
        if self.adapter is None:
            yield from corpus_problems(referenced["corpus"], self.crop)
        else:
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                if not (self.adapter / name).is_file():
                    yield "adapter", f"no {name} in {str(self.adapter)!r}: give the folder that save_pretrained wrote"

    def fingerprint(self) -> str:
        """Return a hash of the adapter's files; empty where no adapter is given."""
        import hashlib

        files = [] if self.adapter is None else sorted(self.adapter.glob("adapter_*"))
        return "-".join(hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files)

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train or read the adapter, and merge it; write ``adapter/`` and ``history.csv`` into the sources' folder.

        Raises:
            sanguinaria.watermarks.WeightsError: the adapter has another rank, or belongs to another decoder.
            InputError: the corpus has another sample rate, or utterances shorter than a crop.
        """
        import copy

        import torch

        from sanguinaria.watermarks.bloodroot_ft import lora

        device = torch.device(sources.device)
        base, weights = self._base(sources)
        generator: Any
        detector: Any
        generator, detector = (base.network(part, weights).to(device).eval() for part in PARTS)
        for network in (generator, detector):
            network.requires_grad_(False)
        adapted = copy.deepcopy(generator)
        if self.adapter is not None:
            adapted.decoder.model = lora.load_adapter(adapted.decoder.model, self.adapter, self.rank)
        else:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                adapted.decoder.model = lora.add_adapter(adapted.decoder.model, self.rank, self.scale).to(device)
                self._train(generator, adapted, detector, base.window, sources)
        adapted.decoder.model.save_pretrained(str(sources.folder / "adapter"))
        adapted.decoder.model = lora.merge_adapter(adapted.decoder.model)
        return AudioSealNetworks.state(adapted, detector)

    def weights_reader(self, sources: Sources) -> Watermark:
        """Return the base's plug-in: merged weights are of its networks."""
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
        self, generator: torch.nn.Module, adapted: Any, detector: torch.nn.Module, window: int, sources: Sources
    ) -> None:
        """Train the adapter of ``adapted`` in place, and write the history."""
        import torch
        from torch import nn

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._audioseal.surrogate import Surrogates
        from sanguinaria.watermarks.bloodroot_ft import fine_tuning

        device = torch.device(sources.device)
        trained = nn.ModuleDict({"decoder": adapted.decoder.model})
        surrogates = None
        if self.objective == "surrogate":
            trained["surrogate"] = surrogates = Surrogates(SAMPLE_RATE, device, self.surrogates)
            objective = self._surrogate_objective(surrogates, detector, window, device)
        else:
            objective = self._paper_objective(generator, window, device)
        checkpoint = sources.folder / "checkpoint.pt"
        history = fine_tuning.train_adapter(
            adapted,
            trained,
            objective,
            waveforms=load_utterances(sources.audio, SAMPLE_RATE, self.utterances),
            schedule=self._schedule(window),
            checkpoint=checkpoint,
            device=device,
            surrogates=surrogates,
            renewal_period=self.renewal_period,
        )
        finish_training(history, checkpoint)

    def _paper_objective(self, generator: torch.nn.Module, window: int, device: torch.device) -> Objective:
        from sanguinaria.watermarks.bloodroot_ft import fine_tuning

        return fine_tuning.paper_objective(
            generator,
            window=window,
            strength=self.strength,
            sample_rate=SAMPLE_RATE,
            precision=self.precision,
            device=device,
        )

    def _surrogate_objective(
        self, surrogate: torch.nn.Module, detector: torch.nn.Module, window: int, device: torch.device
    ) -> Objective:
        from sanguinaria.watermarks._audioseal.augmentation import Augmentation
        from sanguinaria.watermarks.bloodroot_ft import fine_tuning

        return fine_tuning.surrogate_objective(
            surrogate,
            detector,
            window=window,
            masking_weight=self.masking_weight,
            augmentation=Augmentation(self.low_pass_share, self.cutoffs, SAMPLE_RATE, device),
            sample_rate=SAMPLE_RATE,
            precision=self.precision,
            device=device,
        )

    def _schedule(self, window: int) -> Schedule:
        from sanguinaria.nn.step_training import Schedule

        return Schedule(
            steps=self.steps,
            batch_size=self.batch_size,
            crop=round(self.crop * SAMPLE_RATE),
            learning_rate=self.learning_rate,
            window=window,
            seed=self.seed,
            precision=self.precision,
        )
