"""The task that is running: what it read and made, its temporary folders, and the lines of its card.

All decorators of a step share one session, so a task has one record of its lineage.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

import attrs

from entrepot.client.cache.caches import writing


@attrs.frozen
class TaskFacts:
    """The attempt of a task: ``run`` and ``task`` are ids; ``origin_run`` is the run that this one resumes."""

    flow: str
    run: str
    step: str
    task: str
    attempt: int = 0
    user: str | None = None
    origin_run: str | None = None

    @property
    def pathspec(self) -> str:
        """The name of the task in Metaflow: ``Flow/run/step/task``."""
        return f"{self.flow}/{self.run}/{self.step}/{self.task}"


@attrs.frozen
class CardRow:
    """A line of the card: a repository that was read or made; ``fetched`` is None for one that was made."""

    key: str
    endpoint: str
    revision: str
    files: int
    size: int
    fetched: int | None
    seconds: float


@attrs.define
class TaskSession:
    """The record of what a task did so far. Safe to use from several threads."""

    facts: TaskFacts
    has_card: bool = False
    _rows: list[CardRow] = attrs.field(factory=list, init=False)
    _folders: list[Path] = attrs.field(factory=list, init=False)
    _users: int = attrs.field(default=0, init=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)

    @property
    def rows(self) -> list[CardRow]:
        """The lines of the card, in the order in which things happened."""
        with self._lock:
            return list(self._rows)

    @property
    def read(self) -> list[str]:
        """The keys of what the task read, each once."""
        return list(dict.fromkeys(row.key for row in self.rows if row.fetched is not None))

    @property
    def made(self) -> list[str]:
        """The keys of what the task pushed, each once."""
        return list(dict.fromkeys(row.key for row in self.rows if row.fetched is None))

    def add(self, row: CardRow) -> None:
        """Record that a repository was read or made."""
        with self._lock:
            self._rows.append(row)

    def new_folder(self, root: str | None, name: str) -> Path:
        """Create a temporary folder, which is removed when the session closes or the process ends.

        Args:
            root: the folder to create it in; None is that of the system.
            name: the repository or the artifact, as part of the name.

        Raises:
            CannotWrite: the folder cannot be created.
        """
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:60]
        with writing(Path(root or tempfile.gettempdir())):
            if root is not None:
                os.makedirs(root, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"metaflow_hub_{readable}_", dir=root)).absolute()
        with self._lock:
            self._folders.append(folder)
        return folder

    def remove_folder(self, folder: Path) -> None:
        """Remove a temporary folder before the session closes."""
        with self._lock:
            if folder in self._folders:
                self._folders.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)

    def remove_folders(self) -> None:
        """Remove all temporary folders."""
        with self._lock:
            folders, self._folders = self._folders, []
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


_LOCK = threading.Lock()
_SESSIONS: dict[TaskFacts, TaskSession] = {}


def open_session(facts: TaskFacts, *, has_card: bool = False) -> TaskSession:
    """Return the session of an attempt; the decorators of one step share it.

    Args:
        has_card: at least one decorator wants a card.
    """
    with _LOCK:
        session = _SESSIONS.get(facts)
        if session is None:
            session = _SESSIONS[facts] = TaskSession(facts)
            owner = os.getpid()
            atexit.register(_remove_at_exit, session, owner)
        session._users += 1
        session.has_card |= has_card
        return session


def close_session(session: TaskSession) -> bool:
    """Leave a session; return whether this was its last decorator, which records what the session did."""
    with _LOCK:
        session._users -= 1
        is_last = session._users <= 0
        if is_last:
            _SESSIONS.pop(session.facts, None)
    if is_last:
        session.remove_folders()
    return is_last


def _remove_at_exit(session: TaskSession, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not remove the folders of its parent
        with contextlib.suppress(OSError):
            session.remove_folders()
