from __future__ import annotations

import errno
import os
import pathlib
import shutil
import stat
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from entrepot.errors import StoreFull
from entrepot.hub import file_modes
from entrepot.names import MAIN, Uid, branch_ref, new_uid
from entrepot.storage import mirrors, processes
from entrepot.storage.mirrors import Mirrors
from tests.support.stored_repo import StoredRepo

Damage = Callable[[pathlib.Path], object]


@pytest.fixture
def kept(tmp_path: pathlib.Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", 1 << 30)


def head_of(kept: Mirrors, stored_repo: StoredRepo, row: Any = None) -> str:
    """Return the commit of main according to git, after git has checked the whole mirror."""
    lease = kept.take(stored_repo.store, stored_repo.store.catalog.read, row or stored_repo.row)
    try:
        processes.run(lease.path, ["fsck", "--strict"])
        return processes.run(lease.path, ["rev-parse", "HEAD"]).decode().strip()
    finally:
        lease.release()


def flip(path: pathlib.Path, pattern: str, *, keeps_time: bool = False) -> None:
    """Flip a bit of a pack or index, either silently as a faulty disk does, or by writing to the file."""
    file = next((path / "objects" / "pack").glob(pattern))
    before = file.stat()
    file.chmod(0o600)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    if keeps_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.utime(path / "packs.json", (1, 1))  # the daily check is due


def packs(kept: Mirrors, stored_repo: StoredRepo) -> list[pathlib.Path]:
    return sorted((kept._folder / stored_repo.row.uid / "objects" / "pack").glob("*.pack"))


def test_a_mirror_is_a_sound_repository_with_the_same_ids(stored_repo: StoredRepo, kept: Mirrors) -> None:
    commit = stored_repo.commit(stored_repo.tree({"a/b": b"1", "c": b"2"}))
    stored_repo.point(MAIN, commit)
    assert head_of(kept, stored_repo) == commit


@pytest.mark.parametrize("end", ["\u2028", "\x85"])
def test_names_of_refs_may_have_what_other_programs_take_for_the_end_of_a_line(
    stored_repo: StoredRepo, kept: Mirrors, end: str
) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    stored_repo.point(branch_ref(f"a{end}b"), stored_repo.commit(stored_repo.tree({"a": b"2"})))
    head_of(kept, stored_repo)
    assert mirrors._is_sound(kept._folder / stored_repo.row.uid)


def test_a_current_mirror_is_not_touched_again(stored_repo: StoredRepo, kept: Mirrors) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    head_of(kept, stored_repo)
    before = [(path, path.stat().st_mtime_ns) for path in packs(kept, stored_repo)]
    head_of(kept, stored_repo)
    assert [(path, path.stat().st_mtime_ns) for path in packs(kept, stored_repo)] == before


def test_a_new_commit_is_added_as_one_small_pack(stored_repo: StoredRepo, kept: Mirrors) -> None:
    tree = stored_repo.tree({f"f{n}": b"%d" % n for n in range(50)})
    first = stored_repo.commit(tree)
    stored_repo.point(MAIN, first)
    head_of(kept, stored_repo)
    [old] = packs(kept, stored_repo)
    second = stored_repo.commit(stored_repo.tree({"f1": b"new"}, root=tree), first)
    stored_repo.point(MAIN, second)

    assert head_of(kept, stored_repo) == second

    [new] = [path for path in packs(kept, stored_repo) if path != old]
    told = processes.run(kept._folder, ["show-index"], given=new.with_suffix(".idx").read_bytes())
    assert len(told.splitlines()) == 3


def test_many_small_packs_become_one(stored_repo: StoredRepo, kept: Mirrors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors, "MAX_PACKS", 2)
    head = stored_repo.commit(stored_repo.tree({"a": b"0"}))
    for n in range(4):
        stored_repo.point(MAIN, head)
        assert head_of(kept, stored_repo) == head
        head = stored_repo.commit(stored_repo.tree({"a": b"new %d" % n}), head)
    assert len(packs(kept, stored_repo)) <= 2


def break_pack(path: pathlib.Path) -> None:
    pack = next((path / "objects" / "pack").glob("*.pack"))
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:-1])


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        break_pack,
        lambda path: next((path / "objects" / "pack").glob("*.idx")).unlink(),
        lambda path: (path / "HEAD").write_text("ref: refs/heads/other\n"),
        lambda path: (path / "packed-refs").write_text("nonsense"),
        lambda path: (path / "packs.json").write_bytes(b"\xff"),
        lambda path: (path / "config").unlink(),
        lambda path: flip(path, "*.pack"),
        lambda path: flip(path, "*.idx"),
        lambda path: flip(path, "*.pack", keeps_time=True),
        lambda path: flip(path, "*.idx", keeps_time=True),
        lambda path: (path / "refs" / "heads" / "main").write_text("0" * 40 + "\n"),
        lambda path: (path / "objects" / "info" / "alternates").write_text("/elsewhere\n"),
    ],
    ids=[
        "deleted",
        "pack cut",
        "index gone",
        "head",
        "refs",
        "list",
        "config",
        "pack bit",
        "index bit",
        "pack bit unseen",
        "index bit unseen",
        "bad ref",
        "alternates",
    ],
)
def test_a_damaged_mirror_is_made_anew(stored_repo: StoredRepo, kept: Mirrors, damage: Damage) -> None:
    commit = stored_repo.commit(stored_repo.tree({"a": b"1"}))
    stored_repo.point(MAIN, commit)
    head_of(kept, stored_repo)
    damage(kept._folder / stored_repo.row.uid)
    assert head_of(kept, stored_repo) == commit
    assert not list(kept.damaged())


