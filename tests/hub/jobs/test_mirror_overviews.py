from __future__ import annotations

import pytest

from entrepot.catalog import Lock
from entrepot.catalog.jobs import jobs
from entrepot.catalog.repos import repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import LoginRequired, NotAllowed, RepoNotFound
from entrepot.hub import audit
from entrepot.hub.audit import CONSOLE
from entrepot.hub.jobs import handlers, mirror_overviews
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.worlds import World


def mirrored(world: World, name: str) -> RepoRow:
    """Return a repository that was cloned."""
    ref = world.repo(name)
    world.add(ref, "a.txt", b"a")
    with world.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    world.hub.mirrors.take(world.hub.store, world.hub.read, row).release()
    return row


def test_mirrors_are_listed_with_their_state_and_repacked_on_request(world: World) -> None:
    assert mirror_overviews.list_mirrors(world.hub, CONSOLE) == []
    row = mirrored(world, "alice/cloned")
    world.repo("alice/never-cloned")
    [report] = mirror_overviews.list_mirrors(world.hub, CONSOLE)
    assert report.repo.ref == row.ref
    assert (report.facts.is_sound, report.facts.packs, report.is_waiting, report.error) == (True, 1, False, "")
    assert report.facts.size > 0
    for _ in range(2):
        mirror_overviews.request_repack(world.hub, CONSOLE, row.ref)
    [report] = mirror_overviews.list_mirrors(world.hub, CONSOLE)
    assert report.is_waiting
    found = [job for job in handlers.list_jobs(world.hub, states=("ready",)) if job.kind == "mirror"]
    assert [job.args for job in found] == [{"repo": row.id}]
    assert len(audit.search(world.hub, audit.AuditFilter(action="mirror.request"), limit=9)) == 2
    handlers.run_now(world.hub, f"mirror:{row.id}")
    [report] = mirror_overviews.list_mirrors(world.hub, CONSOLE)
    assert (report.is_waiting, report.error, report.facts.is_sound) == (False, "", True)


def test_a_failed_attempt_and_a_missing_file_are_told(world: World) -> None:
    row = mirrored(world, "alice/broken")
    with world.hub.write(Lock.nothing()) as tx:
        jobs.enqueue(tx, "mirror", {"repo": row.id}, world.hub.now_ms(), dedup_key=f"mirror:{row.id}")
        job = jobs.claim(tx, "worker", world.hub.now_ms(), 1_000, dedup_key=f"mirror:{row.id}")
        assert job is not None
        jobs.fail(tx, job.id, "worker", "git failed", None, world.hub.now_ms())
    for pack in (world.hub.settings.data / "cache" / "git" / row.uid / "objects" / "pack").glob("*.idx"):
        pack.unlink()
    [report] = mirror_overviews.list_mirrors(world.hub, CONSOLE)
    assert (report.error, report.facts.is_sound) == ("git failed", False)


def test_only_administrators_of_the_hub_see_and_request(world: World) -> None:
    ref = world.repo()
    for caller, error in ((None, LoginRequired), (world.alice, NotAllowed)):
        with pytest.raises(error):
            mirror_overviews.list_mirrors(world.hub, caller)
        with pytest.raises(error):
            mirror_overviews.request_repack(world.hub, caller, ref)
    with pytest.raises(RepoNotFound):
        mirror_overviews.request_repack(world.hub, CONSOLE, RepoRef(RepoType.MODEL, parse_repo_id("no/one")))
