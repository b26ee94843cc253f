from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from entrepot.client.calls import staged
from entrepot.client.commit_target import CommitTarget
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add
from entrepot.client.sources import BytesSource
from entrepot.client.uploads.publishing import stage
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType

REF = RepoRef(RepoType.MODEL, RepoId("ns", "name"))


def test_changes_of_a_branch_are_listed_put_and_reset() -> None:
    assert staged.page(REF, "a/b").path == "/api/models/ns/name/staged/a%2Fb"
    assert staged.page(REF, "main", all_users=True).query == (("all", "true"),)
    assert (staged.put(REF, "main").method, staged.put(REF, "main").media_type) == ("POST", "application/x-ndjson")
    assert (staged.reset(REF, "main").method, staged.reset(REF, "main").query) == ("DELETE", ())


def test_staged_changes_at_a_hub(hub: Hub, fresh_repo: Callable[..., RepoRef], tmp_path: Path) -> None:
    ref = fresh_repo()
    number = stage(hub, CommitTarget(ref), [Add(RepoPath("a"), BytesSource(b"abc"))])
    [change] = hub.pages(staged.page(ref, "main"))
    assert (number, change.path, change.op, change.size, change.user) == (1, "a", "add", 3, "tester")
    assert hub.send(staged.reset(ref, "main", all_users=True)).dropped == 1
    assert hub.send(staged.reset(ref, "main")).dropped == 0
