"""``hf auth login`` of the current client, as people run it: a terminal, a code, a page in a browser."""

from __future__ import annotations

import configparser
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from entrepot.catalog import Lock, sign_in_tables
from entrepot.hub.accounts import accounts
from entrepot.hub.context import open_hub
from entrepot.testing.hubs import RunningHub

PASSWORD = "correct horse"
HF = Path(sys.executable).parent / "hf"


@pytest.fixture
def hub(entrepot_fresh_hub: RunningHub) -> RunningHub:
    entrepot_fresh_hub.user("tester")
    opened = open_hub(entrepot_fresh_hub.settings)
    accounts.reset_password(opened, "tester", PASSWORD)
    opened.close()
    return entrepot_fresh_hub


@pytest.fixture
def environ(client_environ: Callable[[RunningHub, str], dict[str, str]], hub: RunningHub) -> dict[str, str]:
    found = client_environ(hub, "2.4.0")
    del found["HF_TOKEN"]
    return found | {"NO_COLOR": "1", "TERM": "dumb"}


class Terminal:
    """A program that runs in a terminal of its own."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(command, env=environ, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
        os.close(slave)
        self.output = ""

    def read_until(self, pattern: str, *, typed: str = "") -> re.Match[str]:
        """Return the match, once the output contains it.

        Args:
            typed: keys that are pressed again and again: what is typed before a program reads is lost.
        """
        deadline = time.monotonic() + 240
        while (found := re.search(pattern, self.output)) is None:
            assert time.monotonic() < deadline, self.output
            if typed:
                os.write(self._master, typed.encode())
            if self._is_ready(0.5 if typed else 60):
                assert self._read(), self.output
        return found

    def finish(self) -> int:
        """Return the exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(60)

    def _is_ready(self, timeout_s: float) -> bool:
        return bool(select.select([self._master], [], [], timeout_s)[0])

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65_536) if self._is_ready(60) else b""
        except OSError:  # the program has closed its side
            data = b""
        self.output += data.decode("utf-8", "replace")
        return bool(data)


def decide(hub: RunningHub, code: str, decision: str) -> None:
    """Accept or reject a program on the page."""
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    with httpx2.Client(
        base_url=hub.url, headers=headers, trust_env=False, timeout=240, follow_redirects=True
    ) as browser:
        page = f"/-/device?user_code={code}"
        assert browser.get(page).status_code == 401
        opened = browser.post("/login", data={"name": "tester", "password": PASSWORD, "next": page})
        assert code in opened.text
        token = re.search(r'name="csrf" value="([0-9a-f]{64})"', opened.text)
        assert token is not None
        form = {"csrf": token[1], "user_code": code}
        assert "hf auth login" in browser.post("/-/device", data=form).text
        assert browser.post("/-/device", data={**form, "decision": decision}).status_code == 200


def whoami(environ: dict[str, str]) -> str:
    done = subprocess.run([HF, "auth", "whoami"], env=environ, capture_output=True, text=True, timeout=240, check=True)
    return done.stdout


def log_in(hub: RunningHub, environ: dict[str, str]) -> Terminal:
    terminal = Terminal([str(HF), "auth", "login"], environ)
    terminal.read_until("Log in with your browser")
    code = terminal.read_until(r"\?user_code=([A-Z]{4}-[A-Z]{4})", typed="\r")[1]
    decide(hub, code, "accept")
    assert terminal.finish() == 0, terminal.output
    return terminal


def test_a_person_logs_in_with_a_browser(hub: RunningHub, environ: dict[str, str]) -> None:
    terminal = log_in(hub, environ)
    assert "Login successful." in terminal.output
    assert "This token will be refreshed automatically when it expires." in terminal.output
    assert "tester" in whoami(environ)


def test_a_rejected_login_says_so(hub: RunningHub, environ: dict[str, str]) -> None:
    process = subprocess.Popen(
        [HF, "auth", "login"], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    code = next(found[1] for line in process.stdout if (found := re.search(r"user_code=([A-Z-]{9})", line)))
    decide(hub, code, "reject")
    output, _ = process.communicate(timeout=240)
    assert process.returncode != 0
    assert "Authorization was denied" in output


def test_an_access_token_that_ends_soon_is_renewed(hub: RunningHub, environ: dict[str, str]) -> None:
    log_in(hub, environ)
    stored = Path(environ["HF_HOME"]) / "stored_tokens"
    before = configparser.ConfigParser(interpolation=None)
    before.read(stored)
    first = dict(before["oauth-tester"])
    # One hour is left, by the client's own note: it renews in the last day.
    before["oauth-tester"]["expires_at"] = str(int(time.time()) + 3600)
    with stored.open("w") as file:
        before.write(file)
    assert "tester" in whoami(environ)
    after = configparser.ConfigParser(interpolation=None)
    after.read(stored)
    second = dict(after["oauth-tester"])
    assert second["hf_token"] != first["hf_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert int(second["expires_at"]) > time.time() + 29 * 86_400
    assert Path(environ["HF_HOME"], "token").read_text() == second["hf_token"]
    opened = open_hub(hub.settings)
    with opened.write(Lock.hub()) as tx:
        tx.sql.execute(sign_in_tables.oauth_grants.delete())
    opened.close()
    after["oauth-tester"]["expires_at"] = str(int(time.time()) + 3600)
    with stored.open("w") as file:
        after.write(file)
    done = subprocess.run([HF, "auth", "whoami"], env=environ, capture_output=True, text=True, timeout=240)
    assert "session expired or revoked" in done.stderr + done.stdout
