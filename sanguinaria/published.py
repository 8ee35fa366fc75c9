"""Published files of weights: found in the user's downloads or downloaded, verified, and read as tensors alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from sanguinaria.corpora import DOWNLOADS
from sanguinaria.errors import InputError
from sanguinaria.plugins import Settings

if TYPE_CHECKING:
    from sanguinaria.downloads import Archive


class Published(Settings):
    """A file of weights. Its sum says which one is meant, wherever it is from."""

    url: str = Field(
        pattern=r"/[^/?#]+$",
        description="where it is downloaded from, unless SANGUINARIA_DOWNLOADS has a file of the name it ends with",
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="its checksum, in hexadecimal")

    @property
    def file(self) -> Archive:
        from sanguinaria.downloads import Archive

        return Archive(self.url.rpartition("/")[2], self.url, self.sha256, folder="")

    def obtain(self) -> Path:
        """The verified file.

        Raises:
            sanguinaria.downloads.DownloadError: it cannot be had; the message says where to put it.
        """
        from sanguinaria.downloads import obtain_file

        return obtain_file(self.file, DOWNLOADS)


def read_tensors(path: Path, wanted: str) -> dict[str, Any]:
    """What torch saved in a file, which is never unpickled beyond tensors and plain containers.

    Args:
        path: the file.
        wanted: the entry that it must have, which holds a state dict.

    Raises:
        InputError: the file is missing, damaged, holds other objects, or lacks the entry.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise nearly anything
        told = str(error).strip().splitlines() or [""]
        raise InputError(
            f"{path} cannot be read as weights ({type(error).__name__}: {told[0]}). Fix: replace it with the published "
            "file; nothing but tensors and plain values is taken from it"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get(wanted), dict):
        raise InputError(f"{path} holds no {wanted!r}: it is another file of weights. Fix: give the published one")
    return content


def load_state(network: Any, state: dict[str, Any], path: Path) -> Any:
    """The network, not training, with a state dict that was read from ``path``.

    Raises:
        InputError: the state is another network's.
    """
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is of another network ({told}). Fix: give the published file") from error
    return network.eval()
