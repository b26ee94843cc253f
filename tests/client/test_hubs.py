from __future__ import annotations

import os
import traceback
import warnings
from pathlib import Path

import pytest

from entrepot import __version__
from entrepot.client.calls import accounts
from entrepot.client.hubs import Hub, connect, find_token, render_user_agent
from entrepot.client.paths import ClientPaths, read_paths
from entrepot.client.tokens import TokenStore
from entrepot.errors import InvalidArgument, InvalidToken, Offline, TokenMissing, Unauthenticated
from entrepot.testing.hubs import RunningHub


def at(folder: Path, **variables: str) -> ClientPaths:
    return read_paths(
        {"ENTREPOT_HOME": str(folder), **{f"ENTREPOT_{name}": value for name, value in variables.items()}}
    )


def test_a_hub_answers(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    hub = Hub(at(tmp_path, ENDPOINT=entrepot_hub.url), token=entrepot_hub.token)
    assert hub.send(accounts.whoami()).name == "tester"
    assert entrepot_hub.token not in repr(hub)
    hub.close()
    assert list(hub.pages(accounts.followers("tester"))) == []
    hub.close()


def test_the_nearest_token_is_sent(tmp_path: Path) -> None:
    here = at(tmp_path, ENDPOINT="http://hub.example")
    assert find_token(here, here.endpoint) is None
    TokenStore(here.tokens).put(here.endpoint, "stored")
    assert find_token(here, here.endpoint) == "stored"
    assert find_token(here, "http://other.example") is None
    named = at(tmp_path, ENDPOINT="http://hub.example", TOKEN="named")
    assert find_token(named, here.endpoint) == "named"
    assert find_token(named, here.endpoint, "given") == "given"
    assert find_token(named, here.endpoint, True) == "named"
    assert find_token(named, here.endpoint, False) is None


def test_a_required_token_is_missing(tmp_path: Path) -> None:
    here = at(tmp_path)
    with pytest.raises(TokenMissing, match="entrepot login"):
        Hub(here, token=True)
    with pytest.raises(TokenMissing):
        Hub(here).need_token()
    assert Hub(here, token="t").need_token() == "t"


def test_anonymous_means_that_no_token_is_sent(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    hub = Hub(at(tmp_path, ENDPOINT=entrepot_hub.url, TOKEN=entrepot_hub.token), token=False)
    with pytest.raises(Unauthenticated):
        hub.send(accounts.whoami())
    hub.close()


def test_offline_mode_sends_no_request(tmp_path: Path) -> None:
    hub = Hub(at(tmp_path, OFFLINE="1"))
    with pytest.raises(Offline, match="ENTREPOT_OFFLINE"):
        hub.send(accounts.whoami())
    with pytest.raises(Offline):
        hub.pages(accounts.followers("x"))


def test_the_same_arguments_share_connections(tmp_path: Path) -> None:
    here = at(tmp_path)
    one = connect("http://hub.example", "t", paths=here)
    assert connect("http://hub.example/", "t", paths=here) is one
    assert connect("http://hub.example", "other", paths=here) is not one
    assert connect("http://hub.example", "t", paths=here, library_name="x") is not one


def test_connections_do_not_grow_without_end(tmp_path: Path) -> None:
    here = at(tmp_path)
    one = connect("http://hub.example", "kept", paths=here)
    for number in range(31):
        connect("http://hub.example", f"t{number}", paths=here)
    assert connect("http://hub.example", "kept", paths=here) is one
    for number in range(32):
        connect("http://hub.example", f"t{number}", paths=here)
    assert connect("http://hub.example", "kept", paths=here) is not one


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_opens_connections_of_its_own(tmp_path: Path) -> None:
    here = at(tmp_path)
    one = connect("http://hub.example", "t", paths=here)
    child = os.fork()
    if child == 0:
        os._exit(0 if connect("http://hub.example", "t", paths=here) is not one else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_user_agent_names_the_caller() -> None:
    agent = render_user_agent("trainer", "2.0", {"team": "blue"})
    assert agent.startswith(f"trainer/2.0; entrepot/{__version__}; python/")
    assert agent.endswith("; team/blue")
    assert render_user_agent(extra="plain").endswith("; plain")
    assert "unknown" in render_user_agent("trainer")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere files have no mode")
def test_a_stored_token_readable_by_others_is_used_with_a_warning(tmp_path: Path) -> None:
    here = at(tmp_path, ENDPOINT="http://hub.example")
    file = TokenStore(here.tokens).put(here.endpoint, "stored")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_token(here, here.endpoint) == "stored"
    file.chmod(0o644)
    with pytest.warns(UserWarning, match="can be read by others: run 'chmod 600'"):
        assert find_token(here, here.endpoint) == "stored"


@pytest.mark.parametrize("token", ["hf_x\n", "Bearer hf_x", "hf_\u00e9x", "https://u:hf_x@h"])
def test_a_token_that_cannot_be_sent_is_refused_before_anything_is_sent(tmp_path: Path, token: str) -> None:
    with pytest.raises(InvalidToken, match="argument 'token'") as caught:
        connect("http://127.0.0.1:9", token, paths=at(tmp_path))
    assert "hf_x" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", ["Bearer hf_x\n", "Bearer hf_\u00e9", " Bearer hf_x", "a\0"])
def test_a_header_that_cannot_be_sent_is_named_without_its_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(InvalidArgument, match="authorization") as caught:
        Hub(at(tmp_path), headers={"authorization": value})
    assert "hf_" not in "".join(traceback.format_exception(caught.value))


def test_a_user_agent_is_always_one_line_of_ascii() -> None:
    assert render_user_agent("lib\r\nx: y", "\u00e9").startswith("lib??x: y/?;")
