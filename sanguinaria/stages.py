"""Stage specifications: one frozen dataclass for each kind of result.

A specification's identity is a hash of its settings, of the identities of what it is made from, and of the code
that makes it; that hash is in the path. So a changed setting or a changed trigger is a file that does not exist yet, a
comment changes nothing, and going back to an older configuration finds the older files. Names that the user gave to
entries are in no identity: renaming reruns nothing but the table.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.front_ends import FrontEnd
from sanguinaria.metrics import Metric
from sanguinaria.plugins import Plugin, Settings, describe, kind_of
from sanguinaria.poisoning_order import PoisonBlock
from sanguinaria.purifiers import Purifier
from sanguinaria.speech_settings import SpeechTrigger
from sanguinaria.texts import Text
from sanguinaria.triggers import Trigger
from sanguinaria.victims import Victim
from sanguinaria.watermarks import Watermark

if TYPE_CHECKING:
    from sanguinaria.benchmark_stages import MarkedStage
    from sanguinaria.verification_stages import AttackedStage

RESULTS = Path("results")


@dataclass(frozen=True)
class Stage:
    """One result and what it depends on. ``code`` is the hash of the code that makes it."""

    code: str

    stage: ClassVar[str]

    @property
    def name(self) -> str:
        """A readable name; it identifies nothing."""
        return "-".join(kind_of(value) for value in self._values() if isinstance(value, Plugin)) or self.stage

    @cached_property
    def specification(self) -> str:
        """Everything that the result depends on, as canonical JSON: sorted keys, builtins only."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps({"stage": self.stage, **values}, sort_keys=True)

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits of the specification's hash."""
        return hashlib.sha256(self.specification.encode()).hexdigest()[:12]

    @cached_property
    def key(self) -> str:
        """The name of the result's folder: what the rules' wildcards hold."""
        return f"{self.name}-{self.identity}"

    @property
    def folder(self) -> Path:
        return RESULTS / self.stage / self.key

    @property
    def upstream(self) -> Iterator[Stage]:
        """The stages that this one is made from."""
        for value in self._values():
            if isinstance(value, Stage):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Stage))

    def _values(self) -> Iterator[Any]:
        return (getattr(self, field.name) for field in fields(self))


def _plain(value: Any) -> Any:
    if isinstance(value, Stage):
        return value.key
    if isinstance(value, Plugin):
        return describe(value)
    if isinstance(value, Settings):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, PoisonBlock):
        return asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return value


class AudioStage(Stage):
    """A stage that writes utterance tables, shard by shard."""

    shards: int

    def audio(self, shard: int) -> Path:
        return self.folder / "audio" / f"{shard}.parquet"

    @property
    def audio_files(self) -> list[Path]:
        return [self.audio(shard) for shard in range(self.shards)]


# Shards that one job scores. A job's start costs as much as scoring some thousand utterances, so small corpora are one
# job's work, and large ones are spread over a cluster.
SHARDS_OF_A_PART = 16


