from __future__ import annotations

import attrs
import pytest

from entrepot.catalog import Lock
from entrepot.catalog.accounts import sessions as rows
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import ConfirmationNeeded, InvalidSignInCode, LoginRequired, NotAllowed, ThingNotFound
from entrepot.hub import audit, callers
from entrepot.hub.accounts import accounts, own_sessions, sessions, sign_ins, tokens
from entrepot.hub.accounts.sessions import SessionOrigin
from entrepot.hub.accounts.tokens import TokenDraft
from entrepot.hub.callers import FINE_GRAINED, Caller, hash_secret
from entrepot.hub.context import HubContext
from entrepot.hub.scopes import DISCUSS
from entrepot.wire.accounts.administration import CodeExchange

PASSWORD, NEW = "correct horse", "a longer horse"


@pytest.fixture
def site(hub: HubContext) -> HubContext:
    accounts.create_user(hub, "alice", password=PASSWORD)
    accounts.create_user(hub, "bob", password=PASSWORD)
    accounts.create_user(hub, "nopass")
    return hub


def caller_of(hub: HubContext, secret: str) -> Caller:
    found = sessions.identify(hub, secret)
    assert found is not None
    return found


def after(hub: HubContext, ms: int) -> HubContext:
    return attrs.evolve(hub, now_ms=lambda: hub.now_ms() + ms)


def test_a_user_sees_own_sessions_that_have_not_ended(site: HubContext) -> None:
    first = sessions.sign_in(site, "alice", PASSWORD, origin=SessionOrigin("203.0.113.0/24", "Firefox")).secret
    later = after(site, 60_000)
    second = sessions.sign_in(later, "alice", PASSWORD).secret
    sessions.sign_in(site, "bob", PASSWORD)
    found = own_sessions.list_own(later, caller_of(site, first), first).items
    assert [(item.row.network, item.row.agent, item.row.means, item.is_present) for item in found] == [
        ("", "", "password", False),
        ("203.0.113.0/24", "Firefox", "password", True),
    ]
    assert not any(item.is_present for item in own_sessions.list_own(site, caller_of(site, second), None).items)
    assert (
        own_sessions.list_own(after(site, callers.SESSION_IDLE_MS + 120_000), caller_of(site, first), first).items == []
    )


def test_a_session_is_ended_by_its_owner_only(site: HubContext) -> None:
    mine, other = (sessions.sign_in(site, name, PASSWORD).secret for name in ("alice", "bob"))
    [bobs] = own_sessions.list_own(site, caller_of(site, other), other).items
    with pytest.raises(ThingNotFound):
        own_sessions.end(site, caller_of(site, mine), bobs.row.uid)
    own_sessions.end(site, caller_of(site, other), bobs.row.uid)
    assert sessions.identify(site, other) is None
    assert sessions.identify(site, mine) is not None


def test_all_sessions_end_at_once_and_the_audit_log_says_so(site: HubContext) -> None:
    secrets = [sessions.sign_in(site, "alice", PASSWORD).secret for _ in range(3)]
    other = sessions.sign_in(site, "bob", PASSWORD).secret
    assert own_sessions.end_all(site, caller_of(site, secrets[0])) == 3
    assert [sessions.identify(site, secret) for secret in secrets] == [None] * 3
    assert sessions.identify(site, other) is not None
    newest = audit.search(site, AuditFilter(), limit=1)[0]
    assert (newest.action, newest.subject, newest.details) == ("user.sign_out", "user alice", '{"sessions":3}')


def test_a_new_password_keeps_the_session_that_set_it(site: HubContext) -> None:
    mine, other = (sessions.sign_in(site, "alice", PASSWORD).secret for _ in range(2))
    with pytest.raises(NotAllowed, match="current password is wrong"):
        own_sessions.change_password(site, caller_of(site, mine), mine, "wrong horse", NEW)
    own_sessions.change_password(site, caller_of(site, mine), mine, PASSWORD, NEW)
    assert sessions.identify(site, mine) is not None
    assert sessions.identify(site, other) is None
    assert sessions.sign_in(site, "alice", NEW).user == "alice"
    newest = [row.action for row in audit.search(site, AuditFilter(), limit=2)]
    assert "user.password" in newest


