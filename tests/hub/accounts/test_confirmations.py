from __future__ import annotations

import attrs
import pytest

from entrepot.errors import ConfirmationNeeded, LoginRequired, NotAllowed, SecondFactorNeeded, StepExpired, WrongCode
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, confirmations, second_steps, sessions, tokens
from entrepot.hub.accounts.own_sessions import RECENT_MS
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.context import HubContext
from tests.support.second_factors import add_app, frozen, whose

PASSWORD = "correct horse"


@pytest.fixture
def hub(hub: HubContext) -> HubContext:
    return frozen(hub)


def after(hub: HubContext, ms: int) -> HubContext:
    return attrs.evolve(hub, now_ms=lambda: hub.now_ms() + ms)


def test_a_sign_in_is_recent_for_an_hour_and_again_after_the_password(hub: HubContext) -> None:
    accounts.create_user(hub, "alice", password=PASSWORD)
    opened = sessions.sign_in(hub, "alice", PASSWORD)
    alice = whose(hub, opened)
    assert confirmations.require_recent(hub, alice, opened.secret) == alice
    later = after(hub, RECENT_MS)
    with pytest.raises(ConfirmationNeeded):
        confirmations.require_recent(later, alice, opened.secret)
    with pytest.raises(NotAllowed, match="password is wrong"):
        confirmations.confirm(later, alice, opened.secret, "wrong horse", "")
    assert not confirmations.is_recent(later, alice, opened.secret)
    assert not confirmations.needs_code(later, alice)
    confirmations.confirm(later, alice, opened.secret, PASSWORD, "")
    assert confirmations.is_recent(later, alice, opened.secret)
    sessions.sign_out(hub, opened.secret)
    with pytest.raises(LoginRequired):
        confirmations.confirm(later, alice, opened.secret, PASSWORD, "")


def test_with_a_second_factor_the_password_is_not_enough(hub: HubContext) -> None:
    accounts.create_user(hub, "alice", password=PASSWORD)
    app = add_app(hub, "alice", PASSWORD)
    opened = sessions.OpenedSession("alice", _open(hub, app.codes[0]))
    alice, later = whose(hub, opened), after(hub, RECENT_MS)
    assert confirmations.needs_code(hub, alice)
    for wrong in ("", "12345", app.codes[0]):
        with pytest.raises(WrongCode):
            confirmations.confirm(later, alice, opened.secret, PASSWORD, wrong)
    assert not confirmations.is_recent(later, alice, opened.secret)
    confirmations.confirm(later, alice, opened.secret, PASSWORD, app.codes[1])
    assert confirmations.is_recent(later, alice, opened.secret)


def test_administrators_need_a_recent_sign_in_where_others_do_not(hub: HubContext) -> None:
    for name in ("root", "bob"):
        accounts.create_user(hub, name, password=PASSWORD, is_admin=name == "root")
    later = after(hub, RECENT_MS)
    for name in ("root", "bob"):
        opened = sessions.sign_in(hub, name, PASSWORD)
        caller = whose(hub, opened)
        confirmations.require_recent_of_admin(hub, caller, opened.secret)
        if name == "bob":
            confirmations.require_recent_of_admin(later, caller, opened.secret)
        else:
            with pytest.raises(ConfirmationNeeded):
                confirmations.require_recent_of_admin(later, caller, opened.secret)


def test_sessions_of_others_and_tokens_confirm_nothing(hub: HubContext) -> None:
    for name in ("alice", "bob"):
        accounts.create_user(hub, name, password=PASSWORD)
    alices, bobs = (sessions.sign_in(hub, name, PASSWORD) for name in ("alice", "bob"))
    with pytest.raises(NotAllowed):
        confirmations.is_recent(hub, whose(hub, alices), bobs.secret)
    with pytest.raises(StepExpired):
        confirmations.confirm(hub, whose(hub, alices), bobs.secret, PASSWORD, "")
    secret = tokens.create_for(hub, "alice", TokenDraft("write"), by=audit.CONSOLE)[0].secret
    with pytest.raises(NotAllowed):
        confirmations.require_recent(hub, hub.identify(secret), alices.secret)


def _open(hub: HubContext, code: str) -> str:
    with pytest.raises(SecondFactorNeeded) as needed:
        sessions.sign_in(hub, "alice", PASSWORD)
    return second_steps.finish(hub, needed.value.proof, code).secret
