from __future__ import annotations

import attrs
import pytest

from entrepot.catalog.audit import AuditFilter
from entrepot.errors import AccountSuspended, InvalidSignInCode, WrongPassword
from entrepot.hub import audit, callers
from entrepot.hub.accounts import accounts, administration, sessions, sign_ins
from entrepot.hub.context import HubContext
from entrepot.wire.accounts.administration import UserChanges

PASSWORD = "correct horse"


@pytest.fixture
def site(hub: HubContext) -> HubContext:
    accounts.create_user(hub, "alice", password=PASSWORD)
    accounts.create_user(hub, "nopass")
    accounts.create_org(hub, "acme", admin="alice")
    return hub


def after(hub: HubContext, ms: int) -> HubContext:
    return attrs.evolve(hub, now_ms=lambda: hub.now_ms() + ms)


def actions(hub: HubContext) -> list[tuple[str, str]]:
    rows = audit.search(hub, AuditFilter())
    return [(row.action, row.details) for row in rows if row.action.startswith("user.sign")]


def test_a_password_opens_a_session_with_the_rights_of_the_account(site: HubContext) -> None:
    opened = sessions.sign_in(site, "Alice", PASSWORD)
    caller = sessions.identify(site, opened.secret)
    assert caller is not None
    assert (opened.user, caller.account.name, caller.may_write, caller.limits) == ("alice", "alice", True, None)
    assert {member.org.name for member in caller.memberships} == {"acme"}
    assert actions(site) == [("user.sign_in", '{"with":"password"}')]
    assert opened.secret not in repr(opened)


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong horse"), ("nobody", PASSWORD), ("nopass", ""), ("acme", PASSWORD), ("", ""), ("alice", "")],
)
def test_a_wrong_name_or_password_opens_nothing_and_says_the_same(site: HubContext, name: str, password: str) -> None:
    with pytest.raises(WrongPassword, match=r"^name or password is wrong$"):
        sessions.sign_in(site, name, password)
    assert actions(site) == []


def test_a_code_opens_one_session(site: HubContext) -> None:
    code = sign_ins.issue_code(site, audit.CONSOLE, "nopass", 600).code
    opened = sessions.sign_in_with_code(site, f" {code} ")
    assert sessions.identify(site, opened.secret) is not None
    with pytest.raises(InvalidSignInCode):
        sessions.sign_in_with_code(site, code)
    with pytest.raises(InvalidSignInCode):
        sessions.sign_in_with_code(site, "code_x")
    assert actions(site) == [("user.sign_in", '{"with":"code"}')]


def test_a_session_ends_when_it_is_idle_old_or_signed_out(site: HubContext) -> None:
    secret = sessions.sign_in(site, "alice", PASSWORD).secret
    assert sessions.identify(after(site, callers.SESSION_IDLE_MS - 60_000), secret) is not None  # and is noted as used
    assert sessions.identify(after(site, callers.SESSION_IDLE_MS + 60_000), secret) is not None
    assert sessions.identify(after(site, 3 * callers.SESSION_IDLE_MS), secret) is None
    for part in range(1, 5):
        sessions.identify(after(site, part * (callers.SESSION_IDLE_MS - 60_000)), secret)
    assert sessions.identify(after(site, callers.SESSION_MS), secret) is None
    other = sessions.sign_in(site, "alice", PASSWORD).secret
    sessions.sign_out(site, other)
    sessions.sign_out(site, other)
    assert sessions.identify(site, other) is None
    assert sessions.identify(site, "made up") is None
    assert [action for action, _ in actions(site)].count("user.sign_out") == 1


def test_every_sign_in_has_a_new_secret_and_ends_the_session_before(site: HubContext) -> None:
    first = sessions.sign_in(site, "alice", PASSWORD).secret
    second = sessions.sign_in(site, "alice", PASSWORD, replaced=first).secret
    assert first != second
    assert len(second) >= 43
    assert sessions.identify(site, first) is None
    chosen = sessions.sign_in(site, "alice", PASSWORD, replaced="chosen by somebody else").secret
    assert chosen != "chosen by somebody else"
    assert sessions.identify(site, "chosen by somebody else") is None


def test_the_session_that_was_not_used_for_longest_ends_when_there_are_too_many(
    site: HubContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    accounts.create_user(site, "bob", password=PASSWORD)
    of_bob = sessions.sign_in(site, "bob", PASSWORD)
    first, second, third = (sessions.sign_in(after(site, at), "alice", PASSWORD).secret for at in (1_000, 2_000, 3_000))
    found = [sessions.identify(after(site, 4_000), secret) for secret in (first, second, third, of_bob.secret)]
    assert [caller is not None for caller in found] == [False, True, True, True]


def test_a_suspended_account_has_no_session(site: HubContext) -> None:
    secret = sessions.sign_in(site, "alice", PASSWORD).secret
    code = sign_ins.issue_code(site, audit.CONSOLE, "alice", 600).code
    administration.change_user(site, audit.CONSOLE, "alice", UserChanges(is_suspended=True))
    assert sessions.identify(site, secret) is None
    with pytest.raises(AccountSuspended):
        sessions.sign_in(site, "alice", PASSWORD)
    with pytest.raises(AccountSuspended):
        sessions.sign_in_with_code(site, code)


def test_a_new_password_ends_all_sessions(site: HubContext) -> None:
    secret = sessions.sign_in(site, "alice", PASSWORD).secret
    accounts.reset_password(site, "alice", "another horse")
    assert sessions.identify(site, secret) is None


def test_only_the_hash_of_a_session_is_stored(site: HubContext) -> None:
    secret = sessions.sign_in(site, "alice", PASSWORD).secret
    stored = b"".join(path.read_bytes() for path in site.settings.data.glob("catalog.sqlite3*"))
    assert secret.encode() not in stored
