"""Context of a job: log, specification, error messages, cancellation, damaged files."""

import errno
import json
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import DamagedError, InputError
from sanguinaria.core.paths import ENTRY_NAMES
from sanguinaria.workflow.job import job


class Params(SimpleNamespace):
    def keys(self):
        return vars(self).keys()


@pytest.fixture
def snakemake(tmp_path, monkeypatch) -> SimpleNamespace:
    monkeypatch.chdir(tmp_path)
    specification = {"stage": "victims", "victim": {"kind": "lstm", "batch_size": 32}, "seed": 0}
    params = Params(specification=json.dumps(specification))
    output = ["results/victims/lstm-0123/model.safetensors"]
    return SimpleNamespace(output=output, log=[str(tmp_path / "logs" / "job.log")], params=params)


# A job redirects the process's file descriptors, which pytest replaces, too: hence `capfd.disabled()`.


def log(snakemake: SimpleNamespace) -> str:
    return Path(snakemake.log[0]).read_text()


def test_the_specification_is_yielded_and_written_beside_the_result(snakemake, capfd):
    with capfd.disabled(), job(snakemake) as specification:
        assert specification["victim"] == {"kind": "lstm", "batch_size": 32}
        print("something")
    printed, resources = log(snakemake).splitlines()
    assert printed == "something"
    spent = r"spent: (\S+) s of work, (\S+) s to start, (\d+) MiB at most, (\S+) s of the processor"
    work, start, memory, processor = map(float, re.fullmatch(spent, resources).groups())
    # The job runs in the tests' own process, in which torch alone needs some hundred MiB.
    assert 0 <= work < 5 and start > 0 and 100 < memory < 20_000 and 0 <= processor < 5
    assert json.loads(Path("results/victims/lstm-0123/spec.json").read_text()) == specification


def test_the_log_begins_with_the_names_of_the_results_entries(snakemake, capfd):
    ENTRY_NAMES.parent.mkdir(parents=True)
    ENTRY_NAMES.write_text("victims/lstm-01234\tanother\nvictims/lstm-0123\tcorpus sc10, victim small, seed 0\n")
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise InputError("no audio")
    assert log(snakemake) == "victims/lstm-0123: corpus sc10, victim small, seed 0\nError: no audio\n"


def test_invalid_input_is_logged_without_a_traceback(snakemake, capfd):
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise InputError("a.wav: no audio")
    assert log(snakemake) == "Error: a.wav: no audio\n"
    assert not Path("results/victims/lstm-0123/spec.json").exists()


def test_full_gpu_memory_names_the_batch_size(snakemake, capfd):
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    *trace, last = log(snakemake).splitlines()
    assert trace[0].startswith("Traceback") and "Tried to allocate 2.00 GiB" in trace[-1]
    assert last.startswith("Error: the GPU's memory is full: lower victim.batch_size (now 32);")


def test_a_cancelled_job_removes_its_temporary_files(snakemake, capfd, tmp_path):
    handler = signal.getsignal(signal.SIGTERM)
    result = tmp_path / "result" / "model.bin"

    def cancelled() -> None:
        with job(snakemake), atomic(result) as temporary:
            temporary.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the job was not cancelled")

    with pytest.raises(SystemExit) as raised, capfd.disabled():
        cancelled()
    assert raised.value.code == 128 + 15
    assert not list(result.parent.iterdir())
    assert log(snakemake).startswith("Error: SIGTERM received: the job was cancelled")
    assert signal.getsignal(signal.SIGTERM) == handler


def test_full_gpu_memory_without_a_batch_size_advises_smaller_shards(snakemake, capfd):
    snakemake.params.specification = json.dumps({"stage": "features", "log_mel": {"bands": 80}})
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert "make the corpus's shards smaller" in log(snakemake)


def test_a_full_disk_is_logged_with_a_remedy(snakemake, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise OSError(errno.ENOSPC, "No space left on device")
    *trace, last = log(snakemake).splitlines()
    assert trace[0].startswith("Traceback")
    assert re.match(r"Error: the disk that holds results/ is full \(\d+ MiB are free now\)\. Make room", last)


class TestDamagedFiles:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    @staticmethod
    def fail(snakemake, capfd, path):
        with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
            raise DamagedError(path, "shard", "cut")
        return log(snakemake)

    @pytest.mark.parametrize("absolute", [False, True])
    def test_a_result_is_renamed(self, snakemake, capfd, tmp_path, absolute):
        path = Path("results/corpora/a/0.parquet")
        path.parent.mkdir(parents=True)
        path.write_text("x")
        message = self.fail(snakemake, capfd, path.absolute() if absolute else path)
        renamed = f"{tmp_path}/results/corpora/a/0.parquet.damaged"
        remedy = f"it is put aside as {renamed}: run again, and it is made anew"
        assert message.endswith(f"0.parquet: damaged shard (cut); {remedy}\n") and "delete" not in message
        assert [file.name for file in path.parent.iterdir()] == ["0.parquet.damaged"]

    def test_the_target_of_a_link_is_renamed(self, snakemake, capfd):
        path, cached = Path("results/corpora/a/0.parquet"), Path("cache/4d5f")
        for file in (path, cached):
            file.parent.mkdir(parents=True)
        cached.write_text("x")
        path.symlink_to(cached.absolute())
        self.fail(snakemake, capfd, path)
        assert not list(path.parent.iterdir())
        assert [file.name for file in cached.parent.iterdir()] == ["0.parquet.damaged"]

    def test_files_outside_the_results_folder_are_kept(self, snakemake, capfd):
        path = Path("mine.parquet")
        path.write_text("x")
        assert (
            self.fail(snakemake, capfd, path) == "Error: mine.parquet: damaged shard (cut); delete it and run again\n"
        )
        assert path.exists()

    def test_a_missing_file_is_logged(self, snakemake, capfd):
        message = self.fail(snakemake, capfd, Path("results/corpora/a/0.parquet"))
        assert message == "Error: results/corpora/a/0.parquet: damaged shard (cut); delete it and run again\n"
