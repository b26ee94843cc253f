"""Every call that a request makes in a thread waits in the line of its client."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import entrepot.server

_ROOT = Path(entrepot.server.__file__).parent
_CALLS = {"run_short", "run_transfer", "begin_transfer", "receive_into", "spool_lines"}
_FOR_ALL = {"app.py", "dispatch/batched_calls.py"}
"""What starts and stops the server, and what works for several clients together."""


def calls_without_line(text: str) -> list[int]:
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    named = [(call, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls]
    return [
        call.lineno for call, name in named if name in _CALLS and not any(word.arg == "line" for word in call.keywords)
    ]


@pytest.mark.parametrize("text", ["threads.run_transfer(work)", "await receive_into(receive, write, threads=threads)"])
def test_a_call_without_a_line_is_found(text: str) -> None:
    assert calls_without_line(f"async def main():\n    {text}") == [2]


def test_calls_in_threads_wait_in_the_line_of_a_client() -> None:
    modules = [path for path in _ROOT.rglob("*.py") if path.relative_to(_ROOT).as_posix() not in _FOR_ALL]
    found = {path.relative_to(_ROOT).as_posix(): calls_without_line(path.read_text()) for path in modules}
    assert {name: lines for name, lines in found.items() if lines} == {}
