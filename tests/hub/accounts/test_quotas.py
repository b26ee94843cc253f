from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

import attrs
import pytest

from entrepot.catalog import Write
from entrepot.catalog.audit import AuditFilter
from entrepot.catalog.repos import repositories as repository_rows
from entrepot.errors import AccountNotFound, LimitExceeded, LoginRequired, Malformed, NotAllowed, QuotaExceeded
from entrepot.hub import audit
from entrepot.hub.accounts import quotas, tokens
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.files import bulk_uploads, lfs, multipart_uploads, xet_tokens
from entrepot.hub.files.bulk_uploads import UploadedFile
from entrepot.hub.files.lfs import RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile, Copy
from entrepot.hub.repos import lfs_files, repositories
from entrepot.hub.scopes import READ, RequestedScope
from entrepot.hub.usage_cache import UsageCache
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
    with pytest.raises(
        QuotaExceeded, match="namespace alice is exceeded: limit 1 repository, in use 1, requested 1 more"
    ):
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
    assert (code, "namespace alice" in reason, "limit 1.0 MiB" in reason) == (413, True, True)


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
    assert isinstance(answer.link, SignedUrl)
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


def test_a_folder_has_no_quota_of_its_own(world: World) -> None:
    world.repo("alice.llm/x")
    with pytest.raises(AccountNotFound):
        quotas.show(world.hub, "alice.llm")
    with pytest.raises(AccountNotFound):
        limit(world, "alice.llm", max_repos=1)


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


def send_parts(world: World, target: RepoRef, data: bytes) -> None:
    """Upload a large file in parts of the size that the hub asks for."""
    wanted = RequestedObject(Sha256(hashlib.sha256(data).hexdigest()), len(data))
    [answer] = lfs.plan_uploads(world.hub, world.alice, target, [wanted], takes_parts=True)
    send_planned_parts(world, data, answer.link)


def send_planned_parts(world: World, data: bytes, plan: object) -> None:
    assert isinstance(plan, lfs.MultipartUpload)
    uid = plan.complete.path.rpartition("/")[2]
    etags = {}
    for number, link in enumerate(plan.links, 1):
        part = multipart_uploads.receive_part(world.hub, uid, number, link.query)
        part.write(data[(number - 1) * plan.part_size :][: part.size])
        etags[number] = part.finish()
    multipart_uploads.complete(world.hub, uid, plan.complete.query, etags)


def send_proposed_chunks(world: World, target: RepoRef, data: bytes) -> None:
    """Register a large file for a pull request, as chunks that bob sends."""
    sender = Sender(world)
    issued = xet_tokens.issue_write(world.hub, world.bob, target, None)
    given = xet_tokens.check(world.hub, issued.secret, issued.store)
    xorb = sender.xorb([data[at : at + 100_000] for at in range(0, len(data), 100_000)])
    sender.send(given, xorb)
    sha256 = hashlib.sha256(data).hexdigest()
    sender.register(given, [sender.block([(xorb, 0, xorb.index.count)], sha256)], [xorb])


def send_chunks(world: World, target: RepoRef, data: bytes) -> None:
    Sender(world).add(target, "a.bin", [data[at : at + 100_000] for at in range(0, len(data), 100_000)])


def send_many(world: World, target: RepoRef, data: bytes) -> None:
    upload = UploadedFile(Sha256(hashlib.sha256(data).hexdigest()), data)
    bulk_uploads.receive_files(world.hub, world.alice, target, [upload])


def copy_from_another(world: World, target: RepoRef, data: bytes) -> None:
    """Copy a small file and a large one from a repository of another namespace."""
    source = world.repo("acme/source", by=world.olga)
    half = len(data) // 2
    world.add(source, "small.bin", data[:half], by=world.olga)
    world.add_large(source, "large.bin", data[half:], by=world.olga)
    for name in ("small.bin", "large.bin"):
        world.commit(target, Copy(RepoPath(name), RepoPath(name), repo=source, revision="main"))


def duplicate_another(world: World, target: RepoRef, data: bytes) -> None:
    source = world.repo("acme/source", by=world.olga)
    world.add_large(source, "large.bin", data, by=world.olga)
    repositories.duplicate(world.hub, world.alice, source, RepoId("alice", "copy"), None)


