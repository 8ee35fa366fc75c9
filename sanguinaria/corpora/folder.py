"""The user's own recordings: a folder with one sub-folder per label, or a table that lists them."""

from __future__ import annotations

import csv
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.names import is_text, require_visible_differences
from sanguinaria.core.plugins import Plugin
from sanguinaria.corpora import SPLITS, Corpus, Recording, SplitShares

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Suffixes of audio, whether libsndfile reads it or not: an unreadable recording is to be reported, not ignored.
SUFFIXES = frozenset(
    (
        *(".wav", ".wave", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"),
        *(".caf", ".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr"),
    )
)


class Folder(Corpus):
    """A folder of audio files, described by its layout or by a table.

    Without a table, the label of a file is its top sub-folder. The speaker is the first group of ``speaker_pattern``,
    matched against the path below ``path``; without a pattern every file is a speaker of its own. Splits are drawn by a
    hash of the speaker, so that no two share a speaker. A table (CSV or Parquet) has the columns path (below ``path``)
    and label, and optionally speaker and split.
    """

    path: Path
    table: Path | None = Field(default=None, description="CSV or Parquet with path, label, and maybe speaker, split")
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

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        if not self.path.is_dir():
            yield "path", f"no folder {str(self.path)!r}: give the folder that holds the recordings"
        elif self.table is None:
            yield from (("path", message) for message in self._problems_of_names())
        if self.table is not None and not self.table.is_file():
            yield "table", f"no file {str(self.table)!r}"
        elif self.table is not None:
            try:
                require_visible_differences(self.labels() or (), f"{self.table}: labels")
            except InputError as error:
                yield "table", str(error)

    def labels(self) -> Sequence[str] | None:
        if self.table is not None:
            return _table_labels(self.table)
        if not self.path.is_dir():
            return None
        return sorted({name.partition("/")[0] for name in self._files()})

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and modification times of the files, and of the table if there is one."""
        import hashlib

        # A table may list any file below the folder, whatever its suffix.
        names = self._files() if self.table is None else _walk(self.path)
        digest = hashlib.sha256()
        for path in chain((self.path / name for name in names), [] if self.table is None else [self.table]):
            if path.is_file():
                state = path.stat()
                digest.update(os.fsencode(path) + f"\t{state.st_size}\t{state.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]

    def recordings(self) -> list[Recording]:
        if self.table is None and (message := next(self._problems_of_names(), None)):
            raise InputError(message)
        recordings = self._from_folders() if self.table is None else self._from_table()
        repeated = [name for name, count in Counter(r.utterance_id for r in recordings).items() if count > 1]
        if repeated:
            raise InputError(f"{self.table or self.path}: {len(repeated)} recordings twice, {repeated[0]} first")
        return sorted(recordings, key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        return read_file(Path(source))

    def _problems_of_names(self) -> Iterator[str]:
        """Problems of a folder without a table that the names of its files show."""
        try:
            _require_reachable(self.path)
            names = list(self._files())
            labels = {name.partition("/")[0] for name in names}
            if not names:
                yield f"no audio in the sub-folders of {str(self.path)!r} ({', '.join(sorted(SUFFIXES))})"
            require_visible_differences(labels, f"{self.path}: labels")
        except InputError as error:
            yield str(error)
            return
        foreign = [name for name in names if not name.isascii() and not is_text(name)]
        if foreign:
            yield (
                f"{self.path}: the names of {len(foreign)} files are not UTF-8, {foreign[0]!r} first; rename them, for "
                "instance by convmv -f latin1 -t utf8"
            )

    def _files(self) -> Iterator[str]:
        """Paths below ``path`` of the audio files in sub-folders, in a fixed order; without hidden files."""
        return (name for name in _walk(self.path) if "/" in name and self._is_audio(name))

    def _is_audio(self, name: str) -> bool:
        """Whether a path below ``path`` is that of an audio file that is not hidden."""
        hidden = name.startswith(".") or "/." in name
        if hidden or os.path.splitext(name)[1].lower() not in SUFFIXES:
            return False
        path = f"{self.path}/{name}"
        # A link to content that is not there, as of git-annex and DVC, is a recording that cannot be read.
        return os.path.isfile(path) or _is_dangling(path)

    def _from_folders(self) -> list[Recording]:
        """The recordings by the layout of the folder."""
        if unlabelled := sorted(filter(self._is_audio, os.listdir(self.path))):
            raise InputError(
                f"{self.path}: {len(unlabelled)} audio files lie in no sub-folder and so have no label, "
                f"{unlabelled[0]!r} first; move them, or list the recordings in a table"
            )
        recordings = []
        for name in self._files():
            label, speaker = name.partition("/")[0], self._speaker(name)
            recordings.append(
                Recording(
                    utterance_id=name,
                    label=label,
                    speaker=speaker,
                    split=self.split.split_of(speaker),
                    source=str(self.path / name),
                )
            )
        return recordings

    def _speaker(self, name: str) -> str:
        """The speaker of a path below ``path``."""
        if self.speaker_pattern is None:
            return name
        match = re.search(self.speaker_pattern, name)
        if match is None or not match[1]:
            raise InputError(
                f"{self.path}: speaker_pattern {self.speaker_pattern!r} finds no speaker in {name!r}; correct the "
                "pattern, or list the recordings in a table"
            )
        return match[1]

    def _from_table(self) -> list[Recording]:
        """The recordings that the table lists."""
        assert self.table is not None
        table = _read_table(self.table)
        absent = [name for name in table["path"] if not _is_there(self.path / name)]
        if absent:
            raise InputError(f"{self.table}: {len(absent)} of {len(table)} files are absent, {absent[0]!r} first")
        recordings = []
        for row in table.to_dict("records"):
            speaker = row.get("speaker", row["path"])
            split = row.get("split", self.split.split_of(speaker))
            recordings.append(
                Recording(
                    utterance_id=row["path"],
                    label=row["label"],
                    speaker=speaker,
                    split=split,
                    source=str(self.path / row["path"]),
                )
            )
        return recordings


def _is_dangling(path: str | Path) -> bool:
    """Whether a path is that of a link to what is not there."""
    return os.path.islink(path) and not os.path.exists(path)


def _is_there(path: Path) -> bool:
    """Whether a file is there, be it that its content cannot be reached: its reading reports this."""
    try:
        return stat.S_ISREG(path.stat().st_mode) or _is_dangling(path)
    except (FileNotFoundError, NotADirectoryError):
        return _is_dangling(path)
    except OSError:  # no right to search a folder above
        return True


def _walk(folder: Path) -> Iterator[str]:
    """Paths below a folder of all files in it, in a fixed order.

    Linked folders are followed, unless they lead back to a folder above. The paths are text and not held in memory, as
    a corpus may have a million files. A folder that cannot be listed is left out: see :func:`_require_reachable`.
    """
    for parent, folders, names in os.walk(folder, followlinks=True):
        ancestors = {os.path.realpath(above) for above in (parent, *map(str, Path(parent).parents))}
        folders[:] = sorted(name for name in folders if os.path.realpath(Path(parent, name)) not in ancestors)
        below = Path(os.path.relpath(parent, folder)).as_posix()
        # As text, since a path object for each of many files is most of the time.
        yield from (name if below == "." else f"{below}/{name}" for name in sorted(names))


def _require_reachable(folder: Path) -> None:
    """Check that no folder of labels is absent, since its label would be, without a word.

    Raises:
        InputError: a folder cannot be listed, or a link to one leads nowhere.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name == "lost+found":
            continue
        if "." not in entry.name and _is_dangling(entry.path):
            raise InputError(
                f"{entry.path}: a link to {os.readlink(entry.path)!r}, which is not there; mount, fetch or remove it"
            )
        if entry.is_dir():
            for _ in os.walk(entry.path, onerror=_refuse_folder):
                pass


def _refuse_folder(error: OSError) -> None:
    raise InputError(
        f"{error.filename}: a folder that cannot be listed ({error.strerror}); its recordings would be left out"
    )


def _table_labels(path: Path) -> Sequence[str] | None:
    """The labels in a CSV file, read without pandas, which is slow to import; ``None`` where pandas is needed."""
    if path.suffix == ".parquet" or not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        labels = {row.get("label") for row in csv.DictReader(file)}
    return None if None in labels else sorted(label for label in labels if label is not None)


def _read_table(path: Path) -> pd.DataFrame:
    """Read the table, with every column as text.

    Raises:
        InputError: the table, a column, a value, or a split's name is invalid.
    """
    import pandas as pd

    try:
        # Only an empty field is a missing value: "null", "none" and "NA" may be labels.
        options = {"dtype": str, "keep_default_na": False, "na_values": [""]}
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, **options)
    except Exception as error:
        raise InputError(f"{path}: not a readable CSV or Parquet table: {error}") from error
    columns = [name for name in ("path", "label", "speaker", "split") if name in table]
    if not {"path", "label"} <= set(columns):
        raise InputError(f"{path}: needs the columns path and label; it has {', '.join(map(str, table.columns))}")
    table = table[columns]
    if table.isna().any().any():
        row = int(table.isna().any(axis=1).to_numpy().argmax())
        raise InputError(f"{path}: row {row + 1} after the header has an empty value")
    table = table.astype(str)
    outside = [name for name in table["path"] if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise InputError(f"{path}: {outside[0]!r} is not below the corpus's folder")
    # One spelling for one file: a/./b.wav and a/b.wav are the same recording twice.
    table["path"] = [Path(name).as_posix() for name in table["path"]]
    unknown = sorted(set(table.get("split", [])) - set(SPLITS))
    if unknown:
        raise InputError(f"{path}: unknown split {unknown[0]!r}; there are: {', '.join(SPLITS)}")
    return table
