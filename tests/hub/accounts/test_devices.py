from __future__ import annotations

import re
import threading
from collections.abc import Callable

import attrs
import pytest

from entrepot.catalog.accounts import accounts as rows
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.audit import AuditFilter
from entrepot.errors import InvalidUserCode, LimitExceeded, LoginRequired, NotAllowed, OAuthRefused, TooManyWaiting
from entrepot.hub import audit, callers
from entrepot.hub.accounts import accounts, administration, devices, sessions, tokens
from entrepot.hub.accounts.devices import DeviceLogin, DeviceOrigin
from entrepot.hub.accounts.oauth_grants import IssuedAccess
from entrepot.hub.callers import Caller
from entrepot.wire.accounts.administration import UserChanges
from tests.support import hub_work
from tests.support.worlds import World

CLIENT = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
HERE = DeviceOrigin(bytes([192, 0, 2, 1]), "192.0.2.1")


def session(world: World, name: str = "alice") -> Caller:
    """Return the caller of a session in a browser."""
    with world.hub.read() as tx:
        account = rows.find(tx, name)
        assert account is not None
        return callers.acting_as(tx, account)


def begin(world: World) -> DeviceLogin:
    return devices.begin(world.hub, CLIENT, HERE)


def accept(world: World, begun: DeviceLogin, name: str = "alice") -> None:
    devices.decide(world.hub, session(world, name), begun.user_code, accepts=True)


def poll(world: World, begun: DeviceLogin) -> IssuedAccess:
    return devices.poll(world.hub, CLIENT, begun.device_code)


def refusal(world: World, begun: DeviceLogin, client: str = CLIENT) -> str:
    with pytest.raises(OAuthRefused) as caught:
        devices.poll(world.hub, client, begun.device_code)
    return caught.value.code


def test_a_session_that_has_ended_meanwhile_accepts_nothing(world: World) -> None:
    begun, (browser, secret) = begin(world), world.browser("alice")
    sessions.sign_out(world.hub, secret)
    with pytest.raises(LoginRequired):
        devices.decide(world.hub, browser, begun.user_code, accepts=True)
    assert refusal(world, begun) == "authorization_pending"


def test_an_accepted_program_acts_as_its_user(world: World) -> None:
    begun = begin(world)
    assert re.fullmatch(f"[{devices.ALPHABET}]{{4}}-[{devices.ALPHABET}]{{4}}", begun.user_code)
    assert refusal(world, begun) == "authorization_pending"
    seen = devices.waiting(world.hub, session(world), begun.user_code.lower().replace("-", " "))
    assert (seen.name, seen.address, seen.created_ms) == ("hf auth login", "192.0.2.1", world.clock.now_ms)
    assert seen.user_code == begun.user_code
    accept(world, begun)
    issued = poll(world, begun)
    caller = world.hub.identify(issued.access_token)
    assert caller is not None
    assert (caller.account.name, caller.may_write, caller.token.name) == ("alice", True, "hf auth login")
    assert issued.expires_s == 30 * 86_400
    assert issued.access_token not in repr(issued)
    assert begun.device_code not in repr(begun)


def test_nothing_that_is_stored_is_a_secret(world: World) -> None:
    begun = begin(world)
    accept(world, begun)
    issued = poll(world, begun)
    stored = b"".join(path.read_bytes() for path in world.hub.settings.data.glob("catalog.sqlite3*"))
    codes = (begun.device_code, begun.user_code, begun.user_code.replace("-", ""))
    for secret in (*codes, issued.access_token, issued.refresh_token):
        assert secret.encode() not in stored


def test_a_lost_response_is_repeated_until_the_code_expires(world: World) -> None:
    begun = begin(world)
    accept(world, begun)
    first = poll(world, begun)
    world.clock.advance(60_000)
    again = poll(world, begun)
    assert (again.access_token, again.refresh_token) == (first.access_token, first.refresh_token)
    assert again.expires_s == first.expires_s - 60
    assert len([item for item in tokens.list_own(world.hub, session(world)) if item.token.grant_uid]) == 1
    world.clock.advance(devices.LIFETIME_MS)
    assert refusal(world, begun) == "expired_token"


def test_two_polls_at_a_time_issue_one_grant(world: World) -> None:
    begun = begin(world)
    accept(world, begun)
    found: list[str] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait(60)
        found.append(poll(world, begun).access_token)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len([item for item in tokens.list_own(world.hub, session(world)) if item.token.grant_uid]) == 1


def test_the_first_decision_counts(world: World) -> None:
    begun = begin(world)
    accept(world, begun)
    for accepts in (True, False):
        with pytest.raises(InvalidUserCode):
            devices.decide(world.hub, session(world, "bob"), begun.user_code, accepts=accepts)
    assert world.hub.identify(poll(world, begun).access_token) is not None
    rejected = begin(world)
    devices.decide(world.hub, session(world), rejected.user_code, accepts=False)
    with pytest.raises(InvalidUserCode):
        accept(world, rejected)
    assert refusal(world, rejected) == "access_denied"


