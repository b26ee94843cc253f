"""The check of a README as JSON. Source: docs/protocols/hf_api.md, section 1A.5."""

from __future__ import annotations

import msgspec


class CardRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The whole text of a README, and the type of its repository."""

    content: str
    repo_type: str | None = None


class CardMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth saying about a card."""

    message: str


class CardReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a card; it is acceptable when ``errors`` is empty."""

    errors: list[CardMessage]
    warnings: list[CardMessage]
