"""Garbage in buckets: objects that no published version needs, deleted in two phases at least a day apart."""

from __future__ import annotations

import attrs

from entrepot.names import Oid
from entrepot.workspace.configuration.tables import STORAGE_TYPES
from entrepot.workspace.configuration.urls import without_user
from entrepot.workspace.entities.kinds import DATASETS
from entrepot.workspace.entities.specs import StorageRef
from entrepot.workspace.projects.projects import Project
from entrepot.workspace.projects.updates import update_metadata
from entrepot.workspace.stores import GarbageReport, collect_garbage


@attrs.frozen
class BucketGarbage:
    """The unreferenced objects of one bucket."""

    storage: str
    report: GarbageReport


@attrs.frozen
class _Published:
    """Says which versions are published at the remotes of a project; those of other remotes are not known."""

    commits: dict[tuple[str, str], Oid]
    remotes: frozenset[str]

    def __call__(self, remote: str, tag: str, commit: str, /) -> bool | None:
        if remote not in self.remotes:
            return None
        return self.commits.get((remote, tag)) == commit


def collect_remote(project: Project, *, grace_s: float, is_rehearsal: bool = False) -> tuple[BucketGarbage, ...]:
    """Record or delete what no version needs, in every bucket of a project; fetches all metadata first.

    Versions of remotes that the project does not know are kept, and so are all objects of the old format.

    Args:
        grace_s: objects younger than this are kept.
        is_rehearsal: write and delete nothing.

    Raises:
        MetadataMissing, GitFailed: a remote cannot be asked; nothing was deleted.
        StorageRefused: the credentials may not list a bucket.
    """
    commits: dict[tuple[str, str], Oid] = {}
    remotes = set()
    for state in project.configured():
        update_metadata(state)
        remote = without_user(state.url)
        remotes.add(remote)
        commits |= {(remote, tag): ref.commit for tag, ref in state.metadata.refs().tags.items()}
    is_live = _Published(commits, frozenset(remotes))
    found = []
    for type_, buckets in project.configuration.storages.items():
        for bucket in buckets if type_ in STORAGE_TYPES else ():
            ref = StorageRef(type_, bucket)
            with project.of_kind(DATASETS).store(ref) as store:
                report = collect_garbage(
                    store, is_live, progress=project.around.progress, grace_s=grace_s, is_rehearsal=is_rehearsal
                )
            found.append(BucketGarbage(str(ref), report))
    return tuple(found)
