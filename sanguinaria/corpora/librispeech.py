"""LibriSpeech (Panayotov et al., ICASSP 2015): who reads, in segments of audiobooks."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
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
# Utterances of the subsets: an extracted folder is checked by them.
UTTERANCES: dict[Subset, int] = {"train-clean-100": 28539, "dev-clean": 2703, "test-other": 2939}
# What an extracted subset may be called in the user's downloads: the archive's own name for it, that without the folder
# that all subsets share, and a name among other corpora.
FOLDERS = ("LibriSpeech/{subset}", "{subset}", "librispeech/librispeech_{subset}")
# SPEAKER-CHAPTER-UTTERANCE.flac
NAME = re.compile(r"(\d+)-\d+-\d+")


class LibriSpeech(Corpus):
    """Speaker identification: the labels are the speakers, the utterances segments of their recordings. CC BY 4.0.

    Recordings are cut end to end into segments of ``duration`` seconds; a shorter rest is left out, and silent
    segments are kept. Speakers with fewer than ``minimum_segments`` are left out.

    Where a speaker has three recordings or more, whole recordings are dealt to the splits; where there are fewer, the
    segments are, in the order of time: first those that train, then validation, then test. No two segments overlap,
    but those of one recording share its session, and so do the recordings of a chapter: accuracy is optimistic.

    A copy with only some of the subset's recordings is taken with ``partial: true``. Extracted copies are found in
    the folder SANGUINARIA_DOWNLOADS as LibriSpeech/SUBSET, SUBSET, or librispeech/librispeech_SUBSET; files may lie in
    any folders below.
    """

    subset: Subset = Field(
        default="train-clean-100", description="251 speakers (6.4 GB), 40 speakers (0.3 GB), or 33 speakers (0.3 GB)"
    )
    partial: bool = Field(default=False, description="take a local copy that holds only some of the recordings")
    minimum_segments: int = Field(default=10, ge=3, description="segments that a speaker needs to be a label")
    maximum_segments: int | None = Field(
        default=None, ge=3, description="take no more from a speaker, as equally from the recordings as possible"
    )
    split: SplitShares = SplitShares()

    @model_validator(mode="after")
    def _bounds_agree(self) -> LibriSpeech:
        if self.maximum_segments is not None and self.maximum_segments < self.minimum_segments:
            raise ValueError(f"maximum_segments is below minimum_segments, which is {self.minimum_segments}")
        return self

    def fingerprint(self) -> str:
        """The names and sizes of the files, where a copy may hold any of them."""
        import hashlib

        folder = _local_folder(self.subset) if self.partial else None
        if folder is None:
            return ""
        lines = [f"{path.name}\t{path.stat().st_size}" for path in _files(folder)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def recordings(self) -> list[Recording]:
        from sanguinaria.core.downloads import obtain

        folder = obtain(_archive(self.subset), DOWNLOADS, self._complaint)
        speakers = [self._of_speaker(name, list(paths)) for name, paths in groupby(_files(folder), key=_speaker)]
        enough = [own for own in speakers if len(own) >= self.minimum_segments]
        if len(enough) < 2:
            raise InputError(
                f"{folder}: fewer than two speakers have {self.minimum_segments} segments of {self.duration:g} s "
                f"(the most is {max(map(len, speakers))}): lower minimum_segments or duration"
            )
        return sorted((recording for own in enough for recording in own), key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.segments import Segment, read_segment

        return *read_segment(Segment.parse(source)), []

    def _of_speaker(self, speaker: str, paths: Sequence[Path]) -> list[Recording]:
        numbered = [pair for path in paths for pair in enumerate(_cut(path, self.duration))]
        # The first of each recording before the second of each: so the maximum takes equally from all.
        taken = sorted(numbered, key=lambda pair: pair[0])[: self.maximum_segments]
        taken.sort(key=lambda pair: (pair[1].path.name, pair[0]))
        splits = _deal([segment for _, segment in taken], self.split)
        return [
            Recording(f"{segment.path.stem}/{number:04d}", speaker, speaker, split, str(segment))
            for (number, segment), split in zip(taken, splits, strict=True)
        ]

    def _complaint(self, folder: Path) -> str | None:
        """What is wrong with an extracted subset, by the names and the number of its recordings."""
        names = Counter(path.stem for path in _files(folder))
        if not names:
            return "it holds no .flac files"
        if strange := next((name for name in names if not NAME.fullmatch(name)), None):
            return f"{strange}.flac is not named SPEAKER-CHAPTER-NUMBER.flac"
        if (name := max(names, key=names.__getitem__)) and names[name] > 1:
            return f"it holds {name}.flac {names[name]} times"
        if self.partial or len(names) == UTTERANCES[self.subset]:
            return None
        return f"it holds {len(names)} recordings instead of {UTTERANCES[self.subset]}, which `partial: true` allows"


def _archive(subset: Subset) -> Archive:
    from sanguinaria.core.downloads import Archive

    name = f"{subset}.tar.gz"
    # The absolute path of a folder stays itself when it is looked for in the user's downloads.
    return Archive(name, URL + name, SHA256[subset], str(_local_folder(subset) or subset))


def _local_folder(subset: Subset) -> Path | None:
    """The subset's extracted folder in the user's downloads, if it is there."""
    from sanguinaria.core.downloads import DOWNLOADS_VARIABLE

    downloads = os.environ.get(DOWNLOADS_VARIABLE)
    if not downloads:
        return None
    folders = (Path(downloads).expanduser().absolute() / name.format(subset=subset) for name in FOLDERS)
    return next(filter(Path.is_dir, folders), None)


def _files(folder: Path) -> list[Path]:
    """The recordings, those of a speaker together."""
    return sorted(folder.rglob("*.flac"), key=lambda path: path.name)


def _speaker(path: Path) -> str:
    return path.name.partition("-")[0]


def _cut(path: Path, duration: float) -> list[Segment]:
    from sanguinaria.audio.segments import Segment, split_into_segments

    try:
        return split_into_segments(path, duration)
    except InputError:  # listed all the same, so that reading it tells, or counts, it with all others
        return [Segment(path, 0, 1)]


def _deal(segments: Sequence[Segment], shares: SplitShares) -> list[Split]:
    """The splits of a speaker's segments, which are in the order of time."""
    recordings = {segment.path.stem for segment in segments}
    if len(recordings) >= len(SPLITS):
        of_recording = shares.deal(sorted(recordings))
        return [of_recording[segment.path.stem] for segment in segments]
    counts = Counter(shares.deal(list(map(str, segments))).values())
    return [split for split in SPLITS for _ in range(counts[split])]
