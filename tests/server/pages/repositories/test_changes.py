from __future__ import annotations

from entrepot.hub.comparisons.comparisons import FileDifference
from entrepot.names import Oid, RepoPath, Sha256
from entrepot.server.pages.repositories.changes import (
    MAX_PICTURE,
    MAX_PICTURES,
    describe_change,
    pictures_of,
    summarize,
)
from entrepot.storage.trees import LfsTarget, ListedEntry

OLD = Oid("1" * 40)


def entry(size: int) -> ListedEntry:
    target = LfsTarget(Sha256("a" * 64), size)
    return ListedEntry(RepoPath("m.safetensors"), Oid("2" * 40), False, size, 130, target)


def picture(path: str, *sizes: int | None) -> FileDifference:
    sides = [None if size is None else ListedEntry(RepoPath(path), OLD, False, size, 0, None) for size in sizes]
    return FileDifference(RepoPath(path), sides[0], sides[1], None)


def difference(old: int | None, new: int | None, fresh: int | None = None) -> FileDifference:
    sides = [None if size is None else entry(size) for size in (old, new)]
    return FileDifference(RepoPath("m.safetensors"), sides[0], sides[1], "safetensors", fresh)


def test_files_on_both_sides_are_compared_by_their_content() -> None:
    found = describe_change(difference(10, 20, 5), OLD)
    assert (found.kind, found.compared, found.shared) == ("changed", "tensors", 75.0)
    assert describe_change(difference(None, 20), OLD).compared == ""
    assert describe_change(difference(10, None), OLD).new_size is None
    assert describe_change(difference(10, 20), None).compared == ""


def test_new_bytes_are_summed_and_never_rounded_away() -> None:
    found = summarize([difference(10, 1_000_000, 1), difference(None, 1_000_000, 0), difference(1, 2, None)])
    assert found is not None
    assert (found.files, found.size, found.new_bytes, found.shared) == (2, 2_000_000, 1, 99.9)
    assert summarize([difference(1, 2, None)]) is None


def test_pictures_are_shown_as_they_were_and_are_within_bounds() -> None:
    files = [
        picture("a b.PNG", 1, 2),
        picture("new.jpg", None, 3),
        picture("old.webp", 4, None),
        picture("x.svg", 1, 2),
    ]
    found = pictures_of([*files, picture("huge.png", 1, MAX_PICTURE + 1)])
    assert [(it.link, it.old_size, it.new_size) for it in found] == [
        ("a%20b.PNG", 1, 2),
        ("new.jpg", None, 3),
        ("old.webp", 4, None),
        ("x.svg", 1, 2),
    ]
    assert len(pictures_of([picture(f"{number}.png", 1, 2) for number in range(30)])) == MAX_PICTURES
