from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.catalog.repos import repositories as repository_rows
from entrepot.errors import AccountNotFound, LimitExceeded, LoginRequired, Malformed, NotAllowed, QuotaExceeded
from entrepot.hub import audit
from entrepot.hub.accounts import quotas, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.files import lfs, xet_tokens
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import lfs_files, repositories
from entrepot.hub.scopes import READ, RequestedScope
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType, Sha256
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

MIB = 1 << 20


def limit(world: World, name: str = "alice", **changes: int | None) -> None:
    quotas.change(world.hub, name, changes)


def used(world: World, name: str = "alice") -> int:
    return quotas.show(world.hub, name).used


def ref(name: str, kind: RepoType = RepoType.MODEL) -> RepoRef:
    return RepoRef(kind, RepoId(*name.split("/")))


def test_without_a_quota_there_is_no_limit(world: World) -> None:
    world.add_large(world.repo("alice/m"), "w.bin", b"\0" * 5000)
    found = quotas.show(world.hub, "Alice")
    assert (found.namespace, found.max_bytes, found.max_repos, found.max_file_bytes) == ("alice", None, None, None)
    assert found.repos == 1
    assert 5000 < found.used < 20_000


def test_the_settings_of_the_hub_are_the_default_quota(make_world: Callable[..., World]) -> None:
    world = make_world(default_quota_bytes=1000, default_quota_repos=2)
    assert quotas.show(world.hub, "acme").max_bytes == 1000
    limit(world, "acme", max_bytes=0, max_repos=7)
    found = quotas.show(world.hub, "acme")
    assert (found.max_bytes, found.max_repos) == (None, 7)
    limit(world, "acme", max_bytes=None)
    assert quotas.show(world.hub, "acme").max_bytes == 1000
    rows = audit.search(world.hub, AuditFilter(subject="namespace acme"))
    assert [row.details for row in rows] == ['{"max_bytes":null}', '{"max_bytes":0,"max_repos":7}']


def test_one_repository_too_many_is_refused_wherever_it_comes_from(world: World) -> None:
    first = world.repo("alice/a")
    other = world.repo("acme/b", by=world.olga)
    world.repo("acme/c", by=world.olga)
    limit(world, max_repos=1)
    limit(world, "acme", max_repos=2)
    with pytest.raises(QuotaExceeded, match="namespace alice is exceeded: 1 repositories are allowed, 1 are used"):
        world.repo("alice/b")
    with pytest.raises(QuotaExceeded):
        repositories.duplicate(world.hub, world.alice, other, RepoId("alice", "copy"), None)
    with pytest.raises(QuotaExceeded):
        repositories.move(world.hub, world.root, first, ref("acme/a"))
    assert repositories.move(world.hub, world.alice, first, ref("alice/z")).name == "z"
    repositories.delete(world.hub, world.alice, ref("alice/z"))
    world.repo("alice/b")


def test_a_new_repository_cannot_exceed_the_quota(world: World) -> None:
    limit(world, max_bytes=MIB)
    with pytest.raises(QuotaExceeded):
        world.repo("alice/m", files={"a.txt": b"x" * (MIB + 1)})
    world.repo("alice/m", files={"a.txt": b"x" * 100})


def test_a_namespace_may_be_filled_to_the_last_byte(world: World) -> None:
    target = world.repo()
    room = 10_000
    limit(world, max_bytes=used(world) + room)
    with world.hub.read() as tx:
        row = repository_rows.find(tx, target)
        assert row is not None
        left = quotas.allowance(world.hub, tx, row)
    with pytest.raises(QuotaExceeded):
        left.check(room + 1)
    left.promise(room)
    left.check(0)
    with pytest.raises(QuotaExceeded):
        left.check(1)
    wanted = [RequestedObject(Sha256(digit * 64), size) for digit, size in (("a", room + 1), ("b", room))]
    answers = lfs.plan_uploads(world.hub, world.alice, target, wanted, takes_parts=False)
    assert [answer.refusal is None for answer in answers] == [False, True]
    limit(world, max_bytes=1, max_file_bytes=0)
    with world.hub.read() as tx:
        too_full = quotas.allowance(world.hub, tx, row)
    too_full.check_file("a file", 1 << 50)  # 0 is no limit
    too_full.check(0)  # a change that adds nothing is fine even when too much is used


