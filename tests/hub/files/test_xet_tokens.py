from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.repos import repositories as repos
from entrepot.errors import (
    InvalidCredentials,
    LoginRequired,
    NotAllowed,
    RepoNotFound,
    RevisionNotFound,
    ThingNotFound,
)
from entrepot.hub.accounts import accounts, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED, Caller
from entrepot.hub.files import chunks, reconstructions, xet_tokens, xorb_scrubbing
from entrepot.hub.files.xet_tokens import GRACE_S, LIFETIME_S, IssuedXetToken, XetToken
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.hub.scopes import RequestedScope, Scopes, ScopeTarget
from entrepot.names import RepoId, RepoRef
from tests.support.chunk_sender import Sender
from tests.support.hub_work import register_shard
from tests.support.worlds import World


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo()


@pytest.fixture
def issued(world: World, ref: RepoRef) -> IssuedXetToken:
    return xet_tokens.issue_write(world.hub, world.alice, ref)


def check(world: World, issued: IssuedXetToken) -> XetToken:
    return xet_tokens.check(world.hub, issued.secret, issued.store)


def test_a_token_states_holder_right_and_repository(world: World, ref: RepoRef, issued: IssuedXetToken) -> None:
    alice = world.alice.account.id
    sender = f"u{world.alice.account.uid}"
    given = XetToken(world.row_id(ref), alice, alice, may_write=True, sender=sender)
    assert check(world, issued) == given
    reading = xet_tokens.issue_read(world.hub, None, ref, "main")
    assert check(world, reading) == XetToken(world.row_id(ref), None, alice, may_write=False)


def test_a_token_is_valid_longer_than_stated(world: World, issued: IssuedXetToken) -> None:
    assert issued.expires_s == world.clock.now_ms // 1000 + LIFETIME_S
    world.clock.advance((LIFETIME_S + GRACE_S) * 1000)
    assert check(world, issued).may_write
    world.clock.advance(1000)
    with pytest.raises(InvalidCredentials):
        check(world, issued)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: None,
        lambda secret: "",
        lambda secret: secret.removeprefix("xet_"),
        lambda secret: secret[:-1] + ("0" if secret[-1] != "0" else "1"),
        lambda secret: "xet_" + secret[5:],
        lambda secret: secret.partition(".")[0],
        lambda secret: "xet_\udcff.ä",
        lambda secret: "xet_",
    ],
)
def test_an_altered_token_is_refused(world: World, issued: IssuedXetToken, spoil: Callable[[str], str | None]) -> None:
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, spoil(issued.secret), issued.store)


def test_a_text_sealed_for_another_purpose_is_not_a_token(world: World, issued: IssuedXetToken) -> None:
    payload = world.hub.signer.unseal("xet-pass", issued.secret.removeprefix("xet_"))
    with pytest.raises(InvalidCredentials):
        xet_tokens.check(world.hub, "xet_" + world.hub.signer.seal("session", payload), issued.store)


def test_a_read_token_allows_no_upload(world: World, sender: Sender, ref: RepoRef) -> None:
    given = sender.give_read(ref)
    xorb = sender.xorb(sender.chunks(1))
    for call in (
        lambda: chunks.receive_xorb(world.hub, given, xorb.hash, 10),
        lambda: chunks.has_xorb(world.hub, given, xorb.hash),
        lambda: register_shard(world.hub, given, b""),
    ):
        with pytest.raises(NotAllowed):
            call()
    assert sender.stored() == []


def test_tokens_are_issued_to_callers_with_the_right(world: World, ref: RepoRef) -> None:
    private = world.repo("alice/p", visibility="private")
    with pytest.raises(LoginRequired):
        xet_tokens.issue_write(world.hub, None, ref)
    with pytest.raises(NotAllowed):
        xet_tokens.issue_write(world.hub, world.bob, ref)
    with pytest.raises(NotAllowed):
        xet_tokens.issue_write(world.hub, world.caller("alice", "read"), ref)
    with pytest.raises(RepoNotFound):
        xet_tokens.issue_read(world.hub, world.bob, private, None)
    with pytest.raises(RevisionNotFound):
        xet_tokens.issue_read(world.hub, world.alice, ref, "nope")


