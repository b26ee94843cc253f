import os
import socket
from pathlib import Path
from typing import Any

import pytest

from entrepot.client.folders import LeftOut, walk
from entrepot.errors import SourceMissing, SourceUnreadable


def fill(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def found(folder: Path, **patterns: Any) -> list[str]:
    return [item.path for item in walk(folder, **patterns)]


def test_files_are_sorted_by_their_whole_path(tmp_path: Path) -> None:
    fill(tmp_path, "b.txt", "a/z.txt", "a-b.txt", "a/a/a.txt", "a.txt")
    assert found(tmp_path) == sorted(["b.txt", "a/z.txt", "a-b.txt", "a/a/a.txt", "a.txt"])


def test_git_folders_and_caches_of_clients_are_left_out(tmp_path: Path) -> None:
    fill(
        tmp_path,
        ".git/config",
        "sub/.git/config",
        "worktree/.git",
        ".cache/huggingface/x",
        ".cache/entrepot/x",
        "sub/.cache/huggingface/x",
        ".cache/mine",
        ".gitignore",
        "sub/x.git",
    )
    assert found(tmp_path) == [".cache/mine", ".gitignore", "sub/x.git"]


def test_patterns_are_about_paths_in_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, "a.txt", "logs/a.txt", "logs/a.bin")
    assert found(tmp_path, allow="*.txt", ignore="logs/") == ["a.txt"]


def test_a_file_is_found_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert [(item.source.size, item.source.read()) for item in walk(tmp_path)] == [(5, b"12345")]


def test_a_link_to_a_file_is_the_file_and_a_link_to_a_folder_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "real/file", "in/own")
    (tmp_path / "in/link").symlink_to(tmp_path / "real/file")
    (tmp_path / "in/folder").symlink_to(tmp_path / "real")
    assert [(item.path, item.source.read()) for item in walk(tmp_path / "in")] == [
        ("link", b"real/file"),
        ("own", b"in/own"),
    ]


def test_entries_that_cannot_be_uploaded_are_reported_once(tmp_path: Path) -> None:
    fill(tmp_path, "a.txt", "d/b.txt")
    (tmp_path / "dangling").symlink_to("none")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    os.mkfifo(tmp_path / "d/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
    with pytest.warns(UserWarning, match="5 entries of .* left out") as caught:
        assert found(tmp_path) == ["a.txt", "d/b.txt"]
    assert len(caught) == 1
    said: list[LeftOut] = []
    assert [item.path for item in walk(tmp_path, on_left_out=said.append)] == ["a.txt", "d/b.txt"]
    assert {entry.path: entry.reason.split()[:2] for entry in said} == {
        "d/pipe": ["a", "named"],
        "dangling": ["a", "broken"],
        "loop": ["a", "link"],
        "s": ["a", "socket"],
        "self": ["Too", "many"],
    }


def test_unselected_entries_are_not_reported(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    fill(tmp_path, "a.txt")
    (tmp_path / "dangling").symlink_to("none")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert found(tmp_path, ignore=["dang*", "loop/"]) == ["a.txt"]
    assert found(tmp_path, allow="*.txt", ignore="loop") == ["a.txt"]
    # Of this test only: the garbage of others may be collected meanwhile, and warn of what they left open.
    assert [told for told in recwarn if issubclass(told.category, UserWarning)] == []


def test_a_file_named_without_a_wildcard_must_be_readable(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("none")
    os.mkfifo(tmp_path / "pipe")
    for name in ("dangling", "pipe"):
        with pytest.raises(SourceUnreadable, match=name):
            found(tmp_path, allow=["*.txt", name])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["file", "folder"])
def test_unreadable_files_are_left_out_with_a_warning(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "file", "folder/x", "other")
    (tmp_path / name).chmod(0)
    try:
        with pytest.warns(UserWarning, match=name):
            assert "other" in found(tmp_path)
    finally:
        (tmp_path / name).chmod(0o700)


def test_the_error_names_a_missing_folder_or_a_file_instead(tmp_path: Path) -> None:
    fill(tmp_path, "file")
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(SourceMissing, match="there is no folder"):
            found(path)


def test_a_name_that_is_not_unicode_is_left_out_with_a_warning(tmp_path: Path) -> None:
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff"))).write_text("x")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.warns(UserWarning, match="not valid Unicode") as caught:
        assert found(tmp_path) == []
    str(caught[0].message).encode("utf-8")
