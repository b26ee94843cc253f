from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from entrepot.catalog.jobs import jobs
from entrepot.errors import Busy, Malformed, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.jobs import handlers, overviews
from entrepot.hub.jobs.handlers import LEASE_MS, MAX_ATTEMPTS
from tests.support import hub_work
from tests.support.worlds import World


@pytest.fixture
def failing(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A job that always fails, alone in the queue; records the times of its attempts."""
    tries: list[int] = []

    def fail(_hub: Any, _args: Any) -> None:
        tries.append(world.clock())
        raise Malformed("thing", "always")

    monkeypatch.setattr(handlers, "HANDLERS", {"fail": fail})
    with world.hub.write() as tx:
        jobs.enqueue(tx, "fail", {}, world.clock(), dedup_key="one")
    return tries


def only(world: World) -> jobs.Job:
    with world.hub.read() as tx:
        [job] = jobs.find(tx)
    return job


def test_a_failing_job_is_tried_ever_more_rarely_and_then_dies(world: World, failing: list[int]) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert hub_work.run_next(world.hub, "me").error == "Malformed: malformed thing: always"
        assert hub_work.run_next(world.hub, "me") is None
        world.clock.now_ms = max(world.clock.now_ms, only(world).run_ms)
    pauses = [late - early for early, late in itertools.pairwise(failing)]
    assert pauses == [1000 * 4**turn for turn in range(MAX_ATTEMPTS - 1)]
    assert only(world).state == "dead"
    world.clock.advance(10**9)
    assert hub_work.run_next(world.hub, "me") is None


def test_attending_never_fails_because_of_the_job(world: World, failing: list[int]) -> None:
    handlers.run_now(world.hub, "one")
    assert len(failing) == 1
    assert only(world).state == "ready"
    handlers.run_now(world.hub, "another")
    assert len(failing) == 1


def test_attending_never_fails_because_of_a_busy_database(
    world: World, failing: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise Busy("the database")

    monkeypatch.setattr(jobs, "claim", refuse)
    handlers.run_now(world.hub, "one")
    assert failing == []


def test_a_worker_that_died_loses_its_job_to_another(world: World, failing: list[int]) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert handlers.claim(world.hub, f"dies-{attempt}").attempts == attempt
        assert handlers.claim(world.hub, "early") is None
        world.clock.advance(LEASE_MS)
    outcome = hub_work.run_next(world.hub, "careful")
    assert outcome.error
    assert (failing, only(world).state) == ([], "dead")


def test_an_unknown_kind_of_job_is_an_error(world: World) -> None:
    with world.hub.write() as tx:
        jobs.enqueue(tx, "new kind", {}, world.clock())
    assert "new kind" in hub_work.run_next(world.hub, "me").error


def test_owners_are_unique() -> None:
    assert handlers.new_owner() != handlers.new_owner()


def test_history_is_indexed_for_every_ref_and_again_without_harm(world: World) -> None:
    from entrepot.catalog.repos import commits

    ref = world.repo()
    head = world.add(ref, "a")
    for _ in range(2):
        list(handlers.index_history(world.hub, {"repo": world.row_id(ref)}))
    with world.hub.read() as tx:
        assert commits.unindexed(tx, world.row_id(ref), head) == []
    list(handlers.index_history(world.hub, {"repo": 12345}))


def test_jobs_of_a_dead_process_are_due_immediately(world: World, failing: list[int]) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    host, _, _ = handlers.new_owner().rpartition(f":{os.getpid()}:")
    assert handlers.claim(world.hub, f"{host}:{ended.stdout.strip()}:1:abcd") is not None
    assert hub_work.run_next(world.hub, "heir") is None
    handlers.take_over(world.hub)
    assert hub_work.run_next(world.hub, "heir") is not None
    assert len(failing) == 1


@pytest.mark.parametrize("owner", ["", "another-host:1:abcd", "strange"])
def test_a_job_of_a_live_worker_is_not_taken_over(world: World, failing: list[int], owner: str) -> None:
    assert handlers.claim(world.hub, owner or handlers.new_owner()) is not None
    handlers.take_over(world.hub)
    assert hub_work.run_next(world.hub, "heir") is None
    assert failing == []


def test_recurring_jobs_are_scheduled_and_schedule_themselves(world: World) -> None:
    handlers.plan_recurring(world.hub)
    with world.hub.read() as tx:
        planned = {job.kind: job for job in jobs.find(tx, states=["ready"])}
    assert {"scrub", "reverify", "trends"} < planned.keys()
    assert len(planned) == 5  # and deletions of old deliveries and notifications; no scanner is set
    for _step in handlers.scrub(world.hub, {}):
        pass
    with world.hub.write() as tx:
        jobs.cancel(tx, planned["scrub"].id)
    for _step in handlers.scrub(world.hub, {}):
        pass
    with world.hub.read() as tx:
        assert [job.kind for job in jobs.find(tx, states=["ready"]) if job.kind == "scrub"] == ["scrub"]


def test_a_dead_job_is_due_again_when_it_is_retried_and_others_are_not_found(world: World, failing: list[int]) -> None:
    with world.hub.write() as tx:
        job = jobs.claim(tx, "me", world.clock(), world.clock() + 1, dedup_key="one")
        assert job is not None
        jobs.fail(tx, job.id, "me", "no", None, world.clock())
    assert handlers.pause_ms(world.hub) is None
    overviews.retry_job(world.hub, audit.CONSOLE, job.id)
    assert (only(world).state, only(world).attempts, handlers.pause_ms(world.hub)) == ("ready", 0, 0)
    with pytest.raises(ThingNotFound):
        overviews.retry_job(world.hub, audit.CONSOLE, job.id + 1)


def test_the_pause_lasts_until_the_next_job_is_due(world: World, failing: list[int]) -> None:
    job_id = only(world).id
    with world.hub.write() as tx:
        jobs.cancel(tx, job_id)
        jobs.enqueue(tx, "fail", {}, world.clock(), delay_ms=700)
    assert handlers.pause_ms(world.hub) == 700
    world.clock.advance(1_000)
    assert handlers.pause_ms(world.hub) == 0


def test_a_job_that_is_put_back_ends_its_work_and_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def work(_hub: Any, _args: Any) -> Iterator[None]:
        try:
            while True:
                yield
        finally:
            ended.append("work")

    monkeypatch.setattr(handlers, "HANDLERS", {"long": work})
    with world.hub.write() as tx:
        jobs.enqueue(tx, "long", {}, world.clock())
    job = handlers.claim(world.hub, "me")
    assert job is not None
    current = handlers.Run(world.hub, "me", job)
    assert current.step()
    current.put_back(delay_ms=500)
    assert ended == ["work"]
    assert (only(world).state, only(world).run_ms, only(world).attempts) == ("ready", world.clock() + 500, 0)


def test_a_mistake_in_a_handler_is_recorded_and_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(_hub: Any, _args: Any) -> None:
        raise ZeroDivisionError("x" * 5_000)

    monkeypatch.setattr(handlers, "HANDLERS", {"bad": mistaken})
    with world.hub.write() as tx:
        jobs.enqueue(tx, "bad", {}, world.clock())
    job = handlers.claim(world.hub, "me")
    assert job is not None
    with pytest.raises(ZeroDivisionError):
        handlers.run(world.hub, "me", job)
    assert only(world).state == "ready"
    assert (only(world).error or "").startswith("ZeroDivisionError: xxx")
    assert len(only(world).error or "") == 2_000
