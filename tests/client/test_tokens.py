from __future__ import annotations

import os
import stat
import threading
import traceback
import urllib.parse
from pathlib import Path

import pytest

from entrepot.client.tokens import ARGUMENT, TokenStore, parse_token
from entrepot.errors import ConfigError, InvalidToken

ONE, TWO = "http://127.0.0.1:8080", "https://hub.example/base"


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "home" / "tokens")


def endpoints(store: TokenStore) -> list[str]:
    """Return the hubs with a stored token, sorted."""
    return sorted(urllib.parse.unquote(path.name) for path in store.folder.glob("[!.]*"))


def secret(store: TokenStore, endpoint: str) -> str | None:
    found = store.find(endpoint)
    return found.secret if found else None


def test_several_hubs_side_by_side(store: TokenStore) -> None:
    assert endpoints(store) == []
    store.put(ONE, "first")
    store.put(TWO, "second")
    store.put(ONE, "newer")
    assert (secret(store, ONE), secret(store, TWO)) == ("newer", "second")
    assert endpoints(store) == [ONE, TWO]
    assert store.remove(ONE)
    assert not store.remove(ONE)
    assert endpoints(store) == [TWO]
    assert secret(store, ONE) is None


def test_a_token_is_for_its_owner_alone(store: TokenStore) -> None:
    path = store.put(ONE, "first")
    assert path == store.file(ONE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    found = store.find(ONE)
    assert found is not None
    assert found.warning is None
    assert "first" not in repr(found)


def test_a_token_that_others_can_read_is_warned_about(store: TokenStore) -> None:
    path = store.put(ONE, "first")
    path.chmod(0o644)
    found = store.find(ONE)
    assert found is not None
    assert found.warning is not None
    assert "chmod 600" in found.warning


def test_concurrent_writers_leave_one_complete_token(store: TokenStore) -> None:
    words = [f"token-{number}" * 50 for number in range(8)]
    threads = [threading.Thread(target=store.put, args=(ONE, word)) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert secret(store, ONE) in words
    assert os.listdir(store.folder) == [store.file(ONE).name]


def test_an_empty_file_holds_no_token(store: TokenStore) -> None:
    store.put(ONE, "first").write_text(" \n")
    assert store.find(ONE) is None


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = TokenStore(tmp_path / "file")
    with pytest.raises(ConfigError, match="cannot be written"):
        store.put(ONE, "secret-word")
    store = TokenStore(tmp_path)
    store.file(ONE).mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        store.find(ONE)


WRONG = [
    "hf_x\n",
    " hf_x",
    "hf_x\t",
    "hf_\u00e9x",
    "hf_x\0",
    "Bearer hf_x",
    "https://user:hf_x@host",
    "hf_x hf_x",
    "hf_x,y",
    " ",
]


@pytest.mark.parametrize("text", WRONG)
def test_an_invalid_token_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InvalidToken, match="argument 'token'") as caught:
        parse_token(text, ARGUMENT)
    for said in (str(caught.value), repr(caught.value), caught.value.reason):
        assert "hf_x" not in said
        assert "\u00e9" not in said


def test_whitespace_of_files_and_terminals_is_stripped() -> None:
    assert parse_token(" hf_x\r\n", "file", is_trimmed=True) == "hf_x"
    with pytest.raises(InvalidToken, match="not bytes"):
        parse_token(b"hf_x", ARGUMENT)


@pytest.mark.parametrize("content", [b"hf_x\nhf_y\n", b"Bearer hf_x", b"\xffhf_x"])
def test_a_file_that_holds_no_token_is_named(store: TokenStore, content: bytes) -> None:
    path = store.put(ONE, "hf_x")
    path.write_bytes(content)
    with pytest.raises(InvalidToken, match="file") as caught:
        store.find(ONE)
    assert str(path) in str(caught.value)
    assert "hf_x" not in "".join(traceback.format_exception(caught.value))


def test_only_a_token_is_stored(store: TokenStore) -> None:
    with pytest.raises(InvalidToken):
        store.put(ONE, "hf_x\n")
    assert endpoints(store) == []
