"""The remotes of both sorts have what use cases need; the type checker compares them with the interface."""

from entrepot.workspace.projects.remotes.buckets import BucketRemote
from entrepot.workspace.projects.remotes.hubs import HubRemote
from entrepot.workspace.projects.remotes.interfaces import VersionRemote

REMOTES: tuple[type[VersionRemote], ...] = (BucketRemote, HubRemote)


def test_both_sorts_of_remotes_have_every_method() -> None:
    methods = {name for name in vars(VersionRemote) if not name.startswith("_")}
    assert methods >= {"push", "fetch", "check"}
    assert all(methods <= {*dir(remote)} for remote in REMOTES)
