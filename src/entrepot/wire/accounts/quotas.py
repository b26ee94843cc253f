"""JSON of quotas, an extension of this hub."""

from __future__ import annotations

import msgspec


class QuotaInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The storage limit of a namespace (null: no limit) and its usage."""

    namespace: str
    max_bytes: int | None
    max_repos: int | None
    max_file_bytes: int | None
    used_bytes: int
    repos: int
