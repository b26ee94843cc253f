"""Quotas in JSON: this hub's own."""

from __future__ import annotations

import msgspec


class QuotaInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a namespace may keep (null: no limit) and what it uses."""

    namespace: str
    max_bytes: int | None
    max_repos: int | None
    max_file_bytes: int | None
    used_bytes: int
    repos: int
