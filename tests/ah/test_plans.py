"""What the items of ``add`` and ``delete`` mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from entrepot.ah.errors import InvalidPath
from entrepot.ah.plans import Deletions, listed_paths, parse_deletions, plan_additions
from entrepot.errors import InvalidArgument, SourceMissing, SourceUnreadable


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``work`` with ``f.pt``, and ``d`` with ``a``, ``.h`` and ``s/b``."""
    root = tmp_path / "work"
    for name in ("f.pt", "d/a", "d/.h", "d/s/b", "dir/f.pt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.chdir(root)
    return root


def planned(add: Any) -> list[str]:
    return sorted(item.path for item in plan_additions(add))


D = ["d/.h", "d/a", "d/s/b"]


@pytest.mark.parametrize(
    ("add", "paths"),
    [
        (None, []),
        ([], []),
        ({}, []),
        (["dir/f.pt"], ["f.pt"]),
        (["./d"], D),
        (["d/"], D),
        (["d"], D),
        (("d", "f.pt"), [*D, "f.pt"]),
        (["./d/*"], [".h", "a", "s/b"]),
        (["."], sorted(f"work/{path}" for path in [*D, "dir/f.pt", "f.pt"])),
        (["*"], sorted([*D, "dir/f.pt", "f.pt"])),
        ({"f.pt": "x/"}, ["x/f.pt"]),
        ({"./d": "x/"}, [f"x/{path}" for path in D]),
        ({"f.pt": "x/y"}, ["x/y"]),
        ({"./d": "x/y"}, ["x/y/.h", "x/y/a", "x/y/s/b"]),
        ({"./d/*": "x/y"}, ["x/y/.h", "x/y/a", "x/y/s/b"]),
        ({"./d/*": "x/y/"}, ["x/y/.h", "x/y/a", "x/y/s/b"]),
        ({"./d": "p/[d]"}, [f"p/{path}" for path in D]),
        ({"./d": "p/[e]"}, ["p/[e]/.h", "p/[e]/a", "p/[e]/s/b"]),
        ({"./d": "p/[d]x"}, ["p/[d]x/.h", "p/[d]x/a", "p/[d]x/s/b"]),
        ({"./d": "[d]"}, D),
        ({"f.pt": "p/[f.pt]"}, ["p/f.pt"]),
        ({"f.pt": "/x/y"}, ["x/y"]),
        ({"f.pt": "/"}, ["f.pt"]),
        ({"./d": "/"}, D),
        ([("f.pt", "x"), ("f.pt", "y")], ["x", "y"]),
    ],
)
def test_items_and_their_places_in_the_asset(add: Any, paths: list[str]) -> None:
    assert planned(add) == sorted(paths)


def test_the_parent_folder_takes_its_real_name(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.chdir(here / "d")
    assert "work/f.pt" in planned([".."])


def test_an_absolute_path_and_paths_as_objects(here: Path) -> None:
    assert planned([str(here / "d")]) == D
    assert planned([here / "f.pt"]) == ["f.pt"]


def test_a_star_is_no_other_pattern(here: Path) -> None:
    with pytest.raises(SourceMissing):
        planned(["d/*.pt"])
    (here / "x*").write_text("")
    assert planned(["x*"]) == ["x*"]


def test_git_and_the_caches_of_clients_are_left_out(here: Path) -> None:
    for name in ("d/.git/config", "d/.cache/huggingface/x", "d/.cache/entrepot/x", "d/.cache/other/x"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text("")
    assert planned(["d"]) == sorted(["d/.cache/other/x", *D])


def test_an_empty_folder_adds_nothing(here: Path) -> None:
    (here / "empty").mkdir()
    assert planned(["empty"]) == []


@pytest.mark.parametrize(
    "add",
    [["f.pt", "dir/f.pt"], ["d", "d/"], {"f.pt": "x", "d/a": "/x"}, {"d/*": "d", "./d": "/"}],
)
def test_two_items_for_one_place_are_named(add: Any) -> None:
    with pytest.raises(ValueError, match=r"both become"):
        plan_additions(add)


def test_a_file_cannot_be_a_folder_too() -> None:
    with pytest.raises(ValueError, match=r"'d/a' becomes the file 'x', and 'f\.pt' a file inside it"):
        plan_additions({"d/a": "x", "f.pt": "x/y"})


@pytest.mark.parametrize("add", ["abc", b"abc", Path("f.pt"), 3, [3], [b"f.pt"], {"f.pt": 3}, {"f.pt": None}, {3: "x"}])
def test_a_text_is_no_list(add: Any) -> None:
    with pytest.raises(TypeError):
        plan_additions(add)


def test_absent_sources_are_named(here: Path) -> None:
    with pytest.raises(SourceMissing, match=r"no\.pt"):
        plan_additions(["no.pt"])
    with pytest.raises(SourceMissing):
        plan_additions(["f.pt/"])
    with pytest.raises(SourceMissing):
        plan_additions(["none/*"])
    with pytest.raises(InvalidArgument, match=r"empty"):
        plan_additions([""])


def test_links_that_lead_nowhere_or_to_a_folder_are_named(here: Path) -> None:
    os.symlink("nowhere", here / "d/broken")
    with pytest.raises(SourceUnreadable, match=r"broken.*broken link"):
        plan_additions(["d"])
    with pytest.raises(SourceUnreadable):
        plan_additions(["d/broken"])
    (here / "d/broken").unlink()
    os.symlink(here / "dir", here / "d/dir")
    with pytest.raises(SourceUnreadable, match=r"link to a folder"):
        plan_additions(["d"])
    assert planned(["d/dir"]) == ["dir/f.pt"]  # a link that is named itself is followed


def test_a_name_that_is_not_unicode_is_refused(here: Path) -> None:
    (Path(os.fsdecode(os.fsencode(here / "d") + b"/\xff"))).write_text("")
    with pytest.raises(SourceUnreadable, match=r"not valid Unicode"):
        plan_additions(["d"])


@pytest.mark.parametrize("target", ["../x", "a//b", "x/../y", "a\0b", ".git/config", "C:x", "x" * 5000])
def test_a_place_that_no_object_can_have_is_refused(target: str) -> None:
    with pytest.raises(InvalidPath, match=r"cannot be the path of an object"):
        plan_additions({"f.pt": target})


def test_deletions_are_files_folders_or_everything() -> None:
    assert parse_deletions(None) == Deletions()
    assert not parse_deletions([])
    assert parse_deletions(["a/b", "/c", "./d/", "e/", "a/b"]) == Deletions(("a/b", "c"), ("d", "e"))  # type: ignore[arg-type]
    assert parse_deletions(["/"]).is_all
    assert parse_deletions(["../x", "a//b", "\0"]) == Deletions()  # no asset can have them


@pytest.mark.parametrize("delete", ["abc", b"x", 3, [3]])
def test_deletions_are_a_list(delete: Any) -> None:
    with pytest.raises(TypeError):
        parse_deletions(delete)


def test_an_empty_deletion_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"'/' deletes every object"):
        parse_deletions([""])
    assert listed_paths(None, "objects") == []
