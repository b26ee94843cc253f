"""Ids without a namespace (``gpt2``): the hub says which repository is meant, and the cache remembers it."""

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
    """Return the repository that an id leads to; one with a namespace is returned as it is.

    The hub is asked every time, because an alias can change; if it cannot be
    reached, the last answer holds.

    Args:
        cache: another cache than the hub's own.
        is_local_only: do not ask the hub.

    Raises:
        RepoNotFound: the hub knows no such alias.
        NotCached: the hub was not asked, and no answer is remembered.
        HubUnreachable, HubTimeout, Offline: it cannot be asked, and no answer is remembered.
    """
    if not ref.id.is_short:
        return ref
    root = cache or cache_root(hub.places.cache, hub.endpoint)
    # In the folder of locks, which other clients that share a cache leave alone.
    kept = root / LOCKS / _FOLDER / hub_folder(hub.endpoint) / folder_name(ref).lower()
    if is_local_only:
        known = _read(kept, ref)
        if known is None:
            raise NotCached(str(ref.id), "no answer of the hub says which repository this is")
        return known
    try:
        info = hub.send(repos.describe(ref, expand=("likes",)))
    except (HubUnreachable, Offline):
        known = _read(kept, ref)
        if known is None:
            raise
        return known
    found = RepoRef(ref.type, parse_wanted_id(info.id))
    with contextlib.suppress(CannotWrite):
        write_file(kept, str(found.id).encode("ascii"))
    return found


def _read(kept: Path, ref: RepoRef) -> RepoRef | None:
    try:
        return RepoRef(ref.type, parse_wanted_id(kept.read_text("ascii")))
    except (OSError, UnicodeDecodeError, InvalidName):
        return None
