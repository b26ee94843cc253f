"""Pushes: data first, then branch and tag in one step, then bookkeeping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.specs import edit_version
from entrepot.workspace.entities.version_tags import VersionTag, find_tag, next_number, parse_tag
from entrepot.workspace.metadata.git_objects import read_message, read_parents, write_tag
from entrepot.workspace.metadata.publishing import taken
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.metadata.secure_git import check_identity
from entrepot.workspace.projects.changes.additions import is_lost, known_numbers
from entrepot.workspace.projects.changes.commits import default_message, write_version
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.heads import write_head_file
from entrepot.workspace.projects.links import check_published, refuse_local_links
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.remotes.opening import remote_of
from entrepot.workspace.projects.sources import workspace_contents
from entrepot.workspace.projects.updates import reconcile
from entrepot.workspace.projects.versions import Version, read_version
from entrepot.workspace.state.locks import is_held
from entrepot.workspace.stores import PushCounts

_MAX_MESSAGE = 1 << 20


@attrs.frozen
class PushedVersion:
    """A version that is published now; ``number`` differs from the committed one if it was renumbered."""

    tag: str
    commit: str
    objects: int
    bytes_sent: int
    bytes_known: int


Report = Callable[[PushedVersion], None]


@attrs.frozen
class PushReport:
    """Everything that a push published, in order; empty if there was nothing to publish."""

    published: tuple[PushedVersion, ...]


@attrs.frozen
class PushOptions:
    """Options of a push: ``renumbers`` versions whose number is taken, ``follows_links`` to local versions."""

    renumbers: bool = False
    follows_links: bool = False
    fail_limit: int | None = None


def push_versions(entity: Entity, options: PushOptions | None = None, report: Report | None = None) -> PushReport:
    """Publish the local versions of an entity in order. A repeated push sends only what is missing.

    Args:
        report: called with every version that is published, even if a later one fails.

    Raises:
        VersionTaken: the remote has another version of this number.
        Refused: a linked version is not published, or the branch never stands still.
        ChunkMissing: contents of a version were not found anywhere; nothing was published.
        StorageRefused, BucketMissing, StorageUnreachable, GitFailed: nothing was published.
    """
    chosen = options or PushOptions()
    state = entity.state
    recover(state)
    repository = state.initialised_metadata()
    linked: tuple[PushedVersion, ...] = ()
    if chosen.follows_links:
        linked = _push_linked(entity, chosen, report)
    with state.locked():
        repository.fetch_entity(entity.spec())
        reconcile(state)
        _renumber_lost(entity, repository.refs(), chosen)
        published: list[PushedVersion] = []
        for tag in local_versions(entity, repository.refs()):
            published.append(_push_one(entity, tag, chosen))
            if report is not None:
                report(published[-1])
        if published:
            free_outbox(state)
    return PushReport((*linked, *published))


def plan_pushes(entity: Entity) -> PushReport:
    """Return the plan of a push; nothing is written.

    Raises: as :func:`push_versions`.
    """
    state = entity.state
    recover(state)
    refs = state.initialised_metadata().refs()
    planned = []
    for tag in local_versions(entity, refs):
        version = read_version(state, tag, refs.unpublished[str(tag)].commit)
        planned.append(_pushed(version, remote_of(state).plan_push(version)))
    return PushReport(tuple(planned))


def local_versions(entity: Entity, refs: RefTable) -> list[VersionTag]:
    """Return the local versions of an entity, ascending."""
    identity = entity.spec().identity
    tags = [tag for name in refs.unpublished if (tag := find_tag(name)) is not None and tag.identity == identity]
    return sorted(tags, key=lambda tag: tag.number)


def free_outbox(state: KindState) -> int:
    """Delete chunks that no local version and no staged file needs; return their bytes. The caller holds the lock.

    Nothing is deleted while files are being added: their chunks are not staged yet.
    """
    if is_adding(state):
        return 0
    refs = state.metadata.refs()
    needed = state.database.staged_contents()
    for table in (refs.unpublished, refs.lost):
        for name, ref in table.items():
            version = read_version(state, parse_tag(name), ref.commit)
            needed |= {entry.sha256 for entry in version.manifest.files.values()}
    return state.outbox.keep_only(needed)


def is_adding(state: KindState) -> bool:
    """Return whether another command is adding files at this moment."""
    folder = state.folder / "adding"
    return folder.is_dir() and any(is_held(file) for file in folder.iterdir())


def _push_one(entity: Entity, tag: VersionTag, options: PushOptions) -> PushedVersion:
    state = entity.state
    ref = state.metadata.refs().unpublished[str(tag)]
    version = read_version(state, tag, ref.commit)
    refuse_local_links(check_published(state, version.spec))
    counts = remote_of(state).push(entity, version, ref, options.fail_limit)
    if state.cache is not None:
        places = workspace_contents(entity)
        entries = {entry.content: entry for entry in version.manifest.files.values()}
        state.cache.add((entries[sha256], Path(path)) for sha256, path in places.items() if sha256 in entries)
    return _pushed(version, counts)


def _pushed(version: Version, counts: PushCounts) -> PushedVersion:
    return PushedVersion(str(version.tag), version.commit, counts.objects, counts.bytes_sent, counts.bytes_known)


def _push_linked(entity: Entity, options: PushOptions, report: Report | None) -> tuple[PushedVersion, ...]:
    state = entity.state
    refs = state.metadata.refs()
    published: list[PushedVersion] = []
    for tag in local_versions(entity, refs):
        version = read_version(state, tag, refs.unpublished[str(tag)].commit)
        for other, linked in check_published(state, version.spec):
            heads: Mapping[str, object] = other.database.heads()
            name = parse_tag(linked).identity.name
            for folder in heads:
                if folder == name or folder.endswith(f"/{name}"):
                    published += push_versions(Entity(other, folder), options, report).published
    return tuple(published)


def _renumber_lost(entity: Entity, refs: RefTable, options: PushOptions) -> None:
    """Give the head of an entity the next free number if its own is lost.

    Raises:
        VersionTaken: it is lost, and the options do not allow a new number.
    """
    state = entity.state
    head = state.database.head(entity.folder)
    if head is None or not is_lost(refs, head):
        return
    if not options.renumbers:
        raise taken(state.metadata, head.tag)
    lost = read_version(state, parse_tag(head.tag), head.commit)
    number = next_number(known_numbers(refs, lost.tag.identity))
    spec = lost.spec.with_version(number)
    parent = state.metadata.parent_of(refs, head.tag, head.commit)
    git = state.metadata.git
    message = read_message(git, lost.commit, _MAX_MESSAGE).replace(default_message(lost.spec), default_message(spec), 1)
    merged = read_parents(git, lost.commit)[1:]
    commit = write_version(
        state.metadata, entity.folder, spec, lost.manifest, lost.documents, parent, message, merged=merged
    )
    tag = str(spec.tag)
    oid = write_tag(git, tag, commit, f"Version {tag}", check_identity(git))
    state.metadata.record(tag, oid)
    text = edit_version(entity.spec_text(), state.kind, number, str(entity.spec_path))
    replace_text(entity.spec_path, text)
    documents = {**state.database.documents(entity.folder), entity.spec_path.name: text.encode("utf-8")}
    with state.database.transaction() as transaction:
        transaction.set_head(entity.folder, attrs.evolve(head, tag=tag, commit=commit))
        transaction.set_base(tag, head.base)
        transaction.put_documents(entity.folder, documents)
    write_head_file(entity, tag, commit)
    state.project.around.notify("warning", f"{head.tag} was published by someone else; yours becomes {tag}")
