import pytest

from entrepot.client.operations import common_folder, path_in_folder, repo_path
from entrepot.errors import InvalidPath


@pytest.mark.parametrize("folder", [None, "", ".", "/", "./"])
def test_the_root_can_be_written_in_several_ways(folder: str | None) -> None:
    assert path_in_folder(folder, "a/b.txt") == "a/b.txt"


@pytest.mark.parametrize("folder", ["x/y", "/x/y/", "./x/y"])
def test_a_file_is_placed_below_a_folder(folder: str) -> None:
    assert path_in_folder(folder, "a.txt") == "x/y/a.txt"


@pytest.mark.parametrize("text", ["a/b", "/a/b", "./a/b", "././a/b"])
def test_a_leading_slash_or_dot_is_ignored(text: str) -> None:
    assert repo_path(text) == "a/b"


@pytest.mark.parametrize("text", ["", "/", "./", "..", "../a", "a/../b", "a/", ".git/config", "a//b"])
def test_paths_that_no_file_can_have_are_refused(text: str) -> None:
    with pytest.raises(InvalidPath):
        repo_path(text)


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        ([], ""),
        (["a"], ""),
        (["x/a"], "x"),
        (["x/y/a", "x/y/b", "x/y/z/c"], "x/y"),
        (["x/y/a", "x/yy/b"], "x"),
        (["x/a", "b"], ""),
    ],
)
def test_files_have_a_common_folder(paths: list[str], folder: str) -> None:
    assert common_folder(paths) == folder
