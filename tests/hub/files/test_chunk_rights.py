from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.files import xet_files, xorbs
from entrepot.catalog.files.chunk_access import Viewer
from entrepot.catalog.repos import repositories as repos
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.visibility import Visibility
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.files import chunk_rights, xet_tokens
from entrepot.hub.files.chunk_rights import ChunkRights
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.scopes import Scopes, ScopeTarget
from entrepot.names import RepoRef
from tests.support import hub_work
from tests.support.chunk_sender import Sender
from tests.support.worlds import World


def usable(world: World, given: Any, xorb: Any) -> list[int]:
    with world.hub.read() as tx:
        rights = ChunkRights(tx, chunk_rights.viewer_of(world.hub, tx, given), [xorb.hash])
    return [int(n) for n in rights.of(xorb.hash).first(xorb.index.count).nonzero()[0]]


def row_of(world: World, ref: RepoRef) -> RepoRow:
    with world.hub.read() as tx:
        row = repos.find(tx, ref)
    assert row is not None
    return row


@pytest.fixture
def hidden(world: World) -> RepoRef:
    return world.repo("alice/hidden", visibility="private")


def test_who_has_sent_a_xorb_may_use_all_of_it_with_every_token_of_theirs(
    world: World, sender: Sender, hidden: RepoRef
) -> None:
    xorb = sender.xorb(sender.chunks(1))
    sender.send(sender.give(hidden), xorb)
    assert usable(world, sender.give(hidden), xorb) == [0, 1, 2, 3]
    assert usable(world, sender.give(world.repo("alice/other")), xorb) == [0, 1, 2, 3]
    assert usable(world, sender.give_read(hidden), xorb) == []
    assert usable(world, sender.give(world.repo("bob/m")), xorb) == []


def test_committed_chunks_may_be_used_by_those_who_read_them_now(world: World, sender: Sender) -> None:
    pieces = sender.chunks(1)
    ref, other = world.repo("alice/m"), world.repo("bob/m")
    sender.add(ref, "w", pieces)
    xorb = sender.xorb(pieces)
    anonymous = sender.give_read(ref)
    assert usable(world, sender.give(other), xorb) == usable(world, anonymous, xorb) == [0, 1, 2, 3]
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    assert usable(world, sender.give(other), xorb) == []
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="public", gated="auto"))
    assert usable(world, sender.give(other), xorb) == []
    repositories.configure(world.hub, world.alice, ref, RepoChanges(gated="no"))
    assert usable(world, sender.give(other), xorb) == [0, 1, 2, 3]
    repositories.delete(world.hub, world.alice, ref)
    assert usable(world, sender.give(other), xorb) == []


def test_files_that_came_whole_count_like_those_that_came_in_chunks(world: World, sender: Sender) -> None:
    ref = world.repo("alice/m")
    world.add_large(ref, "w", random.Random(1).randbytes(200_000))
    hub_work.chunk_files(world.hub, world.row_id(ref))
    with world.hub.read() as tx:
        [xorb] = xet_files.xorbs_of(tx, [sender.file_at(ref, "w")])
        rights = ChunkRights(tx, chunk_rights.viewer_of(world.hub, tx, sender.give(world.repo("bob/m"))), [xorb])
        row = xorbs.find(tx, xorb)
    assert row is not None
    assert rights.of(xorb).covers(0, row.chunks)
    assert not rights.of(xorb).covers(0, row.chunks + 1)


def test_the_rights_of_a_xet_token_end_with_its_access_token(world: World, sender: Sender, hidden: RepoRef) -> None:
    pieces = sender.chunks(1)
    sender.add(hidden, "w", pieces)
    made = accounts.create_token(world.hub, "alice", role="write")
    given = sender.give(world.repo("alice/m"), by=world.hub.identify(made.secret))
    with world.hub.write() as tx:
        tx.sql.exec_driver_sql("DELETE FROM xorb_uploads")
    assert usable(world, given, sender.xorb(pieces)) == [0, 1, 2, 3]
    tokens.revoke(world.hub, world.hub.identify(made.secret), made.token.uid)
    assert usable(world, given, sender.xorb(pieces)) == []


@pytest.mark.parametrize(("scope", "expected"), [("readable", []), ("namespace", [0, 1, 2, 3]), ("hub", [0, 1, 2, 3])])
def test_a_wider_scope_adds_what_others_have_sent(
    make_sender: Callable[..., Sender], scope: str, expected: list[int]
) -> None:
    sender = make_sender(dedup_scope=scope)
    world, xorb = sender.world, sender.xorb(sender.chunks(1))
    ref = world.repo("acme/m", by=world.olga, visibility="private")
    sender.send(sender.give(ref, by=world.olga), xorb)
    assert usable(world, sender.give(ref, by=world.root), xorb) == expected
    stranger = sender.give(world.repo("zed/m"))
    assert usable(world, stranger, xorb) == (expected if scope == "hub" else [])


@pytest.mark.parametrize("scope", ["namespace", "hub"])
def test_a_wider_scope_adds_nothing_for_anonymous_callers_and_fine_grained_tokens(
    make_sender: Callable[..., Sender], scope: str
) -> None:
    sender = make_sender(dedup_scope=scope)
    world, xorb = sender.world, sender.xorb(sender.chunks(1))
    secret = world.repo("acme/hidden", by=world.olga, visibility="private")
    sender.send(sender.give(secret, by=world.olga), xorb)
    public = world.repo("acme/m", by=world.olga)
    issued = xet_tokens.issue_read(world.hub, None, public, None)
    anonymous = xet_tokens.check(world.hub, issued.secret, issued.store)
    assert usable(world, anonymous, xorb) == []
    made = accounts.create_token(world.hub, "root", role="write")
    given = sender.give(public, by=world.hub.identify(made.secret))
    assert usable(world, given, xorb) == [0, 1, 2, 3]
    permissions = frozenset({"repo.content.read", "repo.write"})
    scoped = Scopes((ScopeTarget("model", row_of(world, public).uid, permissions),))
    with world.hub.write() as tx:
        token_rows.update(tx, made.token.uid, role="fineGrained", scopes=scoped.encode())
    assert usable(world, given, xorb) == []


@pytest.mark.parametrize(
    ("scope", "visibility", "expected"),
    [
        ("readable", "public", (False, False, True)),
        ("readable", "private", (False, True, False)),
        ("namespace", "public", (True, False, True)),
        ("namespace", "private", (True, False, True)),
    ],
)
def test_the_hub_chunks_with_the_rights_that_all_readers_of_a_repository_have(
    make_sender: Callable[..., Sender], scope: str, visibility: str, expected: tuple[bool, bool, bool]
) -> None:
    world = make_sender(dedup_scope=scope).world
    row = row_of(world, world.repo("alice/m", visibility=visibility))
    viewer = chunk_rights.viewer_of_readers(world.hub, row)
    assert viewer.seen is not None
    found = (viewer.realm == row.namespace_id, row.namespace_id in viewer.seen.namespaces, row.id in viewer.seen.repos)
    assert (found, viewer.is_everywhere) == (expected, False)
    in_folder = chunk_rights.viewer_of_readers(world.hub, attrs.evolve(row, parent_id=row.namespace_id))
    assert in_folder == Viewer(Visibility((), [row.id]))


def test_the_hub_chunks_with_all_rights_where_teams_trust_each_other(make_sender: Callable[..., Sender]) -> None:
    world = make_sender(dedup_scope="hub").world
    viewer = chunk_rights.viewer_of_readers(world.hub, row_of(world, world.repo("alice/m", visibility="private")))
    assert viewer == Viewer(Visibility(), is_everywhere=True)
