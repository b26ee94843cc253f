from __future__ import annotations

import pytest
from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore
from dulwich.objects import ObjectID
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.errors import EntryNotFound, InvalidOperation, Malformed, ObjectMissing
from entrepot.git import EMPTY_TREE, Entry, Kind, Mode, TreeEditor, encode_tree, oid_of, parse_tree
from entrepot.names import ROOT, Oid, RepoPath

Files = dict[str, tuple[int, Oid]]


class Store:
    """Tree objects by id, with a record of which were read."""

    def __init__(self) -> None:
        self.trees: dict[Oid, bytes] = {}
        self.reads: list[Oid] = []

    def read(self, oid: Oid) -> bytes:
        self.reads.append(oid)
        if oid not in self.trees:
            raise ObjectMissing(oid)
        return self.trees[oid]

    def put(self, *entries: Entry) -> Oid:
        content = encode_tree(entries)
        oid = oid_of(Kind.TREE, content)
        self.trees[oid] = content
        return oid

    def files(self, root: Oid, prefix: str = "") -> Files:
        found: Files = {}
        for entry in parse_tree(self.trees[root] if root != EMPTY_TREE else b""):
            if entry.is_folder:
                found |= self.files(entry.oid, f"{prefix}{entry.name}/")
            else:
                found[prefix + entry.name] = (entry.mode, entry.oid)
        return found


def blob(number: int) -> Oid:
    return oid_of(Kind.BLOB, str(number).encode())


def path(text: str) -> RepoPath:
    return RepoPath(text)


def build(store: Store, *paths: str) -> Oid:
    editor = TreeEditor(EMPTY_TREE, store.read)
    for number, text in enumerate(paths):
        editor.put(path(text), Mode.FILE, blob(number))
    root, made = editor.write()
    store.trees |= made
    return root


def computed_by_dulwich(files: Files) -> str:
    rows = [(name.encode(), ObjectID(oid.encode()), mode) for name, (mode, oid) in files.items()]
    return commit_tree(MemoryObjectStore(), rows).decode()


def parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


segments = st.sampled_from(["a", "b", "a-", "a.b", "a0", "é"])
short_paths = st.lists(segments, min_size=1, max_size=4).map("/".join)
actions = st.tuples(st.sampled_from(["put", "remove_file", "remove_folder", "remove"]), short_paths, st.integers(0, 3))


@given(st.lists(st.lists(actions, max_size=12), max_size=4))
def test_every_edit_does_what_a_dictionary_of_files_does(rounds: list[list[tuple[str, str, int]]]) -> None:
    store, files, root = Store(), dict[str, tuple[int, Oid]](), EMPTY_TREE
    for edits in rounds:
        editor = TreeEditor(root, store.read)
        for verb, name, number in edits:
            below = {other for other in files if other.startswith(f"{name}/")}
            if verb == "put":
                if below or any(parent in files for parent in parents(name)):
                    with pytest.raises(InvalidOperation):
                        editor.put(path(name), Mode.FILE, blob(number))
                else:
                    editor.put(path(name), Mode.FILE, blob(number))
                    files[name] = (Mode.FILE, blob(number))
            else:
                gone = ({name} & files.keys() if verb != "remove_folder" else set()) | (
                    below if verb != "remove_file" else set()
                )
                if not gone:
                    with pytest.raises(EntryNotFound):
                        getattr(editor, verb)(path(name))
                else:
                    getattr(editor, verb)(path(name))
                files = {other: leaf for other, leaf in files.items() if other not in gone}
            found = editor.find(path(name))
            here = files.get(name)
            is_folder = any(other.startswith(f"{name}/") for other in files)
            assert (found is not None) == (here is not None or is_folder)
            assert found is None or found.is_folder == is_folder
        before = root
        root, made = editor.write()
        assert root == computed_by_dulwich(files)
        assert all(oid_of(Kind.TREE, content) == oid for oid, content in made.items())
        # The old root may be written again, as a folder below the new one.
        assert root != before or before not in made
        store.trees |= made
        assert store.files(root) == files


def test_only_new_trees_are_written_and_only_trees_on_the_way_are_read() -> None:
    store = Store()
    root = build(store, "a/b/1", "a/c/2", "d/3")
    store.reads.clear()
    editor = TreeEditor(root, store.read)
    editor.put(path("a/b/new"), Mode.FILE, blob(9))
    _, made = editor.write()
    assert len(store.reads) == 3
    assert len(made) == 3
    assert made.keys().isdisjoint(store.trees)


def test_an_edit_that_changes_nothing_writes_nothing() -> None:
    store = Store()
    root = build(store, "a/x")
    editor = TreeEditor(root, store.read)
    editor.put(path("a/x"), Mode.FILE, blob(0))
    editor.put(path("b"), Mode.FILE, blob(1))
    editor.remove(path("b"))
    assert editor.write() == (root, {})


def test_a_file_becomes_a_folder_once_it_is_removed() -> None:
    store = Store()
    editor = TreeEditor(build(store, "a", "a.txt", "a0"), store.read)
    with pytest.raises(InvalidOperation, match="'a' is a file"):
        editor.put(path("a/b"), Mode.FILE, blob(1))
    editor.remove_file(path("a"))
    editor.put(path("a/b"), Mode.FILE, blob(1))
    root, made = editor.write()
    assert [entry.name for entry in parse_tree(made[root])] == ["a.txt", "a", "a0"]