def test_a_new_epoch_ends_every_token_and_names_another_store(
    world: World, ref: RepoRef, issued: IssuedXetToken
) -> None:
    xorb_scrubbing.bump_epoch(world.hub)
    with pytest.raises(ThingNotFound):
        check(world, issued)
    again = xet_tokens.issue_write(world.hub, world.alice, ref)
    assert again.store != issued.store
    assert check(world, again).may_write


def test_every_account_has_a_store_of_its_own_and_a_new_one_when_it_relied_on_what_is_gone(world: World) -> None:
    stores = {}
    for name in ("alice/a", "alice/b", "bob/b"):
        ref = world.repo(name)
        stores[name] = xet_tokens.issue_write(world.hub, world.caller(name.partition("/")[0]), ref)
    assert stores["alice/a"].store == stores["alice/b"].store != stores["bob/b"].store
    with world.hub.write() as tx:
        xet_tokens.forget_known(tx, check(world, stores["alice/a"]).sender)
    again = xet_tokens.issue_write(world.hub, world.alice, world.repo("alice/c"))
    assert again.store != stores["alice/a"].store
    assert check(world, stores["alice/a"]).may_write  # uploads under way continue
    assert check(world, again).may_write


def test_damaged_chunks_give_everyone_a_new_store_each_time(world: World, ref: RepoRef) -> None:
    stores = []
    for _ in range(3):
        stores += [xet_tokens.issue_read(world.hub, caller, ref, None).store for caller in (None, world.alice)]
        with world.hub.write() as tx:
            xet_tokens.forget_all_known(tx)
    assert len(set(stores)) == 6


def test_namespaces_that_are_kept_apart_have_stores_of_their_own(make_world: Callable[..., World]) -> None:
    apart = make_world(dedup_scope="namespace")
    olga = apart.caller("olga")
    refs = [apart.repo(name, by=olga) for name in ("olga/r", "acme/r", "acme/s")]
    issued = [xet_tokens.issue_write(apart.hub, olga, ref) for ref in refs]
    assert [one.store == issued[1].store for one in issued] == [False, True, True]
    with pytest.raises(ThingNotFound):
        xet_tokens.check(apart.hub, issued[0].secret, issued[1].store)


def test_a_token_for_a_deleted_repository_registers_nothing(world: World, sender: Sender, ref: RepoRef) -> None:
    given, xorb = sender.give(ref), sender.xorb(sender.chunks(1))
    sender.send(given, xorb)
    block = sender.block([(xorb, 0, 4)], "a" * 64)
    sender.register(given, [block], [xorb])
    assert reconstructions.reconstruct(world.hub, given, block.hash, 0, None).length == 4000
    repositories.delete(world.hub, world.alice, ref)
    with pytest.raises(RepoNotFound):
        sender.register(given, [block], [xorb])
    with pytest.raises(ThingNotFound):
        reconstructions.reconstruct(world.hub, given, block.hash, 0, None)


def test_a_revoked_access_token_gets_no_xet_token(world: World, ref: RepoRef) -> None:
    made = accounts.create_token(world.hub, "alice", role="write")
    caller = world.hub.identify(made.secret)
    assert xet_tokens.issue_write(world.hub, caller, ref).secret.startswith("xet_")
    with pytest.raises(InvalidCredentials):
        world.hub.identify(xet_tokens.issue_write(world.hub, caller, ref).secret)


@pytest.mark.parametrize("verb", [xet_tokens.issue_read, xet_tokens.issue_write])
def test_a_token_of_a_deleted_repository_applies_to_its_replacement(world: World, ref: RepoRef, verb: Any) -> None:
    issued = verb(world.hub, world.alice, ref, "main")
    old = world.row_id(ref)
    repositories.delete(world.hub, world.alice, ref)
    with pytest.raises(InvalidCredentials):
        check(world, issued)
    world.repo(str(ref.id), visibility="private")
    assert check(world, issued).repo_id == world.row_id(ref) != old


