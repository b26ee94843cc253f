"""Functions in WebAssembly, compiled to machine code, if the optional library wasmtime is installed.

wasmtime (the extra ``speed``) compiles a module in a few milliseconds. A function can access only the memory of
its module, and a call costs about 15 µs, so each call should process 100 KiB or more.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import wasmtime

_SPARE = 4
Made = TypeVar("Made")


class Instance:
    """A compiled module with a memory of its own; used by one thread at a time."""

    __slots__ = ("_functions", "_store", "memory")

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module) -> None:
        import wasmtime

        self._store = wasmtime.Store(engine)
        exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._functions = {name: found for name, found in exports.items() if isinstance(found, wasmtime.Func)}
        self.memory = memoryview(memory.get_buffer_ptr(self._store)).cast("B")
        """All bytes that the functions can access; its size never changes."""

    def call(self, name: str, *numbers: int) -> int | None:
        """Call a function of the module and return its result."""
        result: int | None = self._functions[name](self._store, *numbers)
        return result


class Program:
    """A compiled module, for any number of threads."""

    def __init__(self, text: str, prepare: Callable[[memoryview], object] = lambda _memory: None) -> None:
        """Compile a module in the text form of WebAssembly; it exports its memory as ``memory``, of a fixed size.

        Args:
            prepare: writes into each new memory what the functions expect there.

        Raises:
            ImportError: wasmtime is not installed.
            OSError, wasmtime.WasmtimeError: it cannot run here.
        """
        import wasmtime

        config = wasmtime.Config()
        config.parallel_compilation = False  # the module is small, and the threads would outlive its compilation
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module(self._engine, text)
        self._prepare = prepare
        self._idle = deque([self._new()], maxlen=_SPARE)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Instance]:
        """Yield an instance that no other thread uses in the block; its memory still has the data of its last use."""
        try:
            instance = self._idle.pop()
        except IndexError:
            instance = self._new()
        yield instance
        self._idle.append(instance)

    def _new(self) -> Instance:
        instance = Instance(self._engine, self._module)
        self._prepare(instance.memory)
        return instance


def if_possible(make: Callable[[], Made]) -> Callable[[], Made | None]:
    """Return a function that calls ``make`` once and always returns its result, or None if it cannot run here.

    Args:
        make: creates a :class:`Program`, or an object with one.
    """

    @functools.cache
    def made() -> Made | None:
        try:
            from wasmtime import WasmtimeError
        except (ImportError, OSError, RuntimeError):
            return None
        try:
            compiled = make()
        except (WasmtimeError, OSError):  # generated code is forbidden here, or there is too little address space
            return None
        # wasmtime can no longer free its objects when the interpreter clears the modules.
        atexit.register(made.cache_clear)
        return compiled

    return made
