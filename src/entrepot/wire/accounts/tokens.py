"""Tokens in JSON, as their owners manage them; the scopes have the shape that ``whoami`` shows.

Source: docs/protocols/hf_api.md, section 1A.1 (scopes); the rest is this hub's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType


class ScopeEntity(msgspec.Struct, rename={"uid": "_id"}, omit_defaults=True):
    """A place: ``type`` is ``user``, ``org``, ``model``, ``dataset`` or ``space``; ``_id`` only in answers."""

    type: str
    name: str
    uid: str | None = None


class Scoped(msgspec.Struct):
    """Permissions at one place."""

    entity: ScopeEntity
    permissions: Sequence[str]


class FineGrained(msgspec.Struct, kw_only=True):
    """What a fine-grained token allows: at places, and (``global``) everywhere."""

    scoped: Sequence[Scoped] = ()
    everywhere: Sequence[str] = msgspec.field(default=(), name="global")
    reads_gated: bool = msgspec.field(default=False, name="canReadGatedRepos")


class TokenCreation(msgspec.Struct, rename="camel"):
    """Body of ``POST /api/settings/tokens``; ``expiresAt`` is a time, or absent for never."""

    role: str
    name: str | None = None
    expires_at: str | None = None
    fine_grained: FineGrained | None = None


class TokenRenaming(msgspec.Struct):
    """Body of ``POST /api/settings/tokens/{id}``."""

    name: str


class OwnToken(msgspec.Struct, rename="camel", kw_only=True):
    """A token of the caller; ``token``, its secret, only in the answer that makes it.

    ``lastUsedAt`` is true to the hour; null: never.
    """

    id: str
    display_name: str
    role: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    fine_grained: FineGrained | UnsetType = UNSET
    token: str | UnsetType = UNSET
