"""JSON of tags that classify repositories.

Source: docs/protocols/hf_api.md, section 1C.
"""

from __future__ import annotations

import msgspec


class TagEntry(msgspec.Struct):
    """A tag: its id for filters, its label, its type, and the number of public repositories with it."""

    id: str
    label: str
    type: str
    count: int = 0
