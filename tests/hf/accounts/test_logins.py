from __future__ import annotations

import os
import stat
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import entrepot
from entrepot.client.paths import current_paths
from entrepot.client.tokens import TokenStore
from entrepot.errors import (
    HubUnreachable,
    InvalidArgument,
    InvalidCredentials,
    InvalidToken,
    LibraryMissing,
    NotAllowed,
)
from entrepot.hf.accounts import logins
from entrepot.testing.hubs import RunningHub


@pytest.fixture
def stranger(at_hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> RunningHub:
    """The hub, and a process without a token."""
    monkeypatch.delenv("ENTREPOT_TOKEN")
    monkeypatch.delenv("HF_TOKEN")
    return at_hub


def kept(hub: RunningHub) -> str | None:
    found = TokenStore(current_paths().tokens).find(hub.url)
    return found.secret if found else None


def test_logging_in_and_out(stranger: RunningHub) -> None:
    assert entrepot.get_token() is None
    done = entrepot.login(stranger.token)
    assert done is not None
    assert (done.endpoint, done.user, done.role) == (stranger.url, "tester", "write")
    assert stat.S_IMODE(Path(done.file).stat().st_mode) == 0o600
    assert stranger.token not in repr(done)
    assert entrepot.get_token() == stranger.token
    assert entrepot.whoami()["name"] == "tester"
    assert entrepot.logout() is True
    assert entrepot.logout() is False
    assert entrepot.get_token() is None


def test_an_invalid_token_is_not_stored(stranger: RunningHub) -> None:
    entrepot.login(stranger.token)
    with pytest.raises(InvalidCredentials, match="not valid"):
        entrepot.login("hf_nobodyhasthis")
    assert kept(stranger) == stranger.token


@pytest.mark.parametrize("token", ["", "  ", "two words", "tokén"])
def test_an_invalid_token_is_not_sent_to_the_hub(stranger: RunningHub, token: str) -> None:
    with pytest.raises(InvalidToken, match="cannot be used"):
        entrepot.login(token)


def test_the_terminal_prompts_for_a_token(stranger: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or f" {stranger.token}\n")
    done = entrepot.interpreter_login()
    assert done.user == "tester"
    assert stranger.url in asked[0]
    entrepot.login(new_session=False)
    entrepot.interpreter_login(skip_if_logged_in=True)
    assert len(asked) == 1
    entrepot.login()
    assert len(asked) == 2


@pytest.mark.skipif(os.name != "posix", reason="elsewhere files have no mode")
def test_a_stored_token_readable_by_others_is_reported(stranger: RunningHub) -> None:
    done = entrepot.login(stranger.token)
    assert done is not None
    Path(done.file).chmod(0o644)
    with pytest.warns(UserWarning, match="can be read by others"):
        assert entrepot.login(new_session=False) == done


def test_a_token_that_may_only_read_is_not_enough_for_writing(stranger: RunningHub) -> None:
    reader = stranger.user("reader", "read").token
    with pytest.raises(NotAllowed, match="role 'write'"):
        entrepot.login(reader, write_permission=True)
    assert kept(stranger) is None
    entrepot.login(reader)
    assert kept(stranger) == reader


def test_several_hubs_side_by_side(stranger: RunningHub) -> None:
    entrepot.login(stranger.token)
    other = stranger.url.replace("127.0.0.1", "localhost")
    assert entrepot.get_token(other) is None
    entrepot.login(stranger.user("another").token, endpoint=other)
    assert entrepot.whoami()["name"] == "tester"
    assert entrepot.HfApi(endpoint=other).whoami()["name"] == "another"
    assert entrepot.logout(other)
    assert entrepot.get_token() == stranger.token


def test_a_token_of_the_environment_outlives_a_logout(at_hub: RunningHub) -> None:
    entrepot.login(at_hub.token)
    with pytest.raises(InvalidArgument, match="unset ENTREPOT_TOKEN or HF_TOKEN"):
        entrepot.logout()
    assert kept(at_hub) is None


def test_no_token_is_stored_if_the_hub_is_unreachable(stranger: RunningHub) -> None:
    with pytest.raises(HubUnreachable):
        entrepot.login("hf_sometoken", endpoint="http://127.0.0.1:9")
    assert list(TokenStore(current_paths().tokens).folder.glob("*")) == []


def test_the_token_can_be_passed_to_git(stranger: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    entrepot.login(stranger.token, add_to_git_credential=True)
    assert stranger.token in (tmp_path / ".git-credentials").read_text()
    entrepot.logout()
    assert stranger.token not in (tmp_path / ".git-credentials").read_text()


def test_a_notebook_needs_ipywidgets(stranger: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(LibraryMissing, match="ipywidgets"):
        entrepot.notebook_login()


def test_hf_folder_stores_tokens_for_older_programs(stranger: RunningHub) -> None:
    entrepot.HfFolder.save_token(f"{stranger.token}\n")
    assert entrepot.HfFolder.get_token() == kept(stranger) == stranger.token
    entrepot.HfFolder.delete_token()
    entrepot.HfFolder.delete_token()
    assert entrepot.HfFolder.get_token() is None


class Widget(types.SimpleNamespace):
    """Stands in for the widgets of a notebook, which need a browser."""

    def __init__(self, children: Any = (), **fields: Any) -> None:
        super().__init__(**{"value": "", "children": children, **fields})
        self.clicked: list[Any] = []

    def on_click(self, callback: Any) -> None:
        self.clicked.append(callback)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    names = ("Password", "Checkbox", "Button", "VBox")
    widgets = types.SimpleNamespace(**dict.fromkeys(names, Widget), Label=lambda text: text)
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    display = types.SimpleNamespace(display=found.append)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return found


def test_a_form_in_a_notebook(stranger: RunningHub, shown: list[Any]) -> None:
    entrepot.notebook_login()
    [box] = shown
    _title, field, _keep, button = box.children
    field.value = "hf_nobodyhasthis"
    button.clicked[0](button)
    assert field.value == ""
    assert "not valid" in box.children[0]
    field.value = stranger.token
    button.clicked[0](button)
    assert field.value == ""
    assert box.children == [f"Logged in at {stranger.url} as tester (role of the token: write)."]
    assert kept(stranger) == stranger.token
    entrepot.notebook_login(new_session=False)
    assert shown[1].children == box.children


def test_login_detects_a_notebook(stranger: RunningHub, shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_is_notebook", lambda: True)
    assert entrepot.login() is None
    assert len(shown) == 1
