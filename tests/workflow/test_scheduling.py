"""Snakemake's scheduler looks for work once in its timespan, and not once more with every job that ended."""

import threading
import time
from types import SimpleNamespace

from snakemake.scheduling.job_scheduler import JobScheduler

from sanguinaria import scheduling


def looks(scheduler: SimpleNamespace) -> int:
    """How often it was woken up since the last call."""
    count = 0
    while scheduler._open_jobs.acquire(blocking=False):
        count += 1
    return count


def test_many_calls_are_one_look_and_later_ones_another():
    scheduler = SimpleNamespace(_open_jobs=threading.Semaphore(0))
    for _ in range(100):
        scheduling.look_again(scheduler, 0.1)
    assert looks(scheduler) == 0
    time.sleep(0.3)
    assert looks(scheduler) == 1
    scheduling.look_again(scheduler, 0.1)
    time.sleep(0.3)
    assert looks(scheduler) == 1


def test_a_look_can_ask_for_the_next_one():
    scheduler = SimpleNamespace(_open_jobs=threading.Semaphore(0))
    scheduling.look_again(scheduler, 0.01)
    for _ in range(5):
        assert scheduler._open_jobs.acquire(timeout=5)
        scheduling.look_again(scheduler, 0.01)


def test_another_delay_is_another_look():
    scheduler = SimpleNamespace(_open_jobs=threading.Semaphore(0))
    scheduling.look_again(scheduler, 0.05)
    scheduling.look_again(scheduler, 0.1)
    time.sleep(0.4)
    assert looks(scheduler) == 2


def test_snakemake_s_own_method_is_replaced_where_it_is(monkeypatch):
    monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", None)
    scheduling.prepare()
    assert JobScheduler._schedule_reevalutation is scheduling.look_again
    monkeypatch.delattr(JobScheduler, "_schedule_reevalutation")
    scheduling.prepare()
    assert not hasattr(JobScheduler, "_schedule_reevalutation")
