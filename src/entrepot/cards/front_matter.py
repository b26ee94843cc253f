"""The metadata block at the top of a README: detection and safe parsing.

The block is untrusted YAML, parsed before the author is authenticated, so its
size, its depth and the expansion of its aliases are limited. The values are
plain JSON values.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from entrepot.cards.yaml_values import JsonValue, YamlReader
from entrepot.errors import Malformed

MAX_BLOCK = 1 << 20
"""The maximum length of a metadata block, in characters."""

_BLOCK = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))")


def split_card(text: str) -> tuple[str | None, str]:
    """Return the YAML block of a README, without its ``---`` lines, and the Markdown after it.

    Returns:
        ``(None, text)`` without a block. A byte order mark at the start is part
        of neither.

    Source: huggingface_hub 2.4.0, ``repocard.py``, REGEX_YAML_BLOCK; the
    public hub uses the same expression.
    """
    text = text.removeprefix("\ufeff")
    found = _BLOCK.match(text)
    if found is None:
        return None, text
    return found[2], text[found.end() :]


def parse_metadata(block: str, *, first_line: int = 1, old_keys: Collection[str] = ()) -> dict[str, JsonValue]:
    """Parse a YAML block as a JSON object.

    Dates become ISO 8601 strings. If a key is repeated, the last one wins. Keys
    keep their written text. Infinities, NaN and integers beyond 64 bits become
    strings. ``yes``, ``no``, ``on`` and ``off`` are strings, as in YAML 1.2, so
    that the language ``no`` is not False. Merge keys (``<<``) are supported. An
    empty block is an empty object.

    Args:
        block: at most 1,048,576 characters.
        first_line: the line number of the first line of the block, for messages.
        old_keys: keys of the block below which values are those of YAML 1.1, where ``no`` is False and ``010`` is 8.

    Raises:
        Malformed: the block is not YAML or not a single mapping, has a tag for an
            unsupported type, is deeper than 64 levels, or has more than 64
            ``%TAG`` directives, or has more than 100,000 values or 4 Mi characters
            after aliases are expanded. The reason names the line.
    """
    if len(block) > MAX_BLOCK:
        raise Malformed("repo card metadata", f"it is longer than {MAX_BLOCK:,} characters")
    value = YamlReader(first_line, old_keys).read(block)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("repo card metadata", "expected a mapping of names to values")
    return value
