from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from entrepot.git import Ignores
from entrepot.names import RepoPath
from tests.support.work import ends_within_processor_seconds

Git = Callable[..., bytes]

PATHS = [
    "a",
    "b",
    "ab",
    "a.b",
    "a/b",
    "a/b/c",
    "b/a",
    "a/a/b",
    "c/a/b",
    "ab/c",
    "abc",
    "a-b",
    "[a]",
    "a]b",
    "a[b",
    "#a",
    "!a",
    "a*",
    "a?b",
    "a\\b",
    "x/a/y/b",
    "a/x/y/b",
    "b/x/a.b",
    "é",
    "a b",
    "a ",
    " a",
    "a/ b",
    "A",
    "a1",
    "a_b/c d",
]

pieces = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "*",
        "**",
        "/",
        "/",
        "?",
        ".",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[",
        "]",
        "\\",
        "\\*",
        "\\a",
        " ",
        "!",
        "#",
        "[[:alpha:]]",
        "[[:digit:]]",
        "[]a]",
        "[a",
        "[a-",
        "[!]",
        "[/]",
        "**/",
        "/**",
        "/**/",
        "é",
        "[\\]]",
        "[[:x:]]",
    ]
)
lines = st.lists(pieces, min_size=1, max_size=6).map("".join)


def asked_of_git(git: Git, folder: Path, text: str) -> dict[str, bool]:
    (folder / ".gitignore").write_bytes(text.encode())
    given = "".join(f"{path}\0" for path in PATHS).encode()
    answer = git("check-ignore", "-v", "-n", "-z", "--no-index", "--stdin", given=given, expected=(0, 1))
    fields = answer.decode().split("\0")
    rows = list(zip(*[iter(fields)] * 4, strict=False))
    return {path: bool(source) and not pattern.startswith("!") for source, _, pattern, path in rows}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, min_size=1, max_size=4).map("\n".join))
@example("a/\n!a/b")
@example("**/b\n!b")
@example("/*\n!/a")
@example("a\\ \nb \r\n")
@example("\ufeffa")
@example("*.b\n!a.b")
@example("a/**/b\n**/a/**")
@example("a**/**")
@example("a**/b\n!/a**")
@example("[[:space:][:upper:]]*")
def test_the_same_files_are_ignored_as_by_git(git: Git, bare: Path, text: str) -> None:
    rules = Ignores.parse(text)
    ours = {path: rules.matches(RepoPath(path)) for path in PATHS}
    assert ours == asked_of_git(git, bare, text)


def test_a_file_below_an_ignored_folder_cannot_be_taken_back() -> None:
    rules = Ignores.parse("build/\n!build/keep.txt\n*.log\n!keep.log\n")
    paths = ["build/keep.txt", "a.log", "keep.log", "build"]
    assert [rules.matches(RepoPath(path)) for path in paths] == [True, True, False, False]


def test_no_rules_ignore_nothing() -> None:
    assert not Ignores.parse("# only a comment\n\n").matches(RepoPath("a"))


@pytest.mark.parametrize("pattern", ["*a" * 2000 + "b", "**/a/" * 800 + "b", "a*/**/" * 600 + "b", "[!b]*" * 800 + "c"])
def test_hostile_patterns_take_little_time(pattern: str) -> None:
    deep, wide = RepoPath("/".join(["a"] * 128)), RepoPath("/".join(["a" * 255] * 16))
    with ends_within_processor_seconds():  # an unbounded matcher would take years
        rules = Ignores.parse(f"{pattern}\n" * 100)
        assert not rules.matches(deep)
        assert not rules.matches(wide)


def test_rules_beyond_the_limits_are_ignored() -> None:
    many = "".join(f"file-{number}\n" for number in range(2_001))
    assert Ignores.parse(many).matches(RepoPath("file-1999"))
    assert not Ignores.parse(many).matches(RepoPath("file-2000"))
    assert not Ignores.parse("a" * 4_097).matches(RepoPath("a" * 4_097))
    assert not Ignores.parse("x?\n" * 5 + "?" * 4_000 + "\n" + ("?" * 4_000 + "\n") * 8 + "y?").matches(RepoPath("y1"))


@given(st.text(max_size=100), st.text(min_size=1, max_size=20))
def test_arbitrary_text_raises_nothing(text: str, path: str) -> None:
    assert Ignores.parse(text).matches(RepoPath(path)) in (True, False)