def test_a_folder_is_not_replaced_by_a_file() -> None:
    store = Store()
    root = build(store, "a/b")
    editor = TreeEditor(root, store.read)
    with pytest.raises(InvalidOperation, match="delete the folder first"):
        editor.put(path("a"), Mode.FILE, blob(1))
    assert editor.write() == (root, {})


def test_a_refused_edit_leaves_no_folders_behind() -> None:
    store = Store()
    root = build(store, "a/b")
    editor = TreeEditor(root, store.read)
    with pytest.raises(Malformed):
        editor.put(path("x/y/z"), 7, blob(1))
    with pytest.raises(InvalidOperation):
        editor.put(path("a/b/c/d"), Mode.FILE, blob(1))
    assert editor.find(path("x")) is None
    assert editor.write() == (root, {})


@pytest.mark.parametrize("verb", ["remove", "remove_file", "remove_folder"])
def test_removing_an_absent_path_has_the_message_that_clients_match_on(verb: str) -> None:
    store = Store()
    editor = TreeEditor(build(store, "a/b"), store.read)
    for name in ("c", "a/c", "a/b/c", "c/d"):
        with pytest.raises(EntryNotFound, match="A file with this name doesn't exist"):
            getattr(editor, verb)(path(name))


def test_emptied_folders_vanish_up_to_the_root() -> None:
    store = Store()
    editor = TreeEditor(build(store, "a/b/c/d"), store.read)
    editor.remove_file(path("a/b/c/d"))
    assert editor.find(path("a")) is None
    assert editor.write() == (EMPTY_TREE, {EMPTY_TREE: b""})


def test_removing_the_root_folder_empties_it_once() -> None:
    store = Store()
    editor = TreeEditor(build(store, "a", "b/c"), store.read)
    editor.remove_folder(ROOT)
    assert editor.write() == (EMPTY_TREE, {EMPTY_TREE: b""})
    with pytest.raises(EntryNotFound):
        editor.remove_folder(ROOT)


def test_a_whole_tree_can_be_put_edited_and_replaced() -> None:
    store = Store()
    shared = store.put(Entry("x", Mode.FILE, blob(1)))
    other = store.put(Entry("y", Mode.FILE, blob(2)))
    editor = TreeEditor(build(store, "f"), store.read)
    editor.put(path("copy"), Mode.FOLDER, shared)
    editor.put(path("copy/z"), Mode.FILE, blob(3))
    editor.put(path("twice/copy"), Mode.FOLDER, shared)
    editor.put(path("twice/copy"), Mode.FOLDER, other)
    root, made = editor.write()
    store.trees |= made
    assert sorted(store.files(root)) == ["copy/x", "copy/z", "f", "twice/copy/y"]


@pytest.mark.parametrize(("name", "mode"), [("f", Mode.FOLDER), ("new", Mode.FOLDER), ("", Mode.FILE)])
def test_entries_that_git_cannot_record_are_refused(name: str, mode: Mode) -> None:
    store = Store()
    editor = TreeEditor(build(store, "f"), store.read)
    with pytest.raises(InvalidOperation):
        editor.put(path(name), mode, EMPTY_TREE)


def test_edits_show_before_they_are_written() -> None:
    store = Store()
    editor = TreeEditor(build(store, "a/b"), store.read)
    editor.put(path("a/c"), Mode.EXECUTABLE, blob(5))
    folder = editor.find(path("a"))
    assert editor.find(path("a/c")) == Entry("c", Mode.EXECUTABLE, blob(5))
    root, made = editor.write()
    assert editor.find(ROOT) == Entry("", Mode.FOLDER, root)
    assert folder is not None
    assert folder.oid in made


def test_other_entries_keep_their_very_bytes() -> None:
    store = Store()
    odd = b"100664 a\0" + bytes(20) + b"040000 b\0" + bytes(20)
    root = oid_of(Kind.TREE, odd)
    store.trees[root] = odd
    editor = TreeEditor(root, store.read)
    editor.put(path("c"), Mode.FILE, blob(1))
    new, made = editor.write()
    assert made[new].startswith(odd)


@settings(max_examples=20)
@given(st.sets(st.integers(0, 2999), min_size=1, max_size=20))
def test_edits_of_a_large_folder_are_the_same_as_writing_it_anew(picked: set[int]) -> None:
    store = Store()
    files = {f"file-{number:04}": blob(number) for number in range(0, 3000, 2)}
    root = store.put(*(Entry(name, Mode.FILE, oid) for name, oid in files.items()))
    editor = TreeEditor(root, store.read)
    for number in picked:
        name = f"file-{number:04}"
        if name in files and number % 4:
            editor.remove_file(path(name))
            del files[name]
        else:
            editor.put(path(name), Mode.FILE, blob(-number))
            files[name] = blob(-number)
    new, _ = editor.write()
    assert new == oid_of(Kind.TREE, encode_tree(Entry(name, Mode.FILE, oid) for name, oid in files.items()))


def test_the_deepest_allowed_path_can_be_edited() -> None:
    store = Store()
    deep = "/".join(["d"] * 128)
    root = build(store, deep)
    editor = TreeEditor(root, store.read)
    editor.remove(path(deep))
    assert editor.write()[0] == EMPTY_TREE


def test_exceptions_of_the_store_propagate() -> None:
    with pytest.raises(ObjectMissing):
        TreeEditor(blob(1), Store().read)
