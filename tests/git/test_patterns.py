from __future__ import annotations

import pytest

from entrepot.git.patterns import MAX_RULES, MAX_WILDCARD_BYTES, PatternBudget, compile_pattern


def fits(pattern: str, path: str) -> bool:
    raw = path.encode()
    return compile_pattern(pattern.encode()).matches(raw, raw.rpartition(b"/")[2])


# From git, t/t3070-wildmatch.sh (columns of WM_PATHNAME); a leading slash makes git match whole paths.
@pytest.mark.parametrize(
    ("expected", "path", "pattern"),
    [
        (True, "foo", "/foo"),
        (False, "foo", "/bar"),
        (True, "foo", "/???"),
        (False, "foo", "/??"),
        (True, "foo", "/f*"),
        (False, "foo", "/*f"),
        (True, "foo", "/*foo*"),
        (True, "foobar", "/*ob*a*r*"),
        (True, "aaaaaaabababab", "/*ab"),
        (True, "foo*", "/foo\\*"),
        (False, "foobar", "/foo\\*bar"),
        (True, "ball", "/*[al]?"),
        (False, "ten", "/[ten]"),
        (True, "ten", "/**[!te]"),
        (False, "ten", "/**[!ten]"),
        (True, "ton", "/t[!a-g]n"),
        (True, "a]b", "/a[]]b"),
        (True, "a-b", "/a[]-]b"),
        (False, "aab", "/a[]-]b"),
        (True, "aab", "/a[]a-]b"),
        (False, "foo/baz/bar", "/foo*bar"),
        (False, "foo/baz/bar", "/?oo**bar"),
        (True, "foo/baz/bar", "/foo/**/bar"),
        (True, "foo/b/a/z/bar", "/foo/**/**/bar"),
        (True, "foo/bar", "/foo/**/bar"),
        (False, "foo/bar", "/foo?bar"),
        (False, "foo/bar", "/foo[/]bar"),
        (False, "foo/bar", "/foo[^a-z]bar"),
        (True, "foo", "/**/foo"),
        (False, "a", "/**\\/**"),
        (True, "a/b", "/**\\/**"),
        (True, "bar/baz/foo", "/**/foo"),
        (False, "bar/baz/foo", "/*/foo"),
        (False, "foo/bar/baz", "/**/bar*"),
        (True, "deep/foo/bar/baz", "/**/bar/*"),
        (False, "deep/foo/bar/baz/x", "/**/bar/*"),
        (True, "deep/foo/bar/baz/x", "/**/bar/**"),
        (True, "foo/bar/baz", "/**/bar**/**"),
        (True, "a1B", "/[[:alpha:]][[:digit:]][[:upper:]]"),
        (False, "a", "/[[:digit:][:upper:][:spaci:]]"),
        (True, "_", "/[[:alnum:][:graph:]]"),
        (True, "[", "/[[:]"),
        (True, "5", "/[a-c[:digit:]x-z]"),
        (False, "a", "/[c-"),
        (True, "\\", "/[\\\\-^]"),
        (True, "-", "/[--]"),
        (False, "foo", "/foo\\"),
    ],
)
def test_patterns_fit_what_they_fit_in_gits_own_tests(expected: bool, path: str, pattern: str) -> None:
    assert fits(pattern, path) is expected


def test_without_a_slash_only_the_name_counts() -> None:
    assert compile_pattern(b"*.bin").on_name
    assert fits("*.bin", "a/b/model.bin")
    assert fits("mod?l.bin", "a/b/model.bin")
    assert fits("model.bin", "a/b/model.bin")
    assert not fits("b/model.bin", "a/b/model.bin")


@pytest.mark.parametrize("path", ["ab", "a/b", "ax/b", "ax/y/b"])
def test_two_stars_right_after_plain_text_cross_slashes_as_they_do_in_git(path: str) -> None:
    assert fits("a**/b", path)
    assert fits("/a**", path)


def test_a_slash_at_the_end_means_folders_and_anchors_nothing() -> None:
    pattern = compile_pattern(b"build/")
    assert (pattern.folders_only, pattern.on_name) == (True, True)


def test_a_question_mark_is_one_byte_as_in_git() -> None:
    assert not fits("?", "é")
    assert fits("??", "é")


def test_a_budget_ends_by_number_and_by_cost() -> None:
    rules = PatternBudget()
    assert all(rules.compile(b"a") for _ in range(MAX_RULES))
    assert rules.compile(b"a") is None
    wild = PatternBudget()
    assert wild.compile(b"?" * MAX_WILDCARD_BYTES) is not None
    assert wild.compile(b"*.cheap") is not None
    assert wild.compile(b"?") is None
