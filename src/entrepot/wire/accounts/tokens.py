"""JSON of the caller's own tokens; scopes have the same shape as in ``whoami``.

Source: docs/protocols/hf_api.md, section 1A.1 (scopes); the rest is an extension of this hub.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType


class ScopeEntity(msgspec.Struct, rename={"uid": "_id"}, omit_defaults=True):
    """An entity: ``type`` is ``user``, ``org``, ``model``, ``dataset`` or ``space``; ``_id`` only in responses."""

    type: str
    name: str
    uid: str | None = None


class Scoped(msgspec.Struct):
    """The permissions on one entity."""

    entity: ScopeEntity
    permissions: Sequence[str]


class FineGrained(msgspec.Struct, kw_only=True):
    """The permissions of a fine-grained token: on single entities, and (``global``) everywhere."""

    scoped: Sequence[Scoped] = ()
    everywhere: Sequence[str] = msgspec.field(default=(), name="global")
    reads_gated: bool = msgspec.field(default=False, name="canReadGatedRepos")


class TokenCreation(msgspec.Struct, frozen=True, rename="camel"):
    """Body of ``POST /api/settings/tokens``; ``expiresAt`` is a time; without it the token never expires."""

    role: str
    name: str | None = None
    expires_at: str | None = None
    fine_grained: FineGrained | None = None


class TokenRenaming(msgspec.Struct):
    """Body of ``POST /api/settings/tokens/{id}``."""

    name: str


class OwnToken(msgspec.Struct, rename="camel", kw_only=True):
    """A token of the caller; the secret ``token`` is present only in the response that creates it.

    ``lastUsedAt`` has a resolution of one hour; null means never.
    """

    id: str
    display_name: str
    role: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    fine_grained: FineGrained | UnsetType = UNSET
    token: str | UnsetType = UNSET
