"""Time limits in tests only end what hangs: on a slow machine beside other work, every test passes."""

from __future__ import annotations

import ast
import pathlib
import re
import tomllib
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).parents[2]
LEAST_S = 240
"""The least time that programs, threads and servers get which a test waits for."""

SHORT_S = 10
"""Up to which time a limit is what the test is about."""

MEASURING = "tests/support/work.py"
"""The only module that compares how long something took with a bound, which separates seconds from ten minutes."""

_CLOCKS = frozenset(("monotonic", "perf_counter", "process_time", "thread_time", "time", "times", "getrusage"))
_READING = re.compile(rf"\b(?:{'|'.join(sorted(_CLOCKS))}|seconds_taken)(?:_ns)?\(")
_OWNERS = frozenset(("", "time", "os", "resource", "loop"))
_TIMES = ("user", "system", "children_", "elapsed", "ru_utime", "ru_stime")


def short_waits(source: str) -> Iterator[str]:
    """Yield each call that waits for less time."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            limits = [word.value for word in node.keywords if word.arg == "timeout"]
            values = [limit.value for limit in limits if isinstance(limit, ast.Constant)]
            if any(isinstance(value, int | float) and SHORT_S < value < LEAST_S for value in values):
                yield f"{node.lineno}: {ast.unparse(node.func)}(…, timeout={values[0]!r})"


def measured_times(source: str) -> Iterator[str]:
    """Yield each place that finds how long something took, unless it checks there that it took no less than a time.

    The time between two readings of a clock is one, and so is a check that a clock has not passed a reading of it by
    a number of seconds below :data:`LEAST_S`.
    """
    tree = ast.parse(source)
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        readings = {ast.unparse(target) for node in ast.walk(function) for target in _names_of(node, _is_clock)}
        at_least = {id(node.left) for node in ast.walk(function) if isinstance(node, ast.Compare) and _is_floor(node)}
        durations = {ast.unparse(target) for node in ast.walk(function) for target in _names_of(node, _is_duration)}
        for node in ast.walk(function):
            if isinstance(node, ast.Compare) and _is_of_durations(node, durations):
                yield f"{node.lineno}: {ast.unparse(node)}"
            if not isinstance(node, ast.BinOp) or id(node) in at_least:
                continue
            is_between = isinstance(node.op, ast.Sub) and _is_reading(node.left, readings)
            is_until = isinstance(node.op, ast.Add) and _is_reading(node.left, readings) and _is_short(node.right)
            if (is_between and _is_reading(node.right, readings)) or is_until:
                yield f"{node.lineno}: {ast.unparse(node)}"


def _is_duration(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "seconds_taken"


def _is_of_durations(node: ast.Compare, durations: set[str]) -> bool:
    return any(_is_duration(part) or ast.unparse(part) in durations for part in ast.walk(node))


def _names_of(node: ast.AST, is_meant: Callable[[ast.AST], bool]) -> Iterator[ast.expr]:
    """Yield what is assigned such a value."""
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from (name for name, value in zip(target.elts, node.value.elts, strict=False) if is_meant(value))
        elif is_meant(node.value):
            yield target


def _is_clock(node: ast.AST) -> bool:
    """Return whether it is the reading of a clock, or the time in a reading."""
    if isinstance(node, ast.Attribute):
        return node.attr.startswith(_TIMES) and _is_clock(node.value)
    if not isinstance(node, ast.Call):
        return False
    owner, _, name = ast.unparse(node.func).rpartition(".")
    return name.removesuffix("_ns") in _CLOCKS and (owner in _OWNERS or owner.endswith("get_running_loop()"))


def _is_reading(node: ast.expr, readings: set[str]) -> bool:
    names = {ast.unparse(node), ast.unparse(node).partition(".")[0]}
    return _is_clock(node) or not readings.isdisjoint(names)


def _is_short(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value < LEAST_S


def _is_floor(node: ast.Compare) -> bool:
    return len(node.ops) == 1 and isinstance(node.ops[0], ast.Gt | ast.GtE)


def test_no_test_depends_on_the_speed_of_the_machine() -> None:
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        if "timeout=" in text:
            found += [f"{name}:{fault}" for fault in short_waits(text)]
        if _READING.search(text) and name != MEASURING:
            found += [f"{name}:{fault}" for fault in measured_times(text)]
    assert found == []


def test_a_test_may_take_longer_than_what_it_waits_for() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    assert options["timeout"] > LEAST_S


def test_short_waits_are_found() -> None:
    assert len([*short_waits("subprocess.run(['x'], timeout=60)\nfuture.result(timeout=20)\nrun(timeout=239)")]) == 3
    assert [*short_waits("subprocess.run(['x'], timeout=240)\nheld.acquire(timeout=1)")] == []


def inside(*lines: str) -> str:
    return "def test() -> None:\n" + "".join(f"    {line}\n" for line in lines)


def test_measured_times_are_found() -> None:
    begun = [f"begun = {clock}()" for clock in ("time.monotonic", "time.thread_time", "os.times", "loop.time")]
    ends = ["assert time.monotonic() - begun < 25", "works.append(time.thread_time() - begun)"]
    ends += ["took = os.times().children_user - begun.children_user", "assert loop.time() < begun + 0.2"]
    for first, last in zip(begun, ends, strict=True):
        assert len([*measured_times(inside(first, last))]) == 1, last
    assert len([*measured_times(inside("took = work.seconds_taken(act)", "assert took < 5"))]) == 1
    assert len([*measured_times(inside("a = time.time()", "b, c = time.time(), 1", "assert b - a < 1"))]) == 1
    assert len([*measured_times(inside("end = time.monotonic() + 5", "assert time.monotonic() < end"))]) == 1


def test_limits_on_what_hangs_and_times_that_must_pass_are_no_measured_times() -> None:
    for lines in (
        ("end = time.monotonic() + 240", "assert time.monotonic() < end"),
        ("end = time.monotonic() + WAIT_S", "while time.monotonic() < end: ..."),
        ("begun = time.monotonic()", "assert time.monotonic() - begun >= MISS_S"),
        ("before = resource.getrusage(0).ru_minflt", "return resource.getrusage(0).ru_minflt - before"),
        ("assert abs(made - time.time()) < 3600", "old = time.time() - 1000"),
    ):
        assert [*measured_times(inside(*lines))] == [], lines
