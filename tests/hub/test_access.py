from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from entrepot.catalog import Lock
from entrepot.errors import (
    EntrepotError,
    GatedRepo,
    InvalidCredentials,
    LoginRequired,
    NotAllowed,
    RepoDisabled,
    RepoMoved,
    RepoNotFound,
)
from entrepot.hub import access
from entrepot.hub.accounts import accounts, sessions, tokens
from entrepot.hub.callers import MaybeCaller, Role
from entrepot.hub.community import access_requests, collections, discussions, likes, subscriptions
from entrepot.hub.community.collections import CollectionQuery
from entrepot.hub.comparisons import metrics
from entrepot.hub.datasets import tables
from entrepot.hub.datasets.layouts import SplitRef
from entrepot.hub.files import lfs, preuploads
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import (
    branches,
    commits,
    contents,
    histories,
    infos,
    lfs_files,
    lineage,
    locks,
    repo_rights,
    repositories,
)
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.infos import Search
from entrepot.hub.repos.pulls import openings, pull_refs
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.search import activity, profiles, searches
from entrepot.names import MAIN, ROOT, RepoId, RepoPath, RepoRef, RepoType, Sha256
from tests.support import hub_work
from tests.support.database_statements import counted
from tests.support.worlds import World

Use = Callable[[Any, Any, RepoRef], object]
README = RepoPath(".gitattributes")
FILE = lfs.RequestedObject(Sha256("d" * 64), 3)

SEE: dict[str, Use] = {
    "list_tree": lambda hub, who, ref: contents.list_tree(
        hub, who, ref, "main", ROOT, is_deep=True, with_commits=True, limit=10
    ),
    "paths_info": lambda hub, who, ref: contents.paths_info(hub, who, ref, "main", [README], with_commits=False),
    "tree_size": lambda hub, who, ref: contents.tree_size(hub, who, ref, "main", ROOT),
    "history": lambda hub, who, ref: histories.history(hub, who, ref, "main", offset=0, limit=1),
    "list_refs": branches.list_refs,
    "describe": lambda hub, who, ref: infos.describe(hub, who, ref, "main", with_files=True, with_sizes=True),
}
READ: dict[str, Use] = {
    "locate": lambda hub, who, ref: contents.locate(hub, who, ref, "main", README),
    "locate_raw": lambda hub, who, ref: contents.locate(hub, who, ref, "main", README, is_raw=True),
    "compare": lambda hub, who, ref: histories.compare(hub, who, ref, "main^..main"),
    "plan_downloads": lambda hub, who, ref: lfs.plan_downloads(hub, who, ref, [FILE]),
    "check_read": repo_rights.check_read,
}
WRITE: dict[str, Use] = {
    "commit": lambda hub, who, ref: commits.create(
        hub, who, ref, "main", CommitDraft("s", [AddFile(RepoPath("a"), b"")])
    ),
    "preupload": lambda hub, who, ref: preuploads.plan(hub, who, ref, "main", []),
    "plan_uploads": lambda hub, who, ref: lfs.plan_uploads(hub, who, ref, [FILE], takes_parts=False),
    "create_branch": lambda hub, who, ref: branches.create_branch(
        hub, who, ref, "b", start=None, is_empty=False, overwrites=True
    ),
    "create_empty_branch": lambda hub, who, ref: branches.create_branch(
        hub, who, ref, "e", start=None, is_empty=True, overwrites=True
    ),
    "create_tag": lambda hub, who, ref: branches.create_tag(hub, who, ref, "main", f"t-{id(who)}", "m"),
    "delete_tag": lambda hub, who, ref: branches.delete_tag(hub, who, ref, "tag"),
    "delete_branch": lambda hub, who, ref: branches.delete_branch(hub, who, ref, "branch"),
    "squash": lambda hub, who, ref: histories.squash(hub, who, ref, "main", ""),
    "list_files": lambda hub, who, ref: lfs_files.list_files(hub, who, ref, after=None, limit=1),
    "delete_files": lambda hub, who, ref: lfs_files.delete(hub, who, ref, [], rewrites_history=True),
    "configure": lambda hub, who, ref: repositories.configure(hub, who, ref, RepoChanges(options={"a": 1})),
    "check_write": repo_rights.check_write,
    "move": lambda hub, who, ref: repositories.move(hub, who, ref, ref),
    "delete": repositories.delete,
}
USES = SEE | READ | WRITE


