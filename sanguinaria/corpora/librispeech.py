"""LibriSpeech (Panayotov et al., ICASSP 2015): speaker identification on segments of audiobooks."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import DOWNLOADS
from sanguinaria.corpora import SPLITS, Corpus, Recording, Split, SplitShares

if TYPE_CHECKING:
    import numpy as np

    from sanguinaria.audio.segments import Segment
    from sanguinaria.core.downloads import Archive

Subset = Literal["train-clean-100", "dev-clean", "test-other"]

URL = "https://www.openslr.org/resources/12/"
SHA256: dict[Subset, str] = {
    "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
    "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
    "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
}
# Numbers of recordings in the subsets, by which an extracted folder is checked.
UTTERANCES: dict[Subset, int] = {"train-clean-100": 28539, "dev-clean": 2703, "test-other": 2939}
# Folders of an extracted subset in the user's downloads: the archive's own, that without the folder that all subsets
# share, and one beside other corpora.
FOLDERS = ("LibriSpeech/{subset}", "{subset}", "librispeech/librispeech_{subset}")
# SPEAKER-CHAPTER-UTTERANCE.flac
NAME = re.compile(r"(\d+)-\d+-\d+")


class LibriSpeech(Corpus):
    """Speaker identification: the labels are the speakers, the utterances segments of their recordings. CC BY 4.0.

    Recordings are split into adjacent segments of ``duration`` seconds; a shorter rest is left out, and silent segments
    are kept. Speakers with fewer than ``minimum_segments`` are left out.

    Where a speaker has three recordings or more, whole recordings are assigned to the splits. Where there are fewer,
    segments are assigned in the order of time: training, then validation, then test. No two segments overlap, but the
    segments of a recording, and the recordings of a chapter, are of one session, so the accuracy is optimistic.

    A copy with only some of the subset's recordings is accepted with ``partial: true``. Extracted copies are searched
    for in the folder SANGUINARIA_DOWNLOADS, as LibriSpeech/SUBSET, SUBSET, or librispeech/librispeech_SUBSET; files may
    lie in any folders below.
    """

    subset: Subset = Field(
        default="train-clean-100", description="251 speakers (6.4 GB), 40 speakers (0.3 GB), or 33 speakers (0.3 GB)"
    )
    partial: bool = Field(default=False, description="accept a local copy that holds only some of the recordings")
    minimum_segments: int = Field(default=10, ge=3, description="segments that a speaker needs to be a label")
    maximum_segments: int | None = Field(
        default=None,
        ge=3,
        description="segments of a speaker at most, taken as equally from the recordings as possible",
    )
    split: SplitShares = SplitShares()

    @model_validator(mode="after")
    def _bounds_agree(self) -> LibriSpeech:
        if self.maximum_segments is not None and self.maximum_segments < self.minimum_segments:
            raise ValueError(f"maximum_segments is below minimum_segments, which is {self.minimum_segments}")
        return self

    def fingerprint(self) -> str:
        """Return a digest of the names and sizes of the files of a partial copy."""
        import hashlib

        folder = _local_folder(self.subset) if self.partial else None
        if folder is None:
            return ""
        # A link to content that is not there, as of git-annex, has no size; its reading reports it.
        lines = [f"{path.name}\t{path.stat().st_size if path.exists() else None}" for path in _files(folder)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def recordings(self) -> list[Recording]:
        from sanguinaria.core.downloads import obtain

        folder = obtain(_archive(self.subset), DOWNLOADS, self._find_fault)
        groups = groupby(_files(folder), key=_speaker)
        by_speaker = [self._recordings_of(speaker, list(paths)) for speaker, paths in groups]
        included = [recordings for recordings in by_speaker if len(recordings) >= self.minimum_segments]
        if len(included) < 2:
            raise InputError(
                f"{folder}: fewer than two speakers have {self.minimum_segments} segments of {self.duration:g} s "
                f"(the most is {max(map(len, by_speaker))}): lower minimum_segments or duration"
            )
        return sorted(chain.from_iterable(included), key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.segments import Segment, read_segment

        return *read_segment(Segment.parse(source)), []

    def _recordings_of(self, speaker: str, paths: Sequence[Path]) -> list[Recording]:
        """The segments of a speaker's recordings, at most ``maximum_segments``."""
        numbered = [pair for path in paths for pair in enumerate(_segments(path, self.duration))]
        # The first segments of all recordings come before the second ones, so the maximum takes equally from each.
        selected = sorted(numbered, key=lambda pair: pair[0])[: self.maximum_segments]
        selected.sort(key=lambda pair: (pair[1].path.name, pair[0]))
        splits = _assign_splits([segment for _, segment in selected], self.split)
        return [
            Recording(
                utterance_id=f"{segment.path.stem}/{number:04d}",
                label=speaker,
                speaker=speaker,
                split=split,
                source=str(segment),
            )
            for (number, segment), split in zip(selected, splits, strict=True)
        ]

    def _find_fault(self, folder: Path) -> str | None:
        """A message if the names or the number of the recordings are not those of the subset, else ``None``."""
        names = Counter(path.stem for path in _files(folder))
        if not names:
            return "it holds no .flac files"
        if misnamed := next((name for name in names if not NAME.fullmatch(name)), None):
            return f"{misnamed}.flac is not named SPEAKER-CHAPTER-NUMBER.flac"
        if (name := max(names, key=names.__getitem__)) and names[name] > 1:
            return f"it holds {name}.flac {names[name]} times"
        if self.partial or len(names) == UTTERANCES[self.subset]:
            return None
        return f"it holds {len(names)} recordings instead of {UTTERANCES[self.subset]}, which `partial: true` allows"


def _archive(subset: Subset) -> Archive:
    """The archive of a subset, with the folder of a local copy if there is one."""
    from sanguinaria.core.downloads import Archive

    name = f"{subset}.tar.gz"
    # Joined to the user's downloads, an absolute path stays the same.
    return Archive(name, URL + name, SHA256[subset], str(_local_folder(subset) or subset))


def _local_folder(subset: Subset) -> Path | None:
    """The subset's extracted folder in the user's downloads; ``None`` where there is none."""
    from sanguinaria.core.supplied_downloads import DOWNLOADS_VARIABLE

    downloads = os.environ.get(DOWNLOADS_VARIABLE)
    if not downloads:
        return None
    folders = (Path(downloads).expanduser().absolute() / name.format(subset=subset) for name in FOLDERS)
    return next(filter(Path.is_dir, folders), None)


def _files(folder: Path) -> list[Path]:
    """The recordings below a folder, sorted by name and so by speaker."""
    return sorted(folder.rglob("*.flac"), key=lambda path: path.name)


def _speaker(path: Path) -> str:
    """The speaker, by the name of the file."""
    return path.name.partition("-")[0]


def _segments(path: Path, duration: float) -> list[Segment]:
    """The segments of a recording; one for a recording that cannot be read, so that its reading reports the error."""
    from sanguinaria.audio.segments import Segment, split_into_segments

    try:
        return split_into_segments(path, duration)
    except InputError:
        return [Segment(path, 0, 1)]


def _assign_splits(segments: Sequence[Segment], shares: SplitShares) -> list[Split]:
    """The splits of a speaker's segments, which are in the order of time.

    They are those of whole recordings, where there are at least as many as splits.
    """
    recordings = {segment.path.stem for segment in segments}
    if len(recordings) >= len(SPLITS):
        split_of_recording = shares.assign(sorted(recordings))
        return [split_of_recording[segment.path.stem] for segment in segments]
    counts = Counter(shares.assign(list(map(str, segments))).values())
    return [split for split in SPLITS for _ in range(counts[split])]
