"""The lines of a text file, read piece by piece."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from entrepot.errors import Malformed
from entrepot.previews.sources import RangeReader

MAX_LINE = 64 << 20
"""Characters of a line."""

_PIECE = 1 << 20
_END = re.compile(r"\r\n|\r|\n")


def read_lines(source: RangeReader) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 text with their ends: ``\n``, ``\r\n`` or ``\r``. A byte order mark is left out.

    Raises:
        Malformed: it is not UTF-8, or a line is too long.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    held = ""
    for at in range(0, source.size, _PIECE):
        begin = max(0, len(held) - 1)  # what is held has no end of a line, but perhaps the first half of one
        try:
            held += decoder.decode(source.read_at(at, _PIECE), final=at + _PIECE >= source.size)
        except UnicodeDecodeError as error:
            raise Malformed("text file", "it is not UTF-8") from error
        end = 0
        for match in _END.finditer(held, begin):
            if match.end() == len(held) and match[0] == "\r" and at + _PIECE < source.size:
                break  # a line feed may follow
            yield held[end : match.end()]
            end = match.end()
        held = held[end:]
        if len(held) > MAX_LINE:
            raise Malformed("text file", f"a line has more than {MAX_LINE:,} characters")
    if held:
        yield held
