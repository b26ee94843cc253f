import hashlib
import os
from pathlib import Path

from entrepot.client.sources import BytesSource, PathSource
from entrepot.client.uploads.upload_state import NAME, RememberedDigests, UploadState
from entrepot.names import Sha256

ONE, TWO = Sha256("1" * 64), Sha256("2" * 64)


def file(folder: Path, content: bytes, name: str = "file") -> PathSource:
    (folder / name).write_bytes(content)
    return PathSource.at(folder / name)


def test_recorded_digests_are_known_immediately_and_in_the_next_run(tmp_path: Path) -> None:
    source = file(tmp_path, b"x")
    with UploadState(tmp_path) as first:
        assert first.find(source) is None
        first.note(source, ONE)
        assert first.find(source) == ONE
        with UploadState(tmp_path) as second:  # as after a crash: the first one was never closed
            assert second.find(source) == ONE


def test_the_digest_of_a_changed_file_is_not_reused(tmp_path: Path) -> None:
    with UploadState(tmp_path) as journal:
        journal.note(file(tmp_path, b"x"), ONE)
        assert journal.find(file(tmp_path, b"longer")) is None
        journal.note(file(tmp_path, b"longer"), TWO)
        assert journal.find(file(tmp_path, b"longer")) in (TWO, None)  # the clock may have ticked


def test_a_truncated_line_is_ignored(tmp_path: Path) -> None:
    one, two = file(tmp_path, b"1", "one"), file(tmp_path, b"2", "two")
    with UploadState(tmp_path) as first:
        first.note(one, ONE)
        first.note(two, TWO)
    written = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(written[:-20])
    with UploadState(tmp_path) as second:
        assert (second.find(one), second.find(two)) == (ONE, None)
        second.note(two, TWO)
    with UploadState(tmp_path) as third:
        assert (third.find(one), third.find(two)) == (ONE, TWO)


def test_the_folder_may_be_moved(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with UploadState(tmp_path / "old") as journal:
        journal.note(file(tmp_path / "old", b"x"), ONE)
    (tmp_path / "old").rename(tmp_path / "new")
    with UploadState(tmp_path / "new") as journal:
        assert journal.find(PathSource.at(tmp_path / "new" / "file")) == ONE


def test_a_state_file_with_many_repeated_lines_is_compacted(tmp_path: Path) -> None:
    source = file(tmp_path, b"x")
    with UploadState(tmp_path) as journal:
        journal.note(source, ONE)
    with (tmp_path / NAME).open("ab") as out:
        out.write((tmp_path / NAME).read_bytes() * 2000)
    with UploadState(tmp_path) as journal:
        assert journal.find(source) == ONE
    assert len((tmp_path / NAME).read_bytes().split()) == 1


def test_the_state_is_kept_in_memory_if_the_folder_is_not_writable(tmp_path: Path) -> None:
    source = file(tmp_path, b"x")
    (tmp_path / ".cache").write_bytes(b"a file, where the folder should be")
    with UploadState(tmp_path) as journal:
        journal.note(source, ONE)
        assert journal.find(source) == ONE


def test_git_ignores_the_metadata_folder(tmp_path: Path) -> None:
    with UploadState(tmp_path):
        assert (tmp_path / NAME).with_name(".gitignore").read_text() == "*\n"


def test_digests_learn_from_a_journal_and_it_from_them(tmp_path: Path) -> None:
    known, new = file(tmp_path, b"known", "known"), file(tmp_path, b"new", "new")
    with UploadState(tmp_path) as journal:
        journal.note(known, ONE)
        digests = RememberedDigests(None, journal)
        assert digests.sha256(known) == ONE
        assert digests.sha256(new) == hashlib.sha256(b"new").hexdigest()
        assert journal.find(new) == hashlib.sha256(b"new").hexdigest()
        assert digests.sha256(BytesSource(b"new")) == hashlib.sha256(b"new").hexdigest()
    assert os.path.getsize(tmp_path / NAME) > 0
