"""Published files of weights, from the user's downloads or from the network, with verified checksums."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.paths import DOWNLOADS
from sanguinaria.core.plugins import Settings

if TYPE_CHECKING:
    from sanguinaria.core.downloads import Archive


class PublishedWeights(Settings):
    """A published file of weights, identified by its checksum."""

    url: str = Field(
        pattern=r"/[^/?#]+$",
        description="address of the download, which is made unless SANGUINARIA_DOWNLOADS has a file of the same name",
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 checksum of the file, in hexadecimal")

    @property
    def archive(self) -> Archive:
        """The file as an archive that is not extracted."""
        from sanguinaria.core.downloads import Archive

        return Archive(self.url.rpartition("/")[2], self.url, self.sha256, folder="")

    def obtain(self) -> Path:
        """Return the verified file.

        Raises:
            sanguinaria.core.downloads.DownloadError: the file cannot be obtained; the message states where to put it.
        """
        from sanguinaria.core.downloads import obtain_file

        return obtain_file(self.archive, DOWNLOADS)
