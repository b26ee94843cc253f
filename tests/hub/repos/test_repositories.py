from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.errors import (
    AlreadyExists,
    InvalidName,
    InvalidOperation,
    InvalidPath,
    LoginRequired,
    NotAllowed,
    Refused,
    RepoArchived,
    RepoMoved,
    RepoNotFound,
)
from entrepot.git import DEFAULT_DATASET, DEFAULT_MODEL
from entrepot.hub import audit
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.hub.files.operations import Copy, Delete
from entrepot.hub.jobs import maintenance
from entrepot.hub.repos import branches, histories, infos, protections, repo_rights, repositories
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from tests.support.worlds import World


def ref_of(name: str, kind: RepoType = RepoType.MODEL) -> RepoRef:
    return RepoRef(kind, RepoId(*name.split("/")))


def visibility(world: World, ref: RepoRef) -> str:
    return str(
        infos.describe(world.hub, world.root, ref, "main", with_files=False, with_sizes=False).info.row.visibility
    )


def test_a_new_repository_has_one_commit(world: World) -> None:
    ref = world.repo()
    [only] = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=9).commits
    assert only.commit.title == "initial commit"
    assert only.commit.author.name == "alice"
    assert world.paths(ref) == [".gitattributes"]
    assert world.read(ref, ".gitattributes").decode() == DEFAULT_MODEL


def test_each_type_begins_with_its_own_files(world: World) -> None:
    dataset = world.repo("alice/d", kind=RepoType.DATASET, license="mit")
    assert world.read(dataset, ".gitattributes").decode() == DEFAULT_DATASET
    assert world.read(dataset, "README.md") == b"---\nlicense: mit\n---\n"
    space = world.repo("alice/my-space", kind=RepoType.SPACE, sdk="docker")
    assert b"title: My Space\n" in world.read(space, "README.md")
    assert infos.describe(world.hub, None, space, "main", with_files=False, with_sizes=False).info.row.sdk == "docker"


def test_given_files_replace_those_of_the_template(world: World) -> None:
    ref = world.repo(files={".gitattributes": b"mine", "app/main.py": b"print()"})
    assert world.read(ref, ".gitattributes") == b"mine"
    assert world.read(ref, "app/main.py") == b"print()"


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"a/../b": b""}, InvalidPath),
        ({"a": b"", "a/b": b""}, InvalidOperation),
        ({f"f{n}": b"" for n in range(1001)}, Refused),
        ({"big": b"0" * ((10 << 20) + 1)}, Refused),
    ],
)
def test_bad_first_files_make_no_repository(world: World, files: dict[str, bytes], error: type) -> None:
    with pytest.raises(error):
        world.repo(files=files)
    assert maintenance.sizes(world.hub)["repositories"] == 0


def test_a_taken_name_is_taken_in_any_case_but_not_for_another_type(world: World) -> None:
    world.repo("alice/Name")
    with pytest.raises(AlreadyExists) as caught:
        world.repo("alice/nAME")
    assert caught.value.url == "alice/nAME"
    world.repo("alice/name", kind=RepoType.DATASET)


def test_creating_a_repository_needs_the_right(world: World) -> None:
    for caller, error in (
        (None, LoginRequired),
        (world.zed, NotAllowed),
        (world.rita, NotAllowed),
        (world.caller("olga", "read"), NotAllowed),
    ):
        with pytest.raises(error):
            repositories.create(world.hub, caller, NewRepo(RepoType.MODEL, "m", namespace="acme"))
    with pytest.raises(NotAllowed):
        repositories.create(world.hub, world.alice, NewRepo(RepoType.MODEL, "m", namespace="absent"))
    for caller in (world.carl, world.wendy, world.olga, world.root):
        repositories.create(world.hub, caller, NewRepo(RepoType.MODEL, caller.account.name, namespace="acme"))
    assert repositories.create(world.hub, world.bob, NewRepo(RepoType.MODEL, "m")).ref == ref_of("bob/m")


def test_the_visibility_is_said_or_the_namespaces_or_the_hubs(make_world: Callable[..., World]) -> None:
    world = make_world(default_visibility="private")
    accounts.create_org(world.hub, "open", admin="alice", default_visibility="public")
    assert visibility(world, world.repo("alice/a")) == "private"
    assert visibility(world, world.repo("alice/b", visibility="public")) == "public"
    assert visibility(world, world.repo("open/a", by=world.alice)) == "public"
    assert visibility(world, world.repo("open/b", by=world.alice, visibility="private")) == "private"
    with pytest.raises(InvalidName):
        world.repo("alice/c", visibility="secret")


