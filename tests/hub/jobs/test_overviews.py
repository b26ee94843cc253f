from __future__ import annotations

import itertools

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.errors import AccountNotFound, InvalidName, LoginRequired, NotAllowed, ThingNotFound
from entrepot.hub import audit
from entrepot.hub.jobs import handlers, overviews
from entrepot.hub.repos import repositories
from tests.support.worlds import DAY_MS, World


def enqueue(world: World) -> int:
    with world.hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {}, world.hub.now_ms() + DAY_MS)
        return max(job.id for job in jobs.find(tx))


def test_figures_count_accounts_and_repositories(world: World) -> None:
    world.repo("alice/m", visibility="private")
    found = overviews.figures(world.hub, world.root)
    assert (found.sizes["repositories"], found.orgs) == (1, 1)
    assert found.users >= 8
    assert 0 < found.disk_free <= found.disk_total


def test_only_administrators_of_the_hub_see_and_do_anything(world: World) -> None:
    job = enqueue(world)
    calls = (
        lambda by: overviews.figures(world.hub, by),
        lambda by: overviews.find_accounts(world.hub, by, "user", "", limit=5),
        lambda by: overviews.find_repos(world.hub, by, "", 0, 5),
        lambda by: overviews.list_jobs(world.hub, by, ["ready"], 5),
        lambda by: overviews.check_health(world.hub, by),
        lambda by: overviews.rehearse_sweep(world.hub, by, within_s=60),
        lambda by: overviews.request_sweep(world.hub, by),
        lambda by: overviews.retry_job(world.hub, by, job),
        lambda by: overviews.cancel_job(world.hub, by, job),
    )
    for call in calls:
        with pytest.raises(LoginRequired):
            call(None)
        with pytest.raises(NotAllowed):
            call(world.olga)
    for call in calls[5:]:
        with pytest.raises(NotAllowed):
            call(world.caller("root", "read"))
    assert [item.id for item in overviews.list_jobs(world.hub, world.root, ["ready"], 100)].count(job) == 1


def test_accounts_and_repositories_are_found(world: World) -> None:
    hidden = world.repo("alice/hidden", visibility="private")
    other = world.repo("acme/other", by=world.olga)
    assert [it.name for it in overviews.find_accounts(world.hub, world.root, "user", "LI ce", limit=5).items] == [
        "alice"
    ]
    assert [it.name for it in overviews.find_accounts(world.hub, world.root, "org", "", limit=5).items] == ["acme"]
    first, second = overviews.find_repos(world.hub, world.root, "", 0, 5)
    assert [first.ref, second.ref] == [hidden, other]
    assert [it.ref for it in overviews.find_repos(world.hub, world.root, "", first.id, 5)] == [other]
    assert [it.ref for it in overviews.find_repos(world.hub, world.root, "alice", 0, 5)] == [hidden]
    assert overviews.find_repos(world.hub, world.root, "alice", world.hub.now_ms(), 5) == []
    with pytest.raises(AccountNotFound):
        overviews.find_repos(world.hub, world.root, "nobody-here", 0, 5)


def test_a_job_is_retried_and_cancelled_and_the_audit_log_says_so(world: World) -> None:
    job = enqueue(world)
    overviews.retry_job(world.hub, world.root, job)
    [row] = [item for item in overviews.list_jobs(world.hub, world.root, ["ready"], 100) if item.id == job]
    assert row.run_ms <= world.hub.now_ms()
    overviews.cancel_job(world.hub, world.root, job)
    with pytest.raises(ThingNotFound):
        overviews.cancel_job(world.hub, world.root, job)
    newest = audit.search(world.hub, audit.AuditFilter(), limit=2)
    assert [(item.actor, item.action) for item in newest] == [("root", "job.cancel"), ("root", "job.retry")]
    with pytest.raises(InvalidName):
        overviews.list_jobs(world.hub, world.root, ["sleeping"], 5)


def test_a_rehearsal_deletes_nothing_and_ends_in_time(world: World) -> None:
    ref = world.repo("alice/gone")
    repositories.delete(world.hub, world.alice, ref)
    world.clock.advance(60 * DAY_MS)
    for _ in range(2):
        found = overviews.rehearse_sweep(world.hub, world.root, within_s=600)
        assert found.is_complete
        assert found.count == len(found.items) > 0
    world.repo("alice/there")
    late = overviews.rehearse_sweep(world.hub, world.root, within_s=1, clock=itertools.count().__next__)
    assert not late.is_complete


def test_a_sweep_that_was_asked_for_runs_as_a_job_once(world: World) -> None:
    ref = world.repo("alice/gone")
    repositories.delete(world.hub, world.alice, ref)
    world.clock.advance(60 * DAY_MS)
    assert not overviews.is_sweeping(world.hub, world.root)
    for _ in range(2):
        overviews.request_sweep(world.hub, world.root)
    assert overviews.is_sweeping(world.hub, world.root)
    waiting = overviews.list_jobs(world.hub, world.root, ["ready"], 100)
    assert [job.lane for job in waiting if job.kind == handlers.SWEEP] == ["maintenance"]
    assert audit.search(world.hub, audit.AuditFilter(), limit=1)[0].action == "gc.request"
    handlers.run_now(world.hub, handlers.SWEEP)
    assert not overviews.is_sweeping(world.hub, world.root)
    assert overviews.rehearse_sweep(world.hub, world.root, within_s=600).count == 0


def test_health_says_what_is_wrong(world: World) -> None:
    found = {check.name: check for check in overviews.check_health(world.hub, world.root)}
    assert found["Database and store"].is_well
    assert found["Chunks"].is_well
    assert found["Failed jobs"].is_well
    with world.hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "trends", {}, world.hub.now_ms())
    world.clock.advance(2 * overviews.LONG_WAIT_MS)
    found = {check.name: check for check in overviews.check_health(world.hub, world.root)}
    assert not found["Waiting jobs"].is_well
    assert "7,200 seconds" in found["Waiting jobs"].text
