"""The search for chunk boundaries as machine code, if the optional library wasmtime is installed.

It takes a sixth of the time of the search with NumPy, because it skips the bytes of each chunk that cannot
influence a boundary: the first 8,128.

Source: docs/protocols/xet.md, section 3; WebAssembly core specification 2.0, "Text Format".
"""

from __future__ import annotations

import struct

from entrepot.xet.gear_table import GEAR
from entrepot.xet.machine_code import Program, if_possible

BLOCK = 1024 * 1024
"""Bytes that are searched in one call."""

_STATE, _ENDS, _DATA = 2048, 4096, 65536

_AT_ONCE = 8


def _following(name: str, number: int = 0) -> str:
    """Return the hash ``name`` continued by the byte that is ``number`` bytes behind the position."""
    entry = f"(i64.load (i32.shl (i32.load8_u offset={number} (local.get $at)) (i32.const 3)))"
    return f"(i64.add (i64.shl (local.get ${name}) (i64.const 1)) {entry})"


_STEP = f"""
          (local.set $hash {_following("hash")})
          (local.set $at (i32.add (local.get $at) (i32.const 1)))"""

# Leaves hash and position unchanged at an end, so that each byte costs no jump.
_MANY_STEPS = "".join(
    f"""
                (br_if $near (i64.lt_u (local.tee $ahead {_following("ahead", number)})
                  (i64.const 0x1000000000000)))"""
    for number in range(_AT_ONCE)
)

# Memory: the table at 0, the state (hash, length of the unfinished chunk) at 2048, the ends that
# were found at 4096, the bytes at 65536. The hash covers 64 bytes, so it may begin 64 bytes
# before the shortest chunk ends; in the 63 bytes after that, no boundary is allowed.
_MODULE = f"""(module
  (memory (export "memory") {1 + BLOCK // 65536} {1 + BLOCK // 65536})
  (func (export "search") (param $length i32) (result i32)
    (local $at i32) (local $stop i32) (local $limit i32) (local $out i32)
    (local $hash i64) (local $ahead i64) (local $size i32) (local $start i32)
    (local.set $at (i32.const {_DATA}))
    (local.set $stop (i32.add (i32.const {_DATA}) (local.get $length)))
    (local.set $out (i32.const {_ENDS}))
    (local.set $hash (i64.load (i32.const {_STATE})))
    (local.set $size (i32.load (i32.const {_STATE + 8})))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $stop)))
        (local.set $start (local.get $at))
        (block $found
          (block $unfound
            (if (i32.lt_u (local.get $size) (i32.const 8128))
              (then
                (local.set $hash (i64.const 0))
                (local.set $at (call $nearest (local.get $stop) (local.get $at)
                  (i32.sub (i32.const 8128) (local.get $size))))
                (br $unfound)))
            (if (i32.lt_u (local.get $size) (i32.const 8191))
              (then
                (local.set $limit (call $nearest (local.get $stop) (local.get $at)
                  (i32.sub (i32.const 8191) (local.get $size))))
                (loop $early{_STEP}
                  (br_if $early (i32.lt_u (local.get $at) (local.get $limit))))
                (br $unfound)))
            (local.set $limit (call $nearest (local.get $stop) (local.get $at)
              (i32.sub (i32.const 131072) (local.get $size))))
            (block $near
              (loop $many
                (br_if $near (i32.lt_u (i32.sub (local.get $limit) (local.get $at)) (i32.const {_AT_ONCE})))
                (local.set $ahead (local.get $hash)){_MANY_STEPS}
                (local.set $hash (local.get $ahead))
                (local.set $at (i32.add (local.get $at) (i32.const {_AT_ONCE})))
                (br $many)))
            (loop $one
              (br_if $unfound (i32.ge_u (local.get $at) (local.get $limit))){_STEP}
              (br_if $found (i64.lt_u (local.get $hash) (i64.const 0x1000000000000)))
              (br $one)))
          (local.set $size (i32.add (local.get $size) (i32.sub (local.get $at) (local.get $start))))
          (br_if $next (i32.lt_u (local.get $size) (i32.const 131072))))
        (i32.store (local.get $out) (i32.sub (local.get $at) (i32.const {_DATA})))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $size (i32.const 0))
        (br $next)))
    (i64.store (i32.const {_STATE}) (local.get $hash))
    (i32.store (i32.const {_STATE + 8}) (local.get $size))
    (i32.shr_u (i32.sub (local.get $out) (i32.const {_ENDS})) (i32.const 2)))
  (func $nearest (param $stop i32) (param $at i32) (param $wanted i32) (result i32)
    (local.set $wanted (i32.add (local.get $at) (local.get $wanted)))
    (select (local.get $wanted) (local.get $stop) (i32.lt_u (local.get $wanted) (local.get $stop)))))
"""

_PAIR = struct.Struct("<QI")

START = _PAIR.pack(0, 0)
"""The state at the beginning of a content."""


class CompiledGear:
    """The compiled function, for any number of threads; returned by :func:`compiled_gear`."""

    def __init__(self) -> None:
        """Compile it; errors as of :class:`Program`."""
        self._program = Program(_MODULE, _put_table)

    def search(self, data: memoryview, state: bytes) -> tuple[list[int], bytes]:
        """Find the ends of chunks.

        Args:
            data: any number of bytes.
            state: what the previous call for the same content returned; :data:`START` at first.

        Returns:
            The ends, as offsets in ``data``, and the state after it.
        """
        ends: list[int] = []
        with self._program.borrow() as instance:
            memory = instance.memory
            memory[_STATE : _STATE + _PAIR.size] = state
            for at in range(0, len(data), BLOCK):
                block = data[at : at + BLOCK]
                memory[_DATA : _DATA + len(block)] = block
                count = instance.call("search", len(block))
                assert count is not None
                found: list[int] = memory[_ENDS : _ENDS + 4 * count].cast("I").tolist()
                ends += [at + end for end in found]
            return ends, bytes(memory[_STATE : _STATE + _PAIR.size])


def _put_table(memory: memoryview) -> None:
    memory[:_STATE] = struct.pack("<256Q", *GEAR)


def length_of(state: bytes) -> int:
    """Return the number of bytes since the last end."""
    length: int = _PAIR.unpack(state)[1]
    return length


compiled_gear = if_possible(CompiledGear)
"""Returns the compiled search; None if wasmtime is missing or cannot run here."""
