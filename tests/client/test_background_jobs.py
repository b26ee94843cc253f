import threading

import pytest

from entrepot.client.background_jobs import BackgroundJobs


def test_jobs_run_one_at_a_time_in_order() -> None:
    jobs, order, running = BackgroundJobs(), [], threading.Semaphore(1)

    def work(number: int) -> int:
        assert running.acquire(blocking=False)
        order.append(number)
        running.release()
        return number * 2

    futures = [jobs.submit(work, number) for number in range(50)]
    assert [future.result(30) for future in futures] == list(range(0, 100, 2))
    assert order == list(range(50))


def test_a_failed_job_does_not_stop_the_next_one() -> None:
    jobs = BackgroundJobs()
    failed = jobs.submit(lambda: 1 // 0)
    assert jobs.submit(lambda: "next").result(30) == "next"
    with pytest.raises(ZeroDivisionError):
        failed.result(30)


def test_arguments_are_passed_on() -> None:
    assert BackgroundJobs().submit(divmod, 7, 2).result(30) == (3, 1)
    assert BackgroundJobs().submit(int, "11", base=2).result(30) == 3