@pytest.fixture
def repos(world: World) -> dict[str, RepoRef]:
    made = {
        "public": world.repo("acme/public", by=world.carl),
        "private": world.repo("acme/private", by=world.carl, visibility="private"),
        "gated": world.repo("acme/gated", by=world.carl),
        "other": world.repo("acme/other", by=world.olga),
    }
    repositories.configure(world.hub, world.carl, made["gated"], RepoChanges(gated="manual"))
    for ref in made.values():
        branches.create_tag(world.hub, world.olga, ref, "main", "tag", None)
        branches.create_branch(world.hub, world.olga, ref, "branch", start=None, is_empty=False, overwrites=False)
    return made


# Caller, repository, and the results of seeing, reading and writing it.
FINE = None
MATRIX: list[tuple[str, str, Any, Any, Any]] = [
    ("nobody", "public", FINE, FINE, LoginRequired),
    ("nobody", "private", RepoNotFound, RepoNotFound, RepoNotFound),
    ("nobody", "gated", FINE, GatedRepo, LoginRequired),
    ("zed", "public", FINE, FINE, NotAllowed),
    ("zed", "private", RepoNotFound, RepoNotFound, RepoNotFound),
    ("zed", "gated", FINE, GatedRepo, NotAllowed),
    *(("rita", name, FINE, FINE, NotAllowed) for name in ("public", "private", "gated", "other")),
    *(("carl", name, FINE, FINE, FINE) for name in ("public", "private", "gated")),
    ("carl", "other", FINE, FINE, NotAllowed),
    *(("wendy", name, FINE, FINE, FINE) for name in ("public", "private", "gated", "other")),
    *(("olga", name, FINE, FINE, FINE) for name in ("public", "private", "gated", "other")),
    *(("root", name, FINE, FINE, FINE) for name in ("public", "private", "gated", "other")),
    *(("olga:read", name, FINE, FINE, NotAllowed) for name in ("public", "private", "gated")),
    ("zed:read", "private", RepoNotFound, RepoNotFound, RepoNotFound),
    ("root:read", "private", FINE, FINE, NotAllowed),
]


@pytest.mark.parametrize(("who", "name", "see", "read", "write"), MATRIX)
def test_rights_follow_from_the_role(
    world: World, repos: dict[str, RepoRef], who: str, name: str, see: Any, read: Any, write: Any
) -> None:
    person, _, role = who.partition(":")
    caller = None if who == "nobody" else world.caller(person, role or "write")
    for uses, expected in ((SEE, see), (READ, read), (WRITE, write)):
        answers: dict[str, Any] = {}
        told = []
        for use, act in uses.items():
            try:
                act(world.hub, caller, repos[name])
            except EntrepotError as error:
                answers[use] = type(error)
                told += [error.anonymous] if isinstance(error, RepoNotFound | GatedRepo) else []
            else:
                answers[use] = FINE
        assert answers == dict.fromkeys(uses, expected)
        assert set(told) <= {caller is None}


@pytest.mark.parametrize("name", ["public", "private", "gated", "other"])
@pytest.mark.parametrize("who", ["zed", "rita", "carl", "wendy", "olga", "root", "olga:read", "root:read"])
def test_what_someone_may_do_is_what_is_allowed(world: World, repos: dict[str, RepoRef], who: str, name: str) -> None:
    person, _, role = who.partition(":")
    caller = world.caller(person, role or "write")
    with world.hub.read() as tx:
        row = access.visible(tx, world.root, repos[name])
        for may, get in ((access.may_write, access.writable), (access.may_commit, access.committable)):
            try:
                get(tx, caller, repos[name])
            except (NotAllowed, RepoNotFound):
                assert not may(tx, caller, row)
            else:
                assert may(tx, caller, row)