def move_another(world: World, target: RepoRef, data: bytes) -> None:
    source = world.repo("acme/source", by=world.olga)
    world.add_large(source, "large.bin", data, by=world.olga)
    repositories.move(world.hub, world.root, source, ref("alice/moved"))


def create_with_files(world: World, target: RepoRef, data: bytes) -> None:
    world.repo("alice/new", files={"a.bin": data})


def commit_inline(world: World, target: RepoRef, data: bytes) -> None:
    world.commit(target, AddFile(RepoPath("a.bin"), data), inline_bytes=len(data))


WAYS = [
    lambda world, target, data: world.upload(target, data),
    send_parts,
    send_proposed_chunks,
    send_chunks,
    send_many,
    copy_from_another,
    duplicate_another,
    move_another,
    create_with_files,
    commit_inline,
]


@pytest.fixture
def slow_world(make_world: Callable[..., World]) -> World:
    """A hub that takes every sum for slow, and so keeps it."""
    world = make_world(part_size=MIB // 2, multipart_threshold=MIB // 2)
    ticks: Iterator[int] = iter(range(1_000_000))
    world.hub = attrs.evolve(world.hub, usage_cache=UsageCache(lambda: float(next(ticks))))
    return world


@pytest.mark.parametrize("send", WAYS)
def test_bytes_count_immediately_whichever_way_they_come(
    slow_world: World, send: Callable[[World, RepoRef, bytes], object]
) -> None:
    world = slow_world
    target = world.repo()
    limit(world, max_bytes=1 << 40)
    before = used(world)
    send(world, target, os.urandom(2 * MIB))
    counted = used(world)
    world.clock.advance(60_000)
    actual = used(world)
    assert actual - before >= 2 * MIB
    assert counted >= actual - 20_000, "the cached sum lacks bytes that the hub has accepted"
    assert counted <= actual + 20_000, "the cached sum counts bytes twice"


@pytest.mark.parametrize("takes_parts", [False, True])
def test_files_planned_together_cannot_exceed_the_quota_together(
    make_world: Callable[..., World], takes_parts: bool
) -> None:
    world = make_world(part_size=MIB // 2, multipart_threshold=MIB // 2)
    target = world.repo()
    limit(world, max_bytes=used(world) + MIB)
    planned = []
    for data in (os.urandom(MIB), os.urandom(MIB)):
        wanted = RequestedObject(Sha256(hashlib.sha256(data).hexdigest()), MIB)
        [answer] = lfs.plan_uploads(world.hub, world.alice, target, [wanted], takes_parts=takes_parts)
        assert answer.link is not None
        planned.append((wanted.sha256, data, answer.link))
    if takes_parts:
        send_planned_parts(world, *planned[0][1:])
        with pytest.raises(QuotaExceeded):
            send_planned_parts(world, *planned[1][1:])
    else:
        arriving = []
        for sha256, data, link in planned:
            assert isinstance(link, SignedUrl)
            arriving.append(lfs.receive(world.hub, sha256, link.query))
            arriving[-1].write(data)
        arriving[0].finish()
        with pytest.raises(QuotaExceeded):
            arriving[1].finish()
        arriving[1].discard()
    shown = quotas.show(world.hub, "alice")
    assert shown.max_bytes is not None
    assert shown.used <= shown.max_bytes


@pytest.mark.parametrize("send", [commit_inline, send_many])
def test_what_others_store_between_the_check_and_the_publication_counts(
    world: World, send: Callable[[World, RepoRef, bytes], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    target, other = world.repo(), world.repo("alice/other")
    most = used(world) + 300_000
    limit(world, max_bytes=most)
    spend = Allowance.spend

    def spend_while_another_stores(left: Allowance, size: int, tx: Write | None = None) -> None:
        monkeypatch.setattr(Allowance, "spend", spend)
        left.spend(size, tx)
        commit_inline(world, other, os.urandom(200_000))

    monkeypatch.setattr(Allowance, "spend", spend_while_another_stores)
    with pytest.raises(QuotaExceeded, match=r"in use .*, requested 200,000 bytes more"):
        send(world, target, os.urandom(200_000))
    assert "a.bin" not in world.paths(target)
    assert used(world) <= most


def test_a_commit_that_just_fits_is_accepted_with_its_trees(world: World) -> None:
    target = world.repo()
    left = 2 * MIB
    limit(world, max_bytes=used(world) + left)
    commit_inline(world, target, os.urandom(left))
    assert used(world) > left
