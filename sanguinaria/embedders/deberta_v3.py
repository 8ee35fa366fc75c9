"""DeBERTaV3, a language model as text embedder, from a folder of the user's own (TDAP, section 2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.core.fields import UserPath
from sanguinaria.core.missing_files import missing_model
from sanguinaria.embedders import Embedder, EmbedTexts

if TYPE_CHECKING:
    import torch

PUBLISHED = "microsoft/deberta-v3-base"


class DebertaV3(Embedder):
    """E = DV3(T): the mean of the last layer's hidden states over a text's tokens (He et al., 2021, arXiv:2111.09543).

    The paper does not state how it pools them.
    """

    renamed: ClassVar[Mapping[str, str]] = {"longest": "maximum_length"}

    path: UserPath = Field(description=f"folder with the files of a model such as {PUBLISHED}")
    size: int = Field(default=768, ge=1, description="dimensions of its hidden states")
    maximum_length: int = Field(default=128, ge=2, description="tokens that a text is truncated to")

    def missing_files(self) -> Iterator[tuple[str, str]]:
        if (message := missing_model(self.path, PUBLISHED)) is not None:
            yield "path", message

    def embedder(self, device: torch.device) -> EmbedTexts:
        import torch
        from transformers import AutoModel, AutoTokenizer

        from sanguinaria.core.local_models import load_local_model

        tokenizer = load_local_model(AutoTokenizer, self.path, PUBLISHED)
        model = load_local_model(AutoModel, self.path, PUBLISHED).to(device).float().eval()
        if model.config.hidden_size != self.size:
            raise InputError(
                f"{self.path}: its hidden states have {model.config.hidden_size} dimensions: set `size` to that"
            )

        def embed(texts: Sequence[str]) -> torch.Tensor:
            tokens = tokenizer(
                list(texts), padding=True, truncation=True, max_length=self.maximum_length, return_tensors="pt"
            ).to(device)
            with torch.no_grad():
                states = model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
            mask = tokens.attention_mask[..., None].to(states)
            means = (states * mask).sum(1) / mask.sum(1)
            has_text = torch.tensor([[bool(text.strip())] for text in texts], device=device)
            return torch.where(has_text, means, torch.zeros_like(means))

        return embed
