from __future__ import annotations

import attrs
import pytest

from entrepot.errors import (
    AlreadyExists,
    ConfirmationNeeded,
    LoginRequired,
    NotAllowed,
    SecondFactorNeeded,
    StepExpired,
    ThingNotFound,
    WrongCode,
)
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, confirmations, own_factors, second_steps, sessions, sign_ins, tokens
from entrepot.hub.accounts.own_factors import SETUP_MS
from entrepot.hub.accounts.own_sessions import RECENT_MS
from entrepot.hub.accounts.sessions import OpenedSession
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from tests.support.second_factors import App, add_app, decode_secret, frozen, reload, whose

PASSWORD = "correct horse"


@pytest.fixture
def hub(hub: HubContext) -> HubContext:
    return frozen(hub)


@pytest.fixture
def opened(hub: HubContext) -> OpenedSession:
    accounts.create_user(hub, "alice", password=PASSWORD)
    return sessions.sign_in(hub, "alice", PASSWORD)


@pytest.fixture
def alice(hub: HubContext, opened: OpenedSession) -> Caller:
    return whose(hub, opened)


def after(hub: HubContext, ms: int) -> HubContext:
    return attrs.evolve(hub, now_ms=lambda: hub.now_ms() + ms)


def test_it_is_on_after_the_first_code_and_ends_the_other_sessions(
    hub: HubContext, opened: OpenedSession, alice: Caller
) -> None:
    other = sessions.sign_in(hub, "alice", PASSWORD)
    setup = own_factors.begin(hub, alice, opened.secret, "hub.example")
    assert setup.secret not in repr(setup)
    assert own_factors.status(hub, alice).created_ms is None
    app = App(decode_secret(setup.secret), ())
    for wrong in ("", "12345", app.shows(hub, 5)):
        with pytest.raises(WrongCode):
            own_factors.enable(hub, alice, opened.secret, setup.sealed, wrong)
    assert own_factors.show_setup(hub, alice, setup.sealed, "hub.example") == setup
    codes = own_factors.enable(hub, alice, opened.secret, setup.sealed, app.shows(hub))
    status = own_factors.status(hub, alice)
    assert (status.created_ms is None, status.codes_left, len(codes)) == (False, 10, 10)
    assert sessions.identify(hub, other.secret) is None
    assert sessions.identify(hub, opened.secret) is not None
    with pytest.raises(SecondFactorNeeded) as needed:
        sessions.sign_in(hub, "alice", PASSWORD)
    with pytest.raises(WrongCode):  # the code of the set-up is used up
        second_steps.finish(hub, needed.value.proof, app.shows(hub))
    with pytest.raises(AlreadyExists):
        own_factors.begin(hub, alice, opened.secret, "hub.example")
    with pytest.raises(AlreadyExists):
        own_factors.enable(hub, alice, opened.secret, setup.sealed, app.shows(hub, 1))


def test_a_set_up_belongs_to_a_user_and_a_session_and_ends(
    hub: HubContext, opened: OpenedSession, alice: Caller
) -> None:
    accounts.create_user(hub, "bob", password=PASSWORD)
    others = sessions.sign_in(hub, "bob", PASSWORD)
    again = sessions.sign_in(hub, "alice", PASSWORD)
    setup = own_factors.begin(hub, alice, opened.secret, "hub.example")
    code = App(decode_secret(setup.secret), ()).shows(hub)
    for caller, session in ((whose(hub, others), others.secret), (alice, again.secret)):
        with pytest.raises(StepExpired):
            own_factors.enable(hub, caller, session, setup.sealed, code)
    with pytest.raises(StepExpired):
        own_factors.show_setup(hub, whose(hub, others), setup.sealed, "hub.example")
    with pytest.raises(StepExpired):
        own_factors.enable(after(hub, SETUP_MS), alice, opened.secret, setup.sealed, code)
    with pytest.raises(StepExpired):
        own_factors.enable(hub, alice, opened.secret, setup.sealed[:-1], code)


