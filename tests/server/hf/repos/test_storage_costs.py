from __future__ import annotations

import hashlib
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from entrepot.hub.files import lfs
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddLarge
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import RepoId, RepoRef, RepoType, Sha256, parse_path
from entrepot.server.limits.fair_slots import FairSlots
from tests.support.site import Site


def add_large(site: Site, repo: str, data: bytes) -> None:
    """Commit a large file through the hub layer."""
    owner, _, name = repo.partition("/")
    caller = site.hub.identify(site.alice if owner == "alice" else site.bob)
    ref, sha256 = RepoRef(RepoType.MODEL, RepoId(owner, name)), Sha256(hashlib.sha256(data).hexdigest())
    wanted = [lfs.RequestedObject(sha256, len(data))]
    [answer] = lfs.plan_uploads(site.hub, caller, ref, wanted, takes_parts=False)
    if isinstance(answer.link, SignedUrl):
        receiving = lfs.receive(site.hub, sha256, answer.link.query)
        receiving.write(data)
        receiving.finish()
    operation = AddLarge(parse_path(f"{len(data)}.bin"), sha256, len(data))
    commits.create(site.hub, caller, ref, "main", CommitDraft("add", [operation]))


def test_a_repository_tells_what_it_costs(site: Site) -> None:
    one, two = site.new_repo(), site.new_repo(owner="bob")
    add_large(site, one, b"1" * 1000)
    add_large(site, one, b"2" * 300)
    add_large(site, two, b"2" * 300)
    with site.client(site.alice) as client:
        answer = client.get(f"/api/models/{one}/storage")
        assert answer.status_code == 200
        assert answer.json() == {"name": f"model {one}", "logical": 1300, "stored": 1300, "shared": 300, "freed": 1000}


def test_a_space_tells_what_it_costs_though_its_running_storage_is_refused(site: Site) -> None:
    space = site.new_repo(RepoType.SPACE)
    with site.client(site.alice) as client:
        assert client.get(f"/api/spaces/{space}/storage").json()["name"] == f"space {space}"
        assert client.post(f"/api/spaces/{space}/storage").json() == {
            "error": "running spaces are not offered by this hub"
        }


def test_a_revision_tells_what_it_costs(site: Site) -> None:
    repo = site.new_repo()
    add_large(site, repo, b"3" * 1000)
    with site.client(site.alice) as client:
        whole = client.get(f"/api/models/{repo}/storage/main").json()
        assert whole["name"] == f"model {repo}@main"
        assert (whole["stored"], whole["shared"], whole["freed"]) == (1000, 0, 1000)
        assert whole["logical"] > 1000
        assert client.get(f"/api/models/{repo}/storage/nope").headers["x-error-code"] == "RevisionNotFound"


@pytest.mark.parametrize("path", ["storage", "storage/main"])
def test_figures_of_a_private_repository_are_for_its_readers(site: Site, path: str) -> None:
    repo = site.new_repo(visibility="private")
    for token, status in ((site.alice, 200), (site.reader, 200), (site.bob, 404), (None, 401)):
        with site.client(token) as client:
            answer = client.get(f"/api/models/{repo}/{path}")
            assert answer.status_code == status
            if status != 200:
                assert answer.headers["x-error-code"] == "RepoNotFound"


@pytest.mark.parametrize(
    "action", ["storage", "storage/main", "storage?without=refs/heads/main", "treesize/main", "scan"]
)
def test_requests_that_walk_a_repository_take_turns(site: Site, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    repo = site.new_repo()
    held, hold = list[str](), FairSlots.hold

    def noted(slots: FairSlots, caller: str, **more: Any) -> AbstractAsyncContextManager[None]:
        held.append(caller)
        return hold(slots, caller, **more)

    monkeypatch.setattr(FairSlots, "hold", noted)
    with site.client(None) as client:
        assert client.get(f"/api/models/{repo}/{action}").status_code == 200
    assert len(held) == 1