def test_damage_is_found_and_an_intact_mirror_is_never_dropped(stored_repo: StoredRepo, kept: Mirrors) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    head_of(kept, stored_repo)
    assert (list(kept.damaged()), kept.drop_damaged(stored_repo.row.uid)) == ([], False)
    flip(kept._folder / stored_repo.row.uid, "*.pack", keeps_time=True)
    assert list(kept.damaged()) == [stored_repo.row.uid]
    assert kept.drop_damaged(stored_repo.row.uid)
    assert not (kept._folder / stored_repo.row.uid).exists()


def test_a_full_disk_is_reported_and_leaves_nothing_half_written(
    stored_repo: StoredRepo, kept: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = stored_repo.commit(stored_repo.tree({"a": b"1"}))
    stored_repo.point(MAIN, commit)

    def full(*_arguments: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mirrors, "write_pack", full)
    with pytest.raises(StoreFull, match="No space left"):
        kept.take(stored_repo.store, stored_repo.store.catalog.read, stored_repo.row)
    assert [path.name for path in kept._folder.iterdir()] == [".locks"]
    monkeypatch.undo()
    assert head_of(kept, stored_repo) == commit


def test_a_dropped_mirror_forgets_what_no_ref_names(stored_repo: StoredRepo, kept: Mirrors) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    head_of(kept, stored_repo)
    kept.drop(stored_repo.row.uid)
    assert not (kept._folder / stored_repo.row.uid).exists()


def test_the_least_recently_used_mirror_is_removed_when_space_is_short(
    stored_repo: StoredRepo, tmp_path: pathlib.Path
) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    small = Mirrors(tmp_path / "mirrors", 1)
    other = attrs.evolve(stored_repo.row, uid=new_uid())
    head_of(small, stored_repo)
    head_of(small, stored_repo, other)
    assert not (tmp_path / "mirrors" / stored_repo.row.uid).exists()
    assert (tmp_path / "mirrors" / other.uid).exists()


def test_a_mirror_that_is_being_read_is_not_evicted(stored_repo: StoredRepo, tmp_path: pathlib.Path) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    small = Mirrors(tmp_path / "mirrors", 1)
    lease = small.take(stored_repo.store, stored_repo.store.catalog.read, stored_repo.row)
    head_of(small, stored_repo, attrs.evolve(stored_repo.row, uid=new_uid()))
    assert lease.path.exists()
    lease.release()


def test_mirrors_of_deleted_repositories_are_removed(stored_repo: StoredRepo, kept: Mirrors) -> None:
    head = stored_repo.commit(stored_repo.tree({"a": b"1"}))
    stored_repo.point(MAIN, head)
    other = attrs.evolve(stored_repo.row, uid=new_uid())
    head_of(kept, stored_repo)
    head_of(kept, stored_repo, other)
    kept.retain({other.uid})
    assert not (kept._folder / stored_repo.row.uid).exists()
    assert (kept._folder / other.uid).exists()


def test_packs_of_a_push_are_adopted_with_their_refs(
    stored_repo: StoredRepo, kept: Mirrors, tmp_path: pathlib.Path
) -> None:
    first = stored_repo.commit(stored_repo.tree({"a": b"1"}))
    stored_repo.point(MAIN, first)
    head_of(kept, stored_repo)
    second = stored_repo.commit(stored_repo.tree({"a": b"2"}), first)
    stored_repo.point(MAIN, second)
    source = Mirrors(tmp_path / "other", 1 << 30)
    head_of(source, stored_repo)
    [pack] = packs(source, stored_repo)

    kept.adopt(stored_repo.row.uid, pack.parent, [(MAIN, second)])

    assert not pack.exists()
    assert len(packs(kept, stored_repo)) == 2
    assert head_of(kept, stored_repo) == second
    assert len(packs(kept, stored_repo)) == 2


def test_no_file_of_a_mirror_is_readable_for_others(
    stored_repo: StoredRepo, kept: Mirrors, tmp_path: pathlib.Path
) -> None:
    source, old = Mirrors(tmp_path / "source", 1 << 30), os.umask(file_modes.PRIVATE_UMASK)
    try:
        stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
        head_of(kept, stored_repo)
        second = stored_repo.commit(stored_repo.tree({"a": b"2"}))
        stored_repo.point(MAIN, second)
        head_of(source, stored_repo)
        [pack] = packs(source, stored_repo)
        for file in (pack, pack.with_suffix(".idx")):
            file.chmod(0o444)  # as git leaves them in a quarantine
        kept.adopt(stored_repo.row.uid, pack.parent, [(MAIN, second)])
        adopted = modes_below(kept)
        kept.repack(stored_repo.row.uid)
    finally:
        os.umask(old)
    assert adopted == modes_below(kept) == {0o600, 0o700}


def modes_below(kept: Mirrors) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in kept._folder.rglob("*")}


