"""FreeVC's published files, in the words of messages."""

from __future__ import annotations

FREEVC = "FreeVC's checkpoint for 16 kHz with a separate speaker encoder (freevc.pth)"
WAVLM = "a checkpoint of WavLM as its authors publish it (WavLM-Large.pt)"
SPEAKER_ENCODER = "the checkpoint of FreeVC's speaker encoder (pretrained_bak_5805000.pt)"
