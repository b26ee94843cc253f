from __future__ import annotations

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.errors import InvalidName, LoginRequired, Malformed, NotAllowed
from entrepot.hub import audit
from entrepot.hub.jobs import records
from entrepot.wire.audits import AuditQuery
from tests.support.worlds import DAY_MS, World


def test_entries_are_listed_page_by_page(world: World) -> None:
    world.repo("alice/m")
    everything = records.list_audit(world.hub, audit.CONSOLE, AuditQuery(), None, 100)
    assert (everything[0].action, everything[0].subject) == ("repo.create", "model alice/m")
    first = records.list_audit(world.hub, world.root, AuditQuery(), None, 1)
    assert [*first, *records.list_audit(world.hub, world.root, AuditQuery(), first[-1].id, 100)] == everything
    assert records.list_audit(world.hub, world.root, AuditQuery(until=everything[-1].at), None, 9) == []
    with pytest.raises(Malformed):
        records.list_audit(world.hub, world.root, AuditQuery(since="yesterday"), None, 9)


def test_jobs_are_listed_page_by_page_and_by_state_and_lane(world: World) -> None:
    with world.hub.write(Lock.nothing()) as tx:
        for number in range(3):
            jobs.enqueue(tx, "history", {"repo": number}, world.hub.now_ms() + DAY_MS)
    everything = records.list_jobs(world.hub, audit.CONSOLE, [], [], None, 100)
    newest = records.list_jobs(world.hub, world.root, ["ready"], [everything[0].lane], None, 2)
    assert newest == everything[:2]
    assert records.list_jobs(world.hub, world.root, [], [], newest[-1].id, 100) == everything[2:]
    assert records.list_jobs(world.hub, world.root, ["dead"], [], None, 100) == []


@pytest.mark.parametrize(("states", "lanes"), [(["sleeping"], []), ([], ["fast"])])
def test_unknown_states_and_lanes_are_refused(world: World, states: list[str], lanes: list[str]) -> None:
    with pytest.raises(InvalidName, match=r"sleeping|fast"):
        records.list_jobs(world.hub, world.root, states, lanes, None, 1)


def test_only_administrators_of_the_hub_read(world: World) -> None:
    for by, kind in ((None, LoginRequired), (world.olga, NotAllowed)):
        with pytest.raises(kind):
            records.list_audit(world.hub, by, AuditQuery(), None, 1)
        with pytest.raises(kind):
            records.list_jobs(world.hub, by, [], [], None, 1)
        with pytest.raises(kind):
            records.verify_audit(world.hub, by, None)


def test_the_audit_log_is_filtered_by_each_part_of_a_query(world: World) -> None:
    for name in ("alice/m", "bob/m"):
        world.repo(name)
    every = records.list_audit(world.hub, world.root, AuditQuery(), None, 100)
    for query in (
        AuditQuery(actor="bob"),
        AuditQuery(subject="model bob/m"),
        AuditQuery(actor="bob", action="repo.create"),
    ):
        found = records.list_audit(world.hub, world.root, query, None, 100)
        assert [(row.actor, row.subject) for row in found if row.action == "repo.create"] == [("bob", "model bob/m")]
        assert 0 < len(found) < len(every)


def test_a_job_names_its_namespace_if_it_has_one(world: World) -> None:
    world.repo()
    with world.hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "scrub", {}, world.hub.now_ms())
    listed = records.list_jobs(world.hub, world.root, ["ready"], [], None, 100)
    named = {job.kind: job.namespace for job in listed}
    assert named["scrub"] is None
    assert named["history"] == world.alice.account.id
