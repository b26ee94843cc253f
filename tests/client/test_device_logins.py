from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entrepot.client import device_logins
from entrepot.client.calls import accounts as account_calls
from entrepot.client.device_logins import log_in
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.errors import EntrepotError, NotAllowed
from entrepot.hub.accounts import accounts, devices, sessions
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext, open_hub
from entrepot.server.app import make_app
from entrepot.settings import Settings
from entrepot.wire.accounts.oauth import DeviceAuthorization
from tests.support.running_apps import running

PASSWORD = "correct horse"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HubContext, Hub]]:
    """A hub whose programs may ask at any time, and a client of it without credentials."""
    monkeypatch.setattr(devices, "INTERVAL_S", 0)
    hub = open_hub(Settings(data=tmp_path / "data", port=0, run_jobs=False), fsync=False)
    try:
        accounts.create_user(hub, "alice", password=PASSWORD)
        with running(make_app(hub)) as address:
            client = Hub(read_paths({"ENTREPOT_ENDPOINT": address.url, "ENTREPOT_HOME": str(tmp_path)}), token=False)
            yield hub, client
            client.close()
    finally:
        hub.close()


def in_browser(hub: HubContext) -> Caller:
    """Return alice as she has signed in with a browser."""
    opened = sessions.sign_in(hub, "alice", PASSWORD)
    found = sessions.identify(hub, opened.secret)
    assert found is not None
    return found


def decide(hub: HubContext, *, accepts: bool) -> Callable[[DeviceAuthorization], None]:
    """Return what a person does who sees the code."""

    def show(begun: DeviceAuthorization) -> None:
        alice = in_browser(hub)
        assert devices.waiting(hub, alice, begun.user_code).name == "entrepot login"
        devices.decide(hub, alice, begun.user_code, accepts=accepts)

    return show


def test_an_accepted_login_gets_a_token(served: tuple[HubContext, Hub]) -> None:
    hub, client = served
    secret = log_in(client, decide(hub, accepts=True))
    known = Hub(client.paths, token=secret)
    assert known.send(account_calls.whoami()).name == "alice"
    known.close()


def test_a_login_waits_for_the_decision(served: tuple[HubContext, Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    hub, client = served
    shown: list[DeviceAuthorization] = []
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            decide(hub, accepts=True)(shown[0])

    monkeypatch.setattr("entrepot.client.device_logins.time.sleep", wait)
    assert log_in(client, shown.append)
    assert len(waits) == 3
    assert min(waits) > 0


def test_a_rejected_login_says_so(served: tuple[HubContext, Hub]) -> None:
    hub, client = served
    with pytest.raises(NotAllowed, match="was rejected in the browser"):
        log_in(client, decide(hub, accepts=False))


def test_a_login_that_nobody_accepts_ends(served: tuple[HubContext, Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = served
    monkeypatch.setattr(device_logins, "_LONGEST_S", 0)
    with pytest.raises(NotAllowed, match="in time"):
        log_in(client, lambda _: None)


def test_other_refusals_are_passed_on(served: tuple[HubContext, Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_logins, "CLIENT_ID", "not an id")
    with pytest.raises(EntrepotError, match="client id"):
        log_in(served[1], lambda _: None)
