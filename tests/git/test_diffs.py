from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.git import EMPTY_TREE, Change, Entry, Kind, Mode, TreeEditor, diff_trees, encode_tree, oid_of
from entrepot.git.trees import parse_tree
from entrepot.names import Oid, RepoPath

FIRST, SECOND = oid_of(Kind.BLOB, b"1"), oid_of(Kind.BLOB, b"2")
names = st.lists(st.sampled_from(["a", "b", "a.b", "a-"]), min_size=1, max_size=3).map("/".join)
files = st.dictionaries(
    names, st.tuples(st.sampled_from([Mode.FILE, Mode.EXECUTABLE]), st.sampled_from([FIRST, SECOND]))
)


def buildable(wanted: dict[str, tuple[Mode, Oid]]) -> dict[str, tuple[Mode, Oid]]:
    """Return the files without those that are where another one needs a folder."""
    return {name: leaf for name, leaf in wanted.items() if not any(other.startswith(f"{name}/") for other in wanted)}


def build(trees: dict[Oid, bytes], wanted: dict[str, tuple[Mode, Oid]]) -> Oid:
    editor = TreeEditor(EMPTY_TREE, trees.__getitem__)
    for name, (mode, oid) in wanted.items():
        editor.put(RepoPath(name), mode, oid)
    root, made = editor.write()
    trees |= made
    return root


@given(files.map(buildable), files.map(buildable))
def test_a_diff_names_each_file_that_differs_once(
    before: dict[str, tuple[Mode, Oid]], after: dict[str, tuple[Mode, Oid]]
) -> None:
    trees: dict[Oid, bytes] = {}
    changes = list(diff_trees(build(trees, before), build(trees, after), trees.__getitem__))
    seen = {
        change.path: (
            change.old and (change.old.mode, change.old.oid),
            change.new and (change.new.mode, change.new.oid),
        )
        for change in changes
    }
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert len(changes) == len(differing)
    assert seen == {name: (before.get(name), after.get(name)) for name in differing}


def test_git_lists_the_same_files_in_the_same_order(git: Callable[..., bytes]) -> None:
    trees: dict[Oid, bytes] = {}
    old = build(trees, {"a.b": (Mode.FILE, FIRST), "a/x": (Mode.FILE, FIRST), "z": (Mode.FILE, FIRST)})
    new = build(trees, {"a.b": (Mode.FILE, SECOND), "a/y/z": (Mode.FILE, FIRST), "a0": (Mode.EXECUTABLE, FIRST)})
    for content in trees.values():
        git("hash-object", "-t", "tree", "-w", "--stdin", given=content)
    listed = git("diff-tree", "-r", "--name-only", old, new).decode().split()
    assert [change.path for change in diff_trees(old, new, trees.__getitem__)] == listed


def test_equal_subtrees_are_not_read() -> None:
    trees: dict[Oid, bytes] = {}
    old = build(trees, {"same/x": (Mode.FILE, FIRST), "other": (Mode.FILE, FIRST)})
    new = build(trees, {"same/x": (Mode.FILE, FIRST), "other": (Mode.FILE, SECOND)})
    read: list[Oid] = []

    def noted(oid: Oid) -> bytes:
        read.append(oid)
        return trees[oid]

    assert len(list(diff_trees(old, new, noted))) == 1
    assert read == [old, new]


def test_no_tree_is_like_an_empty_one() -> None:
    trees: dict[Oid, bytes] = {}
    root = build(trees, {"a/b": (Mode.FILE, FIRST)})
    added = [Change(RepoPath("a/b"), None, Entry("b", Mode.FILE, FIRST))]
    assert list(diff_trees(None, root, trees.__getitem__)) == added
    assert list(diff_trees(EMPTY_TREE, root, trees.__getitem__)) == added
    assert list(diff_trees(root, None, trees.__getitem__)) == [
        Change(RepoPath("a/b"), Entry("b", Mode.FILE, FIRST), None)
    ]
    assert list(diff_trees(None, EMPTY_TREE, trees.__getitem__)) == []


