from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from entrepot.catalog import Read
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.files import file_links
from entrepot.catalog.repos import refs
from entrepot.catalog.repos import repositories as rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import (
    AccountSuspended,
    EntrepotError,
    InvalidCredentials,
    InvalidSignature,
    LoginRequired,
    NotAllowed,
    RepoNotFound,
    ThingNotFound,
)
from entrepot.git.commands import Command, PushRequest
from entrepot.hub import audit, capabilities
from entrepot.hub.accounts import accounts, administration, members, own_sessions
from entrepot.hub.callers import SESSION_MS, Role, find_by_stamp, stamp_of
from entrepot.hub.capabilities import Capability
from entrepot.hub.community import access_requests, moderation
from entrepot.hub.files import (
    attachments,
    bulk_uploads,
    chunks,
    lfs,
    multipart_uploads,
    preparation,
    reconstructions,
    xet_tokens,
)
from entrepot.hub.files.bulk_uploads import UploadedFile
from entrepot.hub.files.lfs import MultipartUpload, RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderChanges, FolderId
from entrepot.hub.git import push_publishing, pushes
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import MAIN, Oid, RepoId, RepoPath, RepoRef, Sha256, Uid
from entrepot.wire.accounts.administration import UserChanges
from tests.support.chunk_sender import Sender
from tests.support.worlds import World

DATA = b"weights" * 1000
SHA256 = Sha256(hashlib.sha256(DATA).hexdigest())
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
Change = Callable[[World, RepoRef], None]


def row_of(tx: Read, ref: RepoRef) -> RepoRow:
    found = rows.find(tx, ref)
    assert found is not None
    return found


def demote(world: World, ref: RepoRef) -> None:
    accounts.set_member(world.hub, "acme", "wendy", Role.READ)


def remove(world: World, ref: RepoRef) -> None:
    members.remove(world.hub, world.olga, "acme", "wendy")


def _edit_token(world: World, **values: Any) -> None:
    with world.hub.write() as tx:
        token_rows.update(tx, world.wendy.token.uid, **values)


def revoke(world: World, ref: RepoRef) -> None:
    with world.hub.write() as tx:
        token_rows.remove(tx, world.wendy.token.uid)


def rotate(world: World, ref: RepoRef) -> None:
    _edit_token(world, secret_hash=hashlib.sha256(b"another").hexdigest())


def expire(world: World, ref: RepoRef) -> None:
    _edit_token(world, expires_ms=world.clock.now_ms)


def lower(world: World, ref: RepoRef) -> None:
    _edit_token(world, role="read")


def rescope(world: World, ref: RepoRef) -> None:
    _edit_token(world, role="fineGrained", scopes={})


def disable(world: World, ref: RepoRef) -> None:
    with world.hub.write() as tx:
        row = rows.find(tx, ref)
        rows.update(tx, row.id, is_disabled=True)


def archive(world: World, ref: RepoRef) -> None:
    repositories.configure(world.hub, world.olga, ref, repositories.RepoChanges(archived=True))


def delete(world: World, ref: RepoRef) -> None:
    repositories.delete(world.hub, world.olga, ref)


def transfer(world: World, ref: RepoRef) -> None:
    repositories.move(world.hub, world.olga, ref, RepoRef(ref.type, type(ref.id)("olga", "gone")))


CHANGES = [demote, remove, revoke, rotate, expire, lower, rescope, disable, archive, delete, transfer]


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("acme/m", by=world.olga)


def plan(world: World, ref: RepoRef, *, takes_parts: bool = False, revision: str | None = None) -> Any:
    [answer] = lfs.plan_uploads(
        world.hub, world.wendy, ref, [RequestedObject(SHA256, len(DATA))], takes_parts=takes_parts, revision=revision
    )
    return answer.link


def is_linked(world: World, ref: RepoRef) -> bool:
    with world.hub.read() as tx:
        row = rows.find(tx, ref)
        return row is not None and SHA256 in file_links.usable(tx, row.id, [SHA256])


@pytest.mark.parametrize("revision", ["main", None])
@pytest.mark.parametrize("change", CHANGES)
def test_an_upload_link_ends_with_the_right(world: World, ref: RepoRef, change: Change, revision: str | None) -> None:
    link = plan(world, ref, revision=revision)
    assert isinstance(link, SignedUrl)
    begun = lfs.receive(world.hub, SHA256, link.query)
    begun.write(DATA)
    change(world, ref)
    for call in (
        lambda: lfs.receive(world.hub, SHA256, link.query),
        lambda: lfs.confirm(world.hub, SHA256, link.query),
        begun.finish,
    ):
        with pytest.raises((NotAllowed, InvalidSignature, RepoNotFound, EntrepotError)) as caught:
            call()
        assert not isinstance(caught.value, ThingNotFound)
    begun.discard()
    assert not is_linked(world, ref)


