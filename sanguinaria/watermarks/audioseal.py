"""AudioSeal, the neural watermark of Meta: a message of 16 bits, and detection sample by sample.

San Roman et al., "Proactive Detection of Voice Cloning with Localized Watermarking", ICML 2024, arXiv:2401.17264.
Networks and cards (their hyper-parameters) are those of the package ``audioseal`` 0.2.0; weights come from the model
hub, from files or, for experiments with the architecture, from a seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from sanguinaria.core.fields import UserPath
from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import NO_SOURCES, Sources, WeightsError
from sanguinaria.watermarks._audioseal.networks import PARTS, AudioSealNetworks, Part, check

if TYPE_CHECKING:
    import torch

    State = dict[str, torch.Tensor]


class AudioSeal(AudioSealNetworks):
    """AudioSeal's generator and detector, as published or from the user's files."""

    source: Literal["hub", "file", "random"] = Field(
        default="hub", description="of the weights: the model hub, two files, or a seed (untrained)"
    )
    generator: UserPath | None = Field(
        default=None, description="path of its checkpoint, .pth or .safetensors, with source: file"
    )
    detector: UserPath | None = Field(
        default=None, description="path of its checkpoint, .pth or .safetensors, with source: file"
    )
    seed: int = Field(default=0, ge=0, description="of the weights, with source: random")

    @model_validator(mode="after")
    def _files_match_the_source(self) -> AudioSeal:
        for part in PARTS:
            if self.source == "file" and getattr(self, part) is None:
                raise ValueError(f"source: file needs the path of the {part}'s checkpoint, {part}")
            if self.source != "file" and getattr(self, part) is not None:
                raise ValueError(f"{part} is read with source: file only, not with source: {self.source}")
        return self

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        for part, path in self._checkpoints():
            if not path.is_file():
                yield part, f"no file {str(path)!r}: put the {part}'s checkpoint there, or give its path"

    def fingerprint(self) -> str:
        """Return hashes of the checkpoints: another file under the same name is another watermark."""
        import hashlib

        digests = []
        for _, path in self._checkpoints():
            if path.is_file():
                with path.open("rb") as file:
                    digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        return "-".join(digest[:16] for digest in digests)

    def _checkpoints(self) -> list[tuple[str, Path]]:
        """Part and path of each checkpoint that the settings name."""
        paths = [(part, getattr(self, part)) for part in PARTS]
        return [(part, path) for part, path in paths if path is not None]

    def obtain(self, sources: Sources = NO_SOURCES) -> State:
        """Return the weights in float32 as ``generator.…`` and ``detector.…``, with weight normalisation folded in.

        A checkpoint is the published one, a state dict of the package's networks, or either of them in safetensors. It
        is never unpickled beyond tensors and configurations.

        Raises:
            sanguinaria.watermarks.WeightsError: a checkpoint is not available, not readable, or of another
                architecture.
        """
        states = {part: self._state(part) for part in PARTS}
        return {f"{part}.{name}": tensor for part, state in states.items() for name, tensor in state.items()}

    def _state(self, part: Part) -> State:
        """State dict of one of the networks, from the configured source."""
        import torch

        from sanguinaria.core.foreign_checkpoints import fold_weight_norm

        if self.source == "random":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                return self._build(part).state_dict()
        path = self._download(part) if self.source == "hub" else getattr(self, part)
        state = fold_weight_norm(_rename(_read(path)))
        with torch.device("meta"):
            check(state, self._build(part), f"{part} {path}")
        return state

    def _download(self, part: Part) -> Path:
        """Path of the checkpoint that the card names, from the model hub or its local cache."""
        from urllib.parse import urlparse

        from huggingface_hub import hf_hub_download

        # …/{owner}/{repository}/resolve/{revision}/{file}
        address = self._card(part)["checkpoint"]
        owner, repository, _, revision, name = urlparse(address).path.strip("/").split("/", 4)
        try:
            return Path(hf_hub_download(f"{owner}/{repository}", name, revision=revision))
        except Exception as error:  # the hub's client has no common one
            raise WeightsError(
                f"the {part} of AudioSeal, {address}, could not be downloaded ({type(error).__name__}: {error}). "
                "Download the checkpoints of both cards where there is a network, and set source: file, with "
                "generator: and detector: the paths of the two files"
            ) from error


def _read(path: Path) -> State:
    """The state dict in a checkpoint of any of the known layouts."""
    try:
        checkpoint = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    except Exception as error:  # a damaged file can raise nearly anything
        from sanguinaria.core.foreign_checkpoints import unreadable_cause

        raise WeightsError(f"{path} cannot be read ({unreadable_cause(error)})") from error
    # The order of the package's loader.
    for key in ("best_state", "model"):
        checkpoint = checkpoint.get(key, checkpoint) if isinstance(checkpoint, Mapping) else {}
    return dict(checkpoint)


def _read_safetensors(path: Path) -> State:
    from safetensors.torch import load_file

    return load_file(path)


def _read_pickle(path: Path) -> Any:
    """A pickle of tensors, plain containers and the configuration that published checkpoints hold under "xp.cfg"."""
    import typing
    from collections import defaultdict

    import torch
    from omegaconf import DictConfig, ListConfig, base, nodes

    scalars = (nodes.AnyNode, nodes.BooleanNode, nodes.FloatNode, nodes.IntegerNode, nodes.StringNode)
    containers = (DictConfig, ListConfig, base.ContainerMetadata, base.Metadata, typing.Any, defaultdict)
    with torch.serialization.safe_globals([*scalars, *containers, dict, list, int, float, str, bool]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _rename(state: State) -> State:
    """Convert names to those of the package's networks. The published ones are older, without `inner_conv`."""
    outermost = re.compile(r"\.(conv|convtr)\.(?!conv\.|convtr\.|inner_conv\.)")
    return {outermost.sub(r".\1.inner_conv.", name): tensor for name, tensor in state.items()}
