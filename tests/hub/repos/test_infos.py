from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.search.listings import Search
from entrepot.errors import RevisionNotFound
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.repos import infos, repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoType
from tests.support.worlds import World


def found(world: World, caller: MaybeCaller, **wanted: Any) -> list[str]:
    page = infos.search(world.hub, caller, Search(RepoType.MODEL, **wanted))
    return sorted(str(item.info.row.ref.id) for item in page.infos)


def test_a_repository_is_described_at_a_revision(world: World) -> None:
    ref = world.repo()
    old = world.head(ref)
    world.add(ref, "d/a", b"abc")
    world.add_large(ref, "w.bin", b"large")
    full = infos.describe(world.hub, None, ref, "main", with_files=True, with_sizes=True)
    assert [node.path for node in full.siblings] == [".gitattributes", "d/a", "w.bin"]
    assert [item.size for item in full.listed[1:]] == [3, 5]
    assert (full.info.head, full.used_bytes) == (world.head(ref), 5)
    bare = infos.describe(world.hub, None, ref, old, with_files=False, with_sizes=False)
    assert (bare.siblings, bare.listed, bare.info.head) == ([], [], old)
    with pytest.raises(RevisionNotFound):
        infos.describe(world.hub, None, ref, "nothing", with_files=False, with_sizes=False)


def test_a_search_returns_visible_repositories(world: World) -> None:
    world.repo("alice/open")
    world.repo("alice/secret", visibility="private")
    world.repo("acme/secret", by=world.olga, visibility="private")
    gated = world.repo("bob/gated")
    repositories.configure(world.hub, world.bob, gated, RepoChanges(gated="auto"))
    world.repo("alice/data", kind=RepoType.DATASET)
    gone = world.repo("bob/gone")
    repositories.delete(world.hub, world.bob, gone)
    everyone = ["alice/open", "bob/gated"]
    assert found(world, None) == found(world, world.zed) == everyone
    assert found(world, world.alice) == sorted([*everyone, "alice/secret"])
    assert found(world, world.rita) == sorted([*everyone, "acme/secret"])
    assert found(world, world.root) == sorted([*everyone, "acme/secret", "alice/secret"])
    assert found(world, world.zed, seen_by=None) == everyone, "a search cannot ask for more than its caller sees"


def test_tags_and_files_come_with_the_search(world: World) -> None:
    ref = world.repo()
    world.add(ref, "README.md", b"---\ntags: [rare]\n---\n")
    world.repo("alice/other")
    [full] = infos.search(world.hub, None, Search(RepoType.MODEL, tags=("rare",)), with_files=True).infos
    assert [node.path for node in full.siblings] == [".gitattributes", "README.md"]
    assert full.info.head == world.head(ref)
    assert "rare" in full.info.tags


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_pages_of_a_search_put_together_are_the_whole(world: World, limit: int) -> None:
    made = []
    for number in range(4):
        world.clock.advance(1 if number % 2 else 0)
        made.append(str(world.repo(f"alice/m{number}").id))
    names, after = [], None
    while True:
        page = infos.search(world.hub, None, Search(RepoType.MODEL, sort="createdAt", limit=limit, after=after))
        names += [str(item.info.row.ref.id) for item in page.infos]
        after = page.after
        if after is None:
            break
    assert names == made[::-1]


def test_a_page_names_a_limited_number_of_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.repo()
    world.add(ref, "a", b"a")
    monkeypatch.setattr(infos, "_LISTED_FILES", 2)
    (full,) = infos.search(world.hub, None, Search(RepoType.MODEL), with_files=True).infos
    assert [node.path for node in full.siblings] == [".gitattributes", "a"]
    world.add(ref, "b", b"b")
    (crowded,) = infos.search(world.hub, None, Search(RepoType.MODEL), with_files=True).infos
    assert crowded.siblings == []
