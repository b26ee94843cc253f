"""Progress of git-lfs, which writes lines to a file; a thread reads them while git runs.

Source: git-lfs, docs/man/git-lfs-config.adoc, GIT_LFS_PROGRESS.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from entrepot.client.git.git_commands import Git
from entrepot.client.progress import Meter, Progress

_PAUSE_S = 0.1
_TRANSFERS = frozenset({"upload", "download"})


@contextlib.contextmanager
def reporting_progress(git: Git, progress: Progress) -> Iterator[Git]:
    """Yield the same git, with the progress of large-file transfers reported to ``progress`` inside the block."""
    with tempfile.TemporaryDirectory(prefix="entrepot-") as folder:
        tail = Tail(Path(folder, "progress"), progress)
        stop = threading.Event()
        thread = threading.Thread(target=_follow, args=(tail, stop), daemon=True, name="git-lfs progress")
        thread.start()
        try:
            yield git.with_environ(GIT_LFS_PROGRESS=str(tail.file))
        finally:
            stop.set()
            thread.join()


class Tail:
    """Reads new lines of the file that git-lfs writes, and advances a meter for each large file."""

    def __init__(self, file: Path, progress: Progress) -> None:
        self.file = file
        self._progress = progress
        self._offset = 0
        self._meters: dict[tuple[str, str], tuple[Meter, int]] = {}

    def read(self) -> None:
        """Read the lines added since the last call; an incomplete line is left for the next call."""
        try:
            with self.file.open("rb") as lines:
                lines.seek(self._offset)
                added = lines.read()
        except FileNotFoundError:  # no transfer has started
            return
        complete = added[: added.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.decode("utf-8", "replace").splitlines():
            self._report(line)

    def finish(self) -> None:
        """Finish all meters."""
        for meter, _ in self._meters.values():
            meter.finish()

    def _report(self, line: str) -> None:
        """Parse ``upload 1/3 512/1024 some file.bin``: direction, file number and count, bytes done and total, name."""
        words = line.split(" ", 3)
        done, _, total = words[2].partition("/") if len(words) == 4 else ("", "", "")
        if words[0] not in _TRANSFERS or not (done.isdigit() and total.isdigit()):
            return
        key = (words[0], words[3])
        if key not in self._meters:
            self._meters[key] = (self._progress.begin(f"{words[0]} {words[3]}", int(total)), 0)
        meter, before = self._meters[key]
        meter.advance(int(done) - before)
        self._meters[key] = (meter, int(done))


def _follow(tail: Tail, stop: threading.Event) -> None:
    while not stop.wait(_PAUSE_S):
        tail.read()
    tail.read()
    tail.finish()
