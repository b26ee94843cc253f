from __future__ import annotations

from typing import Any

import msgspec

from entrepot.wire.accounts.tokens import FineGrained, OwnToken, Scoped, ScopeEntity, TokenCreation, TokenRenaming


def plain(value: msgspec.Struct) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


SCOPES = {
    "scoped": [{"entity": {"type": "model", "name": "a/b"}, "permissions": ["repo.write"]}],
    "global": ["discussion.write"],
    "canReadGatedRepos": True,
}


def test_scopes_are_read_and_written_in_the_shape_of_whoami() -> None:
    read = msgspec.convert(SCOPES, FineGrained)
    assert (read.everywhere, read.reads_gated) == (["discussion.write"], True)
    assert plain(read) == SCOPES
    entity = ScopeEntity("org", "acme", "1" * 24)
    assert plain(FineGrained(scoped=[Scoped(entity, [])])) == {
        "scoped": [{"entity": {"type": "org", "name": "acme", "_id": "1" * 24}, "permissions": []}],
        "global": [],
        "canReadGatedRepos": False,
    }


def test_a_wish_for_a_token_is_read() -> None:
    body = {"role": "fineGrained", "name": "ci", "expiresAt": "2999-01-01", "fineGrained": SCOPES}
    wish = msgspec.convert(body, TokenCreation)
    assert wish.fine_grained is not None
    assert (wish.role, wish.name, wish.expires_at) == ("fineGrained", "ci", "2999-01-01")
    short = msgspec.convert({"role": "read"}, TokenCreation)
    assert (short.name, short.expires_at, short.fine_grained) == (None, None, None)
    assert msgspec.convert({"name": "x"}, TokenRenaming).name == "x"


def test_a_token_has_a_secret_only_when_it_is_made() -> None:
    token = OwnToken(id="1", display_name="ci", role="read", created_at="t", expires_at=None, last_used_at=None)
    dates = {"createdAt": "t", "expiresAt": None, "lastUsedAt": None}
    assert plain(token) == {"id": "1", "displayName": "ci", "role": "read"} | dates
    token.token = "hf_secret"
    assert plain(token)["token"] == "hf_secret"
