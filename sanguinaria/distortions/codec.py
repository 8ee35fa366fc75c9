"""Lossy audio coding: MP3, AAC, Opus and Vorbis."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Codec(Distortion):
    """Encoding and decoding with a lossy codec, time-aligned: the codec's delay is removed.

    MP3 (LAME), AAC and Opus are coded by ffmpeg's libraries in the package ``av``, at a constant or average bit rate;
    Vorbis by libsndfile, whose encoder takes a quality. Where a codec does not support the sample rate, the audio is
    resampled to the next higher rate that it supports.
    """

    differentiable: ClassVar[bool] = False

    format: Literal["mp3", "aac", "opus", "vorbis"]
    bit_rate: int | None = Field(default=None, ge=6, le=320, description="kbit/s; of mp3, aac and opus")
    quality: float | None = Field(default=None, ge=0, le=1, description="quality of the Vorbis encoder")

    @model_validator(mode="after")
    def _require_one_rate_control(self) -> Codec:
        required, excluded = ("quality", "bit_rate") if self.format == "vorbis" else ("bit_rate", "quality")
        if getattr(self, required) is None or getattr(self, excluded) is not None:
            raise ValueError(f"{self.format} needs `{required}`, and no `{excluded}`")
        return self

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        from sanguinaria.audio.codecs import codec_round_trip, vorbis_round_trip

        rows = []
        for row in waveforms.detach().cpu().float().numpy():
            if self.quality is not None:
                rows.append(vorbis_round_trip(row, sample_rate, self.quality))
            else:
                assert self.bit_rate is not None
                rows.append(codec_round_trip(row, sample_rate, self.format, self.bit_rate))
        return torch.stack([torch.from_numpy(row) for row in rows]).to(waveforms)
