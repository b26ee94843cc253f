from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import Malformed
from entrepot.git import Entry, Mode, encode_tree, parse_tree
from entrepot.git.tree_scan import TreeScan
from entrepot.names import Oid

# Ids made of the bytes of an entry: the worst case for a search.
DECEPTIVE = Oid((b"\x00100644 b\x00" + b"0" * 10)[:20].hex())
letters = st.text("ab-.0", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
oids = st.one_of(st.just(DECEPTIVE), st.binary(min_size=20, max_size=20).map(lambda raw: Oid(raw.hex())))
entries = st.builds(Entry, letters, st.sampled_from([0o100644, 0o120000, 0o40000, 0o160000]), oids)
folders = st.lists(entries, max_size=300, unique_by=lambda entry: entry.name)


@given(folders, letters)
def test_a_name_is_found_exactly_when_the_tree_has_it(listed: list[Entry], other: str) -> None:
    content = encode_tree(listed)
    scan = TreeScan(content)
    known = {entry.name: entry for entry in listed}
    assert len(scan) == len(listed)
    for name in {*known, other}:
        span = scan.find(name.encode())
        if name not in known:
            assert span is None
            continue
        assert span is not None
        assert parse_tree(content[span.start : span.end]) == [known[name]]
        assert (span.mode, span.oid) == known[name][1:]


@given(folders, letters)
def test_a_missing_name_has_the_place_where_git_would_put_it(listed: list[Entry], other: str) -> None:
    without = [entry for entry in listed if entry.name != other]
    added = Entry(other, Mode.FOLDER, DECEPTIVE)
    content = encode_tree(without)
    at, end = TreeScan(content).seek(other.encode() + b"/")
    assert at == end
    assert content[:at] + encode_tree([added]) + content[at:] == encode_tree([*without, added])


@given(folders, st.lists(letters, max_size=20))
def test_names_in_any_order_are_found_together_as_one_by_one(listed: list[Entry], others: list[str]) -> None:
    scan = TreeScan(encode_tree(listed))
    stored = [entry.name.encode() for entry in parse_tree(scan.content)]
    asked = [*stored, *(name.encode() for name in others), *reversed(stored[::2]), b"", *stored[1::3]]
    assert scan.find_each(asked) == [scan.find(name) for name in asked]


def test_an_entry_inside_the_bytes_of_an_id_is_not_found() -> None:
    content = encode_tree([Entry("a", Mode.FILE, DECEPTIVE)])
    assert b"100644 b\0" in content
    assert TreeScan(content).find(b"b") is None


def test_a_name_is_found_behind_many_that_look_like_it() -> None:
    listed = [Entry(f"{at:06} b", Mode.FILE, DECEPTIVE) for at in range(100)]
    scan = TreeScan(encode_tree([*listed, Entry("b", Mode.FILE, Oid("7" * 40)), Entry("c", Mode.FOLDER, DECEPTIVE)]))
    found, folder = scan.find(b"b"), scan.find(b"c")
    assert found is not None
    assert (found.oid, scan.find(b"d"), scan.find(b"")) == ("7" * 40, None, None)
    assert folder is not None
    assert folder.mode == Mode.FOLDER


def test_a_truncated_tree_cannot_be_searched() -> None:
    with pytest.raises(Malformed):
        TreeScan(encode_tree([Entry("a", Mode.FILE, DECEPTIVE)])[:-1])


@given(folders)
def test_folders_and_the_others_are_found_from_any_entry_on(listed: list[Entry]) -> None:
    content = encode_tree(listed)
    for entry in listed:
        span = TreeScan(content).find(entry.name.encode())
        assert span is not None
        scan, rest = TreeScan(content), parse_tree(content[span.start :])
        for _ in range(2):
            assert list(scan.folders(span.start)) == [other for other in rest if other.is_folder]
            assert list(scan.others(span.start)) == [other for other in rest if not other.is_folder]


def test_modes_are_told_apart_as_numbers() -> None:
    modes = ["40000", "040000", "40755", "100644", "00644", "400000", "140000", "160000"]
    content = b"".join(f"{mode} {number}".encode() + b"\0" + b"x" * 20 for number, mode in enumerate(modes))
    assert [entry.name for entry in TreeScan(content).folders()] == ["0", "1", "2"]
    assert [entry.name for entry in TreeScan(content).others()] == ["3", "4", "5", "6", "7"]
    assert [entry.is_folder for entry in parse_tree(content)] == [True] * 3 + [False] * 5
