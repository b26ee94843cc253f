"""Lists of folders, and of the repositories in them."""

from __future__ import annotations

import pytest

from entrepot.errors import AccountNotFound, InvalidName, LoginRequired, ThingNotFound
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED, MaybeCaller
from entrepot.hub.folders import folder_lists, folders, grants
from entrepot.hub.folders.folder_lists import LOOSE, FolderQuery
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.scopes import WRITE, RequestedScope
from entrepot.names import RepoType
from tests.support.worlds import World

MODEL, DATASET = RepoType.MODEL, RepoType.DATASET


@pytest.fixture
def shared(world: World) -> World:
    """A hub with folders: alice's own, one for bob, one for an organisation, one for everyone; and one of acme."""
    for name in ("own", "bobs", "acmes", "open"):
        folders.create(world.hub, world.alice, FolderDraft(MODEL, name))
    folders.create(world.hub, world.alice, FolderDraft(DATASET, "own"))
    folders.create(world.hub, world.olga, FolderDraft(MODEL, "team", "acme"))
    for name, subject in (
        ("bobs", Subject(user="bob")),
        ("acmes", Subject(org="acme")),
        ("open", Subject(is_public=True)),
    ):
        grants.grant(world.hub, world.alice, FolderId(MODEL, "alice", name), subject, "view")
    return world


def names(world: World, caller: MaybeCaller, scope: str = "own", owner: str | None = None) -> list[str]:
    page = folder_lists.list_folders(world.hub, caller, FolderQuery(MODEL, scope, owner))
    return [item.row.namespace for item in page.items]


def test_scopes_do_not_overlap_more_than_they_say(shared: World) -> None:
    assert names(shared, shared.alice) == ["alice.acmes", "alice.bobs", "alice.open", "alice.own"]
    assert names(shared, shared.olga) == []
    assert names(shared, shared.bob, "shared") == ["alice.bobs"]
    assert names(shared, shared.rita, "shared") == ["alice.acmes"]
    assert names(shared, shared.alice, "shared") == []
    assert names(shared, None, "public") == names(shared, shared.bob, "public") == ["alice.open"]
    with pytest.raises(LoginRequired):
        names(shared, None)
    with pytest.raises(InvalidName):
        names(shared, shared.bob, "mine")


def test_an_owners_folders_are_those_that_the_caller_sees(shared: World) -> None:
    assert names(shared, shared.bob, owner="ALICE") == ["alice.bobs", "alice.open"]
    assert names(shared, None, owner="alice") == ["alice.open"]
    assert names(shared, shared.rita, owner="acme") == ["acme.team"]
    assert len(names(shared, shared.root, owner="alice")) == 4
    assert names(shared, shared.zed, owner="zed") == []
    for absent in ("acme", "zed", "nobody", "alice.open"):
        with pytest.raises(AccountNotFound):
            names(shared, shared.bob, owner=absent)


def test_pages_join_without_gap(shared: World) -> None:
    query, found = FolderQuery(MODEL), list[str]()
    after: str | None = ""
    while after is not None:
        page = folder_lists.list_folders(shared.hub, shared.alice, query, after=after, limit=2)
        found += [item.row.name for item in page.items]
        after = page.after
    assert found == ["acmes", "bobs", "open", "own"]


def test_a_page_for_a_limited_token_ends_at_a_folder_that_the_token_sees(shared: World) -> None:
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("folder", "alice.own", [WRITE])])
    limited = shared.hub.identify(tokens.create_for(shared.hub, "alice", wish)[0].secret)
    first = folder_lists.list_folders(shared.hub, limited, FolderQuery(MODEL), limit=1)
    assert ([item.row.name for item in first.items], first.after) == (["open"], "alice.open")
    rest = folder_lists.list_folders(shared.hub, limited, FolderQuery(MODEL), after="alice.open", limit=1)
    assert ([item.row.name for item in rest.items], rest.after) == (["own"], None)


def test_the_repositories_of_a_folder_are_listed_with_who_made_them(shared: World) -> None:
    shared.repo("alice.bobs/b")
    shared.repo("alice.bobs/a")
    page = folder_lists.list_repos(shared.hub, shared.bob, FolderId(MODEL, "alice", "bobs"))
    assert [(it.row.name, it.permission, it.editor) for it in page.items] == [
        ("a", "view", "alice"),
        ("b", "view", "alice"),
    ]
    with pytest.raises(ThingNotFound):
        folder_lists.list_repos(shared.hub, shared.bob, FolderId(MODEL, "alice", "own"))
    first = folder_lists.list_repos(shared.hub, shared.bob, FolderId(MODEL, "alice", "bobs"), limit=1)
    assert first.after == "a"


def test_the_repositories_in_no_folder_have_a_name_of_their_own(shared: World) -> None:
    loose = FolderId(MODEL, "alice", LOOSE)
    with pytest.raises(ThingNotFound):
        folder_lists.show_loose(shared.hub, shared.alice, loose)
    shared.repo("alice/x", visibility="private")
    found = folder_lists.show_loose(shared.hub, shared.alice, loose)
    assert (found.permission, found.row.owner, found.row.name) == ("own", "alice", LOOSE)
    assert [it.row.name for it in folder_lists.list_repos(shared.hub, shared.alice, loose).items] == ["x"]
    with pytest.raises(ThingNotFound):
        folder_lists.show_loose(shared.hub, shared.bob, loose)
    assert not folder_lists.list_repos(shared.hub, shared.bob, loose).items
    for wrong in (FolderId(MODEL, "nobody", LOOSE), FolderId(RepoType.SPACE, "alice", LOOSE)):
        with pytest.raises(ThingNotFound):
            folder_lists.list_repos(shared.hub, shared.alice, wrong)
