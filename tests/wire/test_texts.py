from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.texts import legible, one_line


@pytest.mark.parametrize("text", ["", "plain", "größe ✓", "a/b"])
def test_text_that_json_can_hold_stays(text: str) -> None:
    assert legible(text) == text


def test_bytes_that_were_no_utf8_are_replaced() -> None:
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    assert msgspec.json.encode(legible(name)) == '"caf�.txt"'.encode()


def test_a_text_is_shown_on_one_line() -> None:
    assert one_line("a\nb\x1b[31m\tc", 100) == "a b [31m c"
    assert one_line("é" * 10, 3) == "ééé"
