import hashlib
import io
import os
from pathlib import Path

import pytest

from entrepot.client.sources import PIECE, BytesSource, ObjectSource, PathSource, Source, oid_of, sha256_of, source_of
from entrepot.errors import InvalidArgument, SourceChanged, SourceMissing, SourceUnreadable

CONTENT = bytes(range(256)) * 8192 + b"end"  # two mebibytes and three bytes


def sources(folder: Path) -> list[Source]:
    (folder / "file").write_bytes(CONTENT)
    return [PathSource.at(folder / "file"), BytesSource(CONTENT), ObjectSource(io.BytesIO(CONTENT))]


@pytest.mark.parametrize("number", range(3))
def test_every_source_gives_the_same_bytes_each_time(tmp_path: Path, number: int) -> None:
    source = sources(tmp_path)[number]
    assert source.size == len(CONTENT)
    assert source.sample() == CONTENT[:512]
    assert [b"".join(source.pieces()), source.read()] == [CONTENT, CONTENT]
    assert b"".join(source.pieces(PIECE - 1, 5)) == CONTENT[PIECE - 1 : PIECE + 4]
    assert max(map(len, source.pieces())) <= PIECE
    assert sha256_of(source) == hashlib.sha256(CONTENT).hexdigest()


def test_the_id_of_a_content_is_that_of_git() -> None:
    # printf hello | git hash-object --stdin
    assert oid_of(BytesSource(b"hello")) == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"


@pytest.mark.parametrize("content", [b"", b"x"])
def test_empty_and_tiny_files_can_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    source = PathSource.at(tmp_path / "file")
    assert (source.read(), source.sample(), b"".join(source.pieces())) == (content, content, content)


def test_a_file_that_was_written_to_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    source = PathSource.at(file)
    file.write_bytes(b"after, and longer")
    for read in (source.read, source.sample, source.check, lambda: list(source.pieces())):
        with pytest.raises(SourceChanged, match="changed while it was being uploaded"):
            read()


def test_a_file_of_the_same_size_but_another_time_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    os.utime(file, ns=(1, 1))
    source = PathSource.at(file)
    file.write_bytes(b"behind")
    with pytest.raises(SourceChanged):
        source.read()


def test_a_file_that_changes_while_it_is_read_is_refused_before_its_last_piece_is_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    pieces = PathSource.at(file).pieces()
    sent = next(pieces)
    with file.open("ab") as out:
        out.write(b"more")
    sent += next(pieces)
    with pytest.raises(SourceChanged):
        next(pieces)
    assert len(sent) < len(CONTENT)


def test_only_the_original_size_of_a_growing_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one\n")
    source = PathSource.at(file, is_growing=True)
    with file.open("ab") as out:
        out.write(b"two\n")
    assert source.read() == b"one\n"
    assert b"".join(source.pieces()) == b"one\n"
    file.write_bytes(b"")
    with pytest.raises(SourceChanged):
        source.read()


def test_the_error_names_a_missing_file_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "none" / "deeper"):
        with pytest.raises(SourceMissing, match=path.name):
            PathSource.at(path)
    (tmp_path / "file").write_bytes(b"x")
    source = PathSource.at(tmp_path / "file")
    (tmp_path / "file").unlink()
    with pytest.raises(SourceMissing):
        source.read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "secret").chmod(0)
    with pytest.raises(SourceUnreadable, match=r"secret.*ermission denied"):
        PathSource.at(tmp_path / "secret").read()


def test_the_position_of_an_object_is_put_back_and_does_not_matter() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    source = ObjectSource(file)
    assert (source.size, source.read(), source.sample()) == (10, b"0123456789", b"0123456789")
    assert file.tell() == 4


def test_an_object_that_became_shorter_is_refused() -> None:
    file = io.BytesIO(b"0123456789")
    source = ObjectSource(file)
    file.truncate(5)
    with pytest.raises(SourceChanged):
        source.read()


def test_an_unreadable_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    with (tmp_path / "text").open() as text, pytest.raises(InvalidArgument, match="binary mode"):
        ObjectSource(text)  # type: ignore[arg-type]
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(InvalidArgument, match="must be open"):
        ObjectSource(closed)
    with pytest.raises(InvalidArgument, match="cannot upload a int"):
        source_of(7)  # type: ignore[arg-type]


def test_errors_of_sources_are_value_errors_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file"):
        source_of(str(tmp_path / "none"))


def test_paths_bytes_and_objects_become_different_sources(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"path")
    assert source_of(str(tmp_path / "a")).read() == source_of(tmp_path / "a").read() == b"path"
    assert source_of(b"bytes").read() == b"bytes"
    assert source_of(io.BytesIO(b"object")).read() == b"object"
