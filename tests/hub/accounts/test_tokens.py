from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    AccountNotFound,
    AccountSuspended,
    InvalidCredentials,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    Malformed,
    NotAllowed,
    ThingNotFound,
)
from entrepot.hub import audit
from entrepot.hub.accounts import administration, sessions, tokens
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED
from entrepot.hub.repos import repositories
from entrepot.hub.scopes import READ, RequestedScope
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.wire.accounts.administration import UserChanges
from tests.support import hub_work
from tests.support.worlds import World

HOUR_MS = 3_600_000


def test_a_token_is_made_used_listed_and_revoked(world: World) -> None:
    made, known = tokens.create(world.hub, world.alice, TokenDraft("write", "laptop"))
    caller = world.hub.identify(made.secret)
    assert (caller.account.name, caller.may_write, known.token.name) == ("alice", True, "laptop")
    assert [item.token.name for item in tokens.list_own(world.hub, world.alice)][-1] == "laptop"
    tokens.revoke(world.hub, world.alice, made.token.uid)
    with pytest.raises(InvalidCredentials):
        world.hub.identify(made.secret)


def test_what_has_ended_meanwhile_creates_no_token(world: World) -> None:
    browser, secret = world.browser("alice")
    sessions.sign_out(world.hub, secret)
    with pytest.raises(LoginRequired):
        tokens.create(world.hub, browser, TokenDraft("write"))
    alice, bob = world.alice, world.bob
    tokens.revoke(world.hub, alice, alice.token.uid)
    with pytest.raises(InvalidCredentials):
        tokens.create(world.hub, alice, TokenDraft("write"))
    administration.change_user(world.hub, world.root, "bob", UserChanges(is_suspended=True))
    with pytest.raises(AccountSuspended):
        tokens.create(world.hub, bob, TokenDraft("write"))


def test_a_token_can_revoke_itself(world: World) -> None:
    made, _ = tokens.create(world.hub, world.alice, TokenDraft("write"))
    tokens.revoke(world.hub, world.hub.identify(made.secret), made.token.uid)
    with pytest.raises(InvalidCredentials):
        world.hub.identify(made.secret)


def test_rotation_ends_the_old_secret_and_keeps_the_rest(world: World) -> None:
    wish = TokenDraft(FINE_GRAINED, "ci", world.clock.now_ms + HOUR_MS, [RequestedScope("user", "alice", [READ])])
    made, _ = tokens.create(world.hub, world.alice, wish)
    fresh, known = tokens.rotate(world.hub, world.alice, made.token.uid)
    with pytest.raises(InvalidCredentials):
        world.hub.identify(made.secret)
    caller = world.hub.identify(fresh.secret)
    assert caller.token == made.token
    assert [(shown.name, shown.place.permissions) for shown in known.places] == [("alice", frozenset({READ}))]


def test_a_token_is_renamed(world: World) -> None:
    made, _ = tokens.create(world.hub, world.alice, TokenDraft("read"))
    assert made.token.name == "token-3"
    assert tokens.rename(world.hub, world.alice, made.token.uid, " desk ").token.name == "desk"
    assert world.hub.identify(made.secret).token.name == "desk"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_name_must_be_valid(world: World, name: str) -> None:
    with pytest.raises(InvalidName):
        tokens.create(world.hub, world.alice, TokenDraft("read", name))
    with pytest.raises(InvalidName):
        tokens.rename(world.hub, world.alice, world.alice.token.uid, name)


def test_users_cannot_change_tokens_of_others(world: World) -> None:
    uid = world.bob.token.uid
    for use in (
        lambda: tokens.revoke(world.hub, world.alice, uid),
        lambda: tokens.rotate(world.hub, world.alice, uid),
        lambda: tokens.rename(world.hub, world.alice, uid, "mine"),
    ):
        with pytest.raises(ThingNotFound):
            use()
    assert world.bob.token.uid == uid


def test_only_tokens_for_writing_manage_tokens(world: World) -> None:
    made, _ = tokens.create(
        world.hub, world.alice, TokenDraft(FINE_GRAINED, places=[RequestedScope("user", "alice", [READ])])
    )
    limited, reader = world.hub.identify(made.secret), world.caller("alice", "read")
    uses: tuple[Callable[[Any], Any], ...] = (
        lambda who: tokens.create(world.hub, who, TokenDraft("read")),
        lambda who: tokens.rename(world.hub, who, made.token.uid, "x"),
        lambda who: tokens.rotate(world.hub, who, made.token.uid),
        lambda who: tokens.revoke(world.hub, who, made.token.uid),
    )
    for use in uses:
        with pytest.raises(LoginRequired):
            use(None)
        for caller in (limited, reader):
            with pytest.raises(NotAllowed):
                use(caller)
    with pytest.raises(LoginRequired):
        tokens.list_own(world.hub, None)
    with pytest.raises(NotAllowed):
        tokens.list_own(world.hub, limited)
    assert len(tokens.list_own(world.hub, reader)) == 3


