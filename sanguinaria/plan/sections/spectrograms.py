"""Spectrograms: one utterance under attacks and behind defences, as pictures side by side."""

from __future__ import annotations

from pydantic import Field

from sanguinaria.core.fields import entry_names
from sanguinaria.core.plugins import Settings


class Spectrograms(Settings):
    """The mel spectrograms of one utterance of a verification: a row for each attack, a column for each defence."""

    verification: str = Field(description="entry of `verifications`; its first seed is shown")
    encoder: str | None = Field(default=None, description="one of its encoders; the first where absent")
    attacks: entry_names("adversaries", minimum_length=0) = Field(  # type: ignore[valid-type]
        default=(), description="some of its attacks; all where absent"
    )
    defences: entry_names("defences", minimum_length=0) = Field(  # type: ignore[valid-type]
        default=(), description="some of its defences; all where absent"
    )
    trial: int = Field(default=0, ge=0, description="which of its trials, counted from 0")
    bands: int = Field(default=80, ge=8, le=128, description="of the mel scale")
