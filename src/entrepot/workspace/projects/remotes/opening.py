"""The remote of a kind, as the configuration names it."""

from __future__ import annotations

from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.remotes.buckets import BucketRemote
from entrepot.workspace.projects.remotes.hubs import HubRemote
from entrepot.workspace.projects.remotes.interfaces import VersionRemote


def remote_of(state: KindState) -> VersionRemote:
    """Return the remote of a kind; nothing is asked yet.

    Raises:
        UrlRefused: the remote is a hub whose address cannot be used.
    """
    repository = state.hub
    return BucketRemote(state) if repository is None else HubRemote(state, repository)
