from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entrepot.wire.repos.publishers import NewPublisher, PublisherInfo


def test_a_publisher_writes_unless_it_says_otherwise() -> None:
    body = b'{"name":"ci","issuer":"https://ci.example","claims":{"sub":"x"}}'
    assert msgspec.json.decode(body, type=NewPublisher).role == "write"
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"name":"ci","issuer":"i","claims":{"sub":1}}', type=NewPublisher)


def test_keys_are_as_clients_expect_them() -> None:
    known: dict[str, Any] = {"id": "1", "name": "ci", "issuer": "i", "claims": {}, "role": "read", "owner": "alice"}
    shown = msgspec.json.decode(msgspec.json.encode(PublisherInfo(**known, created_at="x", last_used_at=None)))
    assert set(shown) == {*known, "createdAt", "lastUsedAt"}
