from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.cli.quickstart import _fresh_code, _fresh_token, _greet
from entrepot.hub.accounts import sessions
from entrepot.hub.context import open_hub
from entrepot.hub.folder_locks import hold_server_lock
from entrepot.settings import Settings
from tests.support import hub_work
from tests.support.commands import Run

SAY = "import os; print(os.environ['HF_ENDPOINT'], os.environ['HF_TOKEN']); raise SystemExit(3)"


def quickstart(data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    args = [sys.executable, "-m", "entrepot", "quickstart", "--data", str(data), "--port", "0", "--", *command]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ENTREPOT_", "HF_"))}
    return subprocess.run(args, env=environ, capture_output=True, text=True, timeout=240)


def test_a_command_runs_as_the_first_administrator(data: Path) -> None:
    done = quickstart(data, sys.executable, "-c", SAY)
    assert done.returncode == 3, done.stderr
    endpoint, first = done.stdout.split()
    assert endpoint.startswith("http://127.0.0.1:")
    second = quickstart(data, sys.executable, "-c", SAY).stdout.split()[1]
    assert " info " not in done.stderr  # the output of the command is not buried in a log
    hub = open_hub(Settings(data=data))
    try:
        caller = hub.identify(second)
        assert caller is not None
        assert (caller.account.name, caller.account.is_admin, caller.may_write) == ("hub-admin", True, True)
        assert caller.token.expires_ms is not None
        [(_, tokens)] = hub_work.list_users(hub)
        assert len(tokens) == 1
        assert first != second
    finally:
        hub.close()


def test_the_greeting_has_a_link_that_signs_in(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hub = open_hub(Settings(data=tmp_path / "data"), fsync=False)
    try:
        _fresh_token(hub)
        code = _fresh_code(hub)
        _greet(tmp_path, "http://127.0.0.1:8080", "hf_x", code)
        assert f"  http://127.0.0.1:8080/login?code={code}\n" in capsys.readouterr().out
        assert sessions.sign_in_with_code(hub, code).user == "hub-admin"
    finally:
        hub.close()


def test_a_command_that_does_not_exist_is_reported(data: Path) -> None:
    done = quickstart(data, "no-such-command-anywhere")
    assert done.returncode == 127
    assert "error: cannot run no-such-command-anywhere" in done.stderr


def test_a_folder_that_is_served_is_refused_and_its_token_stays(data: Path) -> None:
    hub = open_hub(Settings(data=data))
    try:
        secret = _fresh_token(hub)
        with hold_server_lock(data):
            done = quickstart(data, sys.executable, "-c", SAY)
        assert done.returncode == 1
        assert "another server" in done.stderr
        assert hub.identify(secret) is not None
    finally:
        hub.close()


def test_a_hub_of_others_is_not_taken_over(admin: Run, run: Run) -> None:
    admin("users", "list")
    outcome = run("quickstart", "--port", "0")
    assert outcome.code == 1
    assert "error: this hub has accounts, but none called 'hub-admin'" in outcome.err