@pytest.mark.parametrize("change", CHANGES)
def test_parts_and_their_completion_end_with_the_right(make_world: Callable[..., World], change: Change) -> None:
    world = make_world(multipart_threshold=1, part_size=len(DATA))
    ref = world.repo("acme/m", by=world.olga)
    parts = plan(world, ref, takes_parts=True)
    assert isinstance(parts, MultipartUpload)
    upload = parts.complete.path.rpartition("/")[2]
    [link] = parts.links
    begun = multipart_uploads.receive_part(world.hub, upload, 1, link.query)
    begun.write(DATA)
    etag = begun.finish()
    again = multipart_uploads.receive_part(world.hub, upload, 1, link.query)
    again.write(DATA)
    change(world, ref)
    for call in (
        lambda: multipart_uploads.receive_part(world.hub, upload, 1, link.query),
        again.finish,
        lambda: multipart_uploads.complete(world.hub, upload, parts.complete.query, {1: etag}),
    ):
        with pytest.raises(EntrepotError) as caught:
            call()
        assert not isinstance(caught.value, ThingNotFound)
    assert not is_linked(world, ref)


@pytest.mark.parametrize("change", CHANGES)
def test_a_xet_write_token_ends_with_the_right(world: World, sender: Sender, ref: RepoRef, change: Change) -> None:
    issued = xet_tokens.issue_write(world.hub, world.wendy, ref)
    given = xet_tokens.check(world.hub, issued.secret, issued.store)
    xorb, late = sender.xorb(sender.chunks(1)), sender.xorb(sender.chunks(2))
    sender.send(given, xorb)
    begun = chunks.receive_xorb(world.hub, given, late.hash, len(late.data))
    begun.write(late.data)
    change(world, ref)
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, issued.secret, issued.store)
    with pytest.raises((InvalidCredentials, RepoNotFound)):
        sender.register(given, [sender.block([(xorb, 0, xorb.index.count)], SHA256)], [xorb])
    with pytest.raises(InvalidCredentials):
        begun.finish()
    begun.discard()
    assert not is_linked(world, ref)


