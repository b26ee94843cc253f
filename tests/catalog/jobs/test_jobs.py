import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from entrepot.catalog import Catalog, Write
from entrepot.catalog.jobs import jobs
from entrepot.catalog.jobs.jobs import Job
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import NotAllowed

LEASE = 100


def claim(catalog: Catalog, owner: str, now_ms: int) -> Job | None:
    with catalog.write() as tx:
        return jobs.claim(tx, owner, now_ms, LEASE)


def claimed(catalog: Catalog, owner: str, now_ms: int) -> Job:
    job = claim(catalog, owner, now_ms)
    assert job is not None
    return job


@pytest.fixture
def enqueue(catalog: Catalog) -> Callable[..., None]:
    def add(kind: str = "index", now_ms: int = 0, dedup_key: str | None = None, delay_ms: int = 0) -> None:
        with catalog.write() as tx:
            jobs.enqueue(tx, kind, {"of": len(kind)}, now_ms, dedup_key=dedup_key, delay_ms=delay_ms)

    return add


Enqueue = Callable[..., None]


def states(catalog: Catalog) -> list[str]:
    with catalog.read() as tx:
        return [job.state for job in jobs.find(tx)]


def test_a_job_is_claimed_with_its_arguments_and_counted_as_an_attempt(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue("index")
    job = claimed(catalog, "w1", 0)
    assert (job.kind, job.args, job.state, job.attempts) == ("index", {"of": 5}, "running", 1)
    with catalog.read() as tx:
        assert jobs.find(tx) == [job]


def test_a_claimed_job_is_not_claimed_again_while_its_lease_lasts(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    claimed(catalog, "w1", 0)
    assert claim(catalog, "w2", LEASE - 1) is None


def test_a_job_whose_worker_died_runs_again_when_the_lease_has_ended(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    first = claimed(catalog, "w1", 0)
    with catalog.read() as tx:
        assert jobs.next_run(tx) == LEASE
    again = claimed(catalog, "w2", LEASE)
    assert (again.id, again.attempts) == (first.id, 2)


def test_a_renewed_lease_lasts_longer(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        assert jobs.renew(tx, job.id, "w1", 500)
    assert claim(catalog, "w2", 499) is None
    assert claim(catalog, "w2", 500) is not None


def test_a_worker_that_lost_its_lease_changes_nothing(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    claimed(catalog, "w2", LEASE + 1)
    with catalog.write() as tx:
        assert not jobs.renew(tx, job.id, "w1", 9999)
        jobs.finish(tx, job.id, "w1", 200)
        jobs.fail(tx, job.id, "w1", "late", None, 200)
    with catalog.read() as tx:
        assert [(one.state, one.error) for one in jobs.find(tx)] == [("running", None)]
        assert jobs.next_run(tx) == 2 * LEASE + 1


def test_a_finished_job_is_done_and_never_claimed(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.finish(tx, job.id, "w1", 10)
        assert not jobs.renew(tx, job.id, "w1", 9999)
        assert jobs.next_run(tx) is None
    assert states(catalog) == ["done"]
    assert claim(catalog, "w2", 10**9) is None


def test_a_failed_job_waits_for_its_next_try_and_keeps_the_error(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.fail(tx, job.id, "w1", "boom", 50, 10)
        assert jobs.next_run(tx) == 50
    assert claim(catalog, "w1", 49) is None
    again = claimed(catalog, "w1", 50)
    assert (again.id, again.attempts, again.error) == (job.id, 2, "boom")


def test_an_error_is_forgotten_when_the_job_succeeds(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.fail(tx, job.id, "w1", "boom", 0, 0)
    claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.finish(tx, job.id, "w1", 1)
        assert [(one.state, one.error) for one in jobs.find(tx)] == [("done", None)]


def test_a_job_that_failed_too_often_is_dead_until_it_is_retried(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.fail(tx, job.id, "w1", "boom", None, 10)
    assert states(catalog) == ["dead"]
    assert claim(catalog, "w1", 10**9) is None
    with catalog.write() as tx:
        assert jobs.retry(tx, job.id, 20)
    again = claimed(catalog, "w1", 20)
    assert (again.id, again.attempts) == (job.id, 1)


def test_a_waiting_job_can_be_hurried_but_neither_a_running_nor_a_done_one(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue(delay_ms=1000)
    with catalog.write() as tx:
        (waiting,) = jobs.find(tx)
        assert jobs.retry(tx, waiting.id, 5)
    job = claimed(catalog, "w1", 5)
    with catalog.write() as tx:
        assert not jobs.retry(tx, job.id, 6)
        jobs.finish(tx, job.id, "w1", 7)
        assert not jobs.retry(tx, job.id, 8)
        assert not jobs.retry(tx, 999, 8)


def test_jobs_are_claimed_in_the_order_of_their_due_time_then_of_their_age(catalog: Catalog, enqueue: Enqueue) -> None:
    for kind, delay_ms in [("late", 5), ("first", 0), ("second", 0)]:
        enqueue(kind, delay_ms=delay_ms)
    with catalog.read() as tx:
        assert jobs.next_run(tx) == 0
    assert [claimed(catalog, "w1", 5).kind for _ in range(3)] == ["first", "second", "late"]


def test_a_worker_may_ask_for_the_job_of_one_key(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue("first")
    enqueue("wanted", dedup_key="repo 1")
    with catalog.write() as tx:
        assert jobs.claim(tx, "w1", 0, LEASE, dedup_key="repo 2") is None
        job = jobs.claim(tx, "w1", 0, LEASE, dedup_key="repo 1")
        assert job is not None
        assert job.kind == "wanted"
        assert jobs.claim(tx, "w2", LEASE - 1, LEASE, dedup_key="repo 1") is None
        assert jobs.claim(tx, "w2", LEASE, LEASE, dedup_key="repo 1") is not None


def test_a_job_with_an_expired_lease_comes_before_one_that_is_due_later(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue("deserted")
    claimed(catalog, "w1", 0)
    enqueue("later", now_ms=10)
    assert [claimed(catalog, "w2", LEASE).kind for _ in range(2)] == ["deserted", "later"]


def test_an_equal_job_is_not_added_while_one_waits(catalog: Catalog, enqueue: Enqueue) -> None:
    for key in ("repo 1", "repo 1", "repo 2", None, None):
        enqueue(dedup_key=key)
    assert len(states(catalog)) == 4


def test_an_equal_job_is_added_once_the_first_has_started(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue(dedup_key="repo 1")
    claimed(catalog, "w1", 0)
    enqueue(dedup_key="repo 1")
    enqueue(dedup_key="repo 1")
    assert states(catalog) == ["ready", "running"]


@pytest.mark.parametrize(("hastens", "sooner_ms", "run_ms"), [(False, 5, 50), (True, 5, 5), (True, 90, 50)])
def test_an_equal_job_that_waits_for_later_can_be_brought_forward(
    catalog: Catalog, enqueue: Enqueue, hastens: bool, sooner_ms: int, run_ms: int
) -> None:
    enqueue(dedup_key="repo 1", delay_ms=50)
    with catalog.write() as tx:
        jobs.enqueue(tx, "index", {}, sooner_ms, dedup_key="repo 1", hastens=hastens)
        [job] = jobs.find(tx)
    assert job.run_ms == run_ms


def test_a_job_that_failed_is_not_brought_forward(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue(dedup_key="repo 1")
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.fail(tx, job.id, "w1", "no", 50, 1)
        jobs.enqueue(tx, "index", {}, 5, dedup_key="repo 1", hastens=True)
        [job] = jobs.find(tx)
    assert job.run_ms == 50


def test_a_job_that_is_not_running_can_be_cancelled(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue("running")
    running = claimed(catalog, "w1", 0)
    enqueue("waiting")
    with catalog.write() as tx:
        (waiting,) = jobs.find(tx, states=["ready"])
        assert jobs.cancel(tx, waiting.id)
        assert not jobs.cancel(tx, waiting.id)
        assert not jobs.cancel(tx, running.id)
    assert states(catalog) == ["running"]


def test_jobs_are_found_by_state_newest_first(catalog: Catalog, enqueue: Enqueue) -> None:
    for kind in ("a", "b", "c"):
        enqueue(kind)
    claimed(catalog, "w1", 0)
    with catalog.read() as tx:
        assert [job.kind for job in jobs.find(tx)] == ["c", "b", "a"]
        assert [job.kind for job in jobs.find(tx, states=["ready"], limit=1)] == ["c"]
        assert {key: count for key, count in jobs.counts(tx).items() if count} == {
            ("interactive", "ready"): 2,
            ("interactive", "running"): 1,
        }
        assert len(jobs.counts(tx)) == len(jobs.LANES) * len(jobs.STATES)


def test_only_jobs_done_long_ago_are_forgotten(catalog: Catalog, enqueue: Enqueue) -> None:
    for _ in range(3):
        enqueue()
    for finished_ms in (10, 20):
        job = claimed(catalog, "w1", 0)
        with catalog.write() as tx:
            jobs.finish(tx, job.id, "w1", finished_ms)
    dead = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.fail(tx, dead.id, "w1", "boom", None, 1)
        assert jobs.forget_done(tx, 20) == 1
        assert {key[1]: count for key, count in jobs.counts(tx).items() if count} == {"done": 1, "dead": 1}


def test_eight_workers_claim_each_job_exactly_once(catalog: Catalog) -> None:
    with catalog.write() as tx:
        for number in range(40):
            jobs.enqueue(tx, "index", {"number": number}, 0)
    together = threading.Barrier(8)

    def work(worker: int) -> list[int]:
        together.wait()
        taken = []
        while (job := claim(catalog, f"w{worker}", 0)) is not None:
            taken.append(job.args["number"])
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [number for numbers in pool.map(work, range(8)) for number in numbers]
    assert sorted(taken) == list(range(40))


def test_a_job_of_a_transaction_that_failed_does_not_exist(catalog: Catalog) -> None:
    def fail(tx: Write) -> None:
        jobs.enqueue(tx, "index", {}, 0)
        raise NotAllowed("Because.")

    with pytest.raises(NotAllowed), catalog.write() as tx:
        fail(tx)
    assert states(catalog) == []


def test_jobs_of_a_dead_owner_can_be_claimed_immediately(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue("one")
    enqueue("two")
    first, second = claimed(catalog, "dead", 0), claimed(catalog, "alive", 0)
    with catalog.write() as tx:
        assert jobs.owners(tx) == {"dead", "alive"}
        jobs.end_leases(tx, "dead", 1)
    assert claimed(catalog, "heir", 1).id == first.id
    assert claim(catalog, "heir", 1) is None
    assert second.kind == "two"


def add_for(catalog: Catalog, namespace_id: int, *kinds: str, delay_ms: int = 0) -> None:
    with catalog.write() as tx:
        for kind in kinds:
            jobs.enqueue(tx, kind, {}, 0, namespace_id=namespace_id, delay_ms=delay_ms)


def claim_all(catalog: Catalog, lane: str, now_ms: int = 0, **options: Any) -> list[int]:
    """Claim all jobs of a lane; return their namespaces in the order of the claims."""
    found = []
    with catalog.write() as tx:
        while (job := jobs.claim(tx, "w", now_ms, LEASE, lane=lane, **options)) is not None:
            found.append(job.namespace_id)
    return found


def test_namespaces_of_a_lane_are_served_in_rotation(catalog: Catalog) -> None:
    add_for(catalog, 7, *["chunk"] * 4)
    add_for(catalog, 3, *["verify"] * 2)
    add_for(catalog, 9, "chunk")
    assert claim_all(catalog, "heavy") == [3, 7, 9, 3, 7, 7, 7]


def test_a_backlog_of_one_namespace_delays_another_by_one_job(catalog: Catalog) -> None:
    add_for(catalog, 1, *["deliver"] * 1_000)
    with catalog.write() as tx:
        assert [jobs.claim(tx, "w", 0, LEASE, lane="outbound").namespace_id for _ in range(3)] == [1, 1, 1]
    add_for(catalog, 2, "deliver")
    with catalog.write() as tx:
        assert jobs.claim(tx, "w", 0, LEASE, lane="outbound").namespace_id == 2


def test_jobs_that_are_not_due_do_not_hide_those_of_others(catalog: Catalog) -> None:
    add_for(catalog, 1, *["deliver"] * 50, delay_ms=1_000)
    add_for(catalog, 2, "deliver")
    assert claim_all(catalog, "outbound") == [2]


def test_a_lane_has_its_own_jobs_and_its_own_next_run(catalog: Catalog) -> None:
    add_for(catalog, 1, "chunk", delay_ms=5)
    add_for(catalog, 1, "card", delay_ms=9)
    with catalog.read() as tx:
        assert [jobs.next_run(tx, lane) for lane in jobs.LANES] == [9, 5, None, None]
        assert jobs.oldest_due(tx, "heavy") == 5
        assert jobs.oldest_due(tx, "outbound") is None
    assert claim_all(catalog, "outbound", 10) == []
    assert claim_all(catalog, "interactive", 10) == [1]


def test_excluded_namespaces_are_left_alone_also_when_their_worker_died(catalog: Catalog) -> None:
    add_for(catalog, 1, "chunk", "chunk")
    add_for(catalog, 2, "chunk")
    assert claim_all(catalog, "heavy", excluded=[1]) == [2]
    assert claim_all(catalog, "heavy") == [1, 1]
    assert claim_all(catalog, "heavy", LEASE, excluded=[1]) == [2]


def test_a_job_belongs_to_the_namespace_of_its_repository(catalog: Catalog, repo: RepoRow) -> None:
    with catalog.write() as tx:
        jobs.enqueue(tx, "chunk", {"repo": repo.id}, 0)
        jobs.enqueue(tx, "chunk", {"repo": 999}, 0)
        jobs.enqueue(tx, "scrub", {}, 0)
        found = [(job.kind, job.lane, job.namespace_id) for job in jobs.find(tx)]
    assert found == [("scrub", "heavy", 0), ("chunk", "heavy", 0), ("chunk", "heavy", repo.namespace_id)]


def test_a_job_that_is_put_back_counts_no_attempt(catalog: Catalog, enqueue: Enqueue) -> None:
    enqueue()
    job = claimed(catalog, "w1", 0)
    with catalog.write() as tx:
        jobs.put_back(tx, job.id, "another", 0)
        jobs.put_back(tx, job.id, "w1", 5)
    assert claim(catalog, "w2", 4) is None
    assert claimed(catalog, "w2", 5).attempts == 1


@pytest.mark.parametrize("how", ["put back", "failed", "tried again"])
def test_a_job_gives_way_to_an_equal_one_that_waits(catalog: Catalog, how: str) -> None:
    with catalog.write() as tx:
        jobs.enqueue(tx, "card", {"number": 1}, 1, dedup_key="k")
        first = jobs.claim(tx, "w1", 10, 10)
        assert first is not None
        jobs.enqueue(tx, "card", {"number": 2}, 1, dedup_key="k")
        if how == "put back":
            jobs.put_back(tx, first.id, "w1", 20)
        elif how == "failed":
            jobs.fail(tx, first.id, "w1", "no", 20, 20)
        else:
            jobs.fail(tx, first.id, "w1", "no", None, 20)
            assert jobs.retry(tx, first.id, 20)
        states = {job.args["number"]: job.state for job in jobs.find(tx)}
    assert states == {1: "done", 2: "ready"}
