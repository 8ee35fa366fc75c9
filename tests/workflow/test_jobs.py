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
from sanguinaria.workflow.job import job


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
    printed, spent = log(snakemake).splitlines()
    assert printed == "something"
    found = re.fullmatch(r"spent: (\S+) s of work, (\S+) s to start, (\d+) MiB at most", spent)
    work, start, memory = map(float, found.groups())
    # This process is that of the tests: torch alone takes some hundred MiB.
    assert 0 <= work < 5 and start > 0 and 100 < memory < 20_000
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


def test_a_cancelled_job_leaves_nothing_half_written(snakemake, capfd, tmp_path):
    handler = signal.getsignal(signal.SIGTERM)
    result = tmp_path / "result" / "model.bin"

    def cancelled() -> None:
        with job(snakemake), atomic(result) as temporary:
            temporary.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("it went on")

    with pytest.raises(SystemExit) as ended, capfd.disabled():
        cancelled()
    assert ended.value.code == 128 + 15
    assert not list(result.parent.iterdir())
    assert log(snakemake).startswith("Error: told to end (SIGTERM)")
    assert signal.getsignal(signal.SIGTERM) == handler


def test_a_job_without_batches_is_told_of_the_shards(snakemake, capfd):
    snakemake.params.specification = json.dumps({"stage": "features", "log_mel": {"bands": 80}})
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert "make the corpus's shards smaller" in log(snakemake)


def test_a_full_disk_says_what_to_do(snakemake, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
        raise OSError(errno.ENOSPC, "No space left on device")
    *trace, last = log(snakemake).splitlines()
    assert trace[0].startswith("Traceback")
    assert re.match(r"Error: the disk that holds results/ is full \(\d+ MiB are free now\)\. Make room", last)


class TestDamage:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    @staticmethod
    def fail(snakemake, capfd, path):
        with pytest.raises(SystemExit), capfd.disabled(), job(snakemake):
            raise DamagedError(path, "shard", "cut")
        return log(snakemake)

    @pytest.mark.parametrize("absolute", [False, True])
    def test_a_result_is_put_aside(self, snakemake, capfd, tmp_path, absolute):
        path = Path("results/corpora/a/0.parquet")
        path.parent.mkdir(parents=True)
        path.write_text("x")
        told = self.fail(snakemake, capfd, path.absolute() if absolute else path)
        assert "0.parquet: damaged shard (cut); delete it and run again. It is " in told
        assert f"{tmp_path}/results/corpora/a/0.parquet.damaged now, so another run makes it anew" in told
        assert [file.name for file in path.parent.iterdir()] == ["0.parquet.damaged"]

    def test_of_a_link_what_it_points_at_is_put_aside(self, snakemake, capfd):
        path, cached = Path("results/corpora/a/0.parquet"), Path("cache/4d5f")
        for file in (path, cached):
            file.parent.mkdir(parents=True)
        cached.write_text("x")
        path.symlink_to(cached.absolute())
        self.fail(snakemake, capfd, path)
        assert not list(path.parent.iterdir())
        assert [file.name for file in cached.parent.iterdir()] == ["0.parquet.damaged"]

    def test_what_is_the_users_stays(self, snakemake, capfd):
        path = Path("mine.parquet")
        path.write_text("x")
        assert (
            self.fail(snakemake, capfd, path) == "Error: mine.parquet: damaged shard (cut); delete it and run again\n"
        )
        assert path.exists()

    def test_what_is_gone_is_told(self, snakemake, capfd):
        told = self.fail(snakemake, capfd, Path("results/corpora/a/0.parquet"))
        assert told == "Error: results/corpora/a/0.parquet: damaged shard (cut); delete it and run again\n"
