"""Text that JSON can hold."""

from __future__ import annotations


def legible(text: str) -> str:
    """Return the text with every byte that is not valid UTF-8 replaced by U+FFFD.

    Names from git may hold any bytes; the hub represents invalid bytes as lone
    surrogates (PEP 383), which no JSON document may contain.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def one_line(text: str, most: int) -> str:
    """Return the beginning of a text on one line: what cannot be printed, line breaks too, becomes a space."""
    text = text[:most]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)
