from __future__ import annotations

import base64

import pytest

from entrepot.errors import Malformed
from entrepot.names import Oid, RepoPath
from entrepot.server.hf.repos.tree_cursors import Cursor, encode_cursor, parse_cursor

HERE = Cursor(RepoPath("a/ü b.txt"), Oid("ab" * 20))
BY_HAND = b'{"file_name":"a/b.txt"}'


def test_a_cursor_reads_back_and_needs_no_escaping_in_a_url() -> None:
    text = encode_cursor(HERE)
    assert parse_cursor(text) == HERE
    assert text.rstrip("=").replace("-", "").replace("_", "").isalnum()


def test_a_name_that_is_no_utf8_survives() -> None:
    cursor = Cursor(RepoPath(b"caf\xe9".decode("utf-8", "surrogateescape")))
    assert parse_cursor(encode_cursor(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(BY_HAND).decode(),
        base64.b64encode(BY_HAND).decode().rstrip("="),
        base64.b64encode(BY_HAND).decode() + ":50",
        base64.b64encode(base64.b64encode(BY_HAND) + b":50").decode(),
        base64.b64encode(base64.b64encode(b'{"file_name":"a/b.txt","tree_oid":"12"}') + b":1000").decode(),
    ],
)
def test_cursors_of_the_public_hub_are_read(text: str) -> None:
    assert parse_cursor(text) == Cursor(RepoPath("a/b.txt"), None)


@pytest.mark.parametrize(
    "text",
    [
        "%%%",
        "nonsense",
        "é",
        base64.b64encode(b"{").decode(),
        base64.b64encode(b'{"file_name":1}').decode(),
        base64.b64encode(b'{"file_name":"a","commit":"main"}').decode(),
        base64.b64encode(b'{"file_name":"\\ud800"}').decode(),
        base64.b64encode(b"{" * 40_000).decode(),
        "A" * 1_000_000,
    ],
)
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="cursor"):
        parse_cursor(text)
