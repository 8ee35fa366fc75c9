"""Monitoring: counts and time left from Snakemake's events, causes from logs, the summary, the screen."""

import io
import logging
import os
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from sanguinaria.workflow.monitoring import causes
from sanguinaria.workflow.monitoring.log_handler import CLEAR_LINE, LogHandler
from sanguinaria.workflow.monitoring.run_state import Job, Run
from sanguinaria.workflow.monitoring.screen_filter import ScreenFilter
from sanguinaria.workflow.monitoring.summary import summary
from sanguinaria.workflow.monitoring.time_left import time_left
from sanguinaria.workflow.monitoring.wording import progress_line

START = 1_000_000.0


def job(rule: str, started: float, log: Path | None = None) -> Job:
    return Job(rule, f"{rule}-0123456789ab", started, log)


@pytest.fixture
def run() -> Run:
    """After 100 s: two of four scores took 10 and 20 s, a victim runs since 30 s, another and the table are to come."""
    state = Run()
    state.plan({"scores": 4, "victim": 2, "table": 1}, {"features": 5}, START)
    for number, seconds in enumerate((10, 20)):
        state.start(number, job("scores", START))
        state.finish(number, seconds)
    state.start(7, job("victim", START + 70))
    return state


def test_jobs_are_done_running_or_to_come(run):
    assert run.done == {"scores": 2}
    assert run.running_kinds == {"victim": 1}
    assert run.to_come == {"scores": 2, "victim": 1, "table": 1}
    run.fail(7, "Error: no memory")
    assert run.to_come == {"scores": 2, "victim": 1, "table": 1}
    assert not run.running
    run.start(7, job("victim", START + 90))  # tried again
    assert not run.failed
    run.withdraw(7)
    assert run.to_come == {"scores": 2, "victim": 2, "table": 1}


# Scores take 15 s each, measured. Expected were 5 s, so this machine takes three times as long as stated.
EXPECTED = {"scores": 5.0, "victim": 40.0, "table": 1.0}


@pytest.mark.parametrize(
    ("jobs_at_once", "seconds"),
    [
        # The victim that runs: 120 − 30 s; to come: 2 × 15 + 120 + 3 s.
        (1, 90 + 30 + 120 + 3),
        (2, (90 + 30 + 120 + 3) / 2),
        # No less than the longest job, however many run at once.
        (64, 120),
    ],
)
def test_the_time_left_is_that_of_finished_jobs_and_of_corrected_expectations(run, jobs_at_once, seconds):
    left = time_left(run, jobs_at_once, EXPECTED, START + 100)
    assert left.seconds == pytest.approx(seconds)
    assert left.estimated == ("table", "victim")
    assert left.unknown == ()


def test_measured_durations_replace_expected_ones(run):
    run.finish(7, 30)
    left = time_left(run, 1, {"scores": 1000.0, "victim": 1000.0, "table": 1000.0}, START + 100)
    # 2 × 15 + 30 s, and 1000 s × (30 + 30) / 3000 for the table.
    assert left.seconds == pytest.approx(2 * 15 + 30 + 20)
    assert left.estimated == ("table",)


def test_kinds_of_unknown_duration_are_named(run):
    left = time_left(run, 2, {}, START + 100)
    assert (left.seconds, left.unknown) == (15, ("table", "victim"))
    assert progress_line(run, left, START + 100) == (
        "[1 min 40 s] 2 of 7 jobs done, 1 running (1 victim), 4 to come; "
        "at least 15 s left (no duration yet of table, victim)"
    )


def test_a_line_says_what_an_estimate_lacks(run):
    line = progress_line(run, time_left(run, 1, EXPECTED, START + 100), START + 100)
    assert line.endswith("; about 4 min 3 s left (estimated: no finished table, victim yet)")
    run.finish(7, 30)
    run.planned["table"] = 0
    line = progress_line(run, time_left(run, 2, EXPECTED, START + 100), START + 100)
    assert line == "[1 min 40 s] 3 of 6 jobs done, 0 running, 3 to come; about 30 s left"


