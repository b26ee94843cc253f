"""The metadata block at the top of a README: find it, read it safely.

The block is YAML written by anybody, read before anybody is known, so
everything about it is bounded: its size, its depth, and what its aliases
expand to. Values come out as JSON and nothing else.
"""

from __future__ import annotations

import re

from entrepot.cards.yaml_values import JsonValue, YamlReader
from entrepot.errors import Malformed

MAX_BLOCK = 1 << 20
"""Longest metadata block that is read, in characters."""

_BLOCK = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))")


def split_card(text: str) -> tuple[str | None, str]:
    """The YAML block of a README, without its ``---`` lines, and the Markdown after it.

    Returns:
        ``(None, text)`` when there is no block. A byte order mark at the
        start belongs to neither.

    Source: huggingface_hub 2.4.0, ``repocard.py``, REGEX_YAML_BLOCK; the
    public hub uses the same expression.
    """
    text = text.removeprefix("\ufeff")
    found = _BLOCK.match(text)
    if found is None:
        return None, text
    return found[2], text[found.end() :]


def parse_metadata(block: str, *, first_line: int = 1) -> dict[str, JsonValue]:
    """Read a YAML block as a JSON object.

    Dates become ISO 8601 strings; of repeated keys the last wins; keys are the
    text that was written; infinite and undefined numbers and integers beyond
    64 bits become strings; ``yes``, ``no``, ``on``, ``off`` are strings (so
    that the language ``no`` is not False), as in YAML 1.2; merge keys (``<<``)
    work. An empty block is an empty object.

    Args:
        block: at most 1,048,576 characters.
        first_line: number of the block's first line, for messages.

    Raises:
        Malformed: not YAML, not one mapping, a tag that names a foreign type,
            deeper than 64 levels, or larger than 100,000 values or 4 Mi
            characters once aliases are expanded. The reason names the line.
    """
    if len(block) > MAX_BLOCK:
        raise Malformed("repo card metadata", f"it is longer than {MAX_BLOCK:,} characters")
    value = YamlReader(first_line).read(block)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("repo card metadata", "expected a mapping of names to values")
    return value