@pytest.mark.parametrize("who", ["nobody", "zed"])
def test_a_hidden_repository_looks_absent(world: World, repos: dict[str, RepoRef], who: str) -> None:
    caller = None if who == "nobody" else world.zed
    absent = RepoRef(RepoType.MODEL, RepoId("acme", "absent"))
    for act in USES.values():
        answers = []
        for ref in (repos["private"], absent):
            with pytest.raises(RepoNotFound) as caught:
                act(world.hub, caller, ref)
            answers.append((str(caught.value), attrs.asdict(caught.value)))
        assert answers[0] == answers[1]


def test_an_old_name_redirects_those_who_may_see_the_new_one(world: World, repos: dict[str, RepoRef]) -> None:
    old = repos["private"]
    repositories.move(world.hub, world.carl, old, RepoRef(RepoType.MODEL, RepoId("acme", "renamed")))
    for act in USES.values():
        with pytest.raises(RepoMoved) as caught:
            act(world.hub, world.rita, old)
        assert (caught.value.old, caught.value.new) == ("acme/private", "acme/renamed")
        with pytest.raises(RepoNotFound):
            act(world.hub, world.zed, old)


def test_a_disabled_repository_is_closed_to_all_but_administrators(world: World, repos: dict[str, RepoRef]) -> None:
    from entrepot.catalog.repos import repositories as rows

    with world.hub.write() as tx:
        for name in ("public", "private"):
            rows.update(tx, rows.find(tx, repos[name]).id, is_disabled=True)
    for act in USES.values():
        with pytest.raises(RepoDisabled):
            act(world.hub, world.olga, repos["public"])
        with pytest.raises(RepoNotFound):
            act(world.hub, world.zed, repos["private"])
        act(world.hub, world.root, repos["public"])


