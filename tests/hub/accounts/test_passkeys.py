from __future__ import annotations

import attrs
import msgspec
import pytest

from entrepot.catalog.accounts import accounts as rows
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import (
    AccountSuspended,
    ConfirmationNeeded,
    InvalidName,
    LimitExceeded,
    LoginRequired,
    NotAllowed,
    PasskeyRefused,
    StepExpired,
    ThingNotFound,
)
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, administration, confirmations, passkeys, sessions
from entrepot.hub.accounts.own_sessions import RECENT_MS
from entrepot.hub.accounts.passkeys import LIFETIME_S, PasskeyReply
from entrepot.hub.accounts.sessions import OpenedSession
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.wire.accounts.administration import UserChanges
from tests.support.authenticator import Authenticator
from tests.support.second_factors import SITE, add_app, whose
from tests.support.second_factors import add_passkey as add

PASSWORD = "correct horse"


@pytest.fixture
def opened(hub: HubContext) -> OpenedSession:
    accounts.create_user(hub, "root", is_admin=True)
    for name in ("alice", "bob"):
        accounts.create_user(hub, name, password=PASSWORD)
    return sessions.sign_in(hub, "alice", PASSWORD)


@pytest.fixture
def alice(hub: HubContext, opened: OpenedSession) -> Caller:
    return whose(hub, opened)


def after(hub: HubContext, ms: int) -> HubContext:
    return attrs.evolve(hub, now_ms=lambda: hub.now_ms() + ms)


def enter(hub: HubContext, key: Authenticator, session: str | None = None) -> OpenedSession:
    begun = passkeys.begin_using(hub, session, SITE)
    reply = PasskeyReply(key.use(begun.options), begun.sealed)
    return passkeys.sign_in(hub, SITE, reply, replaced=session)


def test_a_passkey_signs_in_without_password_and_code(hub: HubContext, opened: OpenedSession, alice: Caller) -> None:
    key = add(hub, opened)
    add_app(hub, "alice", PASSWORD)
    entered = enter(hub, key)
    assert whose(hub, entered).account.name == "alice"
    [row] = passkeys.list_own(hub, alice)
    assert (row.name, row.used_ms is None) == ("phone", False)
    acts = [(row.action, row.details) for row in audit.search(hub, AuditFilter())]
    assert ("user.sign_in", '{"with":"passkey"}') in acts
    assert "passkey.add" in {action for action, _ in acts}


def test_the_session_of_before_ends(hub: HubContext, opened: OpenedSession) -> None:
    key = add(hub, opened)
    entered = enter(hub, key, opened.secret)
    assert sessions.identify(hub, opened.secret) is None
    assert entered.secret != opened.secret


def test_a_challenge_counts_once_for_ten_minutes_and_in_its_browser(hub: HubContext, opened: OpenedSession) -> None:
    key = add(hub, opened)
    begun = passkeys.begin_using(hub, None, SITE)
    reply = PasskeyReply(key.use(begun.options), begun.sealed)
    with pytest.raises(StepExpired):
        passkeys.sign_in(after(hub, LIFETIME_S * 1000), SITE, reply)
    with pytest.raises(StepExpired):
        passkeys.sign_in(hub, SITE, reply, replaced=opened.secret)
    for sealed in ("", "x.y", begun.sealed[:-1]):
        with pytest.raises(StepExpired):
            passkeys.sign_in(hub, SITE, attrs.evolve(reply, sealed=sealed))
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(hub, SITE, attrs.evolve(reply, sealed=passkeys.begin_using(hub, None, SITE).sealed))
    assert passkeys.sign_in(hub, SITE, reply).user == "alice"
    with pytest.raises(StepExpired):
        passkeys.sign_in(hub, SITE, reply)