def test_no_packs_are_adopted_for_a_removed_mirror(
    stored_repo: StoredRepo, kept: Mirrors, tmp_path: pathlib.Path
) -> None:
    kept.adopt(Uid("0" * 24), tmp_path, [(MAIN, None)])
    assert not (kept._folder / ("0" * 24)).exists()


def test_many_threads_may_ask_at_the_same_time(stored_repo: StoredRepo, kept: Mirrors) -> None:
    commit = stored_repo.commit(stored_repo.tree({f"f{n}": b"%d" % n for n in range(50)}))
    stored_repo.point(MAIN, commit)
    heads: list[str] = []
    threads = [threading.Thread(target=lambda: heads.append(head_of(kept, stored_repo))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heads == [commit] * 8
    assert len(packs(kept, stored_repo)) == 1


def test_a_large_mirror_is_slow_until_it_is_repacked(
    stored_repo: StoredRepo, kept: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "LARGE_INDEX", 100)
    commit = stored_repo.commit(stored_repo.tree({f"f{n}": b"%d" % n for n in range(50)}))
    stored_repo.point(MAIN, commit)
    lease = kept.take(stored_repo.store, stored_repo.store.catalog.read, stored_repo.row)
    assert lease.is_slow
    kept.repack(stored_repo.row.uid)
    assert not lease.is_slow
    lease.release()
    before = packs(kept, stored_repo)
    assert head_of(kept, stored_repo) == commit
    assert packs(kept, stored_repo) == before
    kept.repack(Uid("0" * 24))  # repacking an absent mirror does nothing


def test_the_mirrors_that_were_used_last_are_described(stored_repo: StoredRepo, kept: Mirrors) -> None:
    stored_repo.point(MAIN, stored_repo.commit(stored_repo.tree({"a": b"1"})))
    assert kept.newest(9) == []
    other = attrs.evolve(stored_repo.row, uid=new_uid())
    for row, used_s in ((stored_repo.row, 2_000_000_000), (other, 1_000_000_000)):
        head_of(kept, stored_repo, row)
        os.utime(kept._folder / row.uid, (used_s, used_s))
    first, second = kept.newest(9)
    assert [(found.uid, found.used_ms) for found in (first, second)] == [
        (stored_repo.row.uid, 2_000_000_000_000),
        (other.uid, 1_000_000_000_000),
    ]
    assert (first.packs, first.is_sound, first.is_slow) == (1, True, False)
    assert first.size == sum(file.stat().st_size for file in (kept._folder / first.uid / "objects/pack").iterdir())
    assert [found.uid for found in kept.newest(1)] == [first.uid]
    (kept._folder / first.uid / "packs.json").unlink()
    broken = kept.newest(1)[0]
    assert (broken.is_sound, broken.checked_ms) == (False, 0)
