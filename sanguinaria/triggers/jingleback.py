"""JingleBack: a style of the whole utterance (Koffas et al., 2023, "Going in Style")."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import pedalboard
    import torch


class JingleBack(Trigger):
    """One of the six chains of guitar effects of the original, by the package that the original uses, ``pedalboard``.

    The effects keep the length and compensate their latency. Most amplify their input, so the result is clipped to
    [-1, 1].
    """

    board: int = Field(
        default=0,
        ge=0,
        le=5,
        description="0 pitch +10 semitones, 1 distortion, 2 chorus, 3 pitch, distortion and chorus, "
        "4 chorus, distortion and reverberation, 5 gain, high-pass and phaser",
    )

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        board = effects_chain(self.board)

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            import torch

            # Delays and oscillators have a state; with the reset every utterance starts from the same one.
            rows = [torch.from_numpy(board(row, sample_rate, reset=True)) for row in waveforms.cpu().float().numpy()]
            return torch.stack(rows).clamp(-1, 1).to(waveforms)

        return embed


def effects_chain(number: int) -> pedalboard.Chain:
    """Return a chain of effects by its number in the original; other parameters are pedalboard's defaults, as there."""
    from pedalboard import Chain, Chorus, Distortion, Gain, LadderFilter, Phaser, PitchShift, Reverb

    chains: list[list[pedalboard.Plugin]] = [
        [PitchShift(semitones=10)],
        [Distortion(drive_db=30)],
        [Chorus(rate_hz=1, depth=5, centre_delay_ms=10, feedback=0, mix=0.5)],
        [
            PitchShift(semitones=10),
            Distortion(drive_db=20),
            Chorus(rate_hz=1, depth=5, centre_delay_ms=8, feedback=0, mix=0.5),
        ],
        [Chorus(centre_delay_ms=15), Distortion(drive_db=20), Reverb(room_size=0.6)],
        [Gain(gain_db=12), LadderFilter(mode=LadderFilter.Mode.HPF12, cutoff_hz=1000), Phaser()],
    ]
    return Chain(chains[number])
