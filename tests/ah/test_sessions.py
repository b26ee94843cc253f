"""Login, logout, and where the address and the key come from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot import ah
from entrepot.ah import sessions
from entrepot.ah.errors import NotLoggedIn, ServerUnreachable
from entrepot.ah.sessions import HubNamespace, HubSession, read_configuration
from entrepot.client.tokens import TokenStore
from entrepot.errors import ConfigError, InvalidToken
from entrepot.testing.hubs import RunningHub

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment that names no hub and no key; returns the home of the client."""
    for name in ("ENTREPOT_ENDPOINT", "ENTREPOT_TOKEN", "HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def t9k_file(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "t9k.yaml"
    path.write_text(text)
    monkeypatch.setenv("T9K_CONFIG", str(path))
    return path


def test_arguments_come_first(bare: Path, entrepot_hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_ENDPOINT", NOWHERE)
    ah.login(ah_host=entrepot_hub.url, api_key=entrepot_hub.token)
    assert (ah.whoami()["name"], ah.whoami()["host"]) == ("tester", entrepot_hub.url)


def test_the_environment_comes_before_the_file(
    bare: Path, entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t9k_file(tmp_path, f"asset_hub_host: {NOWHERE}\napi_key: abc\n", monkeypatch)
    monkeypatch.setenv("ENTREPOT_ENDPOINT", entrepot_hub.url)
    monkeypatch.setenv("ENTREPOT_TOKEN", entrepot_hub.token)
    ah.login()
    assert sessions.current().hub.endpoint == entrepot_hub.url


def test_the_file_of_the_other_sdk_is_read(
    bare: Path, entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = t9k_file(tmp_path, f"asset_hub_host: {entrepot_hub.url}/\napi_key: {entrepot_hub.token}\n", monkeypatch)
    before = path.read_bytes()
    assert sessions.current().user == "tester"
    assert path.read_bytes() == before


def test_the_key_of_the_file_goes_to_its_own_host_only(
    bare: Path, entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t9k_file(tmp_path, f"asset_hub_host: {NOWHERE}\napi_key: {entrepot_hub.token}\n", monkeypatch)
    with pytest.raises(NotLoggedIn, match=r"ah\.login\(\) with an API key"):
        ah.login(ah_host=entrepot_hub.url)


def test_a_stored_login_comes_last(bare: Path, entrepot_hub: RunningHub) -> None:
    TokenStore(bare / "tokens").put(entrepot_hub.url, entrepot_hub.token)
    ah.login(ah_host=entrepot_hub.url)
    assert sessions.current().user == "tester"
    ah.logout()
    assert TokenStore(bare / "tokens").find(entrepot_hub.url) is not None


def test_the_first_call_logs_in_and_none_after_logout(at_hub: RunningHub) -> None:
    assert ah.whoami()["name"] == "tester"
    ah.logout()
    for call in (ah.whoami, lambda: ah.list("model"), lambda: ah.get("model/x"), lambda: ah.delete("model/x", True)):
        with pytest.raises(NotLoggedIn, match=r"^Not logged in: please first call ah\.login\(\)$"):
            call()
    ah.login()
    assert ah.whoami()["name"] == "tester"


def test_a_wrong_key_is_refused_and_not_shown(at_hub: RunningHub) -> None:
    ah.login()
    with pytest.raises(RuntimeError, match=r"Unable to log in") as caught:
        ah.login(api_key="hf_wrongwrongwrong")
    assert isinstance(caught.value, NotLoggedIn)
    assert "wrongwrong" not in f"{caught.value!r}"
    assert ah.whoami()["name"] == "tester"  # the session before stays


def test_no_server_and_no_hub(bare: Path) -> None:
    with pytest.raises(ServerUnreachable, match=r"Unable to connect to the server") as caught:
        ah.login(ah_host=NOWHERE, api_key="abc", timeout=5)
    assert isinstance(caught.value, OSError)
    assert "abc" not in str(caught.value)


def test_invalid_addresses_and_keys_cannot_be_used(at_hub: RunningHub) -> None:
    for address in ("foo", "", "ftp://x", "http://user:secret@host"):
        with pytest.raises(ServerUnreachable, match="Unable to connect to the server") as caught:
            ah.login(ah_host=address)
        assert "secret" not in str(caught.value)
    for key in ("a b", "Bearer abc", "ключ", ""):
        with pytest.raises(NotLoggedIn, match="Unable to log in") as refused:
            ah.login(api_key=key)
        assert not key or key not in str(refused.value)


def test_a_bad_file_does_not_matter_if_the_environment_says_everything(
    at_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t9k_file(tmp_path, "- a list", monkeypatch)
    ah.login()
    monkeypatch.delenv("ENTREPOT_ENDPOINT")
    monkeypatch.delenv("HF_ENDPOINT")
    with pytest.raises(ConfigError, match="expected a mapping"):
        ah.login()


def test_another_storage_host_is_a_warning_only(at_hub: RunningHub) -> None:
    with pytest.warns(UserWarning, match=r"ais_host is ignored"):
        ah.login(ais_host=NOWHERE)
    ah.login(ais_host=at_hub.url)


@pytest.mark.parametrize(("timeout", "kind"), [("5", TypeError), (True, TypeError), (0, ValueError), (-1, ValueError)])
def test_a_timeout_is_a_positive_number(at_hub: RunningHub, timeout: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"timeout"):
        ah.login(timeout=timeout)  # type: ignore[arg-type]


def test_a_timeout_is_used(at_hub: RunningHub) -> None:
    ah.login(timeout=7)
    assert sessions.current().hub.paths.download_timeout_s == 7.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a\n- b\n", "expected a mapping"),
        ("a: [\n", "not YAML"),
        ("api_key: 3\n", "api_key must be text"),
        ("asset_hub_host: not-an-address\n", "expected an address"),
        ("x: !!python/object:os.system {}\n", "not YAML"),
        ("x: " + "y" * 70_000, "more than"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str) -> None:
    path = t9k_file(tmp_path, text, monkeypatch)
    with pytest.raises(ConfigError, match=reason):
        read_configuration({"T9K_CONFIG": str(path)})


def test_a_bad_key_in_the_file_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("api_key: 'secret word'\n")
    with pytest.raises(InvalidToken) as caught:
        read_configuration({"T9K_CONFIG": str(path)})
    assert "secret word" not in str(caught.value)


def test_a_missing_file_is_fine_unless_it_is_named(tmp_path: Path) -> None:
    assert read_configuration({}) == HubNamespace()
    with pytest.raises(ConfigError, match=r"there is no file"):
        read_configuration({"T9K_CONFIG": str(tmp_path / "none.yaml")})
    (tmp_path / "empty.yaml").write_text("")
    assert read_configuration({"T9K_CONFIG": str(tmp_path / "empty.yaml")}) == HubNamespace()


def test_a_block_uses_its_own_session(at_hub: RunningHub, session_of: Callable[[str], HubSession]) -> None:
    other = session_of("bob")
    with sessions.using(other):
        assert sessions.current().user == "bob"
        elsewhere: list[str] = []
        thread = threading.Thread(target=lambda: elsewhere.append(sessions.current().user))
        thread.start()
        thread.join()
    assert (elsewhere, sessions.current().user) == (["tester"], "tester")


def test_the_session_does_not_show_its_key(at_hub: RunningHub) -> None:
    assert at_hub.token not in repr(sessions.current())
