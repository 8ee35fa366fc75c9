import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sanguinaria.errors import InputError
from sanguinaria.jobs import job


class Params(SimpleNamespace):
    def keys(self):
        return vars(self).keys()


@pytest.fixture
def snakemake(tmp_path) -> SimpleNamespace:
    specification = {"stage": "victims", "victim": {"kind": "lstm", "batch_size": 32}, "seed": 0}
    params = Params(specification=json.dumps(specification), folder=str(tmp_path / "result"))
    return SimpleNamespace(log=[str(tmp_path / "logs" / "job.log")], params=params)


# A job redirects the process's own output, which pytest would have replaced: hence `capfd.disabled()`.


def log(snakemake: SimpleNamespace) -> str:
    return Path(snakemake.log[0]).read_text()


def test_a_job_is_given_its_specification_and_leaves_it_beside_the_result(snakemake, capfd):
    with capfd.disabled(), job(snakemake) as specification:
        assert specification["victim"] == {"kind": "lstm", "batch_size": 32}
        print("something")
    assert log(snakemake) == "something\n"
    assert json.loads((Path(snakemake.params.folder) / "spec.json").read_text()) == specification


def test_bad_input_is_told_without_a_traceback(snakemake, capfd):
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise InputError("a.wav: no audio")
    assert log(snakemake) == "Error: a.wav: no audio\n"
    assert not (Path(snakemake.params.folder) / "spec.json").exists()


def test_full_gpu_memory_names_the_setting_to_lower(snakemake, capfd):
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    *trace, last = log(snakemake).splitlines()
    assert trace[0].startswith("Traceback") and "Tried to allocate 2.00 GiB" in trace[-1]
    assert last.startswith("Error: the GPU's memory is full: lower victim.batch_size (now 32);")


def test_a_job_without_batches_is_told_of_the_shards(snakemake, capfd):
    snakemake.params.specification = json.dumps({"stage": "features", "log_mel": {"bands": 80}})
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert "make the corpus's shards smaller" in log(snakemake)
