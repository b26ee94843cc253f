from __future__ import annotations

import io
import json

import pytest

from entrepot.cli.results import read_first_line, show_result
from entrepot.errors import Malformed


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
