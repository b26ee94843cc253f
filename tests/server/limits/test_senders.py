from __future__ import annotations

import base64
import pathlib

import pytest

from entrepot.errors import InvalidCredentials
from entrepot.server.limits.senders import secret_in, senders_of
from entrepot.settings import Settings

HERE = pathlib.Path("data")


def test_one_token_has_one_count_however_it_is_written() -> None:
    def sender(*values: bytes) -> bytes | None:
        headers = [(b"authorization", value) for value in values]
        scope = {"type": "http", "path": "/api/models", "headers": headers, "client": ("192.0.2.1", 1)}
        return senders_of(scope, Settings(data=HERE))[0]

    def basic(user: str, password: str) -> bytes:
        return b"Basic " + base64.b64encode(f"{user}:{password}".encode())

    same = {
        sender(b"Bearer good"), sender(b"bearer   good"), sender(b"Bearer \xa0good"), sender(basic("a", "good")),
        sender(basic("b", "good")), sender(b"Bearer good", b"Bearer made-up"),
    }  # fmt: skip
    assert len(same) == 1
    assert None not in same
    assert sender(b"Bearer good") != sender(b"Bearer other")
    assert sender() is sender(b"") is sender(b"Digest x") is sender(basic("a", "")) is sender(b"Basic ?") is None


def test_a_password_is_a_token_and_an_empty_one_is_none() -> None:
    encoded = base64.b64encode(b"user:pass:word").decode()
    assert (secret_in(f"Basic {encoded}"), secret_in("Bearer  x ")) == ("pass:word", "x")
    assert secret_in("Basic dXNlcjo=") is None
    for wrong in ("Bearer", "Bearer ", "Basic dXNlcg==", "Basic ?", "Basic dXNl*cjp4", "Token x"):
        with pytest.raises(InvalidCredentials):
            secret_in(wrong)
