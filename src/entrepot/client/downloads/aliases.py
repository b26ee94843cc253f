"""Repository ids without a namespace (``gpt2``): the hub resolves them, and the cache remembers the result."""

from __future__ import annotations

import contextlib
from pathlib import Path

from entrepot.client.cache.caches import LOCKS, cache_root, folder_name, hub_folder, write_file
from entrepot.client.calls import repos
from entrepot.client.hubs import Hub
from entrepot.errors import CannotWrite, HubUnreachable, InvalidName, NotCached, Offline
from entrepot.names import RepoRef, parse_wanted_id

_FOLDER = "aliases"


def find(hub: Hub, ref: RepoRef, *, cache: Path | None = None, is_local_only: bool = False) -> RepoRef:
    """Resolve an id without a namespace; an id with a namespace is returned unchanged.

    The hub is asked every time, because an alias can change; if it cannot be
    reached, the last result is used.

    Args:
        cache: the cache folder; None is the cache of the hub.
        is_local_only: do not ask the hub.

    Raises:
        RepoNotFound: the hub does not know the alias.
        NotCached: the hub was not asked, and no result is cached.
        HubUnreachable, HubTimeout, Offline: the hub cannot be asked, and no result is cached.
    """
    if not ref.id.is_short:
        return ref
    if is_local_only:
        known = recall(hub, ref, cache=cache)
        if known is None:
            raise NotCached(str(ref.id), "the cache does not know which repository this id refers to")
        return known
    try:
        info = hub.send(repos.describe(ref, expand=("likes",)))
    except (HubUnreachable, Offline):
        known = recall(hub, ref, cache=cache)
        if known is None:
            raise
        return known
    found = RepoRef(ref.type, parse_wanted_id(info.id))
    note(hub, ref, found, cache=cache)
    return found


def note(hub: Hub, ref: RepoRef, found: RepoRef, *, cache: Path | None = None) -> None:
    """Record which repository the hub means by an id; does nothing if the cache is not writable."""
    with contextlib.suppress(CannotWrite):
        write_file(_record(hub, ref, cache), str(found.id).encode("ascii"))


def recall(hub: Hub, ref: RepoRef, *, cache: Path | None = None) -> RepoRef | None:
    """Return the repository that the hub last meant by an id, without asking it; None if unknown."""
    try:
        return RepoRef(ref.type, parse_wanted_id(_record(hub, ref, cache).read_text("ascii")))
    except (OSError, UnicodeDecodeError, InvalidName):
        return None


def _record(hub: Hub, ref: RepoRef, cache: Path | None) -> Path:
    root = cache or cache_root(hub.paths.cache, hub.endpoint)
    # In the folder of locks, which other clients that share the cache ignore.
    return root / LOCKS / _FOLDER / hub_folder(hub.endpoint) / folder_name(ref).lower()
