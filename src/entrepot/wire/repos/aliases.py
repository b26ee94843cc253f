"""JSON of aliases, an extension of this hub."""

from __future__ import annotations

import msgspec


class AliasFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An alias: a name without a namespace, and the repository that it refers to."""

    name: str
    type: str
    repo: str


class AliasTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Body of ``PUT /api/admin/aliases/{type}/{name}``."""

    repo: str
