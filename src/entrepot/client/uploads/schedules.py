"""Something done at regular intervals in the background, and a last time when the program ends."""

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
    """Calls something at once, then at every interval, in a thread of its own, until it is stopped.

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
        """Whether it was stopped."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin; to be called once."""
        atexit.register(self._last)
        self._thread.start()

    def stop(self) -> None:
        """Call nothing any more, not at the end either; a call that is running comes to its end."""
        self._stopping.set()
        atexit.unregister(self._last)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._beat()
            self._stopping.wait(self._every_s)


@attrs.frozen
class GrowingFile:
    """A file with something new in it; only what it has now is read, whatever is appended meanwhile."""

    path: str
    source: PathSource


class AppendedFiles:
    """Which files of a folder are new or longer than when they were last taken; for folders that only grow."""

    def __init__(self, folder: Path, *, allow: Patterns = None, ignore: Patterns = None) -> None:
        self._folder = folder
        self._allow, self._ignore = allow, ignore
        self._taken: dict[str, Stamp] = {}
        self._reported: set[LeftOut] = set()

    def find(self, on_left_out: OnLeftOut) -> list[GrowingFile]:
        """Return the files with something new, as they are now.

        Args:
            on_left_out: is told of each entry that cannot be uploaded, once for each reason.

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
            if self._taken.get(item.path) != item.source.stamp
        ]

    def take(self, files: list[GrowingFile]) -> None:
        """These have arrived; they are new again when they have changed."""
        self._taken.update((file.path, file.source.stamp) for file in files)
