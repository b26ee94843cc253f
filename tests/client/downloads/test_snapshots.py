from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest

from entrepot.client.calls import contents
from entrepot.client.downloads import snapshots
from entrepot.client.downloads.downloads import Options, target_of
from entrepot.client.downloads.snapshots import download_snapshot, plan_snapshot
from entrepot.client.hubs import Hub
from entrepot.errors import NotCached, RepoNotFound, RevisionNotFound, SnapshotIncomplete
from entrepot.names import RepoRef, is_oid
from entrepot.wire.repos.trees import TreeEntry
from tests.support.library import Library
from tests.support.progress import RecordedProgress

FILES = {"a.txt": b"a", "d/b.txt": b"bb", "d/e/c.json": b"{}", "empty": b""}


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    snapshots._WITHOUT_BATCHES.clear()


def tree(folder: Path) -> dict[str, bytes]:
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {path: data for path, data in found.items() if not path.startswith((".cache", ".gitattributes"))}


@pytest.fixture
def ref(library: Library) -> RepoRef:
    made: RepoRef = library.repo(FILES)
    library.commit_large(made, "large.bin", random.Random(1).randbytes(2_000_000))
    library.commit_large(made, "small.bin", b"\0" * 1000)
    return made


def test_all_files_are_downloaded(library: Library, ref: RepoRef, recorded_progress: RecordedProgress) -> None:
    folder = download_snapshot(library.hub, ref, options=Options(progress=recorded_progress))
    assert is_oid(folder.name)
    found = tree(folder)
    assert {path: found[path] for path in FILES} == FILES
    assert found["large.bin"] == random.Random(1).randbytes(2_000_000)
    assert found["small.bin"] == b"\0" * 1000
    [(_, total)] = recorded_progress.begun
    assert recorded_progress.done == total


def test_a_second_call_downloads_nothing(library: Library, ref: RepoRef, recorded_progress: RecordedProgress) -> None:
    folder = download_snapshot(library.hub, ref)
    assert download_snapshot(library.hub, ref, options=Options(progress=recorded_progress)) == folder
    assert recorded_progress.begun == []
    assert download_snapshot(library.offline(), ref) == folder
    assert download_snapshot(library.hub, ref, folder.name, options=Options(is_local_only=True)) == folder


def test_a_cached_file_of_the_wrong_size_is_downloaded_again(
    library: Library, ref: RepoRef, recorded_progress: RecordedProgress
) -> None:
    folder = download_snapshot(library.hub, ref)
    (folder / "small.bin").resolve().write_bytes(b"\0" * 10)
    (folder / "a.txt").resolve().write_bytes(b"")
    (folder / "d/b.txt").unlink()  # as without permission for links
    (folder / "d/b.txt").write_bytes(b"b")
    assert [plan.path for plan in plan_snapshot(library.hub, ref) if plan.will_download] == ["a.txt", "small.bin"]
    assert download_snapshot(library.hub, ref, options=Options(progress=recorded_progress)) == folder
    found = tree(folder)
    assert found["small.bin"] == b"\0" * 1000
    assert {path: found[path] for path in FILES} == FILES
    assert recorded_progress.done == 1001


def test_only_changed_files_are_downloaded_for_the_next_commit(
    library: Library, ref: RepoRef, recorded_progress: RecordedProgress
) -> None:
    download_snapshot(library.hub, ref)
    library.commit(ref, {"a.txt": b"new", "d/b.txt": None})
    found = tree(download_snapshot(library.hub, ref, options=Options(progress=recorded_progress)))
    assert recorded_progress.begun == [("Fetching 1 files", 3)]
    assert found["a.txt"] == b"new"
    assert "d/b.txt" not in found


def test_patterns_select(library: Library, ref: RepoRef) -> None:
    found = download_snapshot(library.hub, ref, allow=["*.txt", "d/"], ignore="*.json")
    assert sorted(tree(found)) == ["a.txt", "d/b.txt"]
    nothing = library.repo()
    folder = download_snapshot(library.hub, nothing, allow="nothing")
    assert tree(folder) == {}
    assert folder.is_dir()


@pytest.mark.parametrize("offers_batches", [True, False])
def test_a_hub_without_answers_for_many_files_does_too(library: Library, ref: RepoRef, offers_batches: bool) -> None:
    if not offers_batches:
        snapshots._WITHOUT_BATCHES.add(library.hub.endpoint)
    assert set(tree(download_snapshot(library.hub, ref))) == {*FILES, "large.bin", "small.bin"}