def test_a_large_file_is_refused_before_its_bytes_are_taken(world: World) -> None:
    target = world.repo()
    limit(world, max_bytes=MIB)
    wanted = [RequestedObject(Sha256(digit * 64), size) for digit, size in (("a", MIB // 2), ("b", MIB), ("c", 1000))]
    answers = lfs.plan_uploads(world.hub, world.alice, target, wanted, takes_parts=True)
    assert [answer.refusal is None for answer in answers] == [True, False, True]
    assert answers[1].refusal is not None
    code, reason = answers[1].refusal
    assert (code, "namespace alice" in reason, "1.0 MiB are allowed" in reason) == (413, True, True)


def test_a_file_above_the_limit_of_one_file_is_refused(world: World) -> None:
    target = world.repo()
    limit(world, max_file_bytes=1000)
    [answer] = lfs.plan_uploads(
        world.hub, world.alice, target, [RequestedObject(Sha256("a" * 64), 1001)], takes_parts=True
    )
    assert answer.refusal is not None
    assert "1,000" in answer.refusal[1]
    with pytest.raises(LimitExceeded, match="larger quota"):
        world.add(target, "a.txt", b"x" * 1001)
    world.add(target, "a.txt", b"x" * 1000)


def test_an_upload_link_is_refused_once_the_quota_is_used_up(world: World) -> None:
    target = world.repo()
    wanted = [RequestedObject(Sha256("a" * 64), MIB)]
    [answer] = lfs.plan_uploads(world.hub, world.alice, target, wanted, takes_parts=False)
    assert isinstance(answer.link, lfs.SignedUrl)
    limit(world, max_bytes=MIB)
    with pytest.raises(QuotaExceeded):
        lfs.receive(world.hub, "a" * 64, answer.link.query)


def test_stored_files_are_not_counted_again(world: World) -> None:
    target = world.repo()
    data = b"\1" * MIB
    sha256 = world.add_large(target, "a.bin", data)
    limit(world, max_bytes=MIB + 100_000)
    [answer] = lfs.plan_uploads(world.hub, world.alice, target, [RequestedObject(sha256, MIB)], takes_parts=False)
    assert (answer.link, answer.refusal) == (None, None)
    world.add_large(target, "b.bin", data)


def test_moved_files_count_too(world: World) -> None:
    source = world.repo("acme/m", by=world.olga)
    sha256 = world.add_large(source, "a.bin", b"\2" * MIB, by=world.olga)
    target = world.repo()
    limit(world, max_bytes=MIB)
    with pytest.raises(QuotaExceeded):
        lfs.plan_uploads(world.hub, world.alice, target, [RequestedObject(sha256, MIB)], takes_parts=False)
    with pytest.raises(QuotaExceeded):
        lfs_files.share(world.hub, world.alice, source, target, [sha256])
    with pytest.raises(QuotaExceeded):
        repositories.duplicate(world.hub, world.alice, source, RepoId("alice", "copy"), None)
    with pytest.raises(QuotaExceeded):
        repositories.move(world.hub, world.root, source, ref("alice/moved"))
    assert used(world) < 10_000
    limit(world, max_bytes=3 * MIB)
    lfs_files.share(world.hub, world.alice, source, target, [sha256])
    assert MIB < used(world) < MIB + 10_000


def test_a_commit_with_too_much_content_leaves_nothing_behind(world: World) -> None:
    target = world.repo()
    limit(world, max_bytes=100_000)
    before, head = used(world), world.head(target)
    with pytest.raises(QuotaExceeded):
        world.commit(target, AddFile(RepoPath("a.txt"), b"x" * 100_000), inline_bytes=100_000)
    assert (used(world), world.head(target)) == (before, head)
    world.commit(target, AddFile(RepoPath("a.txt"), b"x" * 50_000), inline_bytes=50_000)
    assert used(world) > before + 50_000


def test_a_deletion_frees_quota(world: World) -> None:
    target = world.repo()
    sha256 = world.add_large(target, "a.bin", b"\3" * MIB)
    limit(world, max_bytes=MIB)
    with pytest.raises(QuotaExceeded):
        world.add(target, "b.txt", inline_bytes=1)
    lfs_files.delete_content(world.hub, world.alice, target, sha256, rewrites_history=False)
    world.add(target, "b.txt", inline_bytes=1)


def test_a_quota_is_visible_to_members(world: World) -> None:
    assert quotas.own(world.hub, world.bob).namespace == "bob"
    assert quotas.of_org(world.hub, world.rita, "acme").namespace == "acme"
    with pytest.raises(NotAllowed):
        quotas.of_org(world.hub, world.bob, "acme")
    with pytest.raises(LoginRequired):
        quotas.own(world.hub, None)
    draft = TokenDraft(FINE_GRAINED, places=[RequestedScope("user", "bob", [READ])])
    limited = world.hub.identify(tokens.create_for(world.hub, "bob", draft)[0].secret)
    with pytest.raises(NotAllowed, match="fine-grained"):
        quotas.own(world.hub, limited)


def test_sizes_are_shown_rounded_down() -> None:
    sizes = (0, 1023, (1 << 20) - 1, 1 << 20, (2 << 30) - 1, 5 << 40)
    assert [quotas.render(size) for size in sizes] == [
        "0 bytes",
        "1,023 bytes",
        "1,048,575 bytes",
        "1.0 MiB",
        "1.9 GiB",
        "5.0 TiB",
    ]


def test_an_invalid_quota_is_refused(world: World) -> None:
    with pytest.raises(AccountNotFound):
        limit(world, "nobody", max_bytes=1)
    refused: list[dict[str, int | None]] = [{"max_bytes": -1}, {"max_bytes": 1 << 61}, {"max_repos": 1 << 40}]
    for changes in refused:
        with pytest.raises(Malformed):
            quotas.change(world.hub, "alice", changes)


def test_a_full_namespace_takes_no_chunks(world: World, sender: Sender) -> None:
    from entrepot.hub.files import chunks
    from entrepot.names import XetHash

    target = world.repo()
    issued = xet_tokens.issue_write(world.hub, world.alice, target)
    given = xet_tokens.check(world.hub, issued.secret, issued.store)
    limit(world, max_bytes=1)
    with pytest.raises(QuotaExceeded):
        chunks.receive_xorb(world.hub, given, XetHash("a" * 64), 100)