@pytest.mark.parametrize("change", CHANGES)
def test_a_push_in_flight_ends_with_the_right(
    world: World, ref: RepoRef, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = PushRequest((Command("refs/heads/other", None, world.head(ref)),), frozenset())
    push = pushes.begin(world.hub, world.wendy, ref, request)
    prepare = push_publishing._prepare

    def prepare_late(*arguments: Any) -> Any:
        change(world, ref)
        return prepare(*arguments)

    monkeypatch.setattr(push_publishing, "_prepare", prepare_late)
    try:
        with pytest.raises(EntrepotError):
            push_publishing.finish(push)
    finally:
        push.close()
    with world.hub.read() as tx:
        row = rows.by_uid(tx, push.row.uid)
        assert row is None or [name for name, _ in refs.everything(tx, row.id)] == ["refs/heads/main"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_bulk_upload_in_flight_ends_with_the_right(
    world: World, ref: RepoRef, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    wendy, record = world.wendy, bulk_uploads._record

    def late(*arguments: Any) -> Any:
        change(world, ref)
        return record(*arguments)

    monkeypatch.setattr(bulk_uploads, "_record", late)
    with pytest.raises(EntrepotError):
        bulk_uploads.receive_files(world.hub, wendy, ref, [UploadedFile(SHA256, DATA)])
    assert not is_linked(world, ref)


@pytest.mark.parametrize("change", [each for each in CHANGES if each is not delete and each is not transfer])
def test_a_commit_in_flight_ends_with_the_right(
    world: World, ref: RepoRef, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    wendy, head, stage = world.wendy, world.head(ref), preparation.prepare

    def late(*arguments: Any, **options: Any) -> Any:
        change(world, ref)
        return stage(*arguments, **options)

    monkeypatch.setattr(preparation, "prepare", late)
    with pytest.raises(EntrepotError):
        commits.create(world.hub, wendy, ref, "main", CommitDraft("late", [AddFile(RepoPath("a"), b"x")]))
    assert world.head(ref) == head


@pytest.mark.parametrize("change", [revoke, rotate, expire, lower])
def test_an_image_in_flight_ends_with_the_token(world: World, ref: RepoRef, change: Change) -> None:
    wendy = world.wendy
    change(world, ref)
    with pytest.raises((InvalidCredentials, NotAllowed)):
        attachments.add(world.hub, wendy, PNG)


@pytest.mark.parametrize("change", [remove, revoke, rotate, expire, rescope, disable, delete, transfer])
def test_links_for_reading_end_with_the_right(world: World, sender: Sender, change: Change) -> None:
    ref = world.repo("acme/secret", by=world.olga, visibility="private")
    world.add_large(ref, "w.bin", DATA, by=world.olga)
    file, _ = sender.add(ref, "chunked.bin", sender.chunks(1), by=world.olga)
    issued = xet_tokens.issue_read(world.hub, world.wendy, ref, None)
    given = xet_tokens.check(world.hub, issued.secret, issued.store)
    [part] = reconstructions.reconstruct(world.hub, given, file, 0, None).parts
    [answer] = lfs.plan_downloads(world.hub, world.wendy, ref, [RequestedObject(SHA256, len(DATA))])
    assert isinstance(answer.link, SignedUrl)
    lfs.fetch(world.hub, SHA256, answer.link.query).close()
    reconstructions.fetch(world.hub, part.name, part.query).close()
    change(world, ref)
    with pytest.raises(ThingNotFound):
        lfs.fetch(world.hub, SHA256, answer.link.query)
    with pytest.raises(ThingNotFound):
        reconstructions.fetch(world.hub, part.name, part.query)
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, issued.secret, issued.store)


def test_an_anonymous_link_ends_when_the_repository_is_closed(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        grant = capabilities.of(row_of(tx, ref), None)
        assert capabilities.reading_repo(tx, grant, world.clock.now_ms) is not None
    repositories.configure(world.hub, world.olga, ref, repositories.RepoChanges(gated="auto"))
    with world.hub.read() as tx:
        assert capabilities.reading_repo(tx, grant, world.clock.now_ms) is None
        with pytest.raises(NotAllowed):
            capabilities.writing_repo(tx, grant, world.clock.now_ms)


def test_who_reads_a_gated_repository_by_a_request_keeps_its_links_until_it_ends(world: World, ref: RepoRef) -> None:
    repositories.configure(world.hub, world.olga, ref, repositories.RepoChanges(gated="auto"))
    access_requests.grant(world.hub, world.olga, ref, "zed")
    with world.hub.read() as tx:
        grant = capabilities.of(row_of(tx, ref), world.zed)
        assert capabilities.reading_repo(tx, grant, world.clock.now_ms) is not None
    repositories.configure(world.hub, world.olga, ref, repositories.RepoChanges(visibility="private"))
    with world.hub.read() as tx:
        assert capabilities.reading_repo(tx, grant, world.clock.now_ms) is None


def test_a_repository_of_the_same_name_is_another_one(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        grant = capabilities.of(row_of(tx, ref), world.wendy, "main")
    repositories.delete(world.hub, world.olga, ref)
    world.repo("acme/m", by=world.olga)
    with world.hub.read() as tx, pytest.raises(RepoNotFound):
        capabilities.writing_repo(tx, grant, world.clock.now_ms)


def test_a_change_in_flight_does_not_reach_a_repository_that_got_the_same_row(world: World, ref: RepoRef) -> None:
    now_ms = world.clock.now_ms
    with world.hub.read() as tx:
        row = row_of(tx, ref)
        assert capabilities.recheck_push(tx, world.wendy, row, now_ms)[0] == row
        other = attrs.evolve(row, uid=Uid("0" * 24))
        for lost in (other, attrs.evolve(row, id=row.id + 1_000)):
            with pytest.raises(RepoNotFound):
                capabilities.recheck_push(tx, world.wendy, lost, now_ms)
            with pytest.raises(RepoNotFound):
                capabilities.recheck(tx, world.wendy, lost, None, now_ms)


def test_only_a_writer_who_names_no_revision_uploads_for_main(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        row = row_of(tx, ref)
        assert capabilities.target(tx, row, world.wendy, None) == "refs/heads/main"
        assert capabilities.target(tx, row, world.wendy, "refs/pr/1") == "refs/pr/1"
        assert capabilities.target(tx, row, world.bob, None) is None


def test_the_holder_of_a_capability_is_known_as_long_as_the_token_is_valid(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        mine, nobodys = (capabilities.of(row_of(tx, ref), caller) for caller in (world.wendy, None))
        found = capabilities.holder(tx, mine, world.clock.now_ms)
        assert found is not None
        assert found.account == world.wendy.account
        assert capabilities.holder(tx, nobodys, world.clock.now_ms) is None
    revoke(world, ref)
    with world.hub.read() as tx:
        assert capabilities.holder(tx, mine, world.clock.now_ms) is None


def branch_of(world: World, ref: RepoRef) -> Oid | None:
    with world.hub.read() as tx:
        return refs.find(tx, row_of(tx, ref).id, MAIN)


def sign_out(world: World, ref: RepoRef) -> None:
    own_sessions.end_all(world.hub, world.wendy)


def suspend(world: World, ref: RepoRef) -> None:
    administration.change_user(world.hub, audit.CONSOLE, "wendy", UserChanges(is_suspended=True))


def grow_old(world: World, ref: RepoRef) -> None:
    world.clock.advance(SESSION_MS)


def test_a_member_with_a_session_uploads_to_an_organisation(world: World, ref: RepoRef) -> None:
    browser, _ = world.browser("wendy")
    wanted = [RequestedObject(SHA256, len(DATA))]
    [answer] = lfs.plan_uploads(world.hub, browser, ref, wanted, takes_parts=False, revision="main")
    assert isinstance(answer.link, SignedUrl)
    begun = lfs.receive(world.hub, SHA256, answer.link.query)
    begun.write(DATA)
    begun.finish()
    assert is_linked(world, ref)


@pytest.mark.parametrize("change", [demote, remove, transfer, delete, sign_out, suspend, grow_old])
def test_a_link_for_a_session_ends_with_it(world: World, ref: RepoRef, change: Change) -> None:
    browser, _ = world.browser("wendy")
    wanted = [RequestedObject(SHA256, len(DATA))]
    [answer] = lfs.plan_uploads(world.hub, browser, ref, wanted, takes_parts=False, revision="main")
    assert isinstance(answer.link, SignedUrl)
    change(world, ref)
    with pytest.raises((NotAllowed, InvalidSignature, RepoNotFound, AccountSuspended)):
        lfs.receive(world.hub, SHA256, answer.link.query)


@pytest.mark.parametrize("change", [demote, remove, sign_out, suspend, grow_old])
def test_a_change_through_a_session_is_judged_again_when_it_takes_effect(
    world: World, ref: RepoRef, change: Change
) -> None:
    browser, _ = world.browser("wendy")
    before = branch_of(world, ref)
    change(world, ref)
    with pytest.raises((NotAllowed, RepoNotFound, LoginRequired, AccountSuspended)):
        commits.create(world.hub, browser, ref, "main", CommitDraft("late", [AddFile(RepoPath("a.txt"), b"x")]))
    assert branch_of(world, ref) == before


def test_the_stamp_of_a_session_is_not_that_of_another_user(world: World) -> None:
    browser, secret = world.browser("wendy")
    with world.hub.read() as tx:
        now = world.clock.now_ms
        assert find_by_stamp(tx, stamp_of(browser), browser.account.id, now).roles == browser.roles
        for stamp, user in ((stamp_of(browser), browser.account.id + 1), ("session.", browser.account.id)):
            with pytest.raises(LoginRequired):
                find_by_stamp(tx, stamp, user, now)
    assert secret not in stamp_of(browser)


def test_a_rename_keeps_what_the_right_still_allows(world: World, ref: RepoRef) -> None:
    link = plan(world, ref)
    repositories.move(world.hub, world.olga, ref, RepoRef(ref.type, type(ref.id)("acme", "renamed")))
    begun = lfs.receive(world.hub, SHA256, link.query)
    begun.write(DATA)
    begun.finish()
    assert is_linked(world, RepoRef(ref.type, type(ref.id)("acme", "renamed")))


@pytest.mark.parametrize("moves", ["repository", "folder"])
def test_a_xet_token_goes_on_under_another_name(world: World, moves: str) -> None:
    ref = world.repo("acme.llm/m", by=world.olga)
    issued = xet_tokens.issue_write(world.hub, world.wendy, ref)
    given = xet_tokens.check(world.hub, issued.secret, issued.store)
    if moves == "repository":
        repositories.move(world.hub, world.olga, ref, RepoRef(ref.type, RepoId("acme.llm", "renamed")))
    else:
        folders.change(world.hub, world.olga, FolderId(ref.type, "acme", "llm"), FolderChanges(name="renamed"))
    assert xet_tokens.check(world.hub, issued.secret, issued.store).repo_id == given.repo_id


def test_a_grant_survives_being_signed(world: World) -> None:
    for grant in (Capability(Uid("1")), Capability(Uid("1"), 7, "uid.00", "main"), Capability(Uid("1"), 7, "uid.00")):
        assert capabilities.of_fields(grant.fields()) == grant
    for fields in ({}, {"repo": "1", "user": "7"}, {"repo": "1", "token": "uid.00"}):
        with pytest.raises(InvalidSignature):
            capabilities.of_fields(fields)


def test_a_stamp_names_no_secret(world: World) -> None:
    stamp = stamp_of(world.wendy)
    assert stamp.startswith(f"{world.wendy.token.uid}.")
    assert world.secrets["wendy:write"] not in stamp


def test_moderation_ends_links(world: World, ref: RepoRef) -> None:
    link = plan(world, ref)
    moderation.disable(world.hub, ref, "reason")
    with pytest.raises(EntrepotError):
        lfs.receive(world.hub, SHA256, link.query)