class RowStage(Stage):
    """A stage that writes rows of utterances, in parts: each is of so many shards of the audio that is scored."""

    @property
    @abstractmethod
    def shards(self) -> int:
        """Of the audio that is scored."""

    @property
    def row_files(self) -> list[Path]:
        return [self.folder / "rows" / f"{part}.parquet" for part in range(ceil(self.shards / SHARDS_OF_A_PART))]

    def rows_of(self, shard: int) -> Path:
        """The file with the rows of a shard of the audio."""
        return self.row_files[shard // SHARDS_OF_A_PART]

    @staticmethod
    def of_part(files: list[Path], part: int) -> list[Path]:
        """Of a file for each shard, those that a part is made from."""
        return files[part * SHARDS_OF_A_PART : (part + 1) * SHARDS_OF_A_PART]


class Trained(Stage):
    """A stage that trains, and writes down with what."""

    @property
    def surroundings(self) -> Path:
        return self.folder / "surroundings.json"


@dataclass(frozen=True)
class CorpusStage(AudioStage):
    """A corpus: its listed recordings, its audio in shards, the index of all of them, and the report."""

    corpus: Corpus
    source: str

    stage: ClassVar[str] = "corpora"

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.corpus.shards

    @property
    def remark_files(self) -> list[Path]:
        """What there is to say of each shard's recordings."""
        return [path.with_suffix(".json") for path in self.audio_files]

    @property
    def index(self) -> Path:
        return self.folder / "index.parquet"


@dataclass(frozen=True)
class WatermarkStage(Trained):
    """A generator's and its detector's weights, and what they are trained on or fine-tuned from, if anything."""

    watermark: Watermark
    source: str
    corpus: CorpusStage | None = None
    base: WatermarkStage | None = None

    stage: ClassVar[str] = "watermarks"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def audio_files(self) -> list[Path]:
        """The corpus's shards; none for a generator that is not trained here."""
        return [] if self.corpus is None else self.corpus.audio_files

    @property
    def base_files(self) -> list[Path]:
        return [] if self.base is None else [self.base.weights]

    @property
    def plugins(self) -> list[Watermark]:
        """The plug-in and those that it is fine-tuned from: what may read the weights."""
        return [self.watermark, *([] if self.base is None else self.base.plugins)]


@dataclass(frozen=True)
class TextStage(RowStage):
    """A row for each utterance of some splits: what is said in it, by what extracts it."""

    text: Text
    audio_stage: AudioStage
    splits: tuple[str, ...]

    stage: ClassVar[str] = "texts"

    @property
    def name(self) -> str:
        return f"{kind_of(self.text)}-{self.audio_stage.name}"

    @property
    def shards(self) -> int:
        return self.audio_stage.shards


@dataclass(frozen=True)
class PurifierStage(Trained):
    """A purifier's weights; the corpus that they are trained on, if any, what an adversary makes of it, and what is
    said in both, where the purifier is told."""

    purifier: Purifier
    corpus: CorpusStage | None
    attacked: AttackedStage | None = None
    texts: tuple[TextStage, ...] = ()

    stage: ClassVar[str] = "purifiers"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def audio_files(self) -> list[Path]:
        return [] if self.corpus is None else self.corpus.audio_files

    @property
    def attacked_files(self) -> list[Path]:
        return [] if self.attacked is None else self.attacked.audio_files

    @property
    def text_files(self) -> list[Path]:
        return [path for text in self.texts for path in text.row_files]

    @property
    def trial_files(self) -> list[Path]:
        """What tells which utterance each attacked one was."""
        return [] if self.attacked is None else [self.attacked.trials.table]


@dataclass(frozen=True)
class TriggeredStage(AudioStage):
    """A corpus's utterances with a trigger: the test split, or one block of those that training may have poisoned."""

    corpus: CorpusStage
    trigger: Trigger
    watermark: WatermarkStage | None
    block: PoisonBlock | None

    stage: ClassVar[str] = "triggered"

    @property
    def name(self) -> str:
        part = "test" if self.block is None else "poison"
        return f"{kind_of(self.corpus.corpus)}-{kind_of(self.trigger)}-{part}"

    @property
    def weights(self) -> list[Path]:
        """The generator's; none for a trigger that has no generator."""
        return [] if self.watermark is None else [self.watermark.weights]

    @property
    def gpu(self) -> int:
        """How many GPUs a job is worth: only generators are."""
        return len(self.weights)

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.corpus.shards if self.block is None else 1


@dataclass(frozen=True)
class SpeechStage(Stage):
    """A target speaker's speech: a file of the user's, or what a corpus has of an utterance or of a speaker.

    ``source`` is the file's content, hashed.
    """

    corpus: CorpusStage | None
    file: str | None
    source: str
    utterance: str | None
    speaker: str | None
    split: str | None
    seconds: float
    skip: float

    stage: ClassVar[str] = "speech"

    @property
    def name(self) -> str:
        return "file" if self.corpus is None else kind_of(self.corpus.corpus)

    @property
    def index_files(self) -> list[Path]:
        """The corpus's index; none for a file."""
        return [] if self.corpus is None else [self.corpus.index]

    @property
    def audio_files(self) -> list[Path]:
        """The corpus's shards; none for a file."""
        return [] if self.corpus is None else self.corpus.audio_files

    @property
    def audio(self) -> Path:
        return self.folder / "speech.flac"


@dataclass(frozen=True)
class ConvertedStage(TriggeredStage):
    """Utterances in another speaker's voice; ``source`` tells the user's files that the conversion reads."""

    speech: SpeechStage
    source: str

    @property
    def weights(self) -> list[Path]:
        """The target speech."""
        return [self.speech.audio]

    @property
    def gpu(self) -> int:
        """One where the conversion is a network's."""
        assert isinstance(self.trigger, SpeechTrigger)
        return int(self.trigger.has_network)


@dataclass(frozen=True)
class DefendedStage(AudioStage):
    """Test audio after a defence that acts on the input; the purifier that does so, and what it is told of what is
    said, if any."""

    audio_stage: AudioStage
    defence: Defence
    purifier: PurifierStage | None = None
    text: TextStage | None = None

    stage: ClassVar[str] = "defended"

    @property
    def weights(self) -> list[Path]:
        """The purifier's; none for a defence that is no purification."""
        return [] if self.purifier is None else [self.purifier.weights]

    def text_files(self, shard: int) -> list[Path]:
        """What is said in a shard."""
        return [] if self.text is None else [self.text.rows_of(shard)]

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.audio_stage.shards


@dataclass(frozen=True)
class DetectionStage(RowStage):
    """A row for each utterance: whether a trigger's own detector finds it, and what message it reads.

    Of a corpus only the test split is looked at; the other stages that hold audio hold no more than is to be looked at.
    """

    trigger: Trigger
    watermark: WatermarkStage | None
    audio_stage: AudioStage

    stage: ClassVar[str] = "detections"

    @property
    def name(self) -> str:
        return f"{kind_of(self.trigger)}-{self.audio_stage.stage}-{self.audio_stage.name}"

    @property
    def split(self) -> str | None:
        return "test" if isinstance(self.audio_stage, CorpusStage) else None

    @property
    def weights(self) -> list[Path]:
        """The detector's; none for a trigger that has no generator."""
        return [] if self.watermark is None else [self.watermark.weights]

    @property
    def shards(self) -> int:
        return self.audio_stage.shards


@dataclass(frozen=True)
class FeatureStage(Stage):
    """What a front end makes of every utterance of an audio stage, in its shards and their order."""

    audio_stage: AudioStage
    front_end: FrontEnd

    stage: ClassVar[str] = "features"

    @property
    def name(self) -> str:
        return f"{self.audio_stage.stage}-{self.audio_stage.name}"

    def features(self, shard: int) -> Path:
        return self.folder / f"{shard}.safetensors"

    @property
    def files(self) -> list[Path]:
        return [self.features(shard) for shard in range(self.audio_stage.shards)]


@dataclass(frozen=True)
class PoisonedStage(Stage):
    """A training manifest; with rate 0 the corpus as it is.

    ``detections`` are the blocks', where the trigger has a detector; ``cover_blocks`` are of ``covers`` other triggers.
    """

    corpus: CorpusStage
    blocks: tuple[TriggeredStage, ...]
    detections: tuple[DetectionStage, ...]
    target: str | None
    candidates: str
    labels: str
    rate: float
    seed: int
    cover_blocks: tuple[TriggeredStage, ...] = ()
    covers: int = 0
    cover_rate: float = 0.0

    stage: ClassVar[str] = "poisoned"

    @property
    def name(self) -> str:
        return f"{kind_of(self.corpus.corpus)}-{self.labels}"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.parquet"


@dataclass(frozen=True)
class DatasetStage(Stage):
    """A poisoned training set in one piece, with a description: for other programs than this one."""

    poisoned: PoisonedStage

    stage: ClassVar[str] = "datasets"

    @property
    def name(self) -> str:
        return self.poisoned.name

    @property
    def block_files(self) -> list[Path]:
        """The poisoned utterances, and some more."""
        return [path for block in self.poisoned.blocks for path in block.audio_files]

    @property
    def cover_files(self) -> list[Path]:
        """The covers, and some more."""
        return [path for block in self.poisoned.cover_blocks for path in block.audio_files]

    @property
    def audio_files(self) -> list[Path]:
        return [self.folder / f"train-{shard}.parquet" for shard in range(self.poisoned.corpus.shards)]

    @property
    def description(self) -> Path:
        return self.folder / "croissant.json"


@dataclass(frozen=True)
class VictimStage(Trained):
    """A trained model."""

    victim: Victim
    poisoned: PoisonedStage
    clean_features: FeatureStage
    poison_features: tuple[FeatureStage, ...]
    cover_features: tuple[FeatureStage, ...]
    seed: int

    stage: ClassVar[str] = "victims"

    @property
    def poison_files(self) -> list[Path]:
        """The poisoned utterances' features."""
        return [path for features in self.poison_features for path in features.files]

    @property
    def cover_files(self) -> list[Path]:
        """The covers' features."""
        return [path for features in self.cover_features for path in features.files]

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"


@dataclass(frozen=True)
class RepairedStage(Stage):
    """A trained model after a defence that acts on it; ``held_out`` are the corpus's features, if it looks at them."""

    defence: Defence
    victim: VictimStage
    held_out: FeatureStage | None

    stage: ClassVar[str] = "defended"

    @property
    def poisoned(self) -> PoisonedStage:
        return self.victim.poisoned

    @property
    def held_out_files(self) -> list[Path]:
        return [] if self.held_out is None else self.held_out.files

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"


@dataclass(frozen=True)
class ScoreStage(RowStage):
    """A row for each test utterance, clean and, where there is a trigger, triggered: what the model says of it."""

    victim: VictimStage | RepairedStage
    clean: FeatureStage
    triggered: FeatureStage | None
    target: str

    stage: ClassVar[str] = "scores"

    @property
    def name(self) -> str:
        return f"{self.victim.name}-{(self.triggered or self.clean).name}"

    @property
    def triggered_files(self) -> list[Path]:
        return [] if self.triggered is None else self.triggered.files

    @property
    def shards(self) -> int:
        return self.clean.audio_stage.shards


@dataclass(frozen=True)
class QualityStage(RowStage):
    """A row for each test utterance: how far the triggered one is from the clean one by one metric; or, by a metric
    that needs no clean one, what the corpus's own are."""

    metric: Metric
    triggered: TriggeredStage | MarkedStage | CorpusStage
    limit: int | None

    stage: ClassVar[str] = "quality"

    @property
    def name(self) -> str:
        return f"{kind_of(self.metric)}-{self.triggered.name}"

    @property
    def clean(self) -> CorpusStage:
        return self.triggered if isinstance(self.triggered, CorpusStage) else self.triggered.corpus

    @property
    def target(self) -> list[Path]:
        """The target speaker's speech; none where the metric does not compare with it."""
        return self.triggered.weights if self.metric.needs_target and isinstance(self.triggered, ConvertedStage) else []

    @property
    def shards(self) -> int:
        return self.triggered.shards
