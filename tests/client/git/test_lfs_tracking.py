from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.git.lfs_tracking import LARGE, is_binary, is_large, track_where, untracked
from tests.support.git_remote import GitRemote


@pytest.mark.parametrize(
    ("content", "binary"),
    [
        (b"", False),
        (b"text\r\n\ttabs \x1b[0m", False),
        ("ünï 文件".encode(), False),
        (b"a\x00b", True),
        (b"\x89PNG\r\n\x1a\n", True),
        ("utf-16".encode("utf-16"), True),
        (b"a" * (LARGE - 1) + b"\x00", True),
        (b"a" * LARGE + b"\x00", False),
    ],
    ids=["empty", "text", "unicode", "nul", "png", "utf16", "last byte", "beyond"],
)
def test_a_binary_file_has_a_byte_that_no_text_has(tmp_path: Path, content: bytes, binary: bool) -> None:
    (tmp_path / "file").write_bytes(content)
    assert is_binary(tmp_path / "file") is binary


def test_a_large_file_has_ten_mebibytes(tmp_path: Path) -> None:
    for size in (LARGE - 1, LARGE):
        with (tmp_path / "file").open("wb") as file:
            file.truncate(size)
        assert is_large(tmp_path / "file") is (size == LARGE)


def test_selected_files_are_tracked_once_by_name(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    (tree.folder / "sub").mkdir()
    (tree.folder / ".gitignore").write_text("*.log\n")
    for name in ("a [1].dat", "sub/b ü.dat", "c.log"):
        (tree.folder / name).write_bytes(b"\0")
    (tree.folder / "link.dat").symlink_to("a [1].dat")
    (tree.folder / "README.md").write_text("still text")
    assert sorted(track_where(tree, is_binary)) == ["a [1].dat", "sub/b ü.dat"]
    assert track_where(tree, is_binary) == []
    tree.install_lfs()
    tree.add()
    assert tree.git.run("show", ":a [1].dat").startswith(b"version https://git-lfs")
    assert tree.git.run("show", ":README.md") == b"still text"


def test_only_matching_files_are_processed(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    for name in ("a.dat", "b.bin"):
        (tree.folder / name).write_bytes(b"\0")
    assert track_where(tree, is_binary, "*.dat") == ["a.dat"]
    assert untracked(tree, ["a.dat", "b.bin"]) == ["b.bin"]
    assert untracked(tree, []) == []


def test_files_that_are_deleted_are_no_longer_tracked(git_remote: GitRemote) -> None:
    tree = git_remote.clone()
    tree.install_lfs()
    (tree.folder / "a.dat").write_bytes(b"\0")
    track_where(tree, is_binary)
    tree.add()
    tree.commit("a")
    (tree.folder / "a.dat").unlink()
    track_where(tree, is_binary)
    assert "a.dat" not in (tree.folder / ".gitattributes").read_text()
