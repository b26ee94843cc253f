from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from entrepot.client.paths import DEFAULT_ENDPOINT, current_paths, parse_endpoint, read_paths
from entrepot.errors import ConfigError
from entrepot.settings import Settings


def test_without_variables_the_hub_is_on_this_computer() -> None:
    found = read_paths({})
    assert found.endpoint == DEFAULT_ENDPOINT
    assert DEFAULT_ENDPOINT.endswith(f":{Settings(data=Path()).port}")
    assert (found.token, found.is_offline, found.disable_xet, found.disable_progress) == (None, False, False, False)
    assert found.home.name == "entrepot"


def test_paths_are_read_from_variables(tmp_path: Path) -> None:
    found = read_paths(
        {
            "ENTREPOT_ENDPOINT": "https://hub.example/",
            "ENTREPOT_HOME": str(tmp_path),
            "ENTREPOT_CACHE": str(tmp_path / "c"),
            "ENTREPOT_TOKEN": " ep_secret\n",
            "ENTREPOT_OFFLINE": "1",
            "ENTREPOT_DISABLE_XET": "true",
            "ENTREPOT_DISABLE_PROGRESS": "YES",
            "ENTREPOT_ETAG_TIMEOUT": "2.5",
            "ENTREPOT_DOWNLOAD_TIMEOUT": "9",
        }
    )
    assert found.endpoint == "https://hub.example"
    assert (found.home, found.cache, found.tokens) == (tmp_path, tmp_path / "c", tmp_path / "tokens")
    assert found.token == "ep_secret"
    assert "ep_secret" not in repr(found)
    assert (found.is_offline, found.disable_xet, found.disable_progress) == (True, True, True)
    assert (found.etag_timeout_s, found.download_timeout_s) == (2.5, 9.0)


def test_variables_of_other_clients_do_not_change_paths() -> None:
    other = {"HF_HOME": "/x", "HF_HUB_CACHE": "/y", "HF_TOKEN_PATH": "/z", "HF_HUB_VERBOSITY": "debug"}
    assert read_paths(other) == read_paths({})


def test_variables_of_another_client_stand_in_for_ours() -> None:
    found = read_paths(
        {
            "HF_ENDPOINT": "https://other.example",
            "HF_TOKEN": "hf_x",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_XET": "YES",
            "HF_HUB_DISABLE_PROGRESS_BARS": "true",
            "HF_HUB_ETAG_TIMEOUT": "3",
            "HF_HUB_DOWNLOAD_TIMEOUT": "4",
        }
    )
    assert (found.endpoint, found.token_for("https://other.example")) == ("https://other.example", "hf_x")
    assert (found.is_offline, found.disable_xet, found.disable_progress) == (True, True, True)
    assert (found.etag_timeout_s, found.download_timeout_s) == (3.0, 4.0)


def test_an_hf_token_is_not_sent_to_an_explicit_endpoint() -> None:
    found = read_paths({"HF_TOKEN": "hf_x"})
    assert found.token_for(DEFAULT_ENDPOINT) == "hf_x"
    assert found.token_for("https://evil.example") is None


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_ETAG_TIMEOUT", "HF_TOKEN"])
def test_the_error_names_the_variable_of_a_wrong_value(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_paths({name: "no good \x01"})
    assert name in str(caught.value)
    assert "ENTREPOT_" not in str(caught.value)


def test_an_empty_variable_is_unset() -> None:
    names = ("ENDPOINT", "HOME", "CACHE", "TOKEN", "OFFLINE", "ETAG_TIMEOUT")
    assert read_paths({f"ENTREPOT_{name}": "" for name in names}) == read_paths({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENTREPOT_ENDPOINT", "hub.example"),
        ("ENTREPOT_ENDPOINT", "ftp://hub.example"),
        ("ENTREPOT_ENDPOINT", "http://user:pass@hub.example"),
        ("ENTREPOT_ENDPOINT", "http://hub.example/?q"),
        ("ENTREPOT_ENDPOINT", "http://hub:port"),
        ("ENTREPOT_OFFLINE", "perhaps"),
        ("ENTREPOT_ETAG_TIMEOUT", "soon"),
        ("ENTREPOT_DOWNLOAD_TIMEOUT", "0"),
        ("ENTREPOT_DOWNLOAD_TIMEOUT", "nan"),
        ("ENTREPOT_TOKEN", "two words"),
        ("ENTREPOT_TOKEN", "line\nbreak"),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_paths({name: value})
    assert "pass@" not in caught.value.message
    assert "two words" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP://Hub.Example:80/", "http://hub.example"),
        ("https://hub.example:443", "https://hub.example"),
        ("https://hub.example:8443/base/", "https://hub.example:8443/base"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_one_hub_has_one_address(text: str, expected: str) -> None:
    assert parse_endpoint(text) == expected


def test_the_token_of_the_environment_is_for_the_hub_of_the_environment() -> None:
    named = read_paths({"ENTREPOT_ENDPOINT": "https://mine.example", "ENTREPOT_TOKEN": "t"})
    assert named.token_for("https://mine.example") == "t"
    assert named.token_for("https://other.example") is None
    assert read_paths({"ENTREPOT_TOKEN": "t"}).token_for("https://any.example") == "t"


def test_the_environment_is_read_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTREPOT_ENDPOINT", "http://a.example")
    first = current_paths()
    monkeypatch.setenv("ENTREPOT_ENDPOINT", "http://b.example")
    assert (first.endpoint, current_paths().endpoint) == ("http://a.example", "http://b.example")


@pytest.mark.parametrize(
    "address", ["https://u:hf_x", "https://u:hf_x@h", "https://[hf_x", "https://h:hf_x/", "hf_x://h"]
)
def test_no_message_about_an_address_quotes_it(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_endpoint(address)
    assert "hf_x" not in "".join(traceback.format_exception(caught.value))