def test_settings_change_one_by_one(world: World) -> None:
    ref = world.repo()
    repositories.configure(world.hub, world.alice, ref, RepoChanges(options={"a": 1}))
    row = repositories.configure(world.hub, world.alice, ref, RepoChanges("private", "manual", {"b": 2}))
    assert (row.visibility, row.gated, dict(row.settings)) == ("private", "manual", {"a": 1, "b": 2})
    assert repositories.configure(world.hub, world.alice, ref, RepoChanges()) == row
    for bad in (RepoChanges(visibility="x"), RepoChanges(gated="x")):
        with pytest.raises(InvalidName):
            repositories.configure(world.hub, world.alice, ref, bad)


def test_admins_archive_a_repository_and_nothing_else_changes_until_they_unarchive_it(world: World) -> None:
    olga, wendy = world.olga, world.wendy
    accounts.set_member(world.hub, "acme", "wendy", Role.WRITE)
    ref = world.repo("acme/shelved", by=olga)
    for wanted in (True, False):
        with pytest.raises(NotAllowed, match="the role 'admin' is needed"):
            repositories.configure(world.hub, wendy, ref, RepoChanges(archived=wanted))
    done = [repositories.configure(world.hub, olga, ref, RepoChanges(archived=True)) for _ in range(2)]
    assert [row.is_archived for row in done] == [True, True]
    for changes in (RepoChanges(gated="auto"), RepoChanges(archived=True, description="x"), RepoChanges(labels=[])):
        with pytest.raises(RepoArchived, match="acme/shelved is archived"):
            repositories.configure(world.hub, olga, ref, changes)
    with pytest.raises(RepoArchived):
        repo_rights.check_write(world.hub, olga, ref)
    with pytest.raises(RepoArchived):
        protections.change(world.hub, ref, lambda now: now)
    assert repo_rights.of(world.hub, olga, ref).may_manage
    assert not repo_rights.of(world.hub, olga, ref).may_write
    copy = repositories.duplicate(world.hub, wendy, ref, RepoId("wendy", "copy"), None)
    assert not copy.is_archived
    changed = repositories.configure(world.hub, olga, ref, RepoChanges(archived=False, description="in use again"))
    assert (changed.is_archived, changed.description) == (False, "in use again")
    everything = audit.AuditFilter(None, None, None, None, None)
    actions = [entry.action for entry in audit.search(world.hub, everything, limit=100)]
    assert (actions.count("repo.archive"), actions.count("repo.unarchive")) == (1, 1)


def test_renaming_leaves_a_redirect_through_every_old_name(world: World) -> None:
    ref = world.repo("alice/one", visibility="private")
    repositories.move(world.hub, world.alice, ref, ref_of("alice/two"))
    repositories.move(world.hub, world.alice, ref_of("alice/two"), ref_of("alice/three"))
    for old in ("alice/one", "ALICE/two"):
        with pytest.raises(RepoMoved) as caught:
            branches.list_refs(world.hub, world.alice, ref_of(old))
        assert caught.value.new == "alice/three"
        with pytest.raises(RepoNotFound):
            branches.list_refs(world.hub, world.bob, ref_of(old))


def test_a_name_can_go_there_and_back_and_change_its_case(world: World) -> None:
    ref = world.repo("alice/one")
    repositories.move(world.hub, world.alice, ref, ref_of("alice/two"))
    repositories.move(world.hub, world.alice, ref_of("alice/two"), ref)
    assert repositories.move(world.hub, world.alice, ref, ref_of("alice/ONE")).ref == ref_of("alice/ONE")
    with pytest.raises(RepoMoved):
        branches.list_refs(world.hub, world.alice, ref_of("alice/two"))


def test_a_new_repository_at_an_old_name_ends_the_redirect(world: World) -> None:
    repositories.move(world.hub, world.alice, world.repo("alice/one"), ref_of("alice/two"))
    fresh = world.repo("alice/one")
    assert world.head(fresh) == branches.list_refs(world.hub, None, ref_of("alice/one"))[0].commit
    world.add(fresh, "mine")
    assert "mine" not in world.paths(ref_of("alice/two"))


