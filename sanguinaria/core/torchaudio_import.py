"""Lets torchaudio load beside a CPU-only torch.

The wheels of torchaudio 2.11 are built against CUDA: beside a CPU-only torch their compiled extension does not load
(``libc10_cuda.so``), so ``import torchaudio`` fails, and with it ``import peft``, which reaches it through
transformers. Yet nothing here needs that extension: resampling, spectrograms and filters are plain torch.

torchaudio knows the case of a wheel without the extension. An import hook leads it there, and only there: the extension
is tried first, and a failure on a CUDA build of torch is reported as ever.

The library calls :func:`prepare` before it imports torchaudio, audioseal or peft. For any other use of the environment,
``python -m sanguinaria.core.torchaudio_import`` installs the hook into its site-packages once and for all.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader

# As in `typing`, whose import alone would cost every interpreter 2 ms.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from pathlib import Path
    from types import ModuleType

EXTENSION = "torchaudio._extension"
HOOK = "sanguinaria_compatibility"


def prepare() -> None:
    """Make torchaudio, audioseal and peft importable, and keep audioseal from compiling itself; idempotent.

    Call it before the first import of any of the three. It imports nothing.
    """
    install_import_hook()
    # audioseal reads this when imported and would compile its networks on first use, without gain.
    os.environ.setdefault("NO_TORCH_COMPILE", "1")


def install_import_hook() -> None:
    """Put the hook before the ordinary finders, unless it is there already. Imports nothing, torch least of all."""
    # By name: this module also runs as a copy of itself, and the two define different classes.
    if not any(type(finder).__name__ == ExtensionFinder.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, ExtensionFinder())


class ExtensionFinder:
    """Finds ``torchaudio._extension`` where it is, with a loader that knows what to do when it fails to load."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of torchaudio's extension; ``None``, which means "ask the next finder", for all else."""
        if name != EXTENSION:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _ExtensionLoader(spec.loader.name, spec.loader.path)
        return spec


class _ExtensionLoader(SourceFileLoader):
    """The module's own loader, which takes torchaudio's path without an extension where a CPU-only torch has none."""

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except OSError:
            import torch

            if torch.version.cuda is not None:
                raise
            # What torchaudio's own function returns where the wheel holds no such library.
            sys.modules[f"{EXTENSION}.utils"]._load_lib = lambda library: False  # type: ignore[attr-defined]
            super().exec_module(module)


def main() -> None:
    """Install the hook into this environment's site-packages, for every interpreter started there; idempotent.

    Writes a ``.pth`` file, which Python reads at its start, and a copy of this file for it to import: unlike the
    package, the copy imports nothing, costs under a millisecond, and does no harm once the package is gone.
    """
    import sysconfig
    from pathlib import Path

    folder = Path(sysconfig.get_path("purelib"))
    _write(folder / f"{HOOK}.py", Path(__file__).read_text(encoding="utf-8"))
    _write(folder / f"{HOOK}.pth", f"import {HOOK}; {HOOK}.install_import_hook()\n")


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, as interpreters may be starting meanwhile, and say what was done."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        print(f"{path} is up to date")
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    print(f"{path} written")


if __name__ == "__main__":
    main()
