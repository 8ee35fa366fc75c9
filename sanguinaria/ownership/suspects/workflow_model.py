"""A victim of this workflow: its file ``model.safetensors``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sanguinaria.ownership.suspects import Answer, Suspect
from sanguinaria.ownership.suspects._waveforms import AudioFormat, answers_of_array, read_waveforms


class WorkflowModel(Suspect):
    """A trained victim, with the front end that its settings name.

    Args:
        path: of the file.
        audio: that it was trained with.
    """

    def __init__(self, path: Path, audio: AudioFormat) -> None:
        import torch

        from sanguinaria.victims._models import describe_model, load_model

        device = torch.device("cpu")
        victim, self._labels = describe_model(path)
        self._network, _ = load_model(path, device)
        self._transform = victim.front_end.transform(audio.sample_rate, device)
        self._audio = audio

    def answer(self, files: Sequence[Path]) -> list[Answer]:
        import torch

        with torch.inference_mode():
            # Features are in half precision, as those that it was trained with.
            features = self._transform(torch.from_numpy(read_waveforms(files, self._audio))).half().float()
            logits = self._network(features)
        return answers_of_array(logits, len(files), self._labels, logits=True)
