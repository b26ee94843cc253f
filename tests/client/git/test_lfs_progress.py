from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.git.lfs_progress import Tail, reporting_progress
from tests.support.git_remote import GitRemote
from tests.support.progress import RecordedProgress


def test_each_file_has_a_meter_that_follows_its_lines(tmp_path: Path, recorded_progress: RecordedProgress) -> None:
    tail = Tail(tmp_path / "progress", recorded_progress)
    tail.read()
    assert recorded_progress.begun == []
    (tmp_path / "progress").write_text("upload 1/2 5/10 a file.bin\nupload 2/2 1/4 b\nupload 1/2 7/1")
    tail.read()
    assert recorded_progress.begun == [("upload a file.bin", 10), ("upload b", 4)]
    assert recorded_progress.done == 6
    with (tmp_path / "progress").open("a") as file:
        file.write("0 a file.bin\nupload 2/2 4/4 b\n")
    tail.read()
    tail.finish()
    assert (recorded_progress.done, recorded_progress.finished) == (11, 2)


@pytest.mark.parametrize("line", ["checkout 1/1 5/10 a", "nonsense", "upload 1/1 x/y a", "upload 1/1 5 a", ""])
def test_other_lines_are_passed_over(tmp_path: Path, recorded_progress: RecordedProgress, line: str) -> None:
    (tmp_path / "progress").write_text(f"{line}\n")
    Tail(tmp_path / "progress", recorded_progress).read()
    assert recorded_progress.begun == []


def test_git_writes_progress_inside_the_block(git_remote: GitRemote, recorded_progress: RecordedProgress) -> None:
    with reporting_progress(git_remote.git("first"), recorded_progress) as git:
        script = 'alias.x=!echo "download 1/1 3/3 a" >> "$GIT_LFS_PROGRESS"'
        git.run("-c", script, "x")
    assert (recorded_progress.begun, recorded_progress.done, recorded_progress.finished) == ([("download a", 3)], 3, 1)


def test_the_watch_ends_when_the_block_fails(git_remote: GitRemote, recorded_progress: RecordedProgress) -> None:
    with pytest.raises(KeyError), reporting_progress(git_remote.git("first"), recorded_progress):
        raise KeyError
    assert recorded_progress.finished == 0
