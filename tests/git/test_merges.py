from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping

import pytest

from entrepot.errors import LimitExceeded
from entrepot.git import EMPTY_TREE, Kind, Merged, MergeSide, Mode, TreeEditor, merge_trees, merges, oid_of, parse_tree
from entrepot.names import Oid, RepoPath

Git = Callable[..., bytes]
Files = dict[str, tuple[int, bytes]]
FILE, EXECUTABLE, SYMLINK = int(Mode.FILE), int(Mode.EXECUTABLE), int(Mode.SYMLINK)


class Trees:
    """Tree objects by id, with a count of reads."""

    def __init__(self) -> None:
        self.content: dict[Oid, bytes] = {}
        self.reads: list[Oid] = []

    def read(self, oid: Oid) -> bytes:
        self.reads.append(oid)
        return self.content[oid]

    def of(self, files: Files) -> Oid:
        editor = TreeEditor(EMPTY_TREE, self.read)
        for path, (mode, data) in files.items():
            editor.put(RepoPath(path), mode, oid_of(Kind.BLOB, data))
        root, made = editor.write()
        self.content |= made
        return root

    def merge(self, base: Files | None, ours: Files, theirs: Files, *more: Files) -> Merged:
        bases = [self.of(files) for files in (base, *more) if files is not None]
        done = merge_trees(bases, self.of(ours), self.of(theirs), self.read)
        self.content |= done.made
        return done

    def files(self, root: Oid, prefix: str = "") -> dict[str, tuple[int, Oid]]:
        found: dict[str, tuple[int, Oid]] = {}
        for entry in parse_tree(self.content[root] if root != EMPTY_TREE else b""):
            if entry.is_folder:
                found |= self.files(entry.oid, f"{prefix}{entry.name}/")
            else:
                found[prefix + entry.name] = (entry.mode, entry.oid)
        return found


def plain(**files: str) -> Files:
    return {path.replace("__", "/"): (FILE, text.encode()) for path, text in files.items()}


@pytest.fixture
def trees() -> Trees:
    return Trees()


def test_changes_of_one_side_alone_are_in_the_result(trees: Trees) -> None:
    base = plain(a="1", b="1", c="1", d__e="1")
    done = trees.merge(base, plain(a="2", b="1", c="1", d__e="1", f="1"), plain(a="1", b="2", d__e="1", d__g="1"))
    assert done.conflicts == []
    assert done.root == trees.of(plain(a="2", b="2", d__e="1", d__g="1", f="1"))
    assert [(change.path, change.old is None, change.new is None) for change in done.taken] == [
        ("b", False, False),
        ("c", False, True),
        ("d/g", True, False),
    ]


def test_the_same_change_on_both_sides_is_no_conflict(trees: Trees) -> None:
    done = trees.merge(plain(a="1", b="1"), plain(a="2", c="1"), plain(a="2", c="1"))
    assert (done.conflicts, done.taken) == ([], [])


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "conflicts"),
    [
        (plain(a="1"), plain(a="2"), plain(a="3"), ["a"]),
        (plain(a="1", z="1"), plain(z="1"), plain(a="2", z="1"), ["a"]),
        (plain(a="1", z="1"), plain(a="2", z="1"), plain(z="1"), ["a"]),
        (plain(z="1"), plain(z="1", a="1"), plain(z="1", a="2"), ["a"]),
        (plain(z="1"), plain(z="1", a="1"), plain(z="1", a__b="1"), ["a/b"]),
        (plain(z="1"), plain(z="1", a__b="1"), plain(z="1", a="1"), ["a"]),
        (plain(a__b="1"), plain(a__b="1", a__c="1"), plain(a="1"), ["a"]),
        (plain(a="1"), {"a": (SYMLINK, b"1")}, plain(a="2"), ["a"]),
        (plain(z="1"), {"z": (FILE, b"1"), "a": (EXECUTABLE, b"1")}, plain(z="1", a="1"), ["a"]),
    ],
)  # fmt: skip
def test_undecidable_changes_are_conflicts(
    trees: Trees, base: Files, ours: Files, theirs: Files, conflicts: list[str]
) -> None:
    assert trees.merge(base, ours, theirs).conflicts == conflicts


@pytest.mark.parametrize(
    ("side", "result"),
    [
        (MergeSide.OURS, plain(a="2", c="1", d="1")),
        (MergeSide.THEIRS, plain(a="3", b="2", z="1")),
    ],
)
def test_a_chosen_side_is_taken_whatever_happened_to_the_file(trees: Trees, side: MergeSide, result: Files) -> None:
    base, ours, theirs = plain(a="1", b="1", c="0"), plain(a="2", c="1", d="1"), plain(a="3", b="2", z="1")
    first, left, right = (trees.of(files) for files in (base, ours, theirs))
    assert merge_trees([first], left, right, trees.read).conflicts == ["a", "b", "c"]
    chosen = {RepoPath(path): side for path in ("a", "b", "c", "d", "z", "nowhere")}
    for bases in ([first], [left, right]):  # several after criss-cross merges
        done = merge_trees(bases, left, right, trees.read, chosen=chosen)
        trees.content |= done.made
        assert (done.conflicts, done.root) == ([], trees.of(result))


