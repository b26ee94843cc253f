from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.git import Effort, Kind, Mode, Side, matching_lines, oid_of, unified_diff
from entrepot.names import Oid, RepoPath
from tests.support.work import count_lines

Git = Callable[..., bytes]

NUMBERED = "".join(f"def line_{number}\n" for number in range(40))


def side(content: bytes, mode: int = Mode.FILE) -> Side:
    return Side(mode, oid_of(Kind.BLOB, content), content)


def printed_by_git(git: Git, path: str, old: Side | None, new: Side | None) -> bytes:
    trees = []
    for version in (old, new):
        row = b""
        if version is not None:
            git("hash-object", "-w", "--stdin", given=version.content)
            row = f"{version.mode:06o} blob {version.oid}\t{path}\0".encode()
        trees.append(git("mktree", "-z", given=row).decode().strip())
    return git("diff", "--no-renames", "--abbrev=7", "--no-ext-diff", *trees)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("added.txt", None, side(b"one\ntwo\n")),
        ("removed.txt", side(b"one\ntwo"), None),
        ("empty", None, side(b"")),
        ("changed", side(b"one\ntwo\nthree\n"), side(b"one\n2\nthree\n")),
        ("end", side(b"one\ntwo"), side(b"one\ntwo\n")),
        ("mode", side(b"x\n"), side(b"x\n", Mode.EXECUTABLE)),
        ("both", side(b"x\n"), side(b"y\n", Mode.EXECUTABLE)),
        ("link", side(b"x\n"), side(b"target", Mode.SYMLINK)),
        ("binary", side(b"a\0b"), side(b"a\0c")),
        ("new-binary", None, side(b"a\0b")),
        ("latin", side(b"caf\xe9\n"), side(b"th\xe9\n")),
        ("a name", side(b"1\n"), side(b"2\n")),
        ('quote"d\té', side(b"1\n"), side(b"2\n")),
        ("hunks", side(NUMBERED.encode()), side(NUMBERED.replace("_5\n", "_five\n").replace("_30\n", "_x\n").encode())),
        ("near", side(NUMBERED.encode()), side(NUMBERED.replace("_5\n", "_five\n").replace("_12\n", "_x\n").encode())),
        ("first", side(NUMBERED.encode()), side(b"zero\n" + NUMBERED.encode())),
        ("last", side(NUMBERED.encode()), side(NUMBERED.encode() + b"more\n")),
        ("same", side(b"x"), side(b"x")),
    ],
)
def test_simple_diffs_are_what_git_prints(git: Git, path: str, old: Side | None, new: Side | None) -> None:
    assert unified_diff(RepoPath(path), old, new) == printed_by_git(git, path, old, new)


texts = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d e\n", b"\r\n"]), max_size=30).map(b"".join)
endings = st.sampled_from([b"", b"no newline"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, endings, texts, endings)
def test_git_applies_the_diff_and_gets_the_new_file(
    git: Git, tmp_path: Path, old: bytes, old_end: bytes, new: bytes, new_end: bytes
) -> None:
    before, after = old + old_end, new + new_end
    (tmp_path / "file").write_bytes(before)
    diff = unified_diff(RepoPath("file"), side(before), side(after))
    assert bool(diff) == (before != after)
    if diff:
        subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, check=True)
    assert (tmp_path / "file").read_bytes() == after


def test_a_submodule_shows_its_commit() -> None:
    first, second = Side(Mode.GITLINK, Oid("1" * 40), b""), Side(Mode.GITLINK, Oid("2" * 40), b"")
    diff = unified_diff(RepoPath("module"), first, second)
    assert diff.endswith(b"-Subproject commit " + b"1" * 40 + b"\n+Subproject commit " + b"2" * 40 + b"\n")
    assert b"index 1111111..2222222 160000\n" in diff


def test_a_small_change_in_a_long_file_stays_small() -> None:
    lines = [b"%d\n" % number for number in range(50_000)]
    changed = [*lines[:10], b"new\n", *lines[10:25_000], *lines[25_001:]]
    diff = unified_diff(RepoPath("long"), side(b"".join(lines)), side(b"".join(changed)))
    assert diff.count(b"\n@@ ") == 2
    assert len(diff) < 1_000


def test_files_made_to_be_hard_take_little_work() -> None:
    old = b"".join(b"%d\n" % (number * 7919 % 50) for number in range(20_000))
    new = b"".join(b"%d\n" % (number * 104_729 % 51) for number in range(20_000))
    found = list[bytes]()
    count_lines(lambda: found.append(unified_diff(RepoPath("hard"), side(old), side(new))), most=50 * 20_000)
    assert found[0].count(b"\n-") >= 20_000 - 1


def test_the_regions_of_a_file_share_its_effort() -> None:
    marks = [b"mark %d\n" % number for number in range(30)]
    old = b"".join(mark + b"x\n" * 50 for mark in marks)
    new = b"".join(mark + b"x\ny\n" * 25 for mark in marks)
    efforts = [Effort(steps) for steps in (5_000, 50_000)]
    few, more = (unified_diff(RepoPath("hard"), side(old), side(new), effort).count(b"\n x\n") for effort in efforts)
    assert 0 < few < more < 30 * 25
    assert [effort.left < 5_000 for effort in efforts] == [True, True]


def test_the_files_of_a_diff_share_its_effort() -> None:
    old, new = b"head\n" + b"x\n" * 50, b"tail\n" + b"x\ny\n" * 25
    effort = Effort(5_000)
    diffs = [unified_diff(RepoPath(name), side(old), side(new), effort) for name in ("a", "b", "c")]
    assert [b"\n x\n" in diff for diff in diffs] == [True, False, False]
    assert effort.left < 5_000


def test_hunks_below_no_function_take_little_work() -> None:
    lines = [b"%d\n" % number for number in range(20_000)]
    changed = [b"-\n" if number % 10 == 0 else line for number, line in enumerate(lines)]
    sides, found = (side(b"".join(lines)), side(b"".join(changed))), list[bytes]()
    # Looking again at the 2,000 lines above each hunk would execute 8,000,000 lines.
    count_lines(lambda: found.append(unified_diff(RepoPath("hard"), *sides)), most=100 * 20_000)
    assert found[0].count(b"@@\n") == 2_000


def test_a_hunk_names_the_nearest_function_within_reach() -> None:
    lines = [b"def first\n", *[b"%d\n" % number for number in range(4_000)], b"def last\n", *[b"-\n"] * 100]
    changed = [*lines]
    for at in (1_000, 1_100, 3_000, 4_050):
        changed[at] = b"new\n"
    diff = unified_diff(RepoPath("code"), side(b"".join(lines)), side(b"".join(changed)))
    heads = [line.rpartition(b"@@")[2] for line in diff.split(b"\n") if line.startswith(b"@@")]
    assert heads == [b" def first", b" def first", b"", b" def last"]


def test_matching_lines_are_regions_in_both_versions() -> None:
    found = list(matching_lines(b"a\nb\nc\nd", b"x\na\nb\nd"))
    assert found == [(0, 1, 2), (3, 3, 1)]
    assert list(matching_lines(b"", b"a\n")) == []
    assert list(matching_lines(b"a\n", b"a")) == [], "the end of a line belongs to it"
