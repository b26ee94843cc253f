from pathlib import Path

import pytest

from entrepot.client.git.git_commands import Git
from entrepot.errors import Malformed
from entrepot.names import Oid
from entrepot.workspace.metadata.git_objects import (
    find_tree,
    list_paths,
    read_file,
    read_files,
    remove_folder,
    write_commit,
    write_folder,
    write_tag,
    write_tree,
)
from entrepot.workspace.metadata.secure_git import check_identity, secure_git


@pytest.fixture
def git(tmp_path: Path) -> Git:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = ann\n\temail = a@b\n")
    git = secure_git(tmp_path, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"})
    git.run("init", "-q")
    return git


def commit(git: Git, base: Oid | None, folder: str, files: dict[str, bytes]) -> Oid:
    return write_commit(git, write_folder(git, base, folder, files), () if base is None else (base,), "m\n")


def test_one_folder_is_replaced_and_its_neighbours_stay(git: Git) -> None:
    first = commit(git, None, "a/b/x", {"x.spec": b"1", "MANIFEST.d/p.json": b"{}"})
    second = commit(git, first, "a/y", {"y.spec": b"y"})
    third = commit(git, second, "a/b/x", {"x.spec": b"2"})
    assert list_paths(git, second) == ["a/b/x/MANIFEST.d/p.json", "a/b/x/x.spec", "a/y/y.spec"]
    assert list_paths(git, third) == ["a/b/x/x.spec", "a/y/y.spec"]
    assert read_file(git, third, "a/b/x/x.spec") == b"2"
    assert find_tree(git, third, "a/y") == find_tree(git, second, "a/y")
    assert find_tree(git, third, "none") is None
    assert git.run("fsck", "--strict", "--no-dangling") == b""


def test_files_are_read_in_one_call_and_absent_ones_left_out(git: Git) -> None:
    made = commit(git, None, "x", {"a": b"line\n\0", "b": b"", "c d": b"blank"})
    names = [f"{made}:x/{name}" for name in ("a", "none", "b", "c d")]
    assert read_files(git, [*names, f"{made}:x", "f" * 40 + ":x"]) == {
        names[0]: b"line\n\0",
        names[2]: b"",
        names[3]: b"blank",
    }
    assert read_files(git, []) == {}
    with pytest.raises(Malformed, match="no file x/none"):
        read_file(git, made, "x/none")


def test_an_annotated_tag_has_no_ref(git: Git) -> None:
    made = write_commit(git, write_tree(git, {"f": b"x"}), (), "m\n")
    tag = write_tag(git, "a__x__1", made, "message", check_identity(git))
    assert git.line("cat-file", "-t", tag) == "tag"
    assert git.line("rev-parse", f"{tag}^{{commit}}") == made
    assert git.run("tag", "-l") == b""


def test_a_folder_is_removed_with_folders_that_become_empty(git: Git) -> None:
    made = commit(git, None, "a/b/x", {"f": b"1"})
    made = commit(git, made, "y", {"f": b"2"})
    assert list_paths(git, remove_folder(git, made, "a/b/x")) == ["y/f"]
    assert git.paths("ls-tree", "-z", "--name-only", remove_folder(git, made, "a/b/x")) == ["y"]
    assert list_paths(git, remove_folder(git, made, "none/x")) == ["a/b/x/f", "y/f"]
