"""Aliases in JSON: this hub's own."""

from __future__ import annotations

import msgspec


class AliasFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A name without a namespace, and the repository it leads to."""

    name: str
    type: str
    repo: str


class AliasTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The body of ``PUT /api/admin/aliases/{type}/{name}``."""

    repo: str
