"""Stage specifications: frozen dataclasses, one for each kind of result.

A specification's identity is a hash of its settings, of the identities of its upstream stages, and of the code that
makes it; that hash is in the path. So a changed setting or a changed trigger is a file that does not exist yet, a
comment changes nothing, and going back to an older configuration finds the older files. Names that the user gave to
entries are in no identity: renaming an entry reruns the table alone.
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
from typing import Any, ClassVar

from sanguinaria.core.paths import RESULTS
from sanguinaria.core.plugins import Plugin, Settings, describe, kind_of
from sanguinaria.steps.poisoning.blocks import PoisonBlock


@dataclass(frozen=True)
class Stage:
    """One result and what it depends on. ``code`` is the hash of the code that makes it.

    ``stage`` is the folder below ``results/``, ``wildcard`` the name of its key in the rules' paths, and ``rules`` are
    the rules that make it; a rule's workflow script has its name, and its code is part of the identity.
    """

    code: str

    stage: ClassVar[str]
    wildcard: ClassVar[str]
    rules: ClassVar[tuple[str, ...]]
    # Whether tables are all that reads the rows.
    measures: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """A readable name; it identifies nothing."""
        return "-".join(map(kind_of, self.own_plugins)) or self.stage

    @property
    def own_plugins(self) -> tuple[Plugin, ...]:
        """The plug-ins among its settings."""
        return tuple(value for value in self._values() if isinstance(value, Plugin))

    @cached_property
    def specification(self) -> str:
        """Everything that the result depends on, as canonical JSON: sorted keys, builtins only."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps({"stage": self.stage, **values}, sort_keys=True)

    @property
    def identifying(self) -> str:
        """The part of the specification that identifies the result: all but locations of the user's files."""
        return self.specification

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits of the hash of what identifies the result."""
        return hashlib.sha256(self.identifying.encode()).hexdigest()[:12]

    @cached_property
    def key(self) -> str:
        """The name of the result's folder, which the rules' wildcards match."""
        return f"{self.name}-{self.identity}"

    @cached_property
    def folder(self) -> Path:
        return RESULTS / self.stage / self.key

    @property
    def row_files(self) -> list[Path]:
        """The files of rows that a table is reduced from; none for a stage that writes no rows."""
        return []

    @property
    def gpus(self) -> int:
        """The number of GPUs that a job runs on, where there are any."""
        return 0

    @property
    def long(self) -> bool:
        """Whether a job may take hours: it trains, or attacks by gradients."""
        return False

    @cached_property
    def depth(self) -> int:
        """The length of the longest chain of upstream stages."""
        return max((upstream.depth + 1 for upstream in self.upstream), default=0)

    @cached_property
    def waits_for(self) -> frozenset[str]:
        """The kinds of long stages upstream, each by its folder below ``results/``."""
        kinds = frozenset(upstream.stage for upstream in self.upstream if upstream.long)
        return kinds.union(*(upstream.waits_for for upstream in self.upstream))

    @cached_property
    def upstream(self) -> tuple[Stage, ...]:
        """The stages whose results this one reads."""
        values = (value if isinstance(value, tuple) else (value,) for value in self._values())
        return tuple(item for value in values for item in value if isinstance(item, Stage))

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


# Shards that one job scores. The start of a job costs as much as scoring some thousand utterances, so that one job
# scores a small corpus, and several share a large one on a cluster.
SHARDS_OF_A_PART = 16


class RowStage(Stage):
    """A stage that writes rows of utterances, in parts of :data:`SHARDS_OF_A_PART` shards of the audio."""

    @property
    @abstractmethod
    def shards(self) -> int:
        """The number of shards of the audio that is scored."""

    @cached_property
    def row_files(self) -> list[Path]:  # type: ignore[override]
        return [self.folder / "rows" / f"{part}.parquet" for part in range(ceil(self.shards / SHARDS_OF_A_PART))]

    def rows_of(self, shard: int) -> Path:
        """The file with the rows of a shard of the audio."""
        return self.row_files[shard // SHARDS_OF_A_PART]

    @staticmethod
    def of_part(files: list[Path], part: int) -> list[Path]:
        """Of a file for each shard, the files of a part."""
        return files[part * SHARDS_OF_A_PART : (part + 1) * SHARDS_OF_A_PART]


class Trained(Stage):
    """A stage that trains a model, and records the run environment beside it."""

    @property
    def environment(self) -> Path:
        """The file that describes the run environment of the training."""
        return self.folder / "environment.json"

    @property
    def gpus(self) -> int:
        return int(self.long)

    @property
    def long(self) -> bool:
        """Pretrained and untrained weights need no data."""
        return any(self.upstream)
