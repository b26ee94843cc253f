from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from entrepot.client.cache import partial_files
from entrepot.client.cache.partial_files import INCOMPLETE, draft_name, exclusive_draft, sweep_drafts


def test_a_name_is_short_and_stable_for_a_path(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 255)
    assert draft_name(place) == draft_name(place)
    assert draft_name(place) != draft_name(tmp_path / ("y" * 255))
    assert len(draft_name(place)) == 32
    assert draft_name(place).endswith(INCOMPLETE)


def test_writers_of_one_path_never_mix(tmp_path: Path) -> None:
    place, failures = tmp_path / "new" / "file", []

    def write(letter: bytes) -> None:
        for _ in range(50):
            with exclusive_draft(place) as (path, file):
                assert os.fstat(file.fileno()).st_size == 0
                for _ in range(4):
                    file.write(letter * 100)
                os.replace(path, place)
            if len(set(place.read_bytes())) != 1 or place.stat().st_size != 400:
                failures.append(letter)

    threads = [threading.Thread(target=write, args=(bytes([65 + number]),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(place.parent.iterdir()) == [place]


def test_a_failed_write_leaves_no_draft(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), exclusive_draft(tmp_path / "file"):
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []


def test_without_file_locks_each_writer_uses_its_own_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_files, "lock_file", lambda _: False)
    place = tmp_path / "file"
    with exclusive_draft(place) as (one, _), exclusive_draft(place) as (two, _):
        assert one != two


def test_a_link_at_the_path_of_a_draft_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (tmp_path / draft_name(tmp_path / "file")).symlink_to(target)
    with pytest.raises(OSError), exclusive_draft(tmp_path / "file"):  # noqa: PT011 - its number differs by system
        pass
    assert target.read_bytes() == b"mine"


def test_a_sweep_removes_only_drafts_of_killed_processes(tmp_path: Path) -> None:
    abandoned = tmp_path / draft_name(tmp_path / "gone")
    abandoned.write_bytes(b"x")
    for name in ("etag.incomplete", ".0123.incomplete", "file"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / draft_name(tmp_path / "link")).symlink_to("file")
    before = {path.name for path in tmp_path.iterdir()}
    with exclusive_draft(tmp_path / "alive") as (draft, _):
        sweep_drafts(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == before - {abandoned.name} | {draft.name}
        os.replace(draft, tmp_path / "alive")
    sweep_drafts(tmp_path / "none")
