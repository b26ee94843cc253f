from __future__ import annotations

from collections.abc import Callable

import pytest
from dulwich.objects import ObjectID, Tree
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import EntrepotError, Malformed
from entrepot.git import EMPTY_TREE, Entry, Kind, Mode, encode_tree, oid_of, parse_tree
from entrepot.git.trees import block_starts, match_entry
from entrepot.names import Oid

BLOB = Oid("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
oids = st.binary(min_size=20, max_size=20).map(lambda raw: Oid(raw.hex()))
raw_names = st.binary(min_size=1, max_size=8).filter(lambda n: not {0, 47} & set(n) and n not in (b".", b".."))
names = raw_names.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
entries = st.builds(Entry, names, st.sampled_from([int(mode) for mode in Mode]), oids)
folders = st.lists(entries, max_size=200, unique_by=lambda entry: entry.name)


def starts_of(content: bytes) -> list[int]:
    """Return the offsets of all entries, found one after the other."""
    starts, at = [], 0
    while at < len(content):
        starts.append(at)
        at = match_entry(content, at).end()
    return starts


@given(folders)
def test_trees_come_back_in_gits_order_and_are_what_dulwich_writes(listed: list[Entry]) -> None:
    content = encode_tree(listed)
    reference = Tree()
    for entry in listed:
        reference.add(entry.name.encode("utf-8", "surrogateescape"), entry.mode, ObjectID(entry.oid.encode()))
    assert content == reference.as_raw_string()
    assert sorted(parse_tree(content)) == sorted(listed)
    assert [match_entry(content, start)[0] for start in starts_of(content)] == [
        encode_tree([entry]) for entry in parse_tree(content)
    ]


def test_git_makes_the_same_tree(git: Callable[..., bytes]) -> None:
    listed = [
        Entry("lib", Mode.FOLDER, EMPTY_TREE),
        Entry("lib.txt", Mode.FILE, BLOB),
        Entry("lib-2", Mode.EXECUTABLE, BLOB),
        Entry("été", Mode.SYMLINK, BLOB),
        Entry("module", Mode.GITLINK, Oid("1" * 40)),
    ]
    kinds = {Mode.FOLDER: "tree", Mode.GITLINK: "commit"}
    lines = "".join(f"{e.mode:06o} {kinds.get(Mode(e.mode), 'blob')} {e.oid}\t{e.name}\0" for e in listed)
    made = git("mktree", "-z", "--missing", given=lines.encode()).decode().strip()
    assert oid_of(Kind.TREE, encode_tree(listed)) == made
    assert [entry.name for entry in parse_tree(encode_tree(listed))] == ["lib-2", "lib.txt", "lib", "module", "été"]


def test_only_folders_are_folders() -> None:
    assert [mode.name for mode in Mode if Entry("x", mode, BLOB).is_folder] == ["FOLDER"]


def test_old_modes_are_read_as_they_are_stored() -> None:
    content = b"100664 a\0" + bytes(20) + b"040000 b\0" + bytes(20)
    assert [(entry.mode, entry.is_folder) for entry in parse_tree(content)] == [(0o100664, False), (0o40000, True)]


@given(folders.filter(bool), st.integers(min_value=1, max_value=20))
def test_a_truncated_tree_is_malformed(listed: list[Entry], missing: int) -> None:
    with pytest.raises(Malformed):
        parse_tree(encode_tree(listed)[:-missing])


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_our_errors(content: bytes) -> None:
    try:
        parsed = parse_tree(content)
    except EntrepotError:
        return
    assert len(parsed) == len(starts_of(content))


@pytest.mark.parametrize(
    "content",
    [b"100644 \0" + bytes(20), b"100644 a/b\0" + bytes(20), b"100984 a\0" + bytes(20), b"644 a\0" + bytes(20), b"x"],
)
def test_entries_git_would_not_write_are_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_tree(content)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800"])
def test_names_that_no_entry_can_have_are_not_written(name: str) -> None:
    with pytest.raises(Malformed):
        encode_tree([Entry(name, Mode.FILE, BLOB)])


@pytest.mark.parametrize(("mode", "oid"), [(0, BLOB), (-1, BLOB), (Mode.FILE, Oid("ab")), (Mode.FILE, Oid("z" * 40))])
def test_modes_and_ids_that_cannot_be_stored_are_not_written(mode: int, oid: Oid) -> None:
    with pytest.raises(Malformed):
        encode_tree([Entry("a", mode, oid)])


def test_a_name_stands_once_in_a_tree() -> None:
    with pytest.raises(Malformed, match="twice"):
        encode_tree([Entry("a", Mode.FILE, BLOB), Entry("a", Mode.FOLDER, EMPTY_TREE)])


def test_blocks_begin_at_every_64th_entry() -> None:
    content = encode_tree([Entry(f"{i:03}", Mode.FILE, BLOB) for i in range(130)])
    assert block_starts(content) == [0, 64 * 31, 128 * 31]
