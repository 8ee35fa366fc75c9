import os
import subprocess
import sys

import pytest
import torch

from sanguinaria.core import devices


@pytest.fixture(autouse=True)
def restored_settings():
    """Restore torch's settings, which are global, for other tests."""
    threads = torch.get_num_threads()
    with devices.arithmetic():
        yield
    torch.set_num_threads(threads)


def settings() -> tuple[str, str, bool, bool]:
    return (
        torch.backends.cuda.matmul.fp32_precision,
        torch.backends.cudnn.conv.fp32_precision,
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
    )


def test_a_job_is_deterministic_in_full_precision(monkeypatch, capfd):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    assert devices.prepare(threads=1, gpu=1) == torch.device("cpu")
    assert settings() == ("ieee", "ieee", True, False)
    assert torch.get_num_threads() == 1
    assert "device: cpu" in capfd.readouterr().out


def test_a_job_does_not_load_the_compiler():
    # Its imports took longer than the work of most jobs.
    script = (
        "import sys; from sanguinaria.core import devices; devices.prepare(); "
        "print([name for name in ('torch', 'torch._dynamo', 'torch._inductor', 'sympy') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert process.stdout.splitlines()[-1] == "['torch']"


def test_the_numerics_of_a_block_are_restored(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    devices.prepare()
    with devices.arithmetic(tfloat32=True, deterministic=False):
        assert settings() == ("tf32", "tf32", False, True)
    assert settings() == ("ieee", "ieee", True, False)
    with pytest.raises(KeyError), devices.arithmetic(tfloat32=True):
        raise KeyError
    assert settings() == ("ieee", "ieee", True, False)


def test_a_job_without_gpu_locks_no_device(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    devices.prepare(gpu=0)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


@pytest.mark.parametrize("supported", [True, False])
def test_bfloat16_is_used_where_the_processor_supports_it(monkeypatch, capfd, supported):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    devices.compute_dtype.cache_clear()
    expected = torch.bfloat16 if supported else torch.float32
    assert devices.compute_dtype("bfloat16", torch.device("cpu")) == expected
    assert ("computing in float32" in capfd.readouterr().out) is not supported
    assert devices.compute_dtype("float32", torch.device("cpu")) == torch.float32
    assert devices.compute_dtype("tfloat32", torch.device("cpu")) == torch.float32
    devices.compute_dtype.cache_clear()


def test_bfloat16_is_for_the_networks_of_a_block(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    devices.compute_dtype.cache_clear()
    layer, inputs = torch.nn.Linear(3, 2), torch.ones(1, 3)
    dtypes = {}
    for precision in ("float32", "tfloat32", "bfloat16"):
        with devices.network_arithmetic(precision, torch.device("cpu")):
            dtypes[precision] = layer(inputs).dtype
            assert devices.in_float32(layer)(inputs.bfloat16()).dtype == torch.float32
        assert layer(inputs).dtype == torch.float32
    assert dtypes == {"float32": torch.float32, "tfloat32": torch.float32, "bfloat16": torch.bfloat16}
    devices.compute_dtype.cache_clear()


def test_functions_in_float32_keep_other_types():
    def types(*values, scale):
        return [value.dtype for value in (*values, scale)]

    integers, wide = torch.ones(1, dtype=torch.int64), torch.ones(1, dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        found = devices.in_float32(types)(integers, wide, scale=torch.ones(1, dtype=torch.bfloat16))
    assert found == [torch.int64, torch.float64, torch.float32]


@pytest.mark.parametrize(("precision", "expected"), [("tfloat32", "tf32"), ("float32", "ieee"), ("bfloat16", "ieee")])
def test_tf32_is_for_the_networks_of_a_block(precision, expected):
    with devices.network_arithmetic(precision, torch.device("cpu")):
        assert settings()[:2] == (expected, expected)
    assert settings()[:2] == ("ieee", "ieee")
    with pytest.raises(KeyError), devices.tfloat32(True):
        raise KeyError
    assert settings()[:2] == ("ieee", "ieee")
