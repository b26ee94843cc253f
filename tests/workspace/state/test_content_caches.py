import hashlib
import os
import shutil
from pathlib import Path

import pytest

from entrepot.workspace.manifests import ManifestEntry
from entrepot.workspace.state.content_caches import ContentCache
from entrepot.workspace.stores import draft_path
from tests.support.machines import Machine, Team, publish


def entry_of(content: bytes) -> ManifestEntry:
    return ManifestEntry(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def keep(cache: ContentCache, tmp_path: Path, *contents: bytes) -> list[ManifestEntry]:
    entries = []
    for number, content in enumerate(contents):
        source = tmp_path / f"source{number}"
        source.write_bytes(content)
        entries.append(entry_of(content))
        cache.add([(entries[-1], source)])
        path = cache.paths().get(entries[-1].sha256)
        if path is not None:
            os.utime(path, (number, number))
    return entries


def test_what_was_taken_is_given_and_verified(tmp_path: Path) -> None:
    cache, drafts = ContentCache(tmp_path / "cache"), tmp_path / "drafts"
    one, two = keep(cache, tmp_path, b"one", b"two")
    assert os.stat(cache.paths()[one.sha256]).st_mode & 0o777 == 0o444
    Path(cache.paths()[two.sha256]).chmod(0o644)
    Path(cache.paths()[two.sha256]).write_bytes(b"bad")
    assert cache.make_drafts([one, two, entry_of(b"three")], drafts) == 1
    assert draft_path(drafts, one).read_bytes() == b"one"
    assert [path.name for path in drafts.iterdir()] == [one.sha256]
    assert set(cache.paths()) == {one.sha256}


def test_the_oldest_contents_make_room(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path / "cache", 8)
    one, two, three = keep(cache, tmp_path, b"1111", b"2222", b"3333")
    assert set(cache.paths()) == {two.sha256, three.sha256}
    keep(cache, tmp_path, b"longer than all")
    assert set(cache.paths()) == {two.sha256, three.sha256}
    assert cache.make_drafts([one], tmp_path / "drafts") == 0


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_others_have_put_there_instead_of_a_file_is_not_read(tmp_path: Path, kind: str) -> None:
    cache = ContentCache(tmp_path / "cache")
    (one,) = keep(cache, tmp_path, b"one")
    place = Path(cache.paths()[one.sha256])
    place.unlink()
    if kind == "link":
        place.symlink_to(tmp_path / "source0")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    assert cache.make_drafts([one], tmp_path / "drafts") == 0
    assert cache.paths() == {}  # whoever opens a pipe waits
    cache.verify()


def test_damage_is_found_and_removed(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path / "cache")
    one, two = keep(cache, tmp_path, b"one", b"two")
    Path(cache.paths()[two.sha256]).chmod(0o644)
    Path(cache.paths()[two.sha256]).write_bytes(b"bad")
    assert cache.verify() == [two.sha256]
    assert set(cache.paths()) == {one.sha256}
    assert ContentCache(tmp_path / "none").verify() == []


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert keep(ContentCache(tmp_path / "cache"), tmp_path, b"one")


def test_a_version_in_the_cache_is_checked_out_without_its_storage(team: Team, machine: Machine) -> None:
    machine.ok("repository", "config", "set", "cache_size", "1000000")
    machine.write("datasets/x/data/c", "c")
    publish(machine, "datasets", "x")
    bob = team.machine("bob")
    (bob.home / ".mlgitconfig").write_text(f"cache_path: {bob.home}/shared\n")
    bob.ok("datasets", "checkout", "x")
    shutil.rmtree(team.place / "bucket")
    for one, names in ((machine, {"c"}), (bob, {"a", "b", "c"})):
        for name in sorted(names):
            (one.folder / "datasets/x/data" / name).unlink()
        one.ok("datasets", "checkout", "x")
        assert one.files("datasets/x/data") == {"a": b"one", "b": b"two", "c": b"c"}
    assert not (bob.folder / ".ml-git/datasets/cache").exists()
    removed = machine.ok("repository", "gc")
    assert not (machine.folder / ".ml-git/datasets/cache").exists()
    assert not removed.startswith("A total of 0 ")
    bob.ok("repository", "gc")
    assert len(list((bob.home / "shared").rglob("*"))) > 3


def test_damage_in_the_cache_is_part_of_a_check(machine: Machine) -> None:
    machine.ok("repository", "config", "set", "cache_size", "1000000")
    machine.write("datasets/x/data/c", "c")
    publish(machine, "datasets", "x")
    for file in (machine.folder / ".ml-git/datasets/cache").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.write_text("bad")
    assert machine.run("datasets", "fsck", "--json").json["corrupted"] == 3