@pytest.mark.parametrize("holder", [None, "bob"])
def test_a_token_of_a_public_repository_is_refused_for_a_private_one_of_its_name(
    world: World, ref: RepoRef, holder: str | None
) -> None:
    issued = xet_tokens.issue_read(world.hub, world.caller(holder) if holder else None, ref, "main")
    assert check(world, issued).repo_id == world.row_id(ref)
    repositories.delete(world.hub, world.alice, ref)
    world.repo(str(ref.id), visibility="private")
    with pytest.raises(InvalidCredentials):
        check(world, issued)


def test_a_token_follows_a_renamed_repository_until_the_name_is_taken(world: World, ref: RepoRef) -> None:
    issued = xet_tokens.issue_read(world.hub, world.bob, ref, "main")
    old = world.row_id(ref)
    repositories.move(world.hub, world.alice, ref, RepoRef(ref.type, RepoId("alice", "elsewhere")))
    assert check(world, issued).repo_id == old
    world.repo(str(ref.id))
    assert check(world, issued).repo_id == world.row_id(ref) != old
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    with pytest.raises(InvalidCredentials):
        check(world, issued)


def test_a_write_token_ends_when_the_repository_goes_to_another_owner(world: World) -> None:
    olga = world.caller("olga")
    ref = world.repo("olga/m", by=olga)
    writing, reading = xet_tokens.issue_write(world.hub, olga, ref), xet_tokens.issue_read(world.hub, olga, ref, None)
    repositories.move(world.hub, olga, ref, RepoRef(ref.type, RepoId("acme", "m")))
    with pytest.raises(InvalidCredentials):
        check(world, writing)
    assert not check(world, reading).may_write
    again = xet_tokens.issue_write(world.hub, olga, RepoRef(ref.type, RepoId("acme", "m")))
    assert check(world, again).may_write


def test_a_fine_grained_token_for_the_old_repository_opens_no_new_private_one(world: World, ref: RepoRef) -> None:
    with world.hub.read() as tx:
        row = repos.find(tx, ref)
    scoped = Scopes((ScopeTarget("model", row.uid, frozenset({"repo.content.read"})),))
    made = accounts.create_token(world.hub, "alice", role="read")
    with world.hub.write() as tx:
        token_rows.update(tx, made.token.uid, role="fineGrained", scopes=scoped.encode())
    caller = world.hub.identify(made.secret)
    repositories.configure(world.hub, world.alice, ref, RepoChanges(visibility="private"))
    issued = xet_tokens.issue_read(world.hub, caller, ref, "main")
    assert check(world, issued).repo_id == world.row_id(ref)
    repositories.delete(world.hub, world.alice, ref)
    world.repo(str(ref.id), visibility="private")
    with pytest.raises(InvalidCredentials):
        check(world, issued)


def test_a_repository_that_takes_the_name_during_a_request_gets_nothing_of_it(world: World, ref: RepoRef) -> None:
    given = check(world, xet_tokens.issue_write(world.hub, world.alice, ref))
    repositories.delete(world.hub, world.alice, ref)
    world.repo(str(ref.id))
    with world.hub.read() as tx, pytest.raises(InvalidCredentials):
        xet_tokens.recheck(world.hub, tx, given)


def test_only_resumable_tokens_of_equal_scopes_share_what_they_have_sent(world: World, ref: RepoRef) -> None:
    def sender(caller: Caller) -> str:
        return xet_tokens.sender_of(caller)

    def limited(
        name: str, *, is_resumable: bool, permissions: Sequence[str] = ("repo.content.read", "repo.commit")
    ) -> Caller:
        place = RequestedScope("model", str(ref.id), permissions)
        draft = TokenDraft(FINE_GRAINED, name, places=[place], is_resumable=is_resumable)
        caller = world.hub.identify(tokens.create(world.hub, world.alice, draft)[0].secret)
        assert caller is not None
        return caller

    first, second = (limited(name, is_resumable=True) for name in ("first", "second"))
    assert sender(first) == sender(second)
    assert sender(limited("wider", is_resumable=True, permissions=["repo.write"])) != sender(first)
    plain = [sender(limited(name, is_resumable=False)) for name in ("third", "fourth")]
    assert len({sender(first), *plain}) == 3
