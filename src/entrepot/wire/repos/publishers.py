"""JSON of trusted publishers: an extension of this hub, see ``docs/oauth.md``."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class NewPublisher(msgspec.Struct, frozen=True, kw_only=True):
    """Body of the request that adds a publisher; ``claims`` maps names of claims to patterns."""

    name: str
    issuer: str
    claims: Mapping[str, str]
    role: str = "write"


class PublisherInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A publisher; ``owner`` is the user whose rights it has."""

    id: str
    name: str
    issuer: str
    claims: Mapping[str, str]
    role: str
    owner: str
    created_at: str
    last_used_at: str | None
