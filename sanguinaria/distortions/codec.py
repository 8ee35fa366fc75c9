"""Lossy compression: MP3, AAC, Opus and Vorbis."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Codec(Distortion):
    """Encoded and decoded, with the codec's delay taken out, so that every sample keeps its place.

    MP3 (LAME), AAC and Opus by ffmpeg's libraries in the package ``av``, at a constant or average bit rate; Vorbis by
    libsndfile, whose encoder takes a quality. A rate that a codec does not know is resampled to the next that it does.
    """

    differentiable: ClassVar[bool] = False

    format: Literal["mp3", "aac", "opus", "vorbis"]
    bit_rate: int | None = Field(default=None, ge=6, le=320, description="kbit/s; not for Vorbis")
    quality: float | None = Field(default=None, ge=0, le=1, description="of Vorbis")

    @model_validator(mode="after")
    def _one_measure(self) -> Codec:
        needed, other = ("quality", "bit_rate") if self.format == "vorbis" else ("bit_rate", "quality")
        if getattr(self, needed) is None or getattr(self, other) is not None:
            raise ValueError(f"{self.format} needs `{needed}`, and no `{other}`")
        return self

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        from sanguinaria.audio import codecs as coding

        rows = []
        for row in waveforms.detach().cpu().float().numpy():
            if self.quality is not None:
                rows.append(coding.vorbis_round_trip(row, sample_rate, self.quality))
            else:
                assert self.bit_rate is not None
                rows.append(coding.codec_round_trip(row, sample_rate, self.format, self.bit_rate))
        return torch.stack([torch.from_numpy(row) for row in rows]).to(waveforms)
