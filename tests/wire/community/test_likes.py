from __future__ import annotations

import msgspec

from entrepot.wire.community.likes import LikedRepo, LikeInfo


def test_a_like_names_the_repository_and_its_type() -> None:
    facts = LikeInfo(created_at="2024-05-01T12:34:56.789Z", repo=LikedRepo("alice/m", "model"))
    assert msgspec.json.encode(facts) == (
        b'{"createdAt":"2024-05-01T12:34:56.789Z","repo":{"name":"alice/m","type":"model"}}'
    )