def test_moving_needs_rights_on_both_sides_and_a_free_name(world: World) -> None:
    ref = world.repo("carl/m", by=world.carl)
    with pytest.raises(NotAllowed):
        repositories.move(world.hub, world.carl, ref, ref_of("alice/m"))
    with pytest.raises(NotAllowed):
        repositories.move(world.hub, world.alice, ref, ref_of("alice/m"))
    world.repo("acme/taken", by=world.olga)
    with pytest.raises(AlreadyExists):
        repositories.move(world.hub, world.carl, ref, ref_of("acme/Taken"))
    moved = repositories.move(world.hub, world.carl, ref, ref_of("ACME/m"))
    assert moved.ref == ref_of("acme/m")


def test_a_deleted_name_is_free_immediately(world: World) -> None:
    ref = world.repo()
    world.add(ref, "old")
    repositories.delete(world.hub, world.alice, ref)
    with pytest.raises(RepoNotFound):
        branches.list_refs(world.hub, world.alice, ref)
    assert world.paths(world.repo()) == [".gitattributes"]
    repositories.delete(world.hub, world.alice, ref)
    world.repo()
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []


def test_a_duplicate_is_complete_and_independent(world: World) -> None:
    ref = world.repo(visibility="private")
    world.add_large(ref, "w.bin", b"large")
    world.add(ref, "big", b"b" * 300_000)
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "m")
    branches.create_branch(world.hub, world.alice, ref, "side", start=None, is_empty=False, overwrites=False)
    copy = repositories.duplicate(world.hub, world.alice, ref, RepoId("alice", "copy"), None).ref
    assert branches.list_refs(world.hub, world.alice, copy) == branches.list_refs(world.hub, world.alice, ref)
    assert visibility(world, copy) == "private"
    world.add(copy, "only-here")
    assert "only-here" not in world.paths(ref)
    repositories.delete(world.hub, world.alice, ref)
    world.clock.advance(22 * 86_400_000)
    list(maintenance.gc(world.hub))
    assert world.read(copy, "w.bin", "v1") == b"large"
    assert world.read(copy, "big") == b"b" * 300_000
    assert histories.history(world.hub, world.alice, copy, "side", offset=0, limit=9).total == 3
    assert [finding for finding in maintenance.fsck(world.hub) if finding.is_damage] == []


def test_duplicating_needs_rights_on_both_sides(world: World) -> None:
    from entrepot.errors import GatedRepo

    secret, gated, open_ = (world.repo(f"bob/{name}") for name in ("secret", "gated", "open"))
    repositories.configure(world.hub, world.bob, secret, RepoChanges(visibility="private"))
    repositories.configure(world.hub, world.bob, gated, RepoChanges(gated="auto"))
    for source, target, caller, error in (
        (secret, "alice/x", world.alice, RepoNotFound),
        (gated, "alice/x", world.alice, GatedRepo),
        (open_, "acme/x", world.alice, NotAllowed),
        (open_, "alice/x", world.caller("alice", "read"), NotAllowed),
        (open_, "alice/x", None, LoginRequired),
        (open_, "bob/gated", world.bob, AlreadyExists),
    ):
        with pytest.raises(error):
            repositories.duplicate(world.hub, caller, source, RepoId(*target.split("/")), None)
    with pytest.raises(InvalidName):
        repositories.duplicate(world.hub, world.alice, open_, RepoId("alice", "x"), "secret")
    repositories.duplicate(world.hub, world.alice, open_, RepoId("alice", "x"), "private")
    assert visibility(world, ref_of("alice/x")) == "private"


def test_a_copy_is_judged_by_the_rules_of_paths(world: World) -> None:
    ref = world.repo()
    world.plant(ref, {"d/Icon\r": (0o100644, b"")})
    with pytest.raises(InvalidPath, match="refs/heads/main"):
        repositories.duplicate(world.hub, world.alice, ref, RepoId("alice", "copy"), None)
    with pytest.raises(InvalidPath, match="rename it in the source"):
        world.commit(ref, Copy(RepoPath("e"), RepoPath("d")))
    world.commit(ref, Delete(RepoPath("d/Icon\r")))
    repositories.duplicate(world.hub, world.alice, ref, RepoId("alice", "copy"), None)
