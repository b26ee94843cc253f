"""Tags in JSON, by what they say.

Source: docs/protocols/hf_api.md, section 1C.
"""

from __future__ import annotations

import msgspec


class TagEntry(msgspec.Struct):
    """A tag: the word to filter by, the word for people, its kind, and how many public repositories have it."""

    id: str
    label: str
    type: str
    count: int = 0
