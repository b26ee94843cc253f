import hashlib
from pathlib import Path

import attrs
import pytest

from entrepot.errors import SourceUnreadable
from entrepot.names import RepoPath
from entrepot.workspace.entities.mutability import Mutability
from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.projects.files.comparisons import compare, content_of, has_content, refreshed
from entrepot.workspace.projects.files.scans import Scan, ScannedFile, state_of
from entrepot.workspace.state.rows import FileChange, StagedFile, TrackedFile

A = RepoPath("a")


def entry(text: str) -> ManifestEntry:
    return ManifestEntry(sha256=hashlib.sha256(text.encode()).hexdigest(), size=len(text))


@pytest.fixture
def file(tmp_path: Path) -> ScannedFile:
    (tmp_path / "a").write_text("one")
    return ScannedFile(A, str(tmp_path / "a"), state_of((tmp_path / "a").stat()))


@pytest.mark.parametrize(
    ("tracked", "staged", "mutability", "expected"),
    [
        (None, None, "strict", "new"),
        ("one", None, "strict", None),
        ("two", None, "strict", "corrupted"),
        ("two", None, "flexible", "corrupted"),
        ("two", None, "mutable", "changed"),
        (None, (FileChange.NEW, "one"), "strict", None),
        (None, (FileChange.NEW, "two"), "strict", "edited"),
        ("two", (FileChange.MODIFIED, "six"), "strict", "edited"),
        ("one", (FileChange.MODIFIED, "six"), "strict", "returned"),
        ("one", (FileChange.DELETED, None), "strict", "returned"),
        ("two", (FileChange.DELETED, None), "strict", "corrupted"),
        ("two", (FileChange.DELETED, None), "mutable", "changed"),
    ],
)
def test_one_file_on_disk(
    file: ScannedFile,
    tracked: str | None,
    staged: tuple[FileChange, str | None] | None,
    mutability: str,
    expected: str,
) -> None:
    rows = {A: TrackedFile(entry(tracked))} if tracked else {}
    changes = {A: StagedFile(staged[0], entry(staged[1]) if staged[1] else None)} if staged else {}
    found = compare(Scan({A: file}, ()), rows, changes, Mutability(mutability))
    lists = {name: value for name, value in attrs.asdict(found).items() if value and name != "seen"}
    assert lists == ({expected: [A]} if expected else {})
    assert (found.seen == {A: file.state}) is (expected is None)


def test_an_unlocked_file_of_a_flexible_entity_may_change(file: ScannedFile) -> None:
    rows = {A: TrackedFile(entry("two"), None, is_unlocked=True)}
    assert compare(Scan({A: file}, ()), rows, {}, Mutability.FLEXIBLE).changed == [A]
    assert compare(Scan({A: file}, ()), rows, {}, Mutability.STRICT).corrupted == [A]


def test_files_that_are_not_on_disk() -> None:
    rows = {A: TrackedFile(entry("one"))}
    empty = Scan({}, ())
    assert compare(empty, rows, {}, Mutability.STRICT).missing == [A]
    assert compare(empty, rows, {A: StagedFile(FileChange.DELETED)}, Mutability.STRICT).missing == []
    assert compare(empty, {}, {A: StagedFile(FileChange.NEW, entry("one"))}, Mutability.STRICT).vanished == [A]


def test_a_file_with_a_known_state_is_not_read(file: ScannedFile) -> None:
    Path(file.file_path).unlink()
    rows = {A: TrackedFile(entry("xxx"), file.state)}
    assert compare(Scan({A: file}, ()), rows, {}, Mutability.STRICT) == compare(
        Scan({A: file}, ()), rows, {}, Mutability.STRICT
    )
    with pytest.raises(SourceUnreadable):
        content_of(file.file_path)


def test_contents_of_the_old_format_are_compared_by_their_own_id(file: ScannedFile) -> None:
    cid = content_of(file.file_path, is_legacy=True)
    assert cid.startswith("z")
    assert has_content(file, ManifestEntry(cid=cid))
    assert not has_content(file, ManifestEntry(cid=cid, size=4))


def test_the_state_that_was_seen_becomes_the_known_one(file: ScannedFile) -> None:
    old = attrs.evolve(file.state, mtime_ns=1)
    files, changes = refreshed({A: old}, {A: TrackedFile(entry("one"))}, {})
    assert files[A].state == old
    assert changes == {}
    staged = {A: StagedFile(FileChange.MODIFIED, entry("one"))}
    assert refreshed({A: old}, {A: TrackedFile(entry("one"))}, staged) == ({}, {A: attrs.evolve(staged[A], state=old)})
