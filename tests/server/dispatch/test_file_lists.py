"""Lists of files of trees: read and encoded once, shown only to those who may see the repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx2
import msgspec
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.files.operations import AddFile, Delete
from entrepot.hub.repos import commits, contents, infos, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoId, RepoRef, RepoType, parse_path
from entrepot.server.app import make_app
from entrepot.server.dispatch.file_lists import FileLists
from entrepot.server.hf.repos.repo_json import render_info
from entrepot.settings import Settings
from tests.support.running_apps import running

REF = RepoRef(RepoType.MODEL, RepoId("alice", "m"))
NAMES = [".gitattributes", "a/1.txt", "b.txt"]


@attrs.frozen
class Site:
    """A served hub with a repository of alice."""

    url: str
    hub: HubContext
    secret: str

    def get(self, query: str = "", *, secret: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {secret or self.secret}"}
        return httpx2.get(f"{self.url}/api/models/alice/m{query}", headers=headers, trust_env=False)

    def names(self, query: str = "") -> list[str]:
        return [item["rfilename"] for item in self.get(query).json()["siblings"]]

    def commit(self, *operations: AddFile | Delete) -> None:
        commits.create(self.hub, self.hub.identify(self.secret), REF, "main", CommitDraft("change", list(operations)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    repositories.create(hub, hub.identify(secret), NewRepo(RepoType.MODEL, "m"))
    with running(make_app(hub)) as address:
        site = Site(address.url, hub, secret)
        site.commit(*(AddFile(parse_path(name), b"x") for name in NAMES))
        yield site
    hub.close()


def test_a_tree_is_walked_once_for_all_descriptions_of_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []
    files_of = contents.files_of
    monkeypatch.setattr(contents, "files_of", lambda *given, **more: walked.append(1) or files_of(*given, **more))
    first = site.get("?a=1").json()
    assert site.get("?a=2").json() == first == site.get("/revision/main").json()
    assert ([item["rfilename"] for item in first["siblings"]], walked) == (NAMES, [1])
    assert "siblings" not in site.get("?expand=likes").json()
    site.commit(AddFile(parse_path("c.txt"), b"x"))
    assert (site.names("?a=3"), walked) == ([*NAMES, "c.txt"], [1, 1])
    site.commit(Delete(parse_path("c.txt")))
    assert (site.names("?a=4"), walked) == (NAMES, [1, 1])


def test_sizes_are_read_for_each_description(site: Site) -> None:
    assert site.names() == site.names("?blobs=true") == NAMES
    assert [item["size"] for item in site.get("?blobs=true").json()["siblings"]] == [1, 1, 1]


def test_a_known_list_of_a_private_repository_is_not_shown_to_others(site: Site) -> None:
    accounts.create_user(site.hub, "zed")
    other = accounts.create_token(site.hub, "zed", role="write").secret
    assert site.names() == NAMES
    assert site.get(secret=other).json()["siblings"] == site.get().json()["siblings"]
    repositories.configure(site.hub, site.hub.identify(site.secret), REF, RepoChanges(visibility="private"))
    assert (site.get(secret=other).status_code, site.names()) == (404, NAMES)


def test_lists_are_bounded(site: Site) -> None:
    alice = site.hub.identify(site.secret)
    full = infos.describe(site.hub, alice, REF, "main", with_files=True, with_sizes=False)
    assert full.tree is not None
    for most, is_kept in ((10_000, True), (1_000, False), (0, False)):
        lists, info = FileLists(most), render_info(full)
        search = lists.search()
        assert not search.is_known(full.tree)
        assert search.put_into(info, attrs.evolve(full, left_out=[parse_path("x")])) == ["x"]
        assert [item["rfilename"] for item in msgspec.json.decode(msgspec.json.encode(info))["siblings"]] == NAMES
        assert lists.search().is_known(full.tree) is is_kept
