"""Audio files below a folder, by their names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sanguinaria.core.errors import InputError

# Suffixes of audio, whether libsndfile reads it or not: an unreadable recording is to be reported, not ignored.
SUFFIXES = frozenset(
    (
        *(".wav", ".wave", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"),
        *(".caf", ".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr"),
    )
)


def is_dangling(path: str | Path) -> bool:
    """Whether a path is that of a link to what is not there."""
    return os.path.islink(path) and not os.path.exists(path)


def is_there(path: str) -> bool:
    """Whether a file is there, be it that its content cannot be reached: its reading reports this."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode) or is_dangling(path)
    except (FileNotFoundError, NotADirectoryError):
        return is_dangling(path)
    except ValueError:  # a byte that no path has
        return False
    except OSError:  # no right to search a folder above
        return True


def walk(folder: Path) -> Iterator[str]:
    """Paths below a folder of all files in it, in a fixed order.

    Linked folders are followed, unless they lead back to a folder above. The paths are text and not held in memory, as
    a corpus may have a million files. A folder that cannot be listed is left out: see :func:`require_reachable`.
    """
    for parent, folders, names in os.walk(folder, followlinks=True):
        ancestors = {os.path.realpath(above) for above in (parent, *map(str, Path(parent).parents))}
        folders[:] = sorted(name for name in folders if os.path.realpath(Path(parent, name)) not in ancestors)
        below = Path(os.path.relpath(parent, folder)).as_posix()
        # As text, since a path object for each of many files is most of the time.
        yield from (name if below == "." else f"{below}/{name}" for name in sorted(names))


def require_reachable(folder: Path) -> None:
    """Check that no folder of labels is absent, since its label would be, without a word.

    Raises:
        InputError: a folder cannot be listed, or a link to one leads nowhere.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name == "lost+found":
            continue
        if "." not in entry.name and is_dangling(entry.path):
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
