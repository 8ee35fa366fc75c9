"""Published files of weights: found in the user's downloads or downloaded, and verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.paths import DOWNLOADS
from sanguinaria.core.plugins import Settings

if TYPE_CHECKING:
    from sanguinaria.core.downloads import Archive


class PublishedWeights(Settings):
    """A file of weights. Its sum says which one is meant, wherever it is from."""

    url: str = Field(
        pattern=r"/[^/?#]+$",
        description="where it is downloaded from, unless SANGUINARIA_DOWNLOADS has a file of the name it ends with",
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="its checksum, in hexadecimal")

    @property
    def archive(self) -> Archive:
        from sanguinaria.core.downloads import Archive

        return Archive(self.url.rpartition("/")[2], self.url, self.sha256, folder="")

    def obtain(self) -> Path:
        """The verified file.

        Raises:
            sanguinaria.core.downloads.DownloadError: it cannot be had; the message says where to put it.
        """
        from sanguinaria.core.downloads import obtain_file

        return obtain_file(self.archive, DOWNLOADS)
