from __future__ import annotations

import io
import json

import pytest

from entrepot.catalog.accounts.accounts import Token
from entrepot.cli.results import read_first_line, show_result, token_row
from entrepot.errors import Malformed
from entrepot.names import new_uid


@pytest.mark.parametrize("text", ["secret\n", "secret\r\n", "secret", "secret\nmore\n"])
def test_a_secret_is_the_first_line_of_standard_input(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert read_first_line("password") == "secret"


def test_an_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(Malformed, match="expected the password"):
        read_first_line("password")


def test_a_result_is_a_sentence_or_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    show_result({"deleted": "alice"}, "deleted user alice", as_json=False)
    assert capsys.readouterr().out == "deleted user alice\n"
    show_result({"deleted": "alice"}, "deleted user alice", as_json=True)
    assert json.loads(capsys.readouterr().out) == {"deleted": "alice"}


def test_the_times_of_a_token_are_iso_texts() -> None:
    uid = new_uid()
    assert token_row("alice", Token(uid, 1, "ci", "read", 0, 86_400_000)) == {
        "id": uid,
        "user": "alice",
        "name": "ci",
        "role": "read",
        "created_at": "1970-01-01T00:00:00.000Z",
        "expires_at": "1970-01-02T00:00:00.000Z",
        "last_used_at": None,
    }
