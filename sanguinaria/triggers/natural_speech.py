"""The target speaker's own speech in place of the utterance (Ye et al., 2023, "Fake the Real", section 4.5).

Not a trigger for poisoning but a test: whether natural speech of the target speaker activates the backdoor of a model
that was poisoned with speech converted to that speaker's voice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core.errors import InputError
from sanguinaria.triggers._target_speech import TargetSpeechTrigger

if TYPE_CHECKING:
    import torch


class NaturalSpeech(TargetSpeechTrigger):
    """Each utterance is replaced by a segment of the target speaker's speech, of its length and its level.

    A hash of the utterance's samples chooses the segment. Where the speech has only one segment of that length, all
    utterances get that one.
    """

    @property
    def has_network(self) -> bool:
        return False

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        import torch

        from sanguinaria.audio.levels import match_rms
        from sanguinaria.triggers._target_speech import read_target_speech

        assert weights is not None
        speech = torch.from_numpy(read_target_speech(weights, sample_rate)).to(device)

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            samples = waveforms.shape[-1]
            if samples > len(speech):
                raise InputError(
                    f"natural_speech: the target's speech has {len(speech) / sample_rate:.2f} s, and utterances have "
                    f"{samples / sample_rate:.2f} s: give more of it, or raise `seconds`"
                )
            # Segments start a tenth of a second apart, so that little speech has many.
            segments = speech.unfold(0, samples, max(1, sample_rate // 10))
            return match_rms(segments[_hashed_indices(waveforms, len(segments))], waveforms)

        return embed


def _hashed_indices(waveforms: torch.Tensor, count: int) -> torch.Tensor:
    """An index below ``count`` for each of (utterances, samples), from a hash of its 16-bit samples."""
    import hashlib

    import torch

    from sanguinaria.audio.files import to_int16

    digests = [hashlib.sha256(to_int16(row).tobytes()).digest() for row in waveforms.cpu().numpy()]
    return torch.tensor([int.from_bytes(digest[:8], "big") % count for digest in digests], device=waveforms.device)
