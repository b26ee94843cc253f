import errno
import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from entrepot.errors import CannotWrite, LimitExceeded, Malformed
from entrepot.workspace.exchange import archives
from entrepot.workspace.exchange.archives import copy_source, unpack_archive, unpack_archives


def zipped(path: Path, files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_archives_are_replaced_by_their_contents(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "A.ZIP", "w") as archive:
        archive.mkdir("d")
        run = zipfile.ZipInfo("d/run.sh")
        run.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(run, b"#!")
    zipped(tmp_path / "b.zip", {"c": b"3"})
    (tmp_path / "other").write_bytes(b"")
    assert unpack_archives(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["c", "other", "run.sh"]
    assert (tmp_path / "d/run.sh").stat().st_mode & 0o100


@pytest.mark.parametrize(
    "names",
    [("../x",), ("/etc/x",), ("a/../../x",), (".git/hooks/x",), (".ml-git/config.yaml",), ("a", "a/b"), ("A", "a")],
)
def test_paths_that_lead_out_or_collide_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    target = tmp_path / "in" / "target"
    with pytest.raises(Malformed, match=r"archive a\.zip"):
        unpack_archive(zipped(tmp_path / "a.zip", {"good": b"", **dict.fromkeys(names, b"x")}), target)
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.create_system = 3
        entry.external_attr = (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(Malformed, match="a link or a special file"):
        unpack_archive(tmp_path / "a.zip", tmp_path)


def test_bombs_stop_at_the_ratio_whatever_sizes_they_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(tmp_path / "a.zip", {"zeros": bytes(30 << 20)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(LimitExceeded, match="200 times"):
        unpack_archive(bomb, tmp_path)
    assert not (tmp_path / "zeros").exists()
    data = bomb.read_bytes().replace((30 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    bomb.write_bytes(data)
    with pytest.raises((LimitExceeded, Malformed)):
        unpack_archive(bomb, tmp_path)
    assert (tmp_path / "zeros").stat().st_size <= 7 << 20
    monkeypatch.setattr(archives, "MAX_ENTRIES", 1)
    with pytest.raises(LimitExceeded, match="entries"):
        unpack_archive(zipped(tmp_path / "b.zip", {"a": b"", "b": b""}), tmp_path)


def test_damage_encryption_and_repetition_are_refused(tmp_path: Path) -> None:
    good = zipped(tmp_path / "a.zip", {"a": b"content"}).read_bytes()
    (tmp_path / "a.zip").write_bytes(good.replace(b"content", b"c0ntent"))
    for content, reason in ((None, "CRC"), (b"text", "not a zip"), (good[:-30], "not a zip")):
        if content is not None:
            (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(Malformed, match=reason):
            unpack_archive(tmp_path / "a.zip", tmp_path / "target")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(Malformed, match="twice"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "target2")
    flagged = bytearray(good)
    flagged[6] |= 1
    flagged[flagged.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(flagged)
    with pytest.raises(Malformed, match="encrypted"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "target3")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_memory_nothing_bounds_are_refused(tmp_path: Path, method: int) -> None:
    archive = zipped(tmp_path / "a.zip", {"zeros": bytes(1_000)}, method)
    with pytest.raises(Malformed, match=r"'zeros' is compressed by another method.*zip it again"):
        unpack_archive(archive, tmp_path / "target")
    assert not (tmp_path / "target").exists()


class Full(io.BytesIO):
    """A file on a full disk."""

    def write(self, _data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": b"x" * 5_000})
    with archive.open("rb") as source, pytest.raises(CannotWrite, match=r"target/a.*No space left"):
        archives._copy(source, Full(), tmp_path / "target/a", archive, 1 << 20)


def test_no_file_is_replaced(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"a": b"new"})
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(CannotWrite):
        unpack_archives(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert (tmp_path / "a.zip").exists()


def test_files_and_folders_are_copied(tmp_path: Path) -> None:
    (tmp_path / "from/d").mkdir(parents=True)
    (tmp_path / "from/d/f").write_bytes(b"1")
    (tmp_path / "to").mkdir()
    copy_source(tmp_path / "from", tmp_path / "to")
    copy_source(tmp_path / "from/d/f", tmp_path / "to")
    assert (tmp_path / "to/d/f").read_bytes() == (tmp_path / "to/f").read_bytes() == b"1"