def test_very_deep_trees_are_walked_without_recursion() -> None:
    content = encode_tree([Entry("f", Mode.FILE, FIRST)])
    trees = {oid_of(Kind.TREE, content): content}
    for _ in range(3_000):
        content = encode_tree([Entry("d", Mode.FOLDER, oid_of(Kind.TREE, content))])
        trees[oid_of(Kind.TREE, content)] = content
    (change,) = diff_trees(None, oid_of(Kind.TREE, content), trees.__getitem__)
    assert change.path.count("/") == 3_000


def test_a_tree_that_cannot_be_read_is_malformed() -> None:
    with pytest.raises(Malformed):
        list(diff_trees(None, FIRST, lambda oid: b"nonsense"))


@given(
    st.dictionaries(st.integers(0, 400), st.sampled_from([FIRST, SECOND]), min_size=100),
    st.dictionaries(st.integers(0, 400), st.sampled_from([FIRST, SECOND]), max_size=20),
    st.sets(st.integers(0, 400), max_size=200),
)
def test_large_folders_are_compared_across_the_edges_of_blocks(
    old: dict[int, Oid], changed: dict[int, Oid], removed: set[int]
) -> None:
    new = {name: oid for name, oid in (old | changed).items() if name not in removed}
    contents = [encode_tree([Entry(f"{name:03}", Mode.FILE, oid) for name, oid in one.items()]) for one in (old, new)]
    trees = {FIRST: contents[0], SECOND: contents[1]}
    found = [
        (int(change.path), change.old and change.old.oid, change.new and change.new.oid)
        for change in diff_trees(FIRST, SECOND, trees.__getitem__)
    ]
    differing = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    assert found == [(name, old.get(name), new.get(name)) for name in differing]


@given(files.map(buildable), files.map(buildable), st.booleans())
def test_modes_with_a_leading_zero_make_no_difference(
    before: dict[str, tuple[Mode, Oid]], after: dict[str, tuple[Mode, Oid]], is_padded_before: bool
) -> None:
    trees: dict[Oid, bytes] = {}
    old, new = build(trees, before), build(trees, after)
    plain = list(diff_trees(old, new, trees.__getitem__))
    old, new = (padded(trees, old), new) if is_padded_before else (old, padded(trees, new))
    assert list(diff_trees(old, new, trees.__getitem__)) == plain


def padded(trees: dict[Oid, bytes], root: Oid) -> Oid:
    """Write a tree again with ``040000`` for the mode of each folder, as programs did long ago; return its id."""
    if root == EMPTY_TREE:
        return root
    rows = []
    for entry in parse_tree(trees[root]):
        oid = padded(trees, entry.oid) if entry.is_folder else entry.oid
        rows.append(b"%06o %s\0%s" % (entry.mode, entry.name.encode(), bytes.fromhex(oid)))
    content = b"".join(rows)
    trees[written := oid_of(Kind.TREE, content)] = content
    return written


def test_a_folder_is_read_only_as_far_as_the_caller_asks() -> None:
    old, new = (encode_tree([Entry(f"{i:03}", Mode.FILE, oid) for i in range(130)]) for oid in (FIRST, SECOND))
    trees = {FIRST: old, SECOND: new[:-1]}  # the last entry cannot be read
    changes = diff_trees(FIRST, SECOND, trees.__getitem__)
    assert next(changes).path == "000"
    with pytest.raises(Malformed):
        list(changes)


def test_a_folder_in_another_order_than_gits_is_malformed() -> None:
    rows = [encode_tree([Entry(name, Mode.FILE, FIRST)]) for name in "cab"]
    trees = {FIRST: b"".join(rows), SECOND: rows[1]}
    for old, new in ((FIRST, SECOND), (SECOND, FIRST), (None, FIRST)):
        with pytest.raises(Malformed, match="order"):
            list(diff_trees(old, new, trees.__getitem__))
