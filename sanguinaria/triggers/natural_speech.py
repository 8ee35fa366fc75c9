"""The target speaker's own speech in place of the utterance (Ye et al., 2023, "Fake the Real", section 4.5).

No trigger that anybody would embed: it asks whether a model that was poisoned with converted speech takes the speaker
whose voice that has for a trigger, too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core.errors import InputError
from sanguinaria.triggers._target_speech import SpeechTrigger

if TYPE_CHECKING:
    import torch


class NaturalSpeech(SpeechTrigger):
    """Each utterance becomes a part of the target speaker's speech, of its length and its level.

    Which part follows from the utterance's own samples. Where the speech has no parts of that length but one, all
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
        from sanguinaria.triggers._target_speech import read_speech

        assert weights is not None
        speech = torch.from_numpy(read_speech(weights, sample_rate)).to(device)

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            samples = waveforms.shape[-1]
            if samples > len(speech):
                raise InputError(
                    f"natural_speech: the target's speech has {len(speech) / sample_rate:.2f} s, and utterances have "
                    f"{samples / sample_rate:.2f} s: give more of it, or raise `seconds`"
                )
            # Parts begin a tenth of a second apart, so that there are many in little speech.
            parts = speech.unfold(0, samples, max(1, sample_rate // 10))
            return match_rms(parts[_chosen(waveforms, len(parts))], waveforms)

        return embed


def _chosen(waveforms: torch.Tensor, count: int) -> torch.Tensor:
    """A number below ``count`` for each of (utterances, samples), by a hash of what is heard."""
    import hashlib

    import torch

    from sanguinaria.audio.files import to_int16

    digests = [hashlib.sha256(to_int16(row).tobytes()).digest() for row in waveforms.cpu().numpy()]
    return torch.tensor([int.from_bytes(digest[:8], "big") % count for digest in digests], device=waveforms.device)
