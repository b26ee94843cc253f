"""The remote of a kind of entities: a git repository for the metadata, or a namespace on a hub for everything."""

from __future__ import annotations

from pathlib import Path

import attrs

from entrepot.workspace.configuration.settings_edits import ConfigFile
from entrepot.workspace.entities.kinds import EntityKind
from entrepot.workspace.hubs.addresses import find_hub


@attrs.frozen
class RemoteChange:
    """The URL that a kind has now, and the one that it had before, if that was another one."""

    url: str
    old: str | None
    is_hub: bool


def set_remote(file: ConfigFile, kind: EntityKind, url: str, *, folder: Path) -> RemoteChange:
    """Set the remote of a kind; whether the URL is that of a namespace is asked of its server, if it may be one.

    Args:
        folder: relative paths of folders are below it.

    Raises:
        UrlRefused: the URL is not acceptable; nothing was changed.
    """
    address = find_hub(url, file.environ)
    if address is None:
        return RemoteChange(url, file.set_remote(kind, url, folder=folder), is_hub=False)
    old = file.set_remote(kind, address.url, folder=folder, is_hub=True)
    return RemoteChange(address.url, old, is_hub=True)
