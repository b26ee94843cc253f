from __future__ import annotations

import threading

from entrepot.hub.job_signals import JobSignal


def test_a_signal_between_the_look_and_the_wait_is_not_missed() -> None:
    signal = JobSignal()
    seen = signal.count
    signal.set()
    signal.wait(seen, 3_600.0)
    assert signal.count != seen


def test_a_signal_wakes_every_thread_that_waits() -> None:
    signal = JobSignal()
    seen, woken = signal.count, threading.Barrier(3)

    def wait() -> None:
        signal.wait(seen, 3_600.0)
        woken.wait(60)

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    signal.set()
    woken.wait(60)
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_wait_ends_by_itself() -> None:
    signal = JobSignal()
    before = signal.count
    signal.wait(before, 0.0)
    assert signal.count == before


def test_only_added_jobs_concern_other_processes() -> None:
    signal = JobSignal()
    signal.set()
    signal.wake()
    assert (signal.added, signal.count) == (1, 2)
    signal.wait_for_added(0, 3_600.0)
    signal.wait_for_added(1, 0.0)
    assert signal.added == 1
