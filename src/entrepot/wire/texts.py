"""Text that JSON can hold."""

from __future__ import annotations


def legible(text: str) -> str:
    """The text with every byte that was no UTF-8 replaced by U+FFFD.

    Names that came in through git may be any bytes; inside the hub those
    bytes are lone surrogates (PEP 383), which no JSON document may contain.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
