from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.git import EMPTY_TREE, Entry, Mode
from entrepot.git.tree_names import TreeNames
from entrepot.git.trees import encode_tree
from entrepot.names import Oid

BLOB = Oid("0123456789abcdef0123456789abcdef01234567")
LISTED = [Entry(name, Mode.FILE, BLOB) for name in ("config.JSON", "config.txt", "a.json", "\udcff.json")]
SRC = Entry("src", Mode.FOLDER, EMPTY_TREE)


def test_files_are_found_by_all_words_of_their_names() -> None:
    tree = TreeNames(encode_tree([*LISTED, SRC]))

    def names(*words: bytes) -> list[str]:
        return [entry.name for entry in tree.files(words)]

    assert names(b"config", b"json") == ["config.JSON"]
    assert names(b"json") == ["a.json", "config.JSON", "\udcff.json"]
    assert names(b"none") == names(b"100644") == names(b"src") == []
    assert sorted(names()) == sorted(entry.name for entry in LISTED)
    assert tree.folders == (SRC,)
    assert TreeNames(encode_tree(LISTED)).folders == ()


def test_files_are_found_in_every_part_of_a_large_folder() -> None:
    tree = TreeNames(encode_tree([Entry(f"{number:04}.txt", Mode.FILE, BLOB) for number in range(1_000)]))
    assert [entry.name for entry in tree.files([b"99"])] == [f"{n:04}.txt" for n in range(1_000) if "99" in f"{n:04}"]
    assert [entry.name for entry in tree.files([b"0999"])] == ["0999.txt"]
    assert len(list(tree.files([b"txt"]))) == 1_000
    assert tree.weight > tree.size == 1_000 * (7 + 8 + 1 + 20)


def test_letters_in_ids_are_no_names() -> None:
    tree = TreeNames(encode_tree([Entry("a", Mode.FILE, Oid(b"config-in-an-id-here".hex()))]))
    assert list(tree.files([b"config"])) == []


def test_an_incomplete_tree_is_refused() -> None:
    with pytest.raises(Malformed):
        TreeNames(encode_tree(LISTED)[:-1])
