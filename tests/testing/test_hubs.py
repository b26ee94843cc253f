from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

import entrepot.testing
from entrepot.catalog.accounts import accounts as account_rows
from entrepot.errors import AlreadyExists, ConfigError, InvalidName, Refused
from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Caller
from entrepot.hub.context import open_hub
from entrepot.testing.hubs import RunningHub

WAIT_S = 240

HOLDER = """
import sys

import entrepot.testing

with entrepot.testing.hub(workers=int(sys.argv[1])) as hub:
    print(hub.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    with entrepot.testing.hub(max_inline_file="1MiB") as running:
        yield running


def caller_of(hub: RunningHub, token: str) -> Caller:
    opened = open_hub(hub.settings)
    caller = opened.identify(token)
    opened.close()
    assert caller is not None
    return caller


def is_up(hub: RunningHub) -> bool:
    return httpx2.get(f"{hub.url}/healthz").status_code == 200


def test_the_hub_answers(hub: RunningHub) -> None:
    assert is_up(hub)
    assert psutil.Process(hub.pid).is_running()
    assert f"entrepot listening on {hub.url}\n" in hub.log()


def test_its_token_belongs_to_tester_with_write_access(hub: RunningHub) -> None:
    caller = caller_of(hub, hub.token)
    assert (caller.account.name, caller.may_write) == ("tester", True)
    assert hub.token == hub.token


def test_a_user_is_the_same_at_the_next_call(hub: RunningHub) -> None:
    bob = hub.user("bob")
    assert hub.user("bob") == bob
    assert caller_of(hub, bob.token).account.name == "bob"
    assert bob.token not in repr(bob)


def test_a_user_may_have_a_token_of_each_role(hub: RunningHub) -> None:
    writer, reader = hub.user("carol"), hub.user("carol", role="read")
    assert caller_of(hub, writer.token).may_write
    assert not caller_of(hub, reader.token).may_write
    assert caller_of(hub, reader.token).account == caller_of(hub, writer.token).account


def test_users_may_be_made_from_many_threads(hub: RunningHub) -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(hub.user("dora"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert found == [hub.user("dora")] * 8


def test_an_organisation_has_an_administrator_and_members(hub: RunningHub) -> None:
    assert hub.org("acme") == hub.org("acme", members={"erin": "read"}) == "acme"
    assert hub.org("umbrella", admin="frank") == "umbrella"
    opened = open_hub(hub.settings)
    with opened.read() as tx:
        roles = {
            (name, membership.org.name): membership.role
            for name in ("tester", "erin", "frank")
            if (user := account_rows.find(tx, name)) is not None
            for membership in account_rows.memberships(tx, user.id)
        }
    opened.close()
    assert roles == {("tester", "acme"): "admin", ("erin", "acme"): "read", ("frank", "umbrella"): "admin"}


def test_names_and_roles_that_break_a_rule_are_refused(hub: RunningHub) -> None:
    with pytest.raises(InvalidName):
        hub.user("no spaces")
    with pytest.raises(InvalidName, match="token role"):
        hub.user("grace", role="king")
    with pytest.raises(InvalidName, match="expected read"):
        hub.org("initech", members={"grace": "king"})
    opened = open_hub(hub.settings)
    accounts.create_user(opened, "taken")
    opened.close()
    with pytest.raises(AlreadyExists):
        hub.user("taken")


def test_clients_find_everything_in_the_environment(hub: RunningHub) -> None:
    variables = hub.environ()
    assert (variables["HF_ENDPOINT"], variables["HF_TOKEN"]) == (hub.url, hub.token)
    assert Path(variables["HF_HOME"]).is_relative_to(hub.data.parent)
    assert variables["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert hub.environ(hub.user("bob"))["HF_TOKEN"] == hub.user("bob").token
    code = "from huggingface_hub import HfApi; print(HfApi().whoami()['name'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, timeout=240
    )
    assert done.stdout == "tester\n", done.stderr


def test_a_hub_works_after_a_crash_and_a_restart() -> None:
    with entrepot.testing.hub() as hub:
        url, token, pids = hub.url, hub.token, [hub.pid]
        hub.kill()
        with pytest.raises(Refused, match="not running"):
            _ = hub.pid
        with pytest.raises(httpx2.TransportError):
            is_up(hub)
        hub.start()
        pids.append(hub.pid)
        hub.start()  # it is already running
        assert hub.pid == pids[-1]
        hub.restart()
        pids.append(hub.pid)
        assert len(set(pids)) == 3
        assert (hub.url, hub.token) == (url, token)
        assert is_up(hub)
        assert hub.log().count("entrepot listening on") == 3


def test_a_hub_with_several_workers_works_after_a_crash() -> None:
    with entrepot.testing.hub(workers=2) as hub:
        hub.kill()
        hub.start()
        assert is_up(hub)


def test_nothing_is_left_behind_even_when_the_test_fails() -> None:
    seen: list[tuple[psutil.Process, Path]] = []

    def fail() -> None:
        with entrepot.testing.hub() as hub:
            seen.append((psutil.Process(hub.pid), hub.data.parent))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    ((process, folder),) = seen
    assert not process.is_running()
    assert not folder.exists()


def test_settings_reach_the_server() -> None:
    with entrepot.testing.hub(log_level="error", run_jobs=False, trusted_proxies=("10.0.0.0/8",)) as hub:
        assert is_up(hub)
        hub.stop()
        assert "path=/healthz" not in hub.log()


def test_the_settings_of_the_developer_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_WORKERS", "nonsense")
    with entrepot.testing.hub() as hub:
        assert is_up(hub)


@pytest.mark.parametrize("settings", [{"colour": "red"}, {"port": -1}, {"data": "/srv"}])
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError), entrepot.testing.hub(**settings):
        pass


def test_a_hub_that_does_not_start_reports_the_reason() -> None:
    # An address reserved for documentation, which no machine has (RFC 5737).
    said = r"(?s)exited.*cannot listen on 203\.0\.113\.1"
    with pytest.raises(Refused, match=said), entrepot.testing.hub(host="203.0.113.1"):
        pass


@pytest.mark.parametrize("workers", [1, 2])
def test_the_server_ends_with_its_parent_process(workers: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # no process is left to remove the hub's folder
    ) as holder:
        assert holder.stdout is not None
        server = psutil.Process(int(holder.stdout.readline()))
        family = [server, *server.children(recursive=True)]
        assert len(family) == (1 if workers == 1 else 3)
        holder.send_signal(signal.SIGKILL)
        holder.wait(WAIT_S)
        _, alive = psutil.wait_procs(family, timeout=WAIT_S)
    assert alive == []