def test_a_one_time_link_and_a_missing_password_need_no_present_one(site: HubContext) -> None:
    for name in ("alice", "nopass"):
        code = sign_ins.issue_code(site, audit.CONSOLE, name, 600).code
        secret = sessions.sign_in_with_code(site, code).secret
        caller = caller_of(site, secret)
        assert not own_sessions.needs_password(site, caller, secret)
        late = after(site, own_sessions.RESET_WITHIN_MS)
        assert own_sessions.needs_password(late, caller, secret) is (name == "alice")
        own_sessions.change_password(site, caller, secret, "", NEW)
        assert sessions.sign_in(site, name, NEW).user == name


def test_a_new_password_ends_one_time_links(site: HubContext) -> None:
    others = sign_ins.issue_code(site, audit.CONSOLE, "bob", 600).code
    secret = sessions.sign_in(site, "alice", PASSWORD).secret
    for change in (
        lambda: own_sessions.change_password(site, caller_of(site, secret), secret, PASSWORD, NEW),
        lambda: accounts.reset_password(site, "alice", PASSWORD),
    ):
        code = sign_ins.issue_code(site, audit.CONSOLE, "alice", 600).code
        change()
        with pytest.raises(InvalidSignInCode):
            sessions.sign_in_with_code(site, code)
        with pytest.raises(InvalidSignInCode):
            sign_ins.exchange(site, None, CodeExchange(code=code))
    assert sessions.sign_in_with_code(site, others).user == "bob"


def test_the_first_password_needs_a_recent_sign_in(site: HubContext) -> None:
    secret = sessions.sign_in_with_code(site, sign_ins.issue_code(site, audit.CONSOLE, "nopass", 600).code).secret
    late = after(site, own_sessions.RECENT_MS)
    with pytest.raises(ConfirmationNeeded):
        own_sessions.change_password(late, caller_of(site, secret), secret, "", NEW)
    assert caller_of(site, secret).account.password_hash is None
    with site.write(Lock.hub()) as tx:
        rows.confirm(tx, hash_secret(secret), late.now_ms())
    own_sessions.change_password(late, caller_of(site, secret), secret, "", NEW)
    assert sessions.sign_in(site, "nopass", NEW).user == "nopass"


def test_a_password_is_not_changed_after_the_session_has_ended(site: HubContext) -> None:
    secret = sessions.sign_in(site, "alice", PASSWORD).secret
    caller = caller_of(site, secret)
    bobs = sessions.sign_in(site, "bob", PASSWORD).secret
    for wrong in (None, "made up", bobs):
        with pytest.raises(NotAllowed):
            own_sessions.change_password(site, caller, wrong, PASSWORD, NEW)
    accounts.reset_password(site, "alice", "reset horse")
    with pytest.raises(NotAllowed):
        own_sessions.change_password(site, caller, secret, PASSWORD, NEW)
    assert sessions.sign_in(site, "alice", "reset horse").user == "alice"


def test_anonymous_callers_and_weak_tokens_manage_no_sessions(site: HubContext) -> None:
    fine = tokens.create_for(site, "alice", TokenDraft(FINE_GRAINED, everywhere=[DISCUSS]))[0].secret
    reading = accounts.create_token(site, "alice", role="read").secret
    with pytest.raises(LoginRequired):
        own_sessions.list_own(site, None, None)
    for secret in (fine, reading):
        caller = site.identify(secret)
        with pytest.raises(NotAllowed):
            own_sessions.end_all(site, caller)
        with pytest.raises(NotAllowed):
            own_sessions.needs_password(site, caller, None)
    with pytest.raises(NotAllowed):
        own_sessions.list_own(site, site.identify(fine), None)
