"""The user's own recordings: a folder of audio files, described by their paths or by tables that list them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field, field_validator, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.fields import UserPath
from sanguinaria.core.names import is_text, require_visible_differences
from sanguinaria.core.plugins import Plugin, Settings
from sanguinaria.corpora import SPLITS, Corpus, Recording, Split, SplitShares
from sanguinaria.corpora._label_counts import LabelCounts, count_labels, missing_splits
from sanguinaria.corpora.folder.files import SUFFIXES, is_dangling, is_there, require_reachable, walk
from sanguinaria.corpora.folder.patterns import Parts, groups_of, parts_of
from sanguinaria.corpora.folder.tables import Columns, Row, read_table

if TYPE_CHECKING:
    import numpy as np

# A path below a folder in its only spelling, as nearly all are; others are parsed.
PLAIN = re.compile(r"[^./~][^/]*(/[^./][^/]*)*")


class Lists(Settings):
    """Tables of the splits, one for each."""

    train: UserPath
    validation: UserPath | None = None
    test: UserPath


class SplitNames(Settings):
    """Further names that a table has for the splits, such as ``validation: [dev]``."""

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    @property
    def all(self) -> Mapping[str, Split]:
        """The splits by these names."""
        return {name: split for split in SPLITS for name in getattr(self, split)}


class Listed(NamedTuple):
    """A recording of a table: its path below the corpus's folder, and what else the table has of it."""

    name: str
    label: str | None
    speaker: str | None
    split: Split | None


