"""``current.hub.loaded`` and ``current.hub.info``: the loaded repositories of a step, by key."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from entrepot.metaflow.fetching import Fetched
from entrepot.metaflow.sessions import TaskSession


@attrs.define
class LoadedEntry:
    """The result of one item of ``load`` or ``refs``; ``path`` is its folder, None until it is asked for."""

    fetched: Fetched
    path: str | None = None


class LoadedFolders(Mapping[str, str]):
    """The folders of this task by key, each with a copy that the step may change.

    An item without a folder of its own is copied to a temporary one when its
    key is first used. Safe to use from several threads.

    Args:
        names: further keys of entries.
    """

    def __init__(
        self,
        session: TaskSession,
        entries: Mapping[str, LoadedEntry],
        names: Mapping[str, str],
        temp_dir_root: str | None = None,
    ) -> None:
        self._session = session
        self._entries = dict(entries)
        self._names = dict(names)
        self._root = temp_dir_root
        self._lock = threading.Lock()

    def __getitem__(self, key: str) -> str:
        entry = self._entry(key)
        with self._lock:
            if entry.path is None:
                folder = self._session.new_folder(self._root, str(entry.fetched.reference.ref.id))
                entry.fetched.copy_to(folder, is_new=True)
                entry.path = str(folder)
            return entry.path

    def __iter__(self) -> Iterator[str]:
        return iter((*self._entries, *self._names))

    def __len__(self) -> int:
        return len(self._entries) + len(self._names)

    def __contains__(self, key: object) -> bool:
        return key in self._entries or key in self._names

    def __repr__(self) -> str:
        return f"<loaded: {', '.join(self) or 'nothing'}>"

    @property
    def info(self) -> Mapping[str, dict[str, Any]]:
        """The references by key."""
        return {key: self._entry(key).fetched.reference.to_dict() for key in self}

    def at_cache(self, key: str) -> str:
        """Return the folder of the shared cache, without a copy, for reading only.

        Its files are made read-only. The folder may also have files of the
        same commit that others selected.

        Raises:
            KeyError: the key does not exist.
        """
        return str(self._entry(key).fetched.protect())

    def _entry(self, key: str) -> LoadedEntry:
        name = self._names.get(key, key)
        if name not in self._entries:
            raise KeyError(f"{key!r} is not loaded in this step; the keys are: {', '.join(self) or 'none'}")
        return self._entries[name]


def place_at(fetched: Fetched, path: str) -> LoadedEntry:
    """Copy what was fetched to a folder that the flow names.

    Raises:
        DiskFull, CannotWrite, InvalidPath: as ``placement.place``.
    """
    fetched.copy_to(Path(path).expanduser(), is_new=False)
    return LoadedEntry(fetched, path)