def test_a_job_that_takes_longer_than_expected_is_not_said_to_end_at_once(run):
    state = Run()
    state.plan({"victim": 1}, {}, START)
    state.start(0, job("victim", START))
    assert "the last jobs take longer than expected" in progress_line(
        state, time_left(state, 1, {"victim": 5.0}, START + 50), START + 50
    )


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("epoch 1\nError: a.wav: no audio\n  b.wav, too\nspent: 1 s", "Error: a.wav: no audio"),
        (
            "Traceback (most recent call last):\n  File x\n    call()\nKeyError: 1\n\nDuring …:\n\n"
            "Traceback (most recent call last):\n  File y\n\n    call()\nsanguinaria.Odd: x: y\nmore\n",
            "sanguinaria.Odd: x: y",
        ),
        (
            "Traceback (most recent call last):\n  File x\nOutOfMemoryError: CUDA\nError: the GPU's memory is full",
            "Error: the GPU's memory is full",
        ),
        ("Error: 2 files are damaged:\n  a: cut\n  b: cut\nMend them.\n", "Error: 2 files are damaged: a: cut"),
        ("Error: damaged:\nMend it.\n", "Error: damaged:"),
        ("epoch 1/3: loss 1.2\n", causes.NO_MESSAGE),
        ("", causes.NOT_BEGUN),
    ],
)
def test_the_cause_is_one_line_of_the_log(tmp_path, log, line):
    path = tmp_path / "a.log"
    path.write_text(log)
    assert causes.cause(path, path.stat().st_mtime) == line