class Folder(Corpus):
    """A folder of audio files, described by their paths or by tables.

    Without a table, the recordings are the audio files in sub-folders, and the label of a file is its top sub-folder;
    with a group ``label`` of ``pattern``, they are all audio files. A table (CSV or Parquet) has the columns path and
    label, and optionally speaker and split, or others that ``columns`` names; ``lists`` has a table for each split.
    ``pattern`` is searched for in the path below ``path``: its named groups ``label`` and ``speaker`` are these, and of
    its groups ``train``, ``validation`` and ``test``, the one that takes part in the match is the split. Without any
    of these, every file is a speaker of its own, and splits are drawn by a hash of the speaker, so that no two share
    one.
    """

    locations: ClassVar[frozenset[str]] = frozenset({"path", "table", "lists"})

    path: UserPath
    table: UserPath | None = Field(
        default=None, description="CSV or Parquet with path, label, and maybe speaker, split"
    )
    lists: Lists | None = Field(default=None, description="a table for each split, in place of `table`")
    columns: Columns = Columns()
    header: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="names of all columns, of tables without a first line of names"
    )
    split_names: SplitNames = SplitNames()
    pattern: str | None = Field(
        default=None, description="regular expression with groups named label, speaker, train, validation, test"
    )
    speaker_pattern: str | None = Field(default=None, description="regular expression with one group")
    split: SplitShares = SplitShares()

    @field_validator("speaker_pattern")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
            if groups != 1:
                raise ValueError(f"needs exactly one group, which is the speaker; it has {groups}")
        return pattern

    @field_validator("pattern")
    @classmethod
    def _named_groups(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            groups_of(pattern)
        return pattern

    @model_validator(mode="after")
    def _one_source(self) -> Folder:
        """Every part of a recording has one source."""
        if self.table is not None and self.lists is not None:
            raise ValueError("has `table` and `lists`: leave one of them out")
        if self._tables is None and (self.header is not None or self.columns != Columns() or self.split_names.all):
            raise ValueError("`columns`, `header` and `split_names` describe a table: name it as `table` or `lists`")
        if "speaker" in self._groups and self.speaker_pattern is not None:
            raise ValueError("`pattern` has a group `speaker`: leave `speaker_pattern` out")
        if self.lists is not None and (self.columns.split is not None or not self._groups.isdisjoint(SPLITS)):
            raise ValueError("`lists` name the splits: leave them out of `columns` and `pattern`")
        return self

    @property
    def _groups(self) -> frozenset[str]:
        """Names of the groups of ``pattern``."""
        return frozenset() if self.pattern is None else groups_of(self.pattern)

    @property
    def _tables(self) -> Mapping[Split | None, Path] | None:
        """Tables by the split that each lists, ``None`` for all; ``None`` where the files' paths describe them."""
        if self.lists is not None:
            paths = {split: getattr(self.lists, split) for split in SPLITS}
            return {split: path for split, path in paths.items() if path is not None}
        return None if self.table is None else {None: self.table}

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        tables = list((self._tables or {}).values())
        field = "lists" if self.lists is not None else "table" if tables else "path"
        absent = [path for path in tables if not path.is_file()]
        if not self.path.is_dir():
            yield "path", f"no folder {str(self.path)!r}: give the folder that holds the recordings"
        if absent:
            yield field, f"no file {str(absent[0])!r}"
        if not self.path.is_dir() or absent or _any_parquet(tables):  # read by the first job, as it takes long
            return
        try:
            counts = count_labels((recording.label, recording.split) for recording in self.recordings())
            require_visible_differences(counts, f"{self._name}: labels")
        except InputError as error:
            yield field, str(error)
            return
        message = missing_splits(counts) if self.incomplete_labels == "stop" else None
        if message is not None:
            yield field, f"{self._name}: {message}"

    def labels(self) -> Sequence[str] | None:
        counts = self.label_counts()
        return None if counts is None else list(counts)

    def label_counts(self) -> LabelCounts | None:
        if not self.path.is_dir() or _any_parquet((self._tables or {}).values()):
            return None
        try:
            return count_labels((recording.label, recording.split) for recording in self.recordings())
        except InputError:  # reported by problems()
            return None

    def fingerprint(self) -> str:
        """Return a digest of the recordings' names, labels, speakers, splits and contents.

        Of a Parquet table, which takes long to read, it is the digest of the table and of all files below the folder.
        """
        import hashlib

        from sanguinaria.core.content_digests import content_digests

        lines: list[str] = []
        try:
            tables = list((self._tables or {}).values())
            listed = [] if _any_parquet(tables) else self.recordings()
            if not listed:
                lines = [line for path in tables for line in content_digests(path.parent, [path.name])]
            names = [each.utterance_id for each in listed] or list(walk(self.path))
        except InputError:  # reported by problems()
            return ""
        described = [[each.label, each.speaker, each.split] for each in listed] or [[] for _ in names]
        for name, parts, digest in zip(names, described, content_digests(self.path, names), strict=True):
            lines.append(json.dumps([name, *parts, digest]))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def recordings(self) -> list[Recording]:
        listed = self._from_paths() if self._tables is None else self._from_tables(self._tables)
        repeated = [name for name, count in Counter(each.name for each in listed).items() if count > 1]
        if repeated:
            raise InputError(f"{self._name}: {len(repeated)} recordings twice, {repeated[0]} first")
        return sorted(map(self._recording, listed), key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        return read_file(Path(self.place_of(source)))

    def place_of(self, source: str) -> str:
        return f"{self.path}/{source}"

    @property
    def _name(self) -> str:
        """The tables, or else the folder, for messages."""
        return str(self.path) if self._tables is None else ", ".join(map(str, self._tables.values()))

    def _files(self) -> Iterator[str]:
        """Paths below ``path`` of the audio files that may be recordings, in a fixed order; without hidden files."""
        anywhere = "label" in self._groups
        return (name for name in walk(self.path) if (anywhere or "/" in name) and self._is_audio(name))

    def _is_audio(self, name: str) -> bool:
        """Whether a path below ``path`` is that of an audio file that is not hidden."""
        hidden = name.startswith(".") or "/." in name
        if hidden or os.path.splitext(name)[1].lower() not in SUFFIXES:
            return False
        path = f"{self.path}/{name}"
        # A link to content that is not there, as of git-annex and DVC, is a recording that cannot be read.
        return os.path.isfile(path) or is_dangling(path)

    def _from_paths(self) -> list[Listed]:
        """The recordings below the folder.

        Raises:
            InputError: there are none, a folder is out of reach, a name is not UTF-8, or a file has no label.
        """
        require_reachable(self.path)
        names = list(self._files())
        anywhere = "label" in self._groups
        if not anywhere and (unlabelled := sorted(filter(self._is_audio, os.listdir(self.path)))):
            raise InputError(
                f"{self.path}: {len(unlabelled)} audio files lie in no sub-folder and so have no label, "
                f"{unlabelled[0]!r} first; move them, give a `pattern`, or list the recordings in a table"
            )
        if not names:
            where = "" if anywhere else "the sub-folders of "
            raise InputError(f"no audio in {where}{str(self.path)!r} ({', '.join(sorted(SUFFIXES))})")
        if foreign := [name for name in names if not name.isascii() and not is_text(name)]:
            raise InputError(
                f"{self.path}: the names of {len(foreign)} files are not UTF-8, {foreign[0]!r} first; rename them, for "
                "instance by convmv -f latin1 -t utf8"
            )
        return [Listed(name, None if anywhere else name.partition("/")[0], None, None) for name in names]

    def _from_tables(self, tables: Mapping[Split | None, Path]) -> list[Listed]:
        """The recordings that tables list."""
        listed = []
        required = ("path",) if "label" in self._groups else ("path", "label")
        for split, table in tables.items():
            rows = read_table(table, self.columns, self.header, required)
            names = [row.path if PLAIN.fullmatch(row.path) else self._below(row.path, table) for row in rows]
            absent = [name for name in names if not is_there(f"{self.path}/{name}")]
            if absent:
                hint = "; separate folders by /" if "\\" in absent[0] else ""
                raise InputError(f"{table}: {len(absent)} of {len(rows)} files are absent, {absent[0]!r} first{hint}")
            for row in rows[:1]:
                self._require_one_source(table, row)
            for name, row in zip(names, rows, strict=True):
                listed.append(Listed(name, row.label, row.speaker, split or self._split_of(row, table)))
        return listed

    def _below(self, name: str, table: Path) -> str:
        """The path below the folder of a recording in a table, which may be absolute."""
        path = Path(name).expanduser() if name.startswith("~/") else Path(name)
        if path.is_absolute():
            roots = [root for root in (self.path.absolute(), self.path.resolve()) if path.is_relative_to(root)]
            path = path.relative_to(roots[0]) if roots else path
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{table}: {name!r} is not below the corpus's folder {str(self.path)!r}")
        # One spelling for one file: a/./b.wav and a/b.wav are the same recording twice.
        return path.as_posix()

    def _require_one_source(self, table: Path, row: Row) -> None:
        """Check that no part of a recording is in a table and in a pattern."""
        patterns = dict.fromkeys(self._groups - set(SPLITS), "pattern")
        patterns |= {"split": "pattern"} if not self._groups.isdisjoint(SPLITS) else {}
        patterns |= {"speaker": "speaker_pattern"} if self.speaker_pattern is not None else {}
        for part, pattern in patterns.items():
            if getattr(row, part) is not None:
                raise InputError(f"{table}: has a column for the {part}, and `{pattern}` a group: leave one out")

    def _split_of(self, row: Row, table: Path) -> Split | None:
        """The split of a row, if the table has it."""
        if row.split is None:
            return None
        names: dict[str, Split] = {**{split: split for split in SPLITS}, **self.split_names.all}
        split = names.get(row.split)
        if split is None:
            known = ", ".join(names)
            raise InputError(f"{table}: unknown split {row.split!r}; there are: {known}; give others in `split_names`")
        return split

    def _recording(self, listed: Listed) -> Recording:
        """The recording, with what the pattern and the shares say of it."""
        try:
            parts = Parts() if self.pattern is None else parts_of(listed.name, self.pattern)
        except InputError as error:
            raise InputError(f"{self._name}: {error}") from error
        label = listed.label or parts.label
        assert label is not None
        speaker = listed.speaker or parts.speaker or self._speaker(listed.name)
        return Recording(
            utterance_id=listed.name,
            label=label,
            speaker=speaker,
            split=listed.split or parts.split or self.split.split_of(speaker),
            source=listed.name,
        )

    def _speaker(self, name: str) -> str:
        """The speaker of a path below ``path`` by ``speaker_pattern``."""
        if self.speaker_pattern is None:
            return name
        match = re.search(self.speaker_pattern, name)
        if match is None or not match[1]:
            raise InputError(
                f"{self.path}: speaker_pattern {self.speaker_pattern!r} finds no speaker in {name!r}; correct the "
                "pattern, or list the recordings in a table"
            )
        return match[1]


def _any_parquet(paths: Iterable[Path]) -> bool:
    return any(path.suffix == ".parquet" for path in paths)