def test_a_challenge_of_adding_signs_nobody_in_and_the_other_way_round(
    hub: HubContext, opened: OpenedSession, alice: Caller
) -> None:
    key = add(hub, opened)
    adding = passkeys.begin_adding(hub, alice, opened.secret, SITE)
    with pytest.raises(StepExpired):
        passkeys.sign_in(hub, SITE, PasskeyReply(key.use(adding.options), adding.sealed), replaced=opened.secret)
    using, other = passkeys.begin_using(hub, opened.secret, SITE), Authenticator(SITE.origin, SITE.host)
    reply = PasskeyReply(other.make(adding.options), using.sealed)
    with pytest.raises(StepExpired):
        passkeys.add(hub, alice, opened.secret, SITE, reply, "x")


def test_a_passkey_is_added_once_and_by_the_session_that_began(hub: HubContext, opened: OpenedSession) -> None:
    alice, others = whose(hub, opened), sessions.sign_in(hub, "bob", PASSWORD)
    key, again = Authenticator(SITE.origin, SITE.host), sessions.sign_in(hub, "alice", PASSWORD)
    begun = passkeys.begin_adding(hub, alice, opened.secret, SITE)
    reply = PasskeyReply(key.make(begun.options), begun.sealed)
    for caller, session in ((whose(hub, others), others.secret), (alice, again.secret)):
        with pytest.raises(StepExpired):
            passkeys.add(hub, caller, session, SITE, reply, "x")
    passkeys.add(hub, alice, opened.secret, SITE, reply, "x")
    with pytest.raises(StepExpired):
        passkeys.add(hub, alice, opened.secret, SITE, reply, "x")
    begun = passkeys.begin_adding(hub, whose(hub, others), others.secret, SITE)
    with pytest.raises(PasskeyRefused):  # known already, as a passkey of alice
        passkeys.add(
            hub, whose(hub, others), others.secret, SITE, PasskeyReply(key.make(begun.options), begun.sealed), "x"
        )
    assert len(passkeys.list_own(hub, alice)) == 1


def test_what_does_not_fit_signs_nobody_in(hub: HubContext, opened: OpenedSession, alice: Caller) -> None:
    key = add(hub, opened)
    with hub.read() as tx:
        bob = rows.find(tx, "bob")
    assert bob is not None
    stranger = Authenticator(SITE.origin, SITE.host, handle=key.handle)
    liar = attrs.evolve(key, handle=bob.uid.encode())
    nobody = attrs.evolve(key, handle=b"")
    forger = attrs.evolve(stranger, credential_id=key.credential_id)
    for wrong in (stranger, liar, nobody, forger):
        with pytest.raises(PasskeyRefused, match="this passkey is not known here"):
            enter(hub, wrong)
    passkeys.remove(hub, alice, opened.secret, passkeys.list_own(hub, alice)[0].uid)
    with pytest.raises(PasskeyRefused):
        enter(hub, key)


def test_a_copy_that_counts_backwards_is_refused(hub: HubContext, opened: OpenedSession) -> None:
    key = add(hub, opened)
    for count in (3, 7):
        key.count = count
        enter(hub, key)
    with pytest.raises(PasskeyRefused):
        enter(hub, key)


def test_a_suspended_account_is_not_opened(hub: HubContext, opened: OpenedSession) -> None:
    key = add(hub, opened)
    administration.change_user(hub, audit.CONSOLE, "alice", UserChanges(is_suspended=True))
    with pytest.raises(AccountSuspended):
        enter(hub, key)


def test_a_passkey_confirms_its_own_user_only(hub: HubContext, opened: OpenedSession, alice: Caller) -> None:
    key, later = add(hub, opened), after(hub, RECENT_MS)
    others = sessions.sign_in(hub, "bob", PASSWORD)
    begun = passkeys.begin_using(later, others.secret, SITE)
    reply = PasskeyReply(key.use(begun.options), begun.sealed)
    with pytest.raises(PasskeyRefused):
        passkeys.confirm(later, whose(hub, others), others.secret, SITE, reply)
    assert not confirmations.is_recent(later, alice, opened.secret)
    begun = passkeys.begin_using(later, opened.secret, SITE)
    passkeys.confirm(later, alice, opened.secret, SITE, PasskeyReply(key.use(begun.options), begun.sealed))
    assert confirmations.is_recent(later, alice, opened.secret)