def test_names_are_found_in_any_case(world: World, repos: dict[str, RepoRef]) -> None:
    ref = RepoRef(RepoType.MODEL, RepoId("ACME", "Public"))
    assert branches.list_refs(world.hub, None, ref)[1].ref == MAIN
    with pytest.raises(RepoNotFound):
        branches.list_refs(world.hub, None, RepoRef(RepoType.DATASET, ref.id))


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("zed", "you are not a member of acme"),
        ("rita", "your role in acme is 'read', 'write' is needed"),
        ("carl", "your role in acme is 'contributor', which is for repositories that you created"),
        ("olga:read", "This token has role 'read'"),
    ],
)
def test_a_refusal_names_the_right_that_is_missing(
    world: World, repos: dict[str, RepoRef], who: str, told: str
) -> None:
    person, _, role = who.partition(":")
    with pytest.raises(NotAllowed) as caught:
        repo_rights.check_write(world.hub, world.caller(person, role or "write"), repos["other"])
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("zed", 'You don\'t have the rights to create a model under the namespace "acme"'),
        ("rita", "your role there is 'read', 'contributor' is needed"),
    ],
)
def test_repositories_are_made_by_contributors_and_above(world: World, who: str, told: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        world.repo("acme/new", by=world.caller(who))
    assert told in str(caught.value)
    for maker in (world.carl, world.wendy, world.olga, world.root):
        world.repo(f"acme/by-{maker.account.name}", by=maker)


def test_everyone_who_sees_a_repository_may_discuss(world: World, repos: dict[str, RepoRef]) -> None:
    with world.hub.read() as tx:
        for name in ("public", "gated"):
            row, known = access.discussable(tx, world.zed, repos[name])
            assert (row.ref, known.account.name) == (repos[name], "zed")
        for caller, error in ((None, LoginRequired), (world.caller("zed", "read"), NotAllowed)):
            with pytest.raises(error):
                access.discussable(tx, caller, repos["public"])
        with pytest.raises(RepoNotFound):
            access.discussable(tx, world.zed, repos["private"])


LOCKED: dict[str, Use] = {
    "like": likes.like,
    "unlike": likes.unlike,
    "delete": repositories.delete,
    "move": lambda hub, who, ref: repositories.move(hub, who, ref, RepoRef(RepoType.MODEL, RepoId("bob", "other"))),
    "configure": lambda hub, who, ref: repositories.configure(hub, who, ref, RepoChanges(visibility="private")),
    "create a branch": lambda hub, who, ref: branches.create_branch(
        hub, who, ref, "b", start=None, is_empty=False, overwrites=False
    ),
    "delete a branch": lambda hub, who, ref: branches.delete_branch(hub, who, ref, "b"),
    "tag": lambda hub, who, ref: branches.create_tag(hub, who, ref, "main", "v1", None),
    "delete a tag": lambda hub, who, ref: branches.delete_tag(hub, who, ref, "v1"),
    "lock a file": lambda hub, who, ref: locks.take(hub, who, ref, RepoPath("a"), None),
    "unlock a file": lambda hub, who, ref: locks.release(hub, who, ref, "1", by_force=True),
    "open": lambda hub, who, ref: discussions.create(hub, who, ref, "title", "text"),
    "comment": lambda hub, who, ref: discussions.comment(hub, who, ref, 1, "text"),
    "rename": lambda hub, who, ref: discussions.rename(hub, who, ref, 1, "title"),
    "delete a discussion": lambda hub, who, ref: discussions.delete(hub, who, ref, 1),
    "propose": lambda hub, who, ref: openings.open_draft(hub, who, ref, "title", "text"),
    "delete a pull request's ref": lambda hub, who, ref: pull_refs.delete_ref(hub, who, ref, 1),
    "request access": lambda hub, who, ref: access_requests.request_access(hub, who, ref, {}),
    "grant access": lambda hub, who, ref: access_requests.grant(hub, who, ref, "bob"),
    "watch": lambda hub, who, ref: subscriptions.choose(hub, who, ref, "all"),
}
OF_ALL = {"like", "unlike", "open", "comment", "propose", "request access", "watch"}


@pytest.mark.parametrize("name", LOCKED)
def test_who_may_not_change_a_repository_does_not_wait_for_its_writers(world: World, name: str) -> None:
    hidden, public = world.repo("alice/hidden", visibility="private"), world.repo("alice/public")
    discussions.create(world.hub, world.alice, public, "title", "text")
    refused: list[tuple[MaybeCaller, RepoRef, type[EntrepotError]]] = [
        (None, hidden, RepoNotFound),
        (world.bob, hidden, RepoNotFound),
        (None, public, LoginRequired),
        (world.caller("alice", "read"), public, NotAllowed),
    ]
    if name not in OF_ALL:
        refused.append((world.bob, public, NotAllowed))

    def is_refused(caller: MaybeCaller, ref: RepoRef, expected: type[EntrepotError]) -> bool:
        with pytest.raises(expected):
            LOCKED[name](world.hub, caller, ref)
        return True

    held = [Lock.repo(world.row_id(ref)) for ref in (hidden, public)]
    with ThreadPoolExecutor(1) as pool, world.hub.write(*held, Lock.audit()):
        asked = [pool.submit(is_refused, *one) for one in refused]
        assert all(future.result(timeout=240) for future in asked)


def test_a_grant_that_ended_while_its_holder_waited_for_the_lock_is_not_used(world: World) -> None:
    folders.create(world.hub, world.olga, FolderDraft(RepoType.MODEL, "llm", "acme"))
    folder = FolderId(RepoType.MODEL, "acme", "llm")
    grants.grant(world.hub, world.olga, folder, Subject(user="bob"), "edit")
    shared = world.repo("acme.llm/m", by=world.olga)
    bob = world.caller("bob")
    access.lock(world.hub, bob, shared, access.writable)
    grants.revoke(world.hub, world.olga, folder, Subject(user="bob"))
    with pytest.raises(RepoNotFound), world.hub.read() as tx:
        access.writable(tx, bob, shared)


def test_a_transaction_begins_with_the_rights_that_its_caller_has_then(world: World) -> None:
    ref = world.repo("acme/m", by=world.olga)
    (browser, secret), wendy, rita = world.browser("wendy"), world.wendy, world.rita
    of_session, of_token = (access.lock(world.hub, caller, ref, access.committable) for caller in (browser, wendy))
    reading = access.lock(world.hub, rita, ref, access.personal)
    with world.hub.write(of_session, of_token, reading):
        pass  # nothing has changed
    sessions.sign_out(world.hub, secret)
    with pytest.raises(LoginRequired), world.hub.write(of_session):
        pytest.fail("the session has ended")
    accounts.set_member(world.hub, "acme", "wendy", Role.READ)
    with pytest.raises(NotAllowed), world.hub.write(of_token):
        pytest.fail("the role has changed")
    tokens.revoke(world.hub, rita, rita.token.uid)
    with pytest.raises(InvalidCredentials), world.hub.write(reading):
        pytest.fail("the token was revoked")


SECRET = RepoId("alice", "hidden")
SECRET_MODEL, SECRET_DATASET = RepoRef(RepoType.MODEL, SECRET), RepoRef(RepoType.DATASET, SECRET)
KINDS = (RepoType.MODEL, RepoType.DATASET)

FINDS: dict[str, Callable[[World, MaybeCaller], object]] = {
    "metrics beside others": lambda world, caller: metrics.compare(world.hub, caller, [SECRET_MODEL]),
    "metrics": lambda world, caller: metrics.read_history(world.hub, caller, SECRET_MODEL),
    "rights": lambda world, caller: repo_rights.check_read(world.hub, caller, SECRET_MODEL),
    "first rows": lambda world, caller: tables.read_first_rows(
        world.hub, caller, SplitRef(SECRET_DATASET, "main", "default", "train")
    ),
    "description": lambda world, caller: infos.describe(
        world.hub, caller, SECRET_MODEL, "main", with_files=True, with_sizes=False
    ),
    "lineage": lambda world, caller: lineage.known_sources(world.hub, caller, SECRET_MODEL),
    "suggestions": lambda world, caller: searches.quick(world.hub, caller, "hidden", KINDS, limit=5),
    "full text": lambda world, caller: searches.full_text(world.hub, caller, "hidden", KINDS, skip=0, limit=5),
    "trending": lambda world, caller: searches.trending(world.hub, caller, KINDS, limit=5),
    "list of an owner": lambda world, caller: infos.search(world.hub, caller, Search(RepoType.MODEL, author="alice")),
    "filtered list": lambda world, caller: infos.search_counted(
        world.hub, caller, Search(RepoType.MODEL, tags=("secret",), terms=("hid",)), most=501
    ),
    "profile": lambda world, caller: profiles.user(world.hub, caller, "alice"),
    "activity": lambda world, caller: activity.of_user(world.hub, caller, "alice"),
    "collections": lambda world, caller: collections.list_collections(
        world.hub, caller, CollectionQuery(owners=("alice",))
    ),
}
"""Use cases that name something, or could find it."""


@pytest.mark.parametrize("use", FINDS.values(), ids=FINDS)
def test_what_is_private_takes_the_statements_of_what_is_absent(
    world: World, use: Callable[[World, MaybeCaller], object]
) -> None:
    def cost(caller: MaybeCaller) -> list[str]:
        with counted(world.hub) as sent, contextlib.suppress(EntrepotError):
            use(world, caller)
        return sent

    callers = (None, world.bob, world.zed)
    absent = [cost(caller) for caller in callers]
    for kind in KINDS:
        ref = world.repo(str(SECRET), kind=kind, visibility="private")
        world.add(ref, "README.md", b"---\ntags: [secret]\n---\nhidden words\n")
        world.add(ref, "train.csv", b"a\n1\n")
    world.clock.advance(60_000)
    while hub_work.run_next(world.hub, handlers.new_owner()) is not None:
        pass
    assert all(absent)
    assert [cost(caller) for caller in callers] == absent
