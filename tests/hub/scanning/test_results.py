from __future__ import annotations

import pytest

from entrepot.errors import RepoNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import contents, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.scanning import results
from entrepot.hub.scanning.results import RepoScan
from entrepot.names import ROOT, RepoId, RepoPath, RepoRef
from tests.hub.scanning.conftest import HOSTILE, scan
from tests.support import hub_work
from tests.support.worlds import World


def shown(world: World, ref: RepoRef, by: MaybeCaller, revision: str = "main") -> dict[str, str]:
    page = contents.list_tree(world.hub, world.root, ref, revision, ROOT, is_deep=True, with_commits=False, limit=100)
    found = results.describe_files(world.hub, by, ref, [item.listed for item in page.entries])
    return {str(path): item.status for path, item in found.items() if not path.startswith(".")}


def test_a_file_waits_and_then_has_a_result(scanning: World) -> None:
    ref = scanning.repo()
    scanning.add(ref, "a.pkl", HOSTILE)
    scanning.add(ref, "b.txt", b"x")
    assert shown(scanning, ref, scanning.alice) == {"a.pkl": "queued", "b.txt": "unscanned"}
    assert results.describe_repo(scanning.hub, scanning.alice, ref, "main") == RepoScan(False, [])
    scan(scanning, ref)
    assert shown(scanning, ref, None) == {"a.pkl": "unsafe", "b.txt": "unscanned"}
    assert results.describe_repo(scanning.hub, None, ref, "main") == RepoScan(True, [(RepoPath("a.pkl"), "unsafe")])


def test_a_revision_that_was_never_scanned_says_so(scanning: World) -> None:
    ref = scanning.repo()
    before = scanning.add(ref, "a.pkl", HOSTILE)
    scanning.add(ref, "a.pkl", b"no pickle")
    scanning.clock.advance(60_000)
    while hub_work.run_next(scanning.hub, handlers.new_owner()) is not None:
        pass
    assert shown(scanning, ref, None) == {"a.pkl": "unscanned"}
    assert results.describe_repo(scanning.hub, None, ref, "main").is_done
    assert shown(scanning, ref, None, before) == {"a.pkl": "unscanned"}
    assert not results.describe_repo(scanning.hub, None, ref, before).is_done


def test_the_worst_result_counts(with_command: World) -> None:
    ref = with_command.repo()
    with_command.add(ref, "a.pkl", HOSTILE)
    with_command.add(ref, "b.txt", b"EICAR")
    with_command.add(ref, "c.txt", b"x")
    scan(with_command, ref)
    assert shown(with_command, ref, None) == {"a.pkl": "unsafe", "b.txt": "unsafe", "c.txt": "safe"}


def test_results_are_for_those_who_may_read_the_files(scanning: World) -> None:
    private, gated = scanning.repo("alice/p", visibility="private"), scanning.repo("alice/g")
    repositories.configure(scanning.hub, scanning.alice, gated, RepoChanges(gated="manual"))
    for ref in (private, gated):
        scanning.add(ref, "a.pkl", HOSTILE)
        scan(scanning, ref)
        assert shown(scanning, ref, scanning.alice) == {"a.pkl": "unsafe"}
        assert results.describe_repo(scanning.hub, scanning.alice, ref, "main").is_done
    for caller in (None, scanning.bob):
        with pytest.raises(RepoNotFound):
            shown(scanning, private, caller)
        with pytest.raises(RepoNotFound):
            results.describe_repo(scanning.hub, caller, private, "main")
        assert shown(scanning, gated, caller) == {}
        assert results.describe_repo(scanning.hub, caller, gated, "main") == RepoScan()


def test_without_scanning_nothing_is_shown(world: World) -> None:
    ref = world.repo()
    world.add(ref, "a.pkl", HOSTILE)
    assert shown(world, ref, world.alice) == {}
    assert results.describe_repo(world.hub, None, ref, "main") == RepoScan()
    with pytest.raises(RepoNotFound):
        results.describe_repo(world.hub, None, RepoRef(ref.type, RepoId("alice", "absent")), "main")