def test_a_code_expires(world: World) -> None:
    begun = begin(world)
    world.clock.advance(devices.LIFETIME_MS)
    assert refusal(world, begun) == "expired_token"
    with pytest.raises(InvalidUserCode):
        devices.waiting(world.hub, session(world), begun.user_code)
    with pytest.raises(InvalidUserCode):
        accept(world, begun)
    world.clock.advance(3_600_001)
    begin(world)
    assert refusal(world, begun) == "invalid_grant"


def test_a_code_belongs_to_its_client(world: World) -> None:
    begun = begin(world)
    assert refusal(world, begun, "another") == "invalid_grant"
    assert refusal(world, DeviceLogin("made up", "x")) == "invalid_grant"
    for client in ("", "x" * 101, "a b", "<b>"):
        with pytest.raises(OAuthRefused) as caught:
            devices.begin(world.hub, client, HERE)
        assert caught.value.code == "invalid_client"


def test_a_program_that_asks_too_often_is_slowed_down_without_a_write(world: World) -> None:
    begun = begin(world)
    assert refusal(world, begun) == "authorization_pending"
    world.clock.advance(3_999)
    with world.hub.write():  # nobody else can write now
        assert refusal(world, begun) == "slow_down"
    world.clock.advance(1)
    assert refusal(world, begun) == "authorization_pending"


def test_only_so_many_programs_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(devices.MAX_PER_NETWORK):
        last = begin(world)
    with pytest.raises(TooManyWaiting, match="20 programs wait to be signed in from one network"):
        begin(world)
    devices.begin(world.hub, CLIENT, DeviceOrigin(b"other", "192.0.2.2"))
    accept(world, last)
    begin(world)
    monkeypatch.setattr(devices, "MAX_WAITING", devices.MAX_PER_NETWORK + 1)
    with pytest.raises(TooManyWaiting, match="on this hub"):
        devices.begin(world.hub, CLIENT, DeviceOrigin(b"third", "192.0.2.3"))
    world.clock.advance(devices.LIFETIME_MS)
    begin(world)


def test_only_a_browser_session_accepts(world: World) -> None:
    begun = begin(world)
    for caller in (world.alice, world.caller("alice", "read")):
        with pytest.raises(NotAllowed):
            devices.decide(world.hub, caller, begun.user_code, accepts=True)
        with pytest.raises(NotAllowed):
            devices.waiting(world.hub, caller, begun.user_code)
    with pytest.raises(LoginRequired):
        devices.decide(world.hub, None, begun.user_code, accepts=True)
    assert refusal(world, begun) == "authorization_pending"


def test_a_user_with_too_many_tokens_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MAX_TOKENS", 2)
    begun = begin(world)
    with pytest.raises(LimitExceeded, match="the number of tokens of one user"):
        accept(world, begun)
    devices.decide(world.hub, session(world), begun.user_code, accepts=False)


def suspend(world: World) -> None:
    administration.change_user(world.hub, audit.CONSOLE, "alice", UserChanges(is_suspended=True))
    administration.change_user(world.hub, audit.CONSOLE, "alice", UserChanges(is_suspended=False))


def reset(world: World) -> None:
    accounts.reset_password(world.hub, "alice", "another horse")


def delete(world: World) -> None:
    hub_work.delete_user(world.hub, "alice")


@pytest.mark.parametrize("end", [suspend, reset, delete])
@pytest.mark.parametrize("is_polled", [True, False])
def test_a_sign_in_ends_with_its_account(world: World, end: Callable[[World], None], *, is_polled: bool) -> None:
    begun = begin(world)
    accept(world, begun)
    issued = poll(world, begun) if is_polled else None
    end(world)
    assert refusal(world, begun) == "invalid_grant"
    if issued is not None:
        with world.hub.read() as tx:
            assert token_rows.find(tx, callers.hash_secret(issued.access_token)) is None


def test_decisions_on_devices_are_in_the_audit_log(world: World) -> None:
    for accepts in (False, True):
        begun = begin(world)
        devices.decide(world.hub, session(world), begun.user_code, accepts=accepts)
    issued = poll(world, begun)
    found = [
        attrs.asdict(row) for row in audit.search(world.hub, AuditFilter()) if row.action[:5] in ("devic", "oauth")
    ]
    assert [(row["action"], row["actor"]) for row in reversed(found)] == [
        ("device.reject", "alice"),
        ("device.accept", "alice"),
        ("oauth.grant", "alice"),
    ]
    assert '"address":"192.0.2.1"' in found[1]["details"]
    assert issued.access_token not in str(found)
