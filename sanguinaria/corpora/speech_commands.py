"""Speech Commands v0.02 (Warden, 2018, arXiv:1804.03209): one-second keywords."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import DOWNLOADS
from sanguinaria.corpora import Corpus, Recording, Split, SplitShares

if TYPE_CHECKING:
    import numpy as np

    from sanguinaria.core.downloads import Archive

# The ten keywords of the official test archive, and the thirty of v0.01, which are Bloodroot's SC-30: they include
# bed … wow and none of v0.02's additions (backward, follow, …).
SC10 = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
SC30 = tuple(
    sorted(
        (
            *SC10,
            *("bed", "bird", "cat", "dog", "eight", "five", "four", "happy", "house", "marvin"),
            *("nine", "one", "seven", "sheila", "six", "three", "tree", "two", "wow", "zero"),
        )
    )
)
ALL = tuple(sorted((*SC30, "backward", "follow", "forward", "learn", "visual")))
WORDS = {"sc10": SC10, "sc30": SC30, "all": ALL}

URL = "https://download.tensorflow.org/data/"
# Numbers of keyword clips in the archives, by which an extracted folder is checked.
CLIPS = {"test": 4074, "full": 105829}
# The full archive's own lists; clips in neither are for training.
LISTS: dict[str, Split] = {"validation_list.txt": "validation", "testing_list.txt": "test"}


class SpeechCommands(Corpus):
    """Keyword classification, or identification of the speakers.

    The full archive has official validation and testing lists. The test archive has none, so its speakers are split by
    a hash of their names. In the speaker view the labels are the speakers, and the clips of each speaker are split.
    """

    archive: Literal["full", "test"] = Field(default="full", description="the 2.3 GB archive, or its 112 MB test set")
    words: Literal["sc10", "sc30", "all"] | tuple[str, ...] = Field(
        default="sc10", description="a named subset of the keywords, or a list of keywords"
    )
    view: Literal["keywords", "speakers"] = Field(
        default="keywords", description="whether the labels are the keywords or the speakers"
    )
    minimum_clips: int = Field(default=30, ge=3, description="clips that a speaker needs to be a label")
    split: SplitShares = Field(default=SplitShares(), description="used where the archive has no official lists")

    @model_validator(mode="after")
    def _words_exist(self) -> SpeechCommands:
        available = SC10 if self.archive == "test" else ALL
        if self.words == "sc30" and self.archive == "test":
            raise ValueError("the test archive holds the ten keywords of sc10 only: use archive: full")
        if len(set(self._words())) < len(self._words()):
            raise ValueError("words must differ from one another")
        absent = sorted(set(self._words()) - set(available)) if self.words != "all" else []
        if absent:
            raise ValueError(f"no such keywords in the {self.archive} archive: {', '.join(absent)}")
        return self

    def labels(self) -> Sequence[str] | None:
        return self._words() if self.view == "keywords" else None

    def recordings(self) -> list[Recording]:
        from sanguinaria.core.downloads import obtain

        folder = obtain(_archive(self.archive), DOWNLOADS, lambda extracted: _find_fault(extracted, self.archive))
        clips = [(word, path) for word in self._words() for path in sorted((folder / word).glob("*.wav"))]
        return sorted(self._label(folder, clips), key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        return read_file(Path(source))

    def _words(self) -> tuple[str, ...]:
        """The keywords that the settings select, sorted."""
        if isinstance(self.words, tuple):
            return tuple(sorted(self.words))
        return SC10 if self.archive == "test" else WORDS[self.words]

    def _label(self, folder: Path, clips: list[tuple[str, Path]]) -> list[Recording]:
        """The recordings of clips (keyword, path), with the labels and splits of the view."""
        if self.view == "keywords":
            official = _official_lists(folder) if self.archive == "full" else None
            return [self._keyword(word, path, official) for word, path in clips]
        by_speaker: dict[str, dict[str, Path]] = {}
        for word, path in clips:
            by_speaker.setdefault(_speaker(path), {})[f"{word}/{path.stem}"] = path
        included = {speaker: paths for speaker, paths in by_speaker.items() if len(paths) >= self.minimum_clips}
        if len(included) < 2:
            most = max(map(len, by_speaker.values()), default=0)
            raise InputError(
                f"Speech Commands: fewer than two speakers have {self.minimum_clips} clips "
                f"(the most is {most}): lower minimum_clips"
            )
        return [
            Recording(utterance_id=name, label=speaker, speaker=speaker, split=split, source=str(paths[name]))
            for speaker, paths in included.items()
            for name, split in self.split.assign(list(paths)).items()
        ]

    def _keyword(self, word: str, path: Path, official: dict[str, Split] | None) -> Recording:
        """A clip in the keyword view, with its split by the official lists or by its speaker."""
        speaker = _speaker(path)
        split = self.split.split_of(speaker) if official is None else official.get(f"{word}/{path.name}", "train")
        return Recording(utterance_id=f"{word}/{path.stem}", label=word, speaker=speaker, split=split, source=str(path))


def _archive(kind: Literal["full", "test"]) -> Archive:
    """Where an archive is downloaded from, and its digest."""
    from sanguinaria.core.downloads import Archive

    if kind == "test":
        name = "speech_commands_test_set_v0.02.tar.gz"
        digest = "cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df"
        return Archive(name, URL + name, digest, "speech_commands_test_v0.02")
    name = "speech_commands_v0.02.tar.gz"
    digest = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
    return Archive(name, URL + name, digest, "speech_commands_v0.02")


def _find_fault(folder: Path, kind: Literal["full", "test"]) -> str | None:
    """A message if the names or the number of the clips are not those of the archive, else ``None``."""
    words = SC10 if kind == "test" else ALL
    absent = [word for word in words if not (folder / word).is_dir()]
    if kind == "full":
        absent += [name for name in LISTS if not (folder / name).is_file()]
    if absent:
        return f"it lacks {', '.join(absent)}"
    misnamed = next((p for w in words for p in (folder / w).glob("*.wav") if "_nohash_" not in p.name), None)
    if misnamed is not None:
        return f"{misnamed.name} is not named SPEAKER_nohash_N.wav"
    count = sum(1 for word in words for _ in (folder / word).glob("*.wav"))
    return None if count == CLIPS[kind] else f"it holds {count} keyword clips instead of {CLIPS[kind]}"


def _speaker(path: Path) -> str:
    """The speaker, by the name of the file."""
    return path.name.partition("_nohash_")[0]


def _official_lists(folder: Path) -> dict[str, Split]:
    """The splits of the clips (KEYWORD/NAME.wav) in the official lists."""
    return {clip: split for name, split in LISTS.items() for clip in (folder / name).read_text().split()}