def test_adding_and_removing_need_a_recent_sign_in(hub: HubContext, opened: OpenedSession, alice: Caller) -> None:
    key, later = add(hub, opened), after(hub, RECENT_MS)
    begun = passkeys.begin_adding(hub, alice, opened.secret, SITE)
    with pytest.raises(ConfirmationNeeded):
        passkeys.begin_adding(later, alice, opened.secret, SITE)
    with pytest.raises(ConfirmationNeeded):
        passkeys.add(later, alice, opened.secret, SITE, PasskeyReply(key.make(begun.options), begun.sealed), "x")
    with pytest.raises(ConfirmationNeeded):
        passkeys.remove(later, alice, opened.secret, passkeys.list_own(hub, alice)[0].uid)
    with pytest.raises(NotAllowed):
        passkeys.begin_adding(hub, alice, None, SITE)


def test_passkeys_are_named_and_limited(
    hub: HubContext, opened: OpenedSession, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(hub, opened)
    [row] = passkeys.list_own(hub, alice)
    passkeys.rename(hub, alice, row.uid, " tablet ")
    assert passkeys.list_own(hub, alice)[0].name == "tablet"
    bob = whose(hub, sessions.sign_in(hub, "bob", PASSWORD))
    with pytest.raises(ThingNotFound):
        passkeys.rename(hub, bob, row.uid, "mine")
    for name in ("", " ", "a" * 101, "a\nb", "\u202e"):
        with pytest.raises(InvalidName):
            passkeys.rename(hub, alice, row.uid, name)
        with pytest.raises(InvalidName):
            add(hub, opened, name)
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 1)
    with pytest.raises(LimitExceeded):
        add(hub, opened)


def test_a_session_that_ends_meanwhile_adds_and_removes_nothing(
    hub: HubContext, opened: OpenedSession, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, kept = confirmations.require_recent, sessions.sign_in(hub, "alice", PASSWORD)

    def end_after(hub: HubContext, caller: MaybeCaller, session: str | None) -> Caller:
        known = look(hub, caller, session)
        sessions.sign_out(hub, opened.secret)
        return known

    add(hub, kept)
    key = Authenticator(SITE.origin, SITE.host)
    begun = passkeys.begin_adding(hub, alice, opened.secret, SITE)
    reply = PasskeyReply(key.make(begun.options), begun.sealed)
    monkeypatch.setattr(passkeys, "require_recent", end_after)
    with pytest.raises(LoginRequired):
        passkeys.add(hub, alice, opened.secret, SITE, reply, "phone")
    [present] = passkeys.list_own(hub, alice)
    opened = sessions.sign_in(hub, "alice", PASSWORD)
    with pytest.raises(LoginRequired):
        passkeys.remove(hub, alice, opened.secret, present.uid)
    assert passkeys.list_own(hub, alice) == [present]


def test_attempts_are_told_apart_by_the_passkey() -> None:
    def attempted(credential: str) -> str:
        return passkeys.attempted(PasskeyReply(credential, ""))

    assert attempted('{"id": "YQ"}') == attempted('{"id": "YQ", "response": {}}') != attempted('{"id": "Yg"}')
    assert attempted("") == attempted("[]") == attempted("{}") == attempted('{"id": 1.5}') == ""


def test_the_first_required_factor_ends_sessions_that_were_opened_without_one(
    hub: HubContext, opened: OpenedSession
) -> None:
    strict = attrs.evolve(hub, settings=msgspec.structs.replace(hub.settings, second_factor="required"))
    stolen = sessions.sign_in(strict, "alice", PASSWORD)
    assert sessions.is_restricted(strict, whose(strict, stolen))
    assert not sessions.is_restricted(hub, whose(hub, stolen))
    key = add(strict, opened)
    assert sessions.identify(strict, stolen.secret) is None
    assert not sessions.is_restricted(strict, whose(strict, opened))
    second = enter(strict, key)
    add(strict, opened, "laptop")
    assert sessions.identify(strict, second.secret) is not None
