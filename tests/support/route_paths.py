"""Patterns of routes, compiled once for all applications of a test run."""

from __future__ import annotations

import functools

from starlette import routing


def share_compiled_paths() -> None:
    """Let applications share what Starlette makes of the paths of their routes: 1,000 patterns for each one.

    Each test module that serves a hub makes an application. The servers that tests start as processes compile
    their own patterns.
    """
    compile_once = functools.cache(routing.compile_path)

    def compiled(path: str) -> tuple[object, str, dict[str, object]]:
        pattern, form, convertors = compile_once(path)
        return pattern, form, dict(convertors)  # its own dictionary for each route

    routing.compile_path = compiled  # type: ignore[assignment]
