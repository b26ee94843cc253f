"""Time limits in tests only end what hangs: on a slow machine beside other work, every test passes."""

from __future__ import annotations

import ast
import pathlib
import tomllib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]
LEAST_S = 240
"""The least time that programs, threads and servers get which a test waits for."""

SHORT_S = 10
"""Up to which time a limit is what the test is about."""


def short_waits(source: str) -> Iterator[str]:
    """Yield each call that waits for less time, and each look at how long something took."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            limits = [word.value for word in node.keywords if word.arg == "timeout"]
            values = [limit.value for limit in limits if isinstance(limit, ast.Constant)]
            if any(isinstance(value, int | float) and SHORT_S < value < LEAST_S for value in values):
                yield f"{node.lineno}: {ast.unparse(node.func)}(…, timeout={values[0]!r})"
        elif isinstance(node, ast.Assert):
            text = ast.unparse(node.test)
            if "monotonic() - " in text and "<" in text and "short_waits" not in text and not text.endswith(_LONG):
                yield f"{node.lineno}: assert {text}"


_LONG = tuple(f"< {number}" for number in range(20, LEAST_S))
"""Comparisons with a time that tells waiting together from waiting in turn, not a fast machine from a slow one."""


def test_no_test_depends_on_the_speed_of_the_machine() -> None:
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "timeout=" in text or "monotonic() - " in text:
            found += [f"{path.relative_to(ROOT)}:{fault}" for fault in short_waits(text)]
    assert found == []


def test_a_test_may_take_longer_than_what_it_waits_for() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert options["timeout"] > LEAST_S


def test_short_waits_are_found() -> None:
    assert len([*short_waits("subprocess.run(['x'], timeout=60)\nfuture.result(timeout=20)\nrun(timeout=239)")]) == 3
    assert len([*short_waits("assert time.monotonic() - begun < 5")]) == 1
    allowed = "subprocess.run(['x'], timeout=240)\nheld.acquire(timeout=1)\nassert time.process_time() - begun < 5\n"
    assert [*short_waits(allowed + "assert time.monotonic() - begun < 25")] == []
