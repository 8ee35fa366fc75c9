"""Interruption by SIGINT: jobs are ended, then killed; processes with a session of their own are not; no traceback."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
START = """
import signal, subprocess, sys
from sanguinaria.workflow.monitoring.interruption import end_jobs_on_interruption
end_jobs_on_interruption(lambda: True, lambda: print("noted", flush=True))
"""

JOBS = (
    START
    + """
plain = "import os, signal, time; os.write(1, bytes([114, 10])); time.sleep(300)"
stubborn = plain.replace("os.write", "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write")
start = lambda code, **options: subprocess.Popen([sys.executable, "-c", code], **options)
jobs = [start(plain), start(stubborn), start(plain, start_new_session=True)]
try:
    jobs[1].wait()
except KeyboardInterrupt:
    print(jobs[0].wait(), flush=True)
    print(jobs[1].wait(), jobs[2].poll(), flush=True)
jobs[2].kill()
"""
)


def started(code: str) -> subprocess.Popen:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, start_new_session=True, **pipes)


def test_jobs_are_ended_at_the_first_signal_and_killed_at_the_second():
    process = started(JOBS)
    assert [process.stdout.readline() for _ in range(3)] == ["r\n"] * 3
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "noted\n"
    assert process.stdout.readline() == f"{-signal.SIGTERM}\n"  # the stubborn job goes on
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert printed == f"{-signal.SIGKILL} None\n"
    assert errors.split("\n\n") == [
        "\nInterrupted: the running jobs are being ended; Ctrl-C again kills them.",
        "Killing the running jobs.\n",
    ]
    assert process.returncode == 0


def test_an_interruption_that_nothing_catches_ends_the_process_without_a_traceback():
    waiting = "import time; print('ready', flush=True); time.sleep(300)"
    process = started(START.replace("lambda: True", "lambda: False") + waiting)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert (printed, errors) == ("noted\n", "")
    assert process.returncode == -signal.SIGINT


def test_other_exceptions_have_their_traceback():
    process = started(START + "raise ValueError('odd')")
    _, errors = process.communicate(timeout=60)
    assert errors.startswith("Traceback") and errors.endswith("ValueError: odd\n")
