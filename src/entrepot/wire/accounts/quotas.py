"""JSON of quotas, an extension of this hub."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class QuotaInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The storage limit of a namespace (null: no limit) and its usage."""

    namespace: str
    max_bytes: int | None
    max_repos: int | None
    max_file_bytes: int | None
    used_bytes: int
    repos: int


class QuotaChanges(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Limits of a namespace to set: 0 is no limit, null the limit in the settings of the hub; others stay."""

    max_bytes: int | UnsetType | None = UNSET
    max_repos: int | UnsetType | None = UNSET
    max_file_bytes: int | UnsetType | None = UNSET

    def given(self) -> dict[str, int | None]:
        """Return the limits that are to be set, by name."""
        fields = {"max_bytes": self.max_bytes, "max_repos": self.max_repos, "max_file_bytes": self.max_file_bytes}
        return {name: value for name, value in fields.items() if not isinstance(value, UnsetType)}