def test_a_token_cannot_create_one_that_expires_later(world: World) -> None:
    end = world.clock.now_ms + HOUR_MS
    short = world.hub.identify(tokens.create(world.hub, world.alice, TokenDraft("write", "short", end))[0].secret)
    assert tokens.create(world.hub, short, TokenDraft("write"))[0].token.expires_ms == end
    assert tokens.create(world.hub, short, TokenDraft("write", expires_ms=end - 1))[0].token.expires_ms == end - 1
    uses: tuple[Callable[[], Any], ...] = (
        lambda: tokens.create(world.hub, short, TokenDraft("write", expires_ms=end + 1)),
        lambda: tokens.rotate(world.hub, short, world.alice.token.uid),
    )
    for use in uses:
        with pytest.raises(Malformed, match="longer life"):
            use()
    tokens.rotate(world.hub, short, short.token.uid)


@pytest.mark.parametrize("ahead_ms", [0, -1, 1000 * 365 * 86_400_000 + 1])
def test_an_expiry_must_be_in_the_future_within_a_limit(world: World, ahead_ms: int) -> None:
    with pytest.raises(Malformed, match="expiry"):
        tokens.create(world.hub, world.alice, TokenDraft("read", expires_ms=world.clock.now_ms + ahead_ms))


def test_an_expired_token_is_worth_nothing(world: World) -> None:
    wish = TokenDraft(FINE_GRAINED, expires_ms=world.clock.now_ms + HOUR_MS)
    made, _ = tokens.create(world.hub, world.alice, wish)
    world.clock.advance(HOUR_MS)
    with pytest.raises(InvalidCredentials):
        world.hub.identify(made.secret)


def test_roles_and_scopes_fit_together(world: World) -> None:
    with pytest.raises(InvalidName):
        tokens.create(world.hub, world.alice, TokenDraft("god"))
    for wish in (
        TokenDraft("write", places=[RequestedScope("user", "alice", [READ])]),
        TokenDraft("read", reads_gated=True),
    ):
        with pytest.raises(Malformed, match="fineGrained"):
            tokens.create(world.hub, world.alice, wish)


def test_a_place_is_named_by_its_present_name(world: World) -> None:
    ref = world.repo("alice/m")
    repositories.move(world.hub, world.alice, ref, RepoRef(RepoType.MODEL, RepoId("alice", "new")))
    with pytest.raises(Malformed, match="moved to alice/new"):
        tokens.create(
            world.hub, world.alice, TokenDraft(FINE_GRAINED, places=[RequestedScope("model", "alice/m", [READ])])
        )


def test_a_user_has_a_limited_number_of_tokens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 3)
    tokens.create(world.hub, world.alice, TokenDraft("read"))
    with pytest.raises(LimitExceeded):
        tokens.create(world.hub, world.alice, TokenDraft("read"))


def test_the_machine_makes_tokens_for_users(world: World) -> None:
    made, _ = tokens.create_for(world.hub, "BOB", TokenDraft("read"))
    assert world.hub.identify(made.secret).account.name == "bob"
    for name in ("nobody", "acme"):
        with pytest.raises(AccountNotFound):
            tokens.create_for(world.hub, name, TokenDraft("read"))


def test_a_caller_can_read_the_scopes_of_their_token(world: World) -> None:
    wish = TokenDraft(FINE_GRAINED, places=[RequestedScope("org", "acme", [READ])], reads_gated=True)
    made, _ = tokens.create(world.hub, world.rita, wish)
    caller, known = tokens.present(world.hub, world.hub.identify(made.secret))
    assert caller.account.name == "rita"
    assert known.scopes is not None
    assert (known.scopes.reads_gated, [shown.name for shown in known.places]) == (True, ["acme"])
    assert tokens.present(world.hub, world.rita)[1].scopes is None
    with pytest.raises(LoginRequired):
        tokens.present(world.hub, None)


def test_changes_of_tokens_are_audited_without_secrets(world: World) -> None:
    made, _ = tokens.create(world.hub, world.alice, TokenDraft("read", "ci"))
    tokens.rotate(world.hub, world.alice, made.token.uid)
    tokens.revoke(world.hub, world.alice, made.token.uid)
    rows = audit.search(world.hub, AuditFilter(subject="token ci of alice"))
    assert [row.action for row in rows] == ["token.revoke", "token.rotate", "token.create"]
    assert "hf_" not in str(rows)


def test_tokens_are_deleted_with_their_user(world: World) -> None:
    made, _ = tokens.create(world.hub, world.zed, TokenDraft("read"))
    hub_work.delete_user(world.hub, "zed")
    with pytest.raises(InvalidCredentials):
        world.hub.identify(made.secret)
