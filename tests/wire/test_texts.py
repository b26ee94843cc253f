from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.texts import legible


@pytest.mark.parametrize("text", ["", "plain", "größe ✓", "a/b"])
def test_text_that_json_can_hold_stays(text: str) -> None:
    assert legible(text) == text


def test_bytes_that_were_no_utf8_are_replaced() -> None:
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    assert msgspec.json.encode(legible(name)) == '"caf�.txt"'.encode()