def test_a_choice_does_not_put_a_file_where_a_folder_is(trees: Trees) -> None:
    base, ours, theirs = (trees.of(files) for files in (plain(z="1"), plain(z="1", a__b="1"), plain(z="1", a="1")))
    chosen = {RepoPath("a"): MergeSide.THEIRS}
    assert merge_trees([base], ours, theirs, trees.read, chosen=chosen).conflicts == ["a"]


def test_a_mode_of_one_side_is_combined_with_the_text_of_the_other(trees: Trees) -> None:
    done = trees.merge(plain(a="1"), {"a": (EXECUTABLE, b"1")}, plain(a="2"))
    assert done.conflicts == []
    assert trees.files(done.root) == {"a": (EXECUTABLE, oid_of(Kind.BLOB, b"2"))}


def test_a_file_may_give_way_to_a_folder_and_back(trees: Trees) -> None:
    done = trees.merge(plain(a="1", z="1"), plain(a="1", z="2"), plain(a__b="1", z="1"))
    assert (done.conflicts, done.root) == ([], trees.of(plain(a__b="1", z="2")))
    done = trees.merge(plain(a__b="1", z="1"), plain(a__b="1", z="2"), plain(a="1", z="1"))
    assert (done.conflicts, done.root) == ([], trees.of(plain(a="1", z="2")))


def test_unrelated_histories_conflict_only_where_they_differ(trees: Trees) -> None:
    done = trees.merge(None, plain(a="1", b="1"), plain(a="1", b="2", c="1"))
    assert done.conflicts == ["b"]
    assert set(trees.files(done.root)) == {"a", "b", "c"}


def test_several_bases_must_lead_to_one_result(trees: Trees) -> None:
    ours, theirs = plain(a="1", b="2"), plain(a="2", b="2")
    assert trees.merge(plain(a="1", b="2"), ours, theirs, plain(a="2", b="2")).conflicts == ["a"]
    assert trees.merge(plain(a="1", b="1"), ours, theirs, plain(a="1", b="3")).conflicts == []


def test_only_trees_that_differ_are_read(trees: Trees) -> None:
    base = plain(a__x="1", b__x="1", c__x="1")
    roots = [trees.of(files) for files in (base, base | plain(a__x="2"), base | plain(b__x="2"))]
    trees.reads.clear()
    assert merge_trees(roots[:1], roots[1], roots[2], trees.read).conflicts == []
    assert trees.of(plain(c__x="1")) not in trees.reads
    assert {oid for oid in trees.reads if oid in {trees.of(plain(x="1"))}} != set()
    assert len(trees.reads) < 12


def test_a_merge_of_very_many_files_is_refused(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merges, "MAX_CHANGES", 3)
    many = {f"f{n}": (FILE, b"x") for n in range(4)}
    with pytest.raises(LimitExceeded, match="3"):
        trees.merge({}, {}, many)


NAMES = ("a", "b", "a/b", "a/c", "b/a", "b/c/d", "c")


def content(path: str, number: int) -> bytes:
    """Return binary content, so that git too takes it or leaves it as a whole.

    It differs from the content of other paths, so that git detects no renames.
    """
    return b"\0" + hashlib.sha256(path.encode()).digest() * 2 + b"%d" % number


def drawn(draw: random.Random, base: Files | None) -> Files:
    """Return a random tree, either new or made from a base by some edits."""
    files: Files = dict(base or {})
    for _ in range(draw.randint(0, 6)):
        path = draw.choice(NAMES)
        for taken in list(files):
            if taken == path or taken.startswith(f"{path}/") or path.startswith(f"{taken}/"):
                del files[taken]
        if draw.random() < 0.7:
            files[path] = (draw.choice((FILE, FILE, FILE, EXECUTABLE, SYMLINK)), content(path, draw.randint(1, 3)))
    return files


def fast_import(number: int, cases: Mapping[str, Files]) -> bytes:
    """Return three commits of one case in fast-import format; ``base`` is the parent of the other two."""
    out: list[bytes] = []
    for name, files in cases.items():
        ref = f"refs/heads/case{number}-{name}".encode()
        out += [b"commit %s\ncommitter A <a@x> 1700000000 +0000\ndata 1\nx\n" % ref]
        if name != "base":
            out.append(b"from refs/heads/case%d-base\n" % number)
        out.append(b"deleteall\n")
        for path, (mode, data) in files.items():
            out.append(b"M %o inline %s\ndata %d\n%s\n" % (mode, path.encode(), len(data), data))
        out.append(b"\n")
    return b"".join(out)


def test_it_decides_as_git_does(git: Git, trees: Trees) -> None:
    draw, cases = random.Random(5), list[dict[str, Files]]()
    for _ in range(200):
        base = drawn(draw, None)
        cases.append({"base": base, "ours": drawn(draw, base), "theirs": drawn(draw, base)})
    git("fast-import", "--quiet", given=b"".join(fast_import(n, case) for n, case in enumerate(cases)))
    clean = 0
    for number, case in enumerate(cases):
        sides = [f"case{number}-{side}" for side in ("ours", "theirs")]
        said = git("merge-tree", "--write-tree", "--name-only", *sides, expected=(0, 1)).decode().split("\n")
        done = trees.merge(case["base"], case["ours"], case["theirs"])
        is_clean = len(said) <= 2
        assert (not done.conflicts) == is_clean, (case, done.conflicts, said)
        if is_clean:
            assert done.root == said[0], case
            clean += 1
    assert 40 < clean < 190
