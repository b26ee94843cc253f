"""Updates: fetching metadata, and what it means for local versions."""

from __future__ import annotations

from collections import Counter

import attrs

from entrepot.workspace.entities.version_tags import VersionTag, find_tag
from entrepot.workspace.metadata.git_objects import find_tree
from entrepot.workspace.metadata.ref_tables import RefTable, TagRef
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.heads import write_head_file
from entrepot.workspace.projects.projects import KindState


@attrs.frozen
class NewVersions:
    """Versions of one entity that an update has brought: how many, and the highest number now."""

    entity: str
    count: int
    latest: int


def initialise_metadata(state: KindState) -> tuple[NewVersions, ...]:
    """Clone the metadata of a kind, or repair a clone that was interrupted.

    Raises:
        MetadataMissing: no remote is configured.
        UrlRefused, GitFailed: the remote cannot be used.
    """
    if not state.url:
        state.initialised_metadata()
    with state.locked():
        report = state.metadata.initialise()
        reconcile(state)
        return _summarised(report.new, state.metadata.refs())


def update_metadata(state: KindState) -> tuple[NewVersions, ...]:
    """Fetch the metadata of a kind and return what is new. Local versions are never overwritten.

    Raises:
        MetadataMissing: it has not been initialised.
        GitFailed: the remote cannot be read.
    """
    repository = state.initialised_metadata()
    with state.locked():
        report = repository.fetch()
        for tag in report.moved:
            state.project.around.notify("warning", f"the remote has moved the tag {tag} to another commit")
        reconcile(state)
        return _summarised(report.new, repository.refs())


def reconcile(state: KindState) -> None:
    """Compare local versions with the published ones. The caller holds the lock.

    A local version whose number someone else has published is kept as lost;
    one that was published with the same content is published.
    """
    repository = state.metadata
    refs = repository.refs()
    for tag in sorted(refs.unpublished.keys() & refs.tags.keys()):
        own, published = refs.unpublished[tag], refs.tags[tag]
        if own.oid == published.oid:
            repository.forget(tag)
        elif _is_same_content(state, own, published):
            repository.forget(tag)
            _move_heads(state, tag, own, published)
        else:
            repository.mark_lost(tag, own)
            cure = "run 'add --bumpversion', 'commit' and 'push' to publish yours under the next number"
            text = f"{tag} was published by someone else; your local version of it is kept, but not published: {cure}"
            state.project.around.notify("warning", text)


def _is_same_content(state: KindState, own: TagRef, published: TagRef) -> bool:
    """Return whether two commits contain the same entity: the folder that head or tag names has the same tree."""
    git = state.metadata.git
    heads = state.database.heads().items()
    places = {state.metadata.place_of(folder) for folder, head in heads if head.commit == own.commit}
    trees = [(find_tree(git, own.commit, place), find_tree(git, published.commit, place)) for place in places]
    return bool(trees) and all(mine is not None and mine == theirs for mine, theirs in trees)


def _move_heads(state: KindState, tag: str, own: TagRef, published: TagRef) -> None:
    for folder, head in state.database.heads().items():
        if head.tag == tag and head.commit == own.commit:
            with state.database.transaction() as transaction:
                transaction.set_head(folder, attrs.evolve(head, commit=published.commit))
            write_head_file(Entity(state, folder), tag, published.commit)


def _summarised(new: tuple[str, ...], refs: RefTable) -> tuple[NewVersions, ...]:
    tags = [tag for name in new if (tag := find_tag(name)) is not None]
    counts = Counter(tag.identity for tag in tags)
    highest: dict[object, VersionTag] = {}
    for name in refs.tags:
        tag = find_tag(name)
        if tag is not None and (tag.identity not in highest or highest[tag.identity].number < tag.number):
            highest[tag.identity] = tag
    found = (NewVersions(identity.name, count, highest[identity].number) for identity, count in counts.items())
    return tuple(sorted(found, key=lambda versions: versions.entity))
