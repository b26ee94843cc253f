from __future__ import annotations

import pytest

from entrepot.errors import LimitExceeded, Refused
from entrepot.names import RepoPath
from entrepot.server.pages.editing.texts import MAX_TEXT, EditedText, decode

PATH = RepoPath("a.txt")


@pytest.mark.parametrize("data", [b"", b"a", b"a\nb\n", b"a\r\nb\r\n", "é\n".encode(), b"\n"])
def test_a_text_becomes_the_same_bytes(data: bytes) -> None:
    found = decode(PATH, data)
    assert "\r" not in found.text
    assert found.encode(found.text) == data


@pytest.mark.parametrize("data", [b"\0", b"\xff", b"a\rb", b"a\r\nb\n", b"\r"])
def test_a_text_that_a_form_would_change_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="upload a new version instead"):
        decode(PATH, data)


def test_a_text_that_is_too_long_is_refused() -> None:
    assert len(EditedText("").encode("a" * MAX_TEXT)) == MAX_TEXT
    with pytest.raises(LimitExceeded):
        EditedText("", has_crlf=True).encode("a" * (MAX_TEXT - 1) + "\n")
