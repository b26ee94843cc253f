from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrepot.testing.hubs import RunningHub

Run = Callable[..., Any]


@pytest.fixture
def logged_out(at_hub: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("ENTREPOT_TOKEN")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return at_hub


def test_a_token_is_kept_for_its_hub_until_logout(logged_out: Run, entrepot_hub: RunningHub, tmp_path: Path) -> None:
    assert logged_out("whoami").code == 1
    done = logged_out("login", "--token-stdin", "--json", stdin=f"{entrepot_hub.token}\n")
    assert done.code == 0, done.err
    assert (done.json["user"], done.json["role"], done.json["endpoint"]) == ("tester", "write", entrepot_hub.url)
    assert os.stat(done.json["file"]).st_mode & 0o777 == 0o600
    assert logged_out("whoami").out.splitlines()[0] == "tester"
    assert logged_out("whoami", "--endpoint", "http://127.0.0.1:9").code == 1
    assert logged_out("logout", "--json").json == {"endpoint": entrepot_hub.url, "was_logged_in": True}
    assert "not logged in to" in logged_out("logout").out
    assert logged_out("whoami").code == 1


def test_a_token_that_the_hub_does_not_know_is_not_kept(logged_out: Run) -> None:
    refused = logged_out("login", "--token", "hf_wrongwrongwrong")
    assert refused.code == 1
    assert refused.err.startswith("error: ")
    assert refused.err.count("\n") == 1
    assert "hf_wrongwrongwrong" not in refused.err
    assert logged_out("whoami").code == 1


def test_whoami_says_who_and_where(at_hub: Run, entrepot_hub: RunningHub) -> None:
    org = entrepot_hub.org(f"cli-{os.urandom(3).hex()}")
    found = at_hub("whoami", "--json").json
    assert (found["user"], found["role"], found["endpoint"]) == ("tester", "write", entrepot_hub.url)
    assert {"name": org, "role": "admin"} in found["orgs"]
    assert f"{org} (admin)" in at_hub("whoami").out


def test_an_empty_line_is_no_token(logged_out: Run) -> None:
    assert "expected the token" in logged_out("login", "--token-stdin", stdin="\n").err


def test_a_login_takes_one_way_only(logged_out: Run) -> None:
    both = logged_out("login", "--browser", "--code", "code_x")
    assert both.code == 2
    assert "not with two of them" in both.err
