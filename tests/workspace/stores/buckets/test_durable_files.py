"""Files that survive a power failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.workspace.stores.buckets.durable_files import sync_folder, write_durably


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    write_durably(tmp_path / "x", b"1", incoming)
    write_durably(tmp_path / "x", b"22", incoming)
    assert (tmp_path / "x").read_bytes() == b"22"

    def fail(descriptor: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="input/output"):
        write_durably(tmp_path / "x", b"333", incoming)
    assert (tmp_path / "x").read_bytes() == b"22"
    assert list(incoming.iterdir()) == []


def test_a_folder_can_be_flushed(tmp_path: Path) -> None:
    sync_folder(tmp_path)