def test_a_hub_without_bulk_downloads_is_remembered(
    library: Library, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = contents.bulk_download
    monkeypatch.setattr(
        contents,
        "bulk_download",
        lambda *a: attrs.evolve(real(*a), path=real(*a).path.replace("/contents/", "/unknown/")),
    )
    assert set(tree(download_snapshot(library.hub, ref))) == {*FILES, "large.bin", "small.bin"}
    assert library.hub.endpoint in snapshots._WITHOUT_BATCHES


def test_into_a_folder_of_ones_own(
    library: Library, ref: RepoRef, tmp_path: Path, recorded_progress: RecordedProgress
) -> None:
    options = Options(folder=tmp_path / "mine")
    assert download_snapshot(library.hub, ref, options=options) == tmp_path / "mine"
    assert set(tree(tmp_path / "mine")) == {*FILES, "large.bin", "small.bin"}
    download_snapshot(library.hub, ref, options=attrs.evolve(options, progress=recorded_progress))
    assert recorded_progress.begun == []
    assert download_snapshot(library.offline(), ref, options=options) == tmp_path / "mine"


def test_force_fetches_all_again(library: Library, ref: RepoRef, recorded_progress: RecordedProgress) -> None:
    folder = download_snapshot(library.hub, ref)
    (folder / "a.txt").resolve().write_bytes(b"!")
    download_snapshot(library.hub, ref, options=Options(is_forced=True, progress=recorded_progress))
    assert (folder / "a.txt").read_bytes() == b"a"
    assert (folder / "a.txt").resolve().read_bytes() == b"a"


def test_a_partial_response_is_not_treated_as_the_whole(library: Library, ref: RepoRef) -> None:
    folder = download_snapshot(library.hub, ref, allow="*.txt")
    offline = library.offline()
    assert download_snapshot(offline, ref, allow="*.txt") == folder
    with pytest.raises(SnapshotIncomplete, match=r"lacks 5 of the requested files.*ENTREPOT_OFFLINE"):
        download_snapshot(offline, ref)


def test_without_a_copy_or_a_hub_the_error_gives_the_reason(library: Library, ref: RepoRef) -> None:
    with pytest.raises(NotCached, match="ENTREPOT_OFFLINE"):
        download_snapshot(library.offline(), ref)
    with pytest.raises(NotCached, match="local_files_only"):
        download_snapshot(library.hub, ref, options=Options(is_local_only=True))
    with pytest.raises(RepoNotFound):
        download_snapshot(Hub(library.hub.paths, token=False), attrs.evolve(ref, id=attrs.evolve(ref.id, name="no")))
    with pytest.raises(RevisionNotFound):
        download_snapshot(library.hub, ref, "nope")


def test_a_plan_lists_every_file(library: Library, ref: RepoRef) -> None:
    download_snapshot(library.hub, ref, allow="a.txt")
    found = {item.path: item for item in plan_snapshot(library.hub, ref, ignore=".gitattributes")}
    assert set(found) == {*FILES, "large.bin", "small.bin"}
    assert [path for path, item in found.items() if item.is_cached] == ["a.txt"]
    assert found["large.bin"].size == 2_000_000


def test_two_thousand_small_files_take_a_dozen_requests(library: Library) -> None:
    files = {f"{n % 20}/{n}.txt": b"%d" % n for n in range(2_000)}
    ref = library.repo(files)
    before = library.running.log().count(" request ")
    assert tree(download_snapshot(library.hub, ref)) == files
    assert 0 < library.running.log().count(" request ") - before < 20


def test_a_failed_file_stops_the_others(library: Library, ref: RepoRef) -> None:
    request = snapshots._SnapshotRequest(library.hub, target_of(library.hub, ref, Options()), Options())

    class Other:
        def advance(self, amount: int) -> None:
            if amount:
                request.has_failed.set()

        def finish(self) -> None:
            pass

    large = next(w for w in snapshots._list(library.hub, ref, "main", Options()).files if w.path == "large.bin")
    request.run([large], Other())
    blobs = library.cache / f"models--{ref.id.namespace}--{ref.id.name}" / "blobs"
    [draft] = blobs.iterdir()
    assert 0 < draft.stat().st_size < 2_000_000
    request.run([large], Other())  # not even started
    assert [draft] == list(blobs.iterdir())
    assert download_snapshot(library.hub, ref).joinpath("large.bin").stat().st_size == 2_000_000


def test_a_submodule_is_not_downloaded() -> None:
    empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git hash-object /dev/null
    entries = [TreeEntry(type="file", oid=oid, size=size, path="p") for oid, size in ((empty, 0), ("1" * 40, 0))]
    assert [snapshots._is_submodule(entry) for entry in entries] == [False, True]
    assert not snapshots._is_submodule(TreeEntry(type="file", oid="1" * 40, size=1, path="p"))
