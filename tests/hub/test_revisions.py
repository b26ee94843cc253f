from __future__ import annotations

import pytest

from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs
from entrepot.errors import EntrepotError, ObjectDamaged, RevisionNotFound
from entrepot.hub import access, revisions
from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.repos import branches, contents, histories, infos
from entrepot.names import Oid, RefName, RepoId, RepoPath, RepoRef
from tests.support.worlds import World


def resolve(world: World, ref: RepoRef, revision: str) -> str:
    with world.hub.read() as tx:
        return revisions.resolve(tx, world.row_id(ref), revision)


def point(world: World, ref: RepoRef, name: str, oid: Oid) -> None:
    with world.hub.write() as tx:
        assert refs.swap(tx, world.row_id(ref), RefName(name), None, oid, 1)


def test_ref_then_id_then_branch_then_tag(world: World) -> None:
    ref = world.repo()
    made = [world.head(ref), *(world.add(ref, f"f{n}") for n in range(4))]
    oid = made[0]
    assert resolve(world, ref, oid) == oid
    point(world, ref, "refs/pr/1", made[1])
    assert resolve(world, ref, "refs/pr/1") == made[1]
    point(world, ref, f"refs/tags/{oid}", made[2])
    point(world, ref, f"refs/heads/{oid}", made[3])
    assert resolve(world, ref, oid) == oid
    assert resolve(world, ref, f"refs/tags/{oid}") == made[2]
    point(world, ref, "refs/tags/name", made[2])
    assert resolve(world, ref, "name") == made[2]
    point(world, ref, "refs/heads/name", made[3])
    assert resolve(world, ref, "name") == made[3]
    assert resolve(world, ref, "HEAD") == resolve(world, ref, "refs/heads/main") == resolve(world, ref, "main")


def test_ids_may_be_abbreviated_to_five_digits(world: World) -> None:
    ref = world.repo()
    oid = world.head(ref)
    for length in range(5, 41):
        assert resolve(world, ref, oid[:length]) == oid
    for text in (oid[:4], oid.upper() if oid.upper() != oid else "ABCDEF", f"{oid}0", "f" * 40, "0" * 6):
        with pytest.raises(RevisionNotFound):
            resolve(world, ref, text)


def test_only_commits_have_ids(world: World) -> None:
    ref = world.repo()
    [only] = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=1).commits
    for length in (40, 12):
        with pytest.raises(RevisionNotFound):
            resolve(world, ref, only.commit.tree[:length])


def test_an_ambiguous_abbreviation_names_nothing(world: World) -> None:
    import sqlalchemy as sa

    from entrepot.catalog import tables

    ref = world.repo()
    first, second = world.head(ref), world.add(ref, "a")
    close = first[:8] + second[8:]
    table = tables.objects
    with world.hub.write() as tx:
        tx.sql.execute(sa.update(table).where(table.c.oid == second).values(oid=close))
    with pytest.raises(RevisionNotFound):
        resolve(world, ref, first[:8])
    for oid in (first, close):
        for length in range(9, 41):
            if first[:length] != close[:length]:
                assert resolve(world, ref, oid[:length]) == oid


def test_annotated_tags_are_peeled_and_odd_ones_are_damage(world: World) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", "m")
    assert resolve(world, ref, "v1") == resolve(world, ref, "refs/tags/v1") == world.head(ref)
    [only] = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=1).commits
    point(world, ref, "refs/tags/odd", only.commit.tree)
    with pytest.raises(ObjectDamaged):
        resolve(world, ref, "odd")


@pytest.mark.parametrize("text", ["", "-x", "a b", "a..b", "x" * 301, "\ud800", "main^"])
def test_a_text_that_cannot_be_a_revision_is_none(world: World, text: str) -> None:
    with pytest.raises(RevisionNotFound):
        resolve(world, world.repo(), text)


def test_writing_goes_to_branches_and_pull_requests(world: World) -> None:
    ref = world.repo()
    point(world, ref, "refs/pr/1", world.head(ref))
    point(world, ref, "refs/tags/v1", world.head(ref))
    with world.hub.read() as tx:
        for text, name in (("main", "refs/heads/main"), ("HEAD", "refs/heads/main"), ("refs/pr/1", "refs/pr/1")):
            assert revisions.branch(tx, world.row_id(ref), text).ref == name
        for text in ("v1", "refs/tags/v1", world.head(ref)):
            with pytest.raises(RevisionNotFound):
                revisions.branch(tx, world.row_id(ref), text)


def test_the_tree_of_a_revision(world: World) -> None:
    ref = world.repo()
    [only] = histories.history(world.hub, world.alice, ref, "main", offset=0, limit=1).commits
    with world.hub.read() as tx:
        assert revisions.tree_of(world.hub.store, tx, world.row_id(ref), "main") == (only.oid, only.commit.tree)


@pytest.mark.parametrize("by", ["alice", "bob", None])
@pytest.mark.parametrize("revision", ["main", "HEAD", "v1", "refs/heads/main", "nothing", "-x", "12345"])
def test_what_was_announced_answers_as_before(world: World, by: str | None, revision: str) -> None:
    ref, hidden = world.repo(), world.repo("alice/hidden", visibility="private")
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)
    caller = None if by is None else world.caller(by)

    def described(wanted: RepoRef, *, is_announced: bool) -> object:
        with world.hub.together(), world.hub.read() as tx:
            if is_announced:
                revisions.lookups(wanted, revision)(tx)
                objects.find(tx, 1, Oid("00" * 20))  # the message with which they travel
            try:
                row = access.readable(tx, caller, wanted)
                return row, revisions.resolve(tx, row.id, revision)
            except EntrepotError as error:
                return type(error), str(error)

    for wanted in (ref, hidden, RepoRef(ref.type, RepoId("alice", "absent"))):
        assert described(wanted, is_announced=True) == described(wanted, is_announced=False)


def test_on_a_server_of_databases_requests_of_a_revision_take_two_messages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if world.hub.catalog.is_file:
        pytest.skip("a file takes no messages")
    from tests.support.database_messages import count_messages  # needs the driver

    ref = world.repo(files={"a.txt": b"x"})
    world.read(ref, "a.txt")  # its tree is remembered
    secret = tokens.create_for(world.hub, "alice", TokenDraft("read"))[0].secret
    sent = count_messages(monkeypatch)

    def locate(caller: MaybeCaller) -> object:
        return contents.locate(world.hub, caller, ref, "main", RepoPath("a.txt"))

    def describe(caller: MaybeCaller) -> object:
        return infos.describe(world.hub, caller, ref, "main", with_files=False, with_sizes=False)

    for use_case, others in ((locate, 1), (describe, 2)):
        with world.hub.together():
            use_case(world.hub.identify(secret, None, revisions.lookups(ref, "main")))
        assert sent == [4, others], "the beginning, caller, repository and revision; the file, or tags and totals"
        sent.clear()


@pytest.mark.parametrize("revision", ["main", "HEAD", "refs/heads/main", "v1", "nothing", "-x"])
def test_a_branch_that_was_announced_is_the_same(world: World, revision: str) -> None:
    ref = world.repo()
    branches.create_tag(world.hub, world.alice, ref, "main", "v1", None)

    def found(*, is_announced: bool) -> object:
        with world.hub.read() as tx:
            if is_announced:
                revisions.branch_lookups(ref, revision)(tx)
            row = access.readable(tx, world.alice, ref)
            try:
                return row, revisions.branch(tx, row.id, revision)
            except RevisionNotFound as error:
                return str(error)

    assert found(is_announced=True) == found(is_announced=False)