def test_a_log_of_an_earlier_run_has_no_cause(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("Error: of yesterday\n")
    os.utime(path, (START, START))
    assert causes.cause(path, START + 100) == causes.NOT_BEGUN
    assert causes.cause(tmp_path / "none.log", START) == causes.NOT_BEGUN
    assert causes.cause(None, START) == causes.NOT_BEGUN
    assert causes.cause(path, START + 100, "SLURM status: OUT_OF_MEMORY\nSee …") == "SLURM status: OUT_OF_MEMORY"
    assert causes.cause(path, START, "SLURM status: FAILED") == "Error: of yesterday"


def test_the_summary_has_what_ran_what_failed_and_how_to_go_on(run):
    run.fail(7, "Error: no validation utterances")
    run.fetched["features"] = 2
    run.planned["features"] = 2
    run.failed[7] = run.failed[7].__class__(job("victim", START, Path("results/logs/a.log")), run.failed[7].cause)
    assert summary(run, "snakemake demo", START + 125).splitlines() == [
        "Ran: 2 of 9 jobs in 2 min 5 s",
        "  scores      2  30 s, 15 s each",
        "From the shared cache: 2 features",
        "Reused: 5 results of earlier runs (5 features)",
        "Failed: 1",
        "  victim victim-0123456789ab",
        "    Error: no validation utterances",
        "    log: results/logs/a.log",
        "4 jobs are still to come (2 scores, 1 table, 1 victim)",
        "Finished results are kept, and trainings continue from their last checkpoint. "
        "To go on, once the causes are removed: snakemake demo",
    ]


def test_the_summary_of_a_whole_run_asks_for_nothing(run):
    state = Run()
    state.plan({"scores": 1}, {}, START)
    state.start(0, job("scores", START))
    state.finish(0, 4000)
    assert summary(state, "snakemake demo", START + 4000).splitlines() == [
        "Ran: 1 of 1 jobs in 1 h 7 min",
        "  scores      1  1 h 7 min",
        "Reused: 0 results of earlier runs",
    ]
    assert summary(state, "snakemake demo", START, ["Results:", "  a"]).endswith("runs\nResults:\n  a")
    state.planned["table"] = 1  # which is to come
    assert "Results:" not in summary(state, "snakemake demo", START, ["Results:", "  a"])


class Stream(io.StringIO):
    """A stream that is a terminal, or is none."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class Screen:
    """A handler with a clock that a test sets, and what it printed."""

    def __init__(self, folder: Path, terminal: bool = False, **arguments) -> None:
        self.folder, self.now, self.stream = folder, START, Stream(terminal)
        self.handler = LogHandler(
            None,
            stream=self.stream,
            command="snakemake demo",
            targets=lambda: {"all", "demo"},
            reused=lambda: {"features": 2, "all": 1},
            expected=lambda: {"victim": 60.0},
            show_progress=False,  # no thread: the test refreshes
            clock=lambda: self.now,
            **arguments,
        )

    def event(self, event: LogEvent | None, message: str = "", **fields) -> None:
        self.handler.handle(logging.makeLogRecord({"event": event, "msg": message, **fields}))

    def start(self, number: int, rule: str) -> Path:
        log = self.folder / f"{number}.log"
        wildcards = {rule: f"{rule}-{number}", "part": "0"}
        self.event(LogEvent.JOB_INFO, jobid=number, rule_name=rule, log=[str(log)], wildcards=wildcards)
        return log

    def write(self, log: Path, text: str) -> None:
        log.write_text(text)
        os.utime(log, (self.now, self.now))

    def printed(self) -> list[str]:
        """Return the lines since the last call."""
        text = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return text.splitlines()


@pytest.fixture
def screen(tmp_path) -> Screen:
    screen = Screen(tmp_path)
    screen.event(LogEvent.RUN_INFO, stats={"victim": 2, "scores": 3, "demo": 1, "all": 1, "total": 7})
    return screen


def test_targets_are_no_jobs(screen):
    assert screen.printed() == ["To run: 5 jobs (3 scores, 2 victim); reused: 2 results of earlier runs"]
    screen.start(0, "demo")
    assert not screen.handler.run.running


def test_elsewhere_than_on_a_terminal_lines_are_rare(screen):
    screen.printed()
    for seconds, lines in ((5, 0), (10, 1), (12, 0), (20, 1), (1000, 1), (1015, 0), (1021, 1)):
        screen.now = START + seconds
        screen.handler.refresh()
        assert len(screen.printed()) == lines, seconds


def test_the_line_on_a_terminal_is_replaced_and_gives_way_to_messages(tmp_path):
    screen = Screen(tmp_path, terminal=True)
    screen.event(LogEvent.RUN_INFO, stats={"victim": 1, "total": 1})
    screen.handler.refresh()
    screen.handler.refresh()
    *_, line = screen.stream.getvalue().split(CLEAR_LINE)
    assert line.startswith("[0 s] 0 of 1 jobs done")
    assert screen.stream.getvalue().count("\n") == 1
    passes = ScreenFilter(screen.handler)
    assert passes.filter(logging.makeLogRecord({"msg": "Something odd"}))
    assert screen.stream.getvalue().endswith(CLEAR_LINE)


def test_jobs_are_followed_to_their_end(screen):
    screen.printed()
    victim, scores = screen.start(1, "victim"), screen.start(2, "scores")
    screen.now += 30
    screen.write(victim, "spent: 24.50 s of work, 0.50 s to start, 300 MiB at most\n")
    screen.event(LogEvent.JOB_FINISHED, job_id=1)
    assert screen.handler.run.seconds == {"victim": [25.0]}
    screen.write(scores, "Error: damaged model\n")
    screen.event(LogEvent.JOB_ERROR, jobid=2, rule_name="scores", indent=False)
    assert screen.printed() == [f"Failed: scores scores-2: Error: damaged model (log: {scores})"]
    screen.start(3, "scores")
    screen.event(LogEvent.JOB_FINISHED, job_id=3)  # no log
    screen.write(screen.start(4, "scores"), "")
    screen.event(LogEvent.JOB_FINISHED, job_id=4)
    assert screen.handler.run.fetched == {"scores": 2}
    screen.handler.close()
    screen.handler.close()
    printed = screen.printed()
    assert printed[0] == "Ran: 1 of 5 jobs in 30 s"
    assert printed.count("Failed: 1") == 1
    assert f"    log: {scores}" in printed


def test_a_failed_job_is_named_by_the_entries_behind_it(tmp_path):
    screen = Screen(tmp_path, entries=lambda path: f"trigger tone of {path.parent.name}")
    screen.event(LogEvent.RUN_INFO, stats={"victim": 1, "total": 1})
    screen.printed()
    output = ["results/victims/lstm-0123/model.safetensors"]
    fields = {"rule_name": "victim", "log": [], "wildcards": {"victim": "lstm-0123"}, "output": output}
    screen.event(LogEvent.JOB_INFO, jobid=1, **fields)
    screen.event(LogEvent.ERROR, "RuntimeError: no space", thread=1)
    screen.event(LogEvent.JOB_ERROR, jobid=1, rule_name="victim", indent=False, thread=1)
    (line,) = screen.printed()
    assert line.startswith("Failed: victim lstm-0123 (trigger tone of lstm-0123): RuntimeError: no space")
    assert "    trigger tone of lstm-0123" in summary(screen.handler.run, "snakemake demo", START).splitlines()


def test_a_killed_job_has_its_signal_as_the_cause(screen):
    log = screen.start(1, "victim")
    screen.write(log, "epoch 1/3: loss 1.2\n")
    message = "RuleException:\nCalledProcessError in file a:\nCommand 'python' died with <Signals.SIGKILL: 9>."
    screen.event(LogEvent.ERROR, message, thread=1)
    screen.event(LogEvent.ERROR, "RuntimeError: of another thread", thread=2)
    screen.event(LogEvent.JOB_ERROR, jobid=1, rule_name="victim", indent=False, thread=1)
    assert screen.handler.run.failed[1].cause == "ended by SIGKILL, for example for lack of memory"


def test_members_of_a_failed_group_are_told_apart(screen):
    logs = {number: screen.start(number, "scores") for number in (1, 2, 3)}
    screen.write(logs[1], "spent: 1.00 s of work, 0.25 s to start, 300 MiB at most\n")
    screen.write(logs[2], "Error: no\n")
    for number in logs:
        screen.event(LogEvent.JOB_ERROR, jobid=number, rule_name="scores", indent=True)
    run = screen.handler.run
    assert (run.seconds, list(run.failed), run.to_come["scores"]) == ({"scores": [1.25]}, [2], 1)


def test_jobs_that_an_interruption_ended_are_no_failures(screen):
    log = screen.start(1, "victim")
    screen.handler.interrupt()
    screen.write(log, "Error: SIGTERM received\n")
    screen.event(LogEvent.JOB_ERROR, jobid=1, rule_name="victim", indent=False)
    screen.handler.close()
    printed = screen.printed()
    assert "Interrupted: 5 jobs are still to come (3 scores, 2 victim)" in printed
    assert not any("Failed" in line for line in printed)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"event": LogEvent.JOB_INFO, "msg": "Rule: a"}, False),
        ({"event": LogEvent.PROGRESS, "msg": None}, False),
        ({"msg": "Select jobs to execute..."}, False),
        ({"event": LogEvent.ERROR, "msg": "RuleException:\nCalledProcessError in file …"}, False),
        ({"event": LogEvent.ERROR, "msg": "RuleException:\nAnother error"}, True),
        ({"event": LogEvent.ERROR, "msg": "WorkflowError:\nThe configuration has 2 problems"}, True),
        ({"msg": "Nothing to be done (all requested files are present and up to date)."}, True),
    ],
)
def test_the_screen_shows_what_is_not_reported_otherwise(tmp_path, fields, shown):
    passes = ScreenFilter(Screen(tmp_path).handler)
    assert passes.filter(logging.makeLogRecord(fields)) == shown
    assert not passes.filter(logging.makeLogRecord(fields))  # said once


def test_a_run_without_jobs_has_no_summary(tmp_path):
    screen = Screen(tmp_path)
    screen.handler.close()
    assert screen.printed() == []
    screen = Screen(tmp_path, results=lambda: ["Results:", "  results/tables/demo.{csv,md}"])
    screen.handler.close()
    assert screen.printed() == ["Results:", "  results/tables/demo.{csv,md}"]
    screen = Screen(tmp_path, results=lambda: ["Results:", "  results/tables/demo.{csv,md}"])
    screen.event(LogEvent.ERROR, "MissingRuleException: No rule to produce b", thread=1)
    screen.handler.close()
    assert screen.printed() == []


def test_an_interruption_before_the_first_job_says_how_to_start_again(tmp_path):
    screen = Screen(tmp_path)
    screen.handler.interrupt()
    screen.handler.close()
    assert screen.printed() == ["Interrupted before the first job. To start again: snakemake demo"]
