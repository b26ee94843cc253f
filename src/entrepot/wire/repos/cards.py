"""JSON of the README check. Source: docs/protocols/hf_api.md, section 1A.5."""

from __future__ import annotations

import msgspec


class CardRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The full text of a README, and the type of its repository."""

    content: str
    repo_type: str | None = None


class CardMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An error or a warning about a card."""

    message: str


class CardReport(msgspec.Struct, frozen=True, kw_only=True):
    """The errors and warnings of a card; the card is acceptable if ``errors`` is empty."""

    errors: list[CardMessage]
    warnings: list[CardMessage]
