"""Which paths a manifest may have, and which of them collide on some systems."""

from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.names import RepoPath
from entrepot.workspace.manifests import check_paths, find_collision

USABLE = [
    "a",
    "data/x.jpg",
    "data/with blank/ü.txt",
    "-x",
    ".hidden",
    "ab:c/!!set",
    "~",
    "null",
    "#x",
    "'q'",
    '"',
    "x\\y",
]
USABLE += ["mlgit/.ml-git"]
UNUSABLE = ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", ".git/hooks/post-checkout", "a/.GIT/x", "C:/x"]
UNUSABLE += ["a\\..\\x", "x\ny", "x\0", "\x7f", ".ml-git/config.yaml", ".ML-GIT/config.yaml", ".ml-git./x", ".ml-git"]
UNUSABLE += ["a" * 300, "/".join("a" * 200)]


@pytest.mark.parametrize("path", USABLE)
def test_usable_paths(path: str) -> None:
    check_paths([path])


@pytest.mark.parametrize("path", UNUSABLE)
def test_paths_that_no_checkout_may_write(path: str) -> None:
    with pytest.raises(Malformed, match="manifest"):
        check_paths([path])


def test_a_file_cannot_be_a_folder_too() -> None:
    with pytest.raises(Malformed, match="'a'"):
        check_paths(["a", "a-b", "a/b/c"])
    with pytest.raises(Malformed, match="'x/y'"):
        check_paths(["x/y", "x/y/z"])
    check_paths(["a-b", "a/b", "a.b/c"])


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), ("data/x", "Data/y"), ("é", "e\u0301"), ("straße", "STRASSE"), ("a/b/c", "a/B/d")],
)
def test_names_that_are_one_file_elsewhere(one: str, other: str) -> None:
    assert find_collision([RepoPath(one), RepoPath("other"), RepoPath(other)]) is not None


def test_different_names_do_not_collide() -> None:
    assert find_collision([RepoPath(path) for path in ("a/b", "a/c", "ab", "b/a")]) is None
