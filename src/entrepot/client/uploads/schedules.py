"""Calls at regular intervals in the background, and a last one when the program ends."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from pathlib import Path

import attrs

from entrepot.client.folders import LeftOut, OnLeftOut, walk
from entrepot.client.patterns import Patterns
from entrepot.client.sources import PathSource, Stamp


class Schedule:
    """Calls a function immediately and then at every interval, in a separate thread, until stopped.

    Args:
        every_s: seconds between two calls.
        beat: called each time; it must not raise.
        last: called when the program ends, unless the schedule was stopped.
    """

    def __init__(self, every_s: float, beat: Callable[[], object], last: Callable[[], object]) -> None:
        self._every_s = every_s
        self._beat, self._last = beat, last
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="entrepot-schedule", daemon=True)

    @property
    def is_stopped(self) -> bool:
        """Whether the schedule was stopped."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Start the thread; must be called only once."""
        atexit.register(self._last)
        self._thread.start()

    def stop(self) -> None:
        """Make no further calls, not even at the end of the program; a running call is completed."""
        self._stopping.set()
        atexit.unregister(self._last)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._beat()
            self._stopping.wait(self._every_s)


@attrs.frozen
class GrowingFile:
    """A file with new content; only its current size is read, even if it is appended to meanwhile."""

    path: str
    source: PathSource


class AppendedFiles:
    """Finds files of a folder that are new or have changed since they were uploaded."""

    def __init__(self, folder: Path, *, allow: Patterns = None, ignore: Patterns = None) -> None:
        self._folder = folder
        self._allow, self._ignore = allow, ignore
        self._uploaded: dict[str, Stamp] = {}
        self._reported: set[LeftOut] = set()

    def find(self, on_left_out: OnLeftOut) -> list[GrowingFile]:
        """Return the files with new content, in their current state.

        Args:
            on_left_out: called for each entry that cannot be uploaded, once for each reason.

        Raises:
            SourceMissing, SourceUnreadable: the folder cannot be read.
        """

        def report(entry: LeftOut) -> None:
            if entry not in self._reported:
                self._reported.add(entry)
                on_left_out(entry)

        return [
            GrowingFile(item.path, attrs.evolve(item.source, is_growing=True))
            for item in walk(self._folder, allow=self._allow, ignore=self._ignore, on_left_out=report)
            if self._uploaded.get(item.path) != item.source.stamp
        ]

    def mark_uploaded(self, files: list[GrowingFile]) -> None:
        """Mark files as uploaded; they are found again after they change."""
        self._uploaded.update((file.path, file.source.stamp) for file in files)
