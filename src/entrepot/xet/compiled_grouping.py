"""Putting grouped bytes in order with machine code, if wasmtime is installed; see :mod:`.machine_code`.

The function moves 64 bytes at a time. Behind the end of a chunk it may write up to 63 further bytes, which the next
chunk overwrites, or which no one reads.

Source: docs/protocols/xet.md, section 4; WebAssembly core specification 2.0, "Vector Instructions".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from entrepot.xet.hashes import Buffer
from entrepot.xet.machine_code import Program, if_possible

GROUPS = 4
MAX_CHUNKS = 16_383
"""Chunks that one call can ungroup."""

_PAGE = 65_536
_AREA = 512 * 1024
_IN, _OUT = _PAGE, 2 * _PAGE + _AREA
_PAGES = 3 + 2 * _AREA // _PAGE


def _shuffle(first: str, second: str, *, upper: bool, width: int) -> str:
    """Return the expression that takes units of some bytes alternately from half of two vectors."""
    start = 8 if upper else 0
    lanes = [side + start + at + byte for at in range(0, 8, width) for side in (0, 16) for byte in range(width)]
    return f"(i8x16.shuffle {' '.join(map(str, lanes))} (local.get ${first}) (local.get ${second}))"


def _stores() -> str:
    lines, offset = [], 0
    for upper in (False, True):
        lines.append(f"(local.set $low {_shuffle('a', 'b', upper=upper, width=1)})")
        lines.append(f"(local.set $high {_shuffle('c', 'd', upper=upper, width=1)})")
        for part in (False, True):
            pair = _shuffle("low", "high", upper=part, width=2)
            lines.append(f"(v128.store offset={offset} (local.get $out) {pair})")
            offset += 16
    return "\n".join(lines)


_LOADS = "\n".join(
    f"(local.set ${name} (v128.load (local.get $from{number}))) "
    f"(local.set $from{number} (i32.add (local.get $from{number}) (i32.const 16)))"
    for number, name in enumerate("abcd")
)
_STARTS = "\n".join(
    f"(local.set $from{number} (i32.add (local.get $from{number - 1})"
    f" (i32.shr_u (i32.add (local.get $length) (i32.const {GROUPS - number})) (i32.const 2))))"
    for number in range(1, GROUPS)
)

# Memory: the number of chunks and their lengths at 0, what is read at _IN, what is written at _OUT.
_MODULE = f"""(module
  (memory (export "memory") {_PAGES} {_PAGES})
  (func (export "ungroup")
    (local $from0 i32) (local $from1 i32) (local $from2 i32) (local $from3 i32) (local $out i32) (local $stop i32)
    (local $entry i32) (local $last i32) (local $length i32) (local $in i32) (local $begin i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128) (local $low v128) (local $high v128)
    (local.set $last (i32.shl (i32.load (i32.const 0)) (i32.const 2)))
    (local.set $in (i32.const {_IN}))
    (local.set $begin (i32.const {_OUT}))
    (block $done
      (loop $chunk
        (br_if $done (i32.ge_u (local.get $entry) (local.get $last)))
        (local.set $entry (i32.add (local.get $entry) (i32.const 4)))
        (local.set $length (i32.load (local.get $entry)))
        (local.set $from0 (local.get $in))
        {_STARTS}
        (local.set $out (local.get $begin))
        (local.set $stop (i32.add (local.get $begin) (local.get $length)))
        (loop $next
          {_LOADS}
          {_stores()}
          (local.set $out (i32.add (local.get $out) (i32.const 64)))
          (br_if $next (i32.lt_u (local.get $out) (local.get $stop))))
        (local.set $in (i32.add (local.get $in) (local.get $length)))
        (local.set $begin (local.get $stop))
        (br $chunk)))))
"""


class CompiledGrouping:
    """The compiled function, for any number of threads; returned by :func:`compiled_grouping`."""

    most_words = _AREA // GROUPS
    """Words that one call can ungroup, the incomplete last ones of chunks included."""

    def __init__(self) -> None:
        """Compile it; errors as of :class:`Program`."""
        self._program = Program(_MODULE)

    def ungroup(self, chunks: Sequence[tuple[Sequence[Buffer], int]]) -> list[memoryview]:
        """Return the bytes of chunks in their order.

        Args:
            chunks: the grouped bytes of each, in pieces of any length, and their number, which is not 0;
                at most :attr:`most_words` words and :data:`MAX_CHUNKS` chunks.
        """
        lengths = [length for _, length in chunks]
        total = sum(lengths)
        if total > _AREA or len(chunks) > MAX_CHUNKS or not all(lengths):
            raise ValueError(f"{total} bytes in {len(chunks)} chunks cannot be ungrouped at once")
        with self._program.borrow() as instance:
            memory, at = instance.memory, _IN
            for pieces, length in chunks:
                end = at + length
                for piece in pieces:
                    memory[at : at + len(piece)] = piece
                    at += len(piece)
                if at != end:
                    raise ValueError(f"a chunk of {length} bytes has {length + at - end} in its pieces")
            struct.pack_into(f"<{len(chunks) + 1}I", memory, 0, len(chunks), *lengths)
            instance.call("ungroup")
            joined = memoryview(bytes(memory[_OUT : _OUT + total]))
        views, at = [], 0
        for length in lengths:
            views.append(joined[at : at + length])
            at += length
        return views


compiled_grouping = if_possible(CompiledGrouping)
"""Returns the compiled function; None if wasmtime is missing or cannot run here."""