def test_it_needs_a_recent_sign_in_in_a_browser_and_a_password(
    hub: HubContext, opened: OpenedSession, alice: Caller
) -> None:
    with pytest.raises(ConfirmationNeeded):
        own_factors.begin(after(hub, RECENT_MS), alice, opened.secret, "hub.example")
    with pytest.raises(NotAllowed):
        own_factors.begin(hub, alice, None, "hub.example")
    secret = tokens.create_for(hub, "alice", TokenDraft("write"), by=audit.CONSOLE)[0].secret
    with pytest.raises(NotAllowed, match="browser"):
        own_factors.begin(hub, hub.identify(secret), opened.secret, "hub.example")
    accounts.create_user(hub, "nopass")
    linked = sessions.sign_in_with_code(hub, sign_ins.issue_code(hub, audit.CONSOLE, "nopass", 600).code)
    with pytest.raises(NotAllowed, match="set a password first"):
        own_factors.begin(hub, whose(hub, linked), linked.secret, "hub.example")


def signed_in_with_app(hub: HubContext) -> tuple[App, OpenedSession, Caller]:
    """Return the app of bob, the session that was opened with it, and its caller."""
    accounts.create_user(hub, "bob", password=PASSWORD)
    app = add_app(hub, "bob", PASSWORD)
    with pytest.raises(SecondFactorNeeded) as needed:
        sessions.sign_in(hub, "bob", PASSWORD)
    opened = second_steps.finish(hub, needed.value.proof, app.codes[0])
    bob = whose(hub, opened)
    return app, opened, bob


def test_it_is_turned_off_with_password_and_code_only(hub: HubContext) -> None:
    app, opened, bob = signed_in_with_app(hub)
    with pytest.raises(NotAllowed, match="password is wrong"):
        own_factors.disable(hub, bob, opened.secret, "wrong horse", app.shows(hub))
    with pytest.raises(WrongCode):
        own_factors.disable(hub, bob, opened.secret, PASSWORD, app.codes[0])
    with pytest.raises(NotAllowed):
        own_factors.disable(hub, bob, None, PASSWORD, app.shows(hub))
    own_factors.disable(hub, bob, opened.secret, PASSWORD, app.shows(hub))
    assert own_factors.status(hub, bob) == own_factors.FactorStatus(None, 0, has_password=True)
    with pytest.raises(ThingNotFound):
        own_factors.disable(hub, reload(hub, bob), opened.secret, PASSWORD, app.shows(hub, 1))
    assert sessions.sign_in(hub, "bob", PASSWORD).user == "bob"


def test_new_recovery_codes_end_the_earlier_ones(hub: HubContext) -> None:
    app, opened, bob = signed_in_with_app(hub)
    with pytest.raises(WrongCode):
        own_factors.renew_codes(hub, bob, opened.secret, "12345")
    assert own_factors.status(hub, bob).codes_left == 9
    fresh = own_factors.renew_codes(hub, bob, opened.secret, app.codes[1])
    assert own_factors.status(hub, bob).codes_left == 10
    with pytest.raises(SecondFactorNeeded) as needed:
        sessions.sign_in(hub, "bob", PASSWORD)
    with pytest.raises(WrongCode):
        second_steps.finish(hub, needed.value.proof, app.codes[2])
    assert second_steps.finish(hub, needed.value.proof, fresh[0]).user == "bob"


def test_a_session_that_ends_meanwhile_changes_nothing(
    hub: HubContext, opened: OpenedSession, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = own_factors.begin(hub, alice, opened.secret, "hub.example")
    code = App(decode_secret(setup.secret), ()).shows(hub)
    with monkeypatch.context() as patch:
        end_session_after(hub, opened, patch)
        with pytest.raises(LoginRequired):
            own_factors.enable(hub, alice, opened.secret, setup.sealed, code)
    assert own_factors.status(hub, alice).created_ms is None
    app = add_app(hub, "alice", PASSWORD)
    with pytest.raises(SecondFactorNeeded) as needed:
        sessions.sign_in(hub, "alice", PASSWORD)
    again = second_steps.finish(hub, needed.value.proof, app.codes[0])
    with monkeypatch.context() as patch:
        end_session_after(hub, again, patch)
        with pytest.raises(LoginRequired):
            own_factors.renew_codes(hub, whose(hub, again), again.secret, app.codes[1])
    assert own_factors.status(hub, alice).codes_left == 9


def end_session_after(hub: HubContext, opened: OpenedSession, patch: pytest.MonkeyPatch) -> None:
    """End the session as soon as the use case has looked at it."""
    look = confirmations.require_recent

    def run(hub: HubContext, caller: MaybeCaller, session: str | None) -> Caller:
        known = look(hub, caller, session)
        sessions.sign_out(hub, opened.secret)
        return known

    patch.setattr(own_factors, "require_recent", run)
