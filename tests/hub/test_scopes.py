"""Fine-grained tokens, tested through the use cases that they limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from entrepot.catalog.visibility import Visibility
from entrepot.errors import (
    AccountNotFound,
    GatedRepo,
    InvalidName,
    LimitExceeded,
    Malformed,
    NotAllowed,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.hub import access, scopes
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED, Caller, MaybeCaller, Role
from entrepot.hub.community import access_requests
from entrepot.hub.files import lfs, xet_tokens
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderChanges, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.git import pushes
from entrepot.hub.repos import commits, contents, infos, repo_rights, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.infos import Search
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.scopes import DISCUSS, ORG_WRITE, READ, REQUESTS, WRITE, RequestedScope, Scopes, ScopeTarget
from entrepot.hub.search import profiles
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from tests.support.worlds import World


@pytest.fixture
def limited(world: World) -> Callable[..., Caller]:
    """Return a function that makes a caller with a fine-grained token, from a user name and scopes."""

    def make(name: str, *places: tuple[str, str, Sequence[str]], **more: Any) -> Caller:
        wish = TokenDraft(FINE_GRAINED, places=[RequestedScope(*place) for place in places], **more)
        found = world.hub.identify(tokens.create_for(world.hub, name, wish)[0].secret)
        assert found is not None
        return found

    return make


def sees(world: World, caller: MaybeCaller, ref: RepoRef) -> bool:
    try:
        infos.describe(world.hub, caller, ref, "main", with_files=False, with_sizes=False)
    except RepoNotFound:
        return False
    return True


def reads(world: World, caller: MaybeCaller, ref: RepoRef) -> bool:
    try:
        contents.locate(world.hub, caller, ref, "main", RepoPath(".gitattributes"))
    except (NotAllowed, RepoNotFound):
        return False
    return True


def writes(world: World, caller: MaybeCaller, ref: RepoRef) -> bool:
    try:
        commits.create(world.hub, caller, ref, "main", CommitDraft("s", [AddFile(RepoPath("a"), b"")]))
    except (NotAllowed, RepoNotFound):
        return False
    return True


def able(world: World, caller: MaybeCaller, ref: RepoRef) -> tuple[bool, bool, bool]:
    """Return whether a caller may see, read and write a repository."""
    return sees(world, caller, ref), reads(world, caller, ref), writes(world, caller, ref)


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ([], (False, False, False)),
        ([READ], (True, True, False)),
        ([WRITE], (True, True, True)),
        ([REQUESTS], (True, False, False)),
        ([DISCUSS], (True, False, False)),
    ],
)
@pytest.mark.parametrize("kind", ["model", "org"])
def test_a_private_repository_is_what_the_permissions_make_it(
    world: World, limited: Callable[..., Caller], kind: str, permissions: list[str], expected: tuple[bool, bool, bool]
) -> None:
    ref, other = (world.repo(f"acme/{name}", by=world.olga, visibility="private") for name in ("m", "other"))
    place = "acme/m" if kind == "model" else "acme"
    caller = limited("olga", (kind, place, permissions))
    assert able(world, caller, ref) == expected
    assert able(world, caller, other) == ((False, False, False) if kind == "model" else expected)


def test_a_token_without_scopes_is_a_stranger_to_what_is_private(world: World, limited: Callable[..., Caller]) -> None:
    private, public = world.repo("alice/p", visibility="private"), world.repo("alice/o")
    caller = limited("alice")
    assert able(world, caller, private) == (False, False, False)
    assert able(world, caller, public) == (True, True, False)


def test_the_error_names_the_missing_permission(world: World, limited: Callable[..., Caller]) -> None:
    ref = world.repo("alice/m", visibility="private")
    with pytest.raises(NotAllowed, match=r"lacks the permission 'repo.write' for the model alice/m"):
        commits.create(world.hub, limited("alice", ("model", "alice/m", [READ])), ref, "main", CommitDraft("s", []))
    with pytest.raises(NotAllowed, match=r"lacks the permission 'repo.content.read'"):
        repo_rights.check_read(world.hub, limited("alice", ("model", "alice/m", [DISCUSS])), ref)


def test_a_token_never_gives_more_than_its_owner_has(world: World, limited: Callable[..., Caller]) -> None:
    ref = world.repo("acme/m", by=world.olga, visibility="private")
    for name, expected in (("rita", (True, True, False)), ("carl", (True, True, False)), ("wendy", (True, True, True))):
        assert able(world, limited(name, ("org", "acme", [READ, WRITE])), ref) == expected
        assert able(world, limited(name, ("model", "acme/m", [READ, WRITE])), ref) == expected


def test_a_token_loses_rights_with_its_owner(world: World, limited: Callable[..., Caller]) -> None:
    ref = world.repo("acme/m", by=world.olga, visibility="private")
    secret = tokens.create_for(
        world.hub,
        "wendy",
        TokenDraft(
            FINE_GRAINED, places=[RequestedScope("org", "acme", [WRITE]), RequestedScope("model", "acme/m", [WRITE])]
        ),
    )[0].secret
    assert able(world, world.hub.identify(secret), ref) == (True, True, True)
    accounts.set_member(world.hub, "acme", "wendy", Role.READ)
    assert able(world, world.hub.identify(secret), ref) == (True, True, False)
    from entrepot.catalog import tables

    with world.hub.write() as tx:
        members = tables.memberships
        tx.sql.execute(members.delete().where(members.c.user_id == world.wendy.account.id))
    assert able(world, world.hub.identify(secret), ref) == (False, False, False)


def test_an_administrators_limited_token_is_limited(world: World, limited: Callable[..., Caller]) -> None:
    one, other = (world.repo(f"alice/{name}", visibility="private") for name in ("one", "other"))
    caller = limited("root", ("model", "alice/one", [READ]))
    assert not caller.sees_all
    assert able(world, caller, one) == (True, True, False)
    assert able(world, caller, other) == (False, False, False)


def test_a_scope_follows_a_rename_but_not_a_new_repository_of_the_name(
    world: World, limited: Callable[..., Caller]
) -> None:
    ref = world.repo("alice/m", visibility="private")
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("model", "alice/m", [WRITE])])
    secret = tokens.create_for(world.hub, "alice", wish)[0].secret
    new = RepoRef(RepoType.MODEL, RepoId("alice", "renamed"))
    repositories.move(world.hub, world.alice, ref, new)
    assert able(world, world.hub.identify(secret), new) == (True, True, True)
    world.repo("alice/m", visibility="private")
    assert able(world, world.hub.identify(secret), ref) == (False, False, False)
    repositories.delete(world.hub, world.alice, new)
    _, known = tokens.present(world.hub, world.hub.identify(secret))
    assert known.places == []


def test_a_repository_the_owner_can_no_longer_see_does_not_show_its_new_name(world: World) -> None:
    ref = world.repo("alice.llm/m")
    folder = FolderId(RepoType.MODEL, "alice", "llm")
    grants.grant(world.hub, world.alice, folder, Subject(user="bob"), "edit")
    places = [RequestedScope("folder", "alice.llm", [WRITE]), RequestedScope("model", str(ref.id), [WRITE])]
    secret = tokens.create_for(world.hub, "bob", TokenDraft(FINE_GRAINED, places=places))[0].secret
    _, known = tokens.present(world.hub, world.hub.identify(secret))
    assert [item.name for item in known.places] == ["alice.llm", "alice.llm/m"]
    grants.revoke(world.hub, world.alice, folder, Subject(user="bob"))
    folders.change(world.hub, world.alice, folder, FolderChanges("merger"))
    _, known = tokens.present(world.hub, world.hub.identify(secret))
    assert known.places == []


def test_lists_show_what_the_token_sees(world: World, limited: Callable[..., Caller]) -> None:
    for name in ("alice/one", "alice/two"):
        world.repo(name, visibility="private")
    for name in ("acme/in", "acme/out"):
        world.repo(name, by=world.olga, visibility="private")
    world.repo("bob/open")
    accounts.set_member(world.hub, "acme", "alice", Role.WRITE)

    def listed(*places: tuple[str, str, list[str]]) -> list[str]:
        found = infos.search(world.hub, limited("alice", *places), Search(RepoType.MODEL))
        return sorted(str(full.info.row.ref.id) for full in found.infos)

    assert listed() == ["bob/open"]
    assert listed(("user", "alice", [READ])) == ["alice/one", "alice/two", "bob/open"]
    assert listed(("model", "acme/in", [READ])) == ["acme/in", "bob/open"]
    assert listed(("org", "acme", [WRITE]), ("model", "alice/one", [READ])) == [
        "acme/in",
        "acme/out",
        "alice/one",
        "bob/open",
    ]


def test_visibility_and_reach_differ_where_content_may_not_be_read(
    world: World, limited: Callable[..., Caller]
) -> None:
    ref = world.repo("alice/m", visibility="private")
    from entrepot.hub.callers import read_by, seen_by

    caller = limited("alice", ("model", "alice/m", [DISCUSS]), ("user", "alice", [REQUESTS]))
    assert seen_by(caller) == Visibility({caller.account.id}, {world.row_id(ref)})
    assert read_by(caller) == Visibility()


def test_large_files_elsewhere_need_a_permission_to_read_them(world: World, limited: Callable[..., Caller]) -> None:
    secret, target = world.repo("alice/secret", visibility="private"), world.repo("alice/target")
    sha256 = world.add_large(secret, "a.bin", b"large" * 1000)
    wanted = [lfs.RequestedObject(sha256, 5000)]

    def is_spared(*places: tuple[str, str, list[str]]) -> bool:
        caller = limited("alice", ("model", "alice/target", [WRITE]), *places)
        [answer] = lfs.plan_uploads(world.hub, caller, target, wanted, takes_parts=False)
        return answer.link is None

    assert not is_spared()
    assert not is_spared(("model", "alice/secret", [DISCUSS]))
    assert is_spared(("model", "alice/secret", [READ]))


def test_git_lfs_and_xet_are_limited_too(world: World, limited: Callable[..., Caller]) -> None:
    ref = world.repo("alice/m", visibility="private")
    reader, nobody = limited("alice", ("model", "alice/m", [READ])), limited("alice")
    xet_tokens.issue_read(world.hub, reader, ref, None)
    lfs.plan_downloads(world.hub, reader, ref, [])
    for use in (
        lambda who: xet_tokens.issue_write(world.hub, who, ref),
        lambda who: lfs.plan_uploads(world.hub, who, ref, [], takes_parts=False),
        lambda who: pushes.list_refs(world.hub, who, ref),
    ):
        with pytest.raises(NotAllowed):
            use(reader)
        with pytest.raises(RepoNotFound):
            use(nobody)


def test_repositories_are_made_where_the_token_may_write(world: World, limited: Callable[..., Caller]) -> None:
    new = NewRepo(RepoType.MODEL, "new", "alice")
    for caller in (limited("alice"), limited("alice", ("user", "alice", [READ]))):
        with pytest.raises(NotAllowed, match="under the namespace"):
            repositories.create(world.hub, caller, new)
    writer = limited("alice", ("user", "alice", [WRITE]))
    ref = repositories.create(world.hub, writer, new).ref
    repositories.configure(world.hub, writer, ref, RepoChanges(visibility="private"))
    repositories.delete(world.hub, writer, ref)
    with pytest.raises(NotAllowed, match="under the namespace"):
        repositories.create(world.hub, limited("olga", ("user", "olga", [WRITE])), NewRepo(RepoType.MODEL, "x", "acme"))


def test_a_token_that_commits_does_not_delete_or_show_a_repository_and_one_that_writes_does(
    world: World, limited: Callable[..., Caller]
) -> None:
    ref, other = world.repo("alice/m"), world.repo("alice/other")
    committer, writer = (limited("alice", ("model", "alice/m", [word])) for word in (scopes.COMMIT, WRITE))
    with pytest.raises(NotAllowed):
        repositories.delete(world.hub, committer, ref)
    with pytest.raises(NotAllowed):
        repositories.configure(world.hub, committer, ref, RepoChanges(visibility="private"))
    with pytest.raises(NotAllowed):
        repositories.delete(world.hub, writer, other)
    repositories.configure(world.hub, writer, ref, RepoChanges(visibility="private"))
    repositories.delete(world.hub, writer, ref)
    with pytest.raises(RepoNotFound):
        repo_rights.check_read(world.hub, world.alice, ref)


def test_gated_repositories_of_others_need_the_permission_for_them(
    world: World, limited: Callable[..., Caller]
) -> None:
    ref = world.repo("acme/g", by=world.olga)
    repositories.configure(world.hub, world.olga, ref, RepoChanges(gated="manual"))
    access_requests.grant(world.hub, world.olga, ref, "zed")
    with pytest.raises(GatedRepo):
        repo_rights.check_read(world.hub, limited("zed"), ref)
    repo_rights.check_read(world.hub, limited("zed", reads_gated=True), ref)
    repo_rights.check_read(world.hub, limited("zed", ("model", "acme/g", [READ])), ref)
    with pytest.raises(GatedRepo):
        repo_rights.check_read(world.hub, limited("bob", reads_gated=True), ref)
    with pytest.raises(NotAllowed):
        repo_rights.check_read(world.hub, limited("rita", reads_gated=True), ref)


def test_requests_are_seen_with_a_permission_of_their_own(world: World, limited: Callable[..., Caller]) -> None:
    ref = world.repo("acme/g", by=world.olga)
    repositories.configure(world.hub, world.olga, ref, RepoChanges(gated="manual"))
    assert access_requests.report(world.hub, limited("wendy", ("model", "acme/g", [REQUESTS])), ref) == []
    for caller in (limited("wendy", ("model", "acme/g", [READ])), limited("rita", ("model", "acme/g", [REQUESTS]))):
        with pytest.raises(NotAllowed):
            access_requests.report(world.hub, caller, ref)
    with pytest.raises(NotAllowed):
        access_requests.grant(world.hub, limited("wendy", ("model", "acme/g", [REQUESTS])), ref, "zed")


def test_discussions_need_a_permission_there_or_everywhere(world: World, limited: Callable[..., Caller]) -> None:
    ref = world.repo("acme/m", by=world.olga)

    def discusses(caller: MaybeCaller) -> bool:
        with world.hub.read() as tx:
            try:
                access.discussable(tx, caller, ref)
            except NotAllowed:
                return False
        return True

    assert discusses(limited("zed", everywhere=[DISCUSS]))
    assert discusses(limited("zed", ("model", "acme/m", [DISCUSS])))
    assert not discusses(limited("zed"))
    assert not discusses(limited("olga", ("org", "acme", [WRITE])))
    assert discusses(world.zed)
    assert not discusses(world.caller("zed", "read"))


def test_an_organisation_itself_needs_its_own_permissions(world: World, limited: Callable[..., Caller]) -> None:
    acme = world.olga.memberships[0].org.id
    assert limited("olga", ("org", "acme", [ORG_WRITE])).role_in(acme) is Role.ADMIN
    assert limited("olga", ("org", "acme", [WRITE])).role_in(acme) is Role.READ
    assert limited("olga").role_in(acme) is None
    assert limited("rita", ("org", "acme", [ORG_WRITE])).role_in(acme) is Role.READ
    with pytest.raises(NotAllowed):
        profiles.stored(world.hub, limited("olga"), "acme")
    world.repo("acme/hidden", by=world.olga, visibility="private")
    for permission, expected in ((READ, ["hidden"]), (ORG_WRITE, [])):
        found = profiles.stored(world.hub, limited("olga", ("org", "acme", [permission])), "acme").items
        assert [full.info.row.name for full in found] == expected


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (("model", "alice/m", ["repo.everything"]), InvalidName),
        (("model", "alice/m", [ORG_WRITE]), InvalidName),
        (("model", "bob/secret", [READ]), ThingNotFound),
        (("model", "alice/absent", [READ]), ThingNotFound),
        (("model", "nonsense", [READ]), InvalidName),
        (("planet", "mars", [READ]), Malformed),
        (("org", "nowhere", [READ]), AccountNotFound),
        (("user", "acme", [READ]), AccountNotFound),
        (("org", "acme", [READ]), NotAllowed),
        (("user", "bob", [READ]), NotAllowed),
    ],
)
def test_a_place_that_is_not_the_owners_is_refused(
    world: World, limited: Callable[..., Caller], place: tuple[str, str, list[str]], error: type[Exception]
) -> None:
    world.repo("alice/m")
    world.repo("bob/secret", visibility="private")
    with pytest.raises(error):
        limited("alice", place)


def test_a_token_has_so_many_places_and_known_permissions(world: World, limited: Callable[..., Caller]) -> None:
    with pytest.raises(LimitExceeded):
        limited("alice", *[("user", "alice", [READ])] * (scopes.MAX_PLACES + 1))
    with pytest.raises(InvalidName, match="for everything"):
        limited("alice", everywhere=[WRITE])


def test_scopes_are_read_as_they_were_written() -> None:
    made = Scopes((ScopeTarget("org", "a" * 24, frozenset({READ, WRITE})),), frozenset({DISCUSS}), True)
    assert scopes.decode(made.encode()) == made
    assert scopes.decode(None) == Scopes()
