"""JSON of the audit log, an extension of this hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One audited change.

    ``token``: id of the token that made the change; ``details``: names to texts,
    numbers and booleans; ``chain``: 64 hex digits that bind the row to those before.
    """

    id: int
    at: str
    actor: str
    token: str | None
    action: str
    subject: str
    details: Mapping[str, Any]
    chain: str
