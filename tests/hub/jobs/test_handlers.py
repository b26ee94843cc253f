from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import Any

import pytest

from entrepot.catalog.jobs import jobs
from entrepot.errors import Busy, Malformed
from entrepot.hub.jobs import handlers
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
        handlers.index_history(world.hub, {"repo": world.row_id(ref)})
    with world.hub.read() as tx:
        assert commits.unindexed(tx, world.row_id(ref), head) == []
    handlers.index_history(world.hub, {"repo": 12345})


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
