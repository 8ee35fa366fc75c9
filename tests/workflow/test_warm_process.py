"""Jobs that a warm process forks: equal to jobs that start by themselves, and gone with their client or their run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tiny import checkout, run, smaller

from sanguinaria.core import gpu_locks
from sanguinaria.workflow import warm_process
from sanguinaria.workflow.warm_process import RUN_VARIABLE, SWITCH_VARIABLE

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no process descriptors")

MAIN = f"""
import os
from sanguinaria.workflow import warm_process
warm_process.name_run()
print(os.environ["{RUN_VARIABLE}"], warm_process.folder_path(os.getpid()), flush=True)
input()
"""
SCRIPT = """
import sys
from types import SimpleNamespace
snakemake = SimpleNamespace(threads=THREADS)
from sanguinaria.workflow.warm_process import delegate
delegate(snakemake)
import os
from sanguinaria.workflow.warm_process import starting_process
forked = starting_process() != os.getpid()
"""
PLAIN = {SWITCH_VARIABLE: "0"}
DEADLINE = 120


class Run:
    """A run: a main process that does nothing, and jobs that belong to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = checkout(folder / "checkout")
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in (RUN_VARIABLE, SWITCH_VARIABLE)},
            **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")},
            "PYTHONPATH": str(self.checkout),
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.main = subprocess.Popen([sys.executable, "-c", MAIN], env=self.environment, text=True, **pipes)
        *name, socket_folder = self.main.stdout.readline().split()
        self.socket_folder = Path(socket_folder)
        self.environment[RUN_VARIABLE] = " ".join(name)

    def start(self, body: str, *arguments: str, threads: int = 1, **variables: str) -> subprocess.Popen:
        script = self.folder / f"{time.monotonic_ns()}.py"
        script.write_text(SCRIPT.replace("THREADS", str(threads)) + textwrap.dedent(body))
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = {**self.environment, **variables}
        return subprocess.Popen([sys.executable, script, *arguments], env=environment, text=True, **pipes)

    def job(self, body: str, *arguments: str, threads: int = 1, **variables: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a job."""
        process = self.start(body, *arguments, threads=threads, **variables)
        output, errors = process.communicate(timeout=DEADLINE)
        return process.returncode, output, errors

    def end(self) -> None:
        self.main.communicate("\n")
        wait_for(lambda: not self.socket_folder.exists())


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = Run(tmp_path_factory.mktemp("warm"))
    yield run
    run.end()


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Run]:
    """A run whose main process, folder or code a test may harm."""
    run = Run(tmp_path)
    yield run
    run.main.kill()
    run.main.communicate()
    shutil.rmtree(run.socket_folder, ignore_errors=True)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_forked(result: tuple[int, str, str]) -> bool:
    code, output, errors = result
    assert code == 0, errors
    return {"True\n": True, "False\n": False}[output]


def test_jobs_are_forks_of_one_process_that_has_imported_torch(warm):
    body = "print(os.getppid(), forked, 'torch' in sys.modules, 'pandas' in sys.modules)"
    first, second = (warm.job(body) for _ in range(2))
    assert first == second and first[1].endswith(" True True True\n")
    assert is_alive(int(first[1].split()[0]))


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ("", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('no audio')", 1, "no audio\n"),
        ("raise ValueError('no audio')", 1, "ValueError: no audio\n"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
        ("os.abort()", -signal.SIGABRT, ""),
    ],
)
@pytest.mark.parametrize("variables", [{}, PLAIN])
def test_exit_codes_and_errors_are_those_of_a_new_process(warm, body, code, error, variables):
    process_code, output, errors = warm.job(f"print(forked)\nsys.stdout.flush()\n{body}", **variables)
    assert process_code == code and output == f"{not variables}\n"
    assert errors.endswith(error) and bool(errors) == bool(error)


STATE = """
import gc, json, random, signal, threading
import numpy, torch
mask = os.umask(0)
state = {
    "environment": {name: value for name, value in os.environ.items() if name != "SANGUINARIA_WARM"},
    "files": [os.path.basename(os.path.realpath(f"/proc/self/fd/{number}")).split(":")[0] for number in range(8)],
    "folder": os.getcwd(),
    "umask": mask,
    "arguments": sys.argv[1:],
    "path": sys.path[1:],
    "name": __name__,
    "threads": [len(os.listdir("/proc/self/task")), torch.get_num_threads(), threading.active_count()],
    "signals": [str(signal.getsignal(number)) for number in (2, 13, 15, 17)],
    "gc": gc.isenabled(),
    "lines": [sys.stdout.line_buffering, sys.stdout.encoding],
    "cuda": torch.cuda.is_initialized(),
    "entropy": [random.random(), numpy.random.rand(), torch.rand(()).item(), torch.initial_seed()],
    "forked": forked,
}
"""


def state(result: tuple[int, str, str]) -> dict:
    code, output, errors = result
    assert code == 0, errors
    return json.loads(output)


def test_the_state_of_a_fork_is_that_of_a_new_process(warm, tmp_path):
    (tmp_path / "folder").mkdir()
    body = f"import os; os.chdir('{tmp_path}/folder'); os.umask(0o027)\n"
    script = SCRIPT.replace("from sang", body + "from sang", 1)
    results = []
    for variables in ({}, {}, PLAIN):
        path = tmp_path / "script.py"
        path.write_text(script.replace("THREADS", "1") + STATE + "print(json.dumps(state))")
        environment = {**warm.environment, "SHLVL": "7", **variables}
        command = [sys.executable, path, "an argument"]
        process = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        results.append(state((process.returncode, process.stdout, process.stderr)))
    first, second, plain = results
    assert (first.pop("forked"), second.pop("forked"), plain.pop("forked")) == (True, True, False)
    streams = [result.pop("entropy") for result in results]
    assert all(len(set(values)) == 3 for values in zip(*streams, strict=True))
    assert first == second == plain
    assert plain["umask"] == 0o027 and plain["folder"] == str(tmp_path / "folder")
    assert plain["environment"]["SHLVL"] == "7"


def test_modules_of_a_job_stay_in_its_fork(warm):
    for _ in range(2):
        assert is_forked(warm.job("assert 'wave' not in sys.modules; import wave; print(forked)"))


@pytest.mark.parametrize("variables", [{}, PLAIN])
def test_functions_at_exit_are_called_and_buffers_written(warm, variables):
    body = "import atexit, ctypes; atexit.register(print, 'at exit'); ctypes.CDLL(None).printf(b'from C ')"
    code, output, errors = warm.job(body, **variables)
    assert (code, sorted(output.split()), errors) == (0, ["C", "at", "exit", "from"], "")


@pytest.mark.parametrize(("threads", "variables"), [(2, {}), (1, PLAIN), (1, {"NAME": "other"})])
def test_jobs_that_no_fork_may_replace_start_by_themselves(warm, threads, variables):
    assert not is_forked(warm.job("print(forked)", threads=threads, **variables))
    assert is_forked(warm.job("print(forked)"))


@pytest.mark.parametrize("name", ["", "another-boot 1 1", f"{'0' * 8} x", None])
def test_jobs_of_another_machine_or_of_no_run_start_by_themselves(warm, name):
    if name is None:  # a process that has the id of the main process, and started at another time
        boot, process, _ = warm.environment[RUN_VARIABLE].split()
        name = f"{boot} {process} 1"
    assert not is_forked(warm.job("print(forked)", **{RUN_VARIABLE: name}))


def test_a_signal_to_the_job_s_process_reaches_the_fork(warm):
    body = """
    import signal, time
    def end(number, frame):
        print("cleaned up", flush=True)
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, end)
    print("ready", forked, flush=True)
    time.sleep(600)
    """
    process = warm.start(body)
    assert process.stdout.readline() == "ready True\n"
    process.terminate()
    output, _ = process.communicate(timeout=DEADLINE)
    assert output == "cleaned up\n" and process.returncode == 128 + signal.SIGTERM


SLEEPERS = """
import signal, subprocess, time
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
grandchild.stdout.readline()
print(os.getpid(), grandchild.pid, os.getppid(), forked, flush=True)
time.sleep(600)
"""


def test_a_killed_job_kills_its_fork_and_the_processes_below_it(warm):
    process = warm.start(SLEEPERS)
    fork, grandchild, server, forked = process.stdout.readline().split()
    assert forked == "True" and is_alive(int(fork)) and is_alive(int(grandchild))
    process.kill()
    process.wait()
    wait_for(lambda: not is_alive(int(fork)) and not is_alive(int(grandchild)))
    assert is_alive(int(server))
    assert is_forked(warm.job("print(forked)"))


def test_a_killed_run_ends_the_warm_process_and_its_forks(another):
    process = another.start(SLEEPERS)
    fork, grandchild, server, forked = process.stdout.readline().split()
    assert forked == "True" and another.socket_folder.is_dir()
    another.main.kill()
    another.main.wait()
    wait_for(lambda: not any(is_alive(int(number)) for number in (fork, grandchild, server)))
    assert not another.socket_folder.exists()
    process.communicate(timeout=DEADLINE)
    assert process.returncode != 0


def test_a_killed_warm_process_ends_its_forks_and_later_jobs_start_by_themselves(another):
    process = another.start(SLEEPERS)
    fork, grandchild, server, _ = process.stdout.readline().split()
    os.kill(int(server), signal.SIGKILL)
    wait_for(lambda: not is_alive(int(fork)))
    assert another.socket_folder.is_dir()
    os.kill(int(grandchild), signal.SIGKILL)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1 and errors.startswith("Error: the process that this job was forked from has ended")
    assert not is_forked(another.job("print(forked)"))


def test_a_run_that_ends_before_its_warm_process_has_started_leaves_no_folder(another):
    another.main.kill()
    another.main.wait()
    another.socket_folder.mkdir(mode=0o700)
    command = [sys.executable, "-m", "sanguinaria.workflow.warm_server", "9", "digest"]
    subprocess.run(command, cwd=another.socket_folder, env=another.environment, check=True)
    assert not another.socket_folder.exists()


def test_each_fork_has_a_gpu_lock_of_its_own_until_it_ends(another, monkeypatch):
    # Locks of a job of Slurm are apart from those of the machine.
    monkeypatch.setenv("SLURM_JOB_ID", f"test-{another.main.pid}")
    another.environment |= {"CUDA_VISIBLE_DEVICES": "4,5", "SLURM_JOB_ID": os.environ["SLURM_JOB_ID"]}
    body = """
    import time
    from sanguinaria.core.gpu_locks import acquire_gpu
    print(acquire_gpu(), os.environ["CUDA_VISIBLE_DEVICES"], forked, flush=True)
    time.sleep(600)
    """
    first, second = another.start(body), another.start(body)
    devices = [process.stdout.readline() for process in (first, second)]
    assert sorted(devices) == ["4 4 True\n", "5 5 True\n"]
    third = another.start(body)
    assert third.stdout.readline() == "waiting for a GPU: other jobs hold 4, 5\n"
    first.terminate()
    assert third.stdout.readline() == devices[0]
    for process in (first, second, third):
        process.terminate()
        process.communicate(timeout=DEADLINE)
    shutil.rmtree(gpu_locks.lock_folder())


def test_a_run_has_no_name_where_it_is_switched_off_and_in_jobs_of_a_cluster(monkeypatch):
    monkeypatch.setenv(RUN_VARIABLE, "of another run")
    monkeypatch.setenv(SWITCH_VARIABLE, "0")
    warm_process.name_run()
    assert RUN_VARIABLE not in os.environ
    monkeypatch.setenv(SWITCH_VARIABLE, "1")
    warm_process.name_run()
    assert warm_process.main_process() == os.getpid()
    warm_process.forget_run()
    assert warm_process.main_process() is None


def test_changed_code_is_imported_anew(another):
    body = "from sanguinaria.steps import scores; print(hasattr(scores, 'ADDED'), forked)"
    assert another.job(body)[1] == "False True\n"
    with (another.checkout / "sanguinaria" / "steps" / "scores.py").open("a") as file:
        file.write("ADDED = 1\n")
    assert another.job(body)[1] == "True False\n"


def test_a_folder_that_others_can_enter_is_refused(another):
    another.socket_folder.mkdir(mode=0o755)
    assert not is_forked(another.job("print(forked)"))
    with pytest.raises(PermissionError, match="not a private folder"):
        warm_process.open_folder(another.main.pid)
    another.socket_folder.rmdir()
    another.socket_folder.symlink_to(another.folder)
    assert not is_forked(another.job("print(forked)"))
    assert not (another.folder / "socket").exists()
    another.socket_folder.unlink()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a folder away")
def test_a_folder_of_another_user_is_refused(another):
    another.socket_folder.mkdir(mode=0o700)
    os.chown(another.socket_folder, 12345, 12345)
    assert not is_forked(another.job("print(forked)"))
    another.socket_folder.rmdir()


def results(folder: Path) -> dict[str, bytes]:
    """Content of every result by its path, without time and command of tables."""
    files = {path.relative_to(folder / "results"): path for path in (folder / "results").rglob("*") if path.is_file()}
    return {
        str(name): path.read_bytes()
        for name, path in files.items()
        if name.parts[0] != "logs"
        and not name.name.endswith((".provenance.json", ".snakemake_timestamp"))
        # Names the files of the checkout.
        and name.name != "recordings.parquet"
    }


def logs(folder: Path) -> dict[str, list[str]]:
    """Lines of every log by its path, without durations and memory."""
    paths = (folder / "results" / "logs").rglob("*.log")
    return {
        str(path.relative_to(folder)): [line for line in path.read_text().splitlines() if not line.startswith("spent")]
        for path in paths
    }


def test_a_workflow_has_the_same_results_and_logs_either_way(tmp_path):
    counts = []
    for name, switch in (("warm", "1"), ("plain", "0")):
        folder = smaller(checkout(tmp_path / name), seeds=[0])
        path = folder / "sanguinaria" / "workflow" / "job.py"
        # Outside the results, and the same code in both checkouts.
        recorded = 'open("forked", "a").write(f"{starting_process() != os.getpid()}\\n")'
        first_line = "    log = Path(snakemake.log[0])\n"
        assert first_line in path.read_text()
        path.write_text(path.read_text().replace(first_line, f"{first_line}    {recorded}\n"))
        run(folder, targets=["tiny_marked"], environment={SWITCH_VARIABLE: switch})
        counts.append((folder / "forked").read_text().split())
    assert set(counts[0]) == {"True"} and set(counts[1]) == {"False"} and len(counts[0]) == len(counts[1])
    assert results(tmp_path / "warm") == results(tmp_path / "plain")
    assert logs(tmp_path / "warm") == logs(tmp_path / "plain")
