"""torchaudio beside a CPU-only torch: loads, computes right, and is left alone beside a CUDA build."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sanguinaria.core import torchaudio_import as compatibility

# A sine through torchaudio, against scipy's resampling and numpy's spectrum.
COMPUTE = """
import torchaudio, audioseal, peft
import numpy as np, torch
from scipy.signal import resample_poly

sine = np.sin(2 * np.pi * 440 * np.arange(32_000) / 32_000)
halved = torchaudio.functional.resample(torch.from_numpy(sine), 32_000, 16_000).numpy()
np.testing.assert_allclose(halved[100:-100], resample_poly(sine, 1, 2)[100:-100], atol=2e-3)

settings = {"n_fft": 512, "hop_length": 160, "n_mels": 40, "center": False}
mel = torchaudio.transforms.MelSpectrogram(16_000, **settings)(torch.from_numpy(halved).float())
window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
power = np.abs(np.fft.rfft(halved[:512] * window)) ** 2
corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8_000 / 700), 42) / 2595) - 1)
bins = np.linspace(0, 8_000, 257)
bands = [np.interp(bins, corners[i : i + 3], [0, 1, 0]) for i in range(40)]
np.testing.assert_allclose(mel[:, 0].numpy(), np.array(bands) @ power, rtol=1e-3, atol=1e-3)
print("right")
"""
PRETEND_CUDA = """
import torch
torch.version.cuda = "13.0"
try:
    import torchaudio
except OSError as error:
    print(error)
"""


def _run(code: str) -> str:
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for site-packages."""
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    return tmp_path


def test_the_installed_hook_makes_torchaudio_load_and_compute(folder: Path) -> None:
    compatibility.main()
    assert _run(f"import site; site.addsitedir({str(folder)!r})\n{COMPUTE}") == "right"


def test_a_cuda_build_of_torch_is_left_alone() -> None:
    import torch

    if torch.version.cuda is not None:
        pytest.skip("torch is a CUDA build here")
    prepare = "from sanguinaria.core.torchaudio_import import prepare; prepare()\n"
    assert "Could not load" in _run(prepare + PRETEND_CUDA)


def test_preparing_twice_adds_one_hook_and_imports_nothing_heavy() -> None:
    names = _run(
        "import os, sys\n"
        "from sanguinaria.core import torchaudio_import as compatibility\n"
        "compatibility.prepare(); compatibility.prepare()\n"
        "assert os.environ['NO_TORCH_COMPILE'] == '1'\n"
        "assert not {'torch', 'torchaudio', 'numpy'} & set(sys.modules)\n"
        "print([type(finder).__name__ for finder in sys.meta_path])"
    )
    assert names.count(compatibility.ExtensionFinder.__name__) == 1


def test_other_modules_are_left_to_other_finders() -> None:
    assert compatibility.ExtensionFinder().find_spec("torchaudio") is None


def test_installing_is_idempotent_and_leaves_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compatibility.main()
    assert capsys.readouterr().out.count("written") == 2
    compatibility.main()
    assert capsys.readouterr().out.count("is up to date") == 2
    assert {path.suffix for path in folder.iterdir()} == {".py", ".pth"}


def test_the_hook_needs_no_package(folder: Path) -> None:
    """As interpreters start where the package has been removed."""
    compatibility.main()
    code = f"import site, sys; site.addsitedir({str(folder)!r}); print('sanguinaria' in sys.modules)"
    assert _run(code) == "False"
