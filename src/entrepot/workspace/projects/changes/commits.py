"""Commits: what is staged becomes a version, offline and final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import msgspec

from entrepot.errors import NothingToCommit, VersionTaken
from entrepot.names import Oid, RepoPath
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.specs import Spec, edit_version
from entrepot.workspace.entities.version_tags import Identity, VersionTag, next_number, parse_number
from entrepot.workspace.manifests import UNKNOWN_SIZE, Manifest, ManifestEntry
from entrepot.workspace.metadata.git_objects import write_tag
from entrepot.workspace.metadata.merge_lines import with_merged
from entrepot.workspace.metadata.ref_tables import RefTable
from entrepot.workspace.metadata.repositories import MetadataRepository
from entrepot.workspace.metadata.secure_git import check_identity
from entrepot.workspace.projects.changes.additions import check_mutability, is_lost, known_numbers
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.heads import finish_commit
from entrepot.workspace.projects.links import links_of
from entrepot.workspace.projects.recovery import recover
from entrepot.workspace.projects.remotes.opening import remote_of
from entrepot.workspace.projects.sizes import render_size
from entrepot.workspace.projects.versions import Version, head_version
from entrepot.workspace.state.rows import FileChange, Head, StagedFile, Step


@attrs.frozen
class CommitReport:
    """A new version; ``inherited`` are the tags of links that it keeps from the previous version."""

    tag: str
    commit: Oid
    number: int
    files: int
    bytes: int
    inherited: tuple[str, ...] = ()


def commit_version(
    entity: Entity,
    *,
    version: int | None = None,
    message: str | None = None,
    links: Mapping[str, str] | None = None,
    inherits_links: bool = True,
) -> CommitReport:
    """Create a version from the staged files. Nothing is sent.

    Args:
        version: its number, which is also written into the spec; None takes that of the spec.
        message: the message of the commit.
        links: names of linked entities by the root key of their kind.
        inherits_links: keep links of the previous version that are not given.

    Raises:
        NothingToCommit: nothing is staged, or the version would have no files.
        VersionTaken: the number is used.
        EntityMissing: a linked entity is not checked out; there is no version.
        LockedByMutability: the spec has another mutability than the previous version.
        ConfigError: git knows no author.
    """
    state = entity.state
    repository = state.initialised_metadata()
    recover(state)
    with state.locked():
        spec, refs = entity.spec(), repository.refs()
        if version is not None:
            spec = spec.with_version(parse_number(version))
        parse_number(spec.version)
        head = state.database.head(entity.folder)
        base = head_version(state, head.tag, head.commit) if head is not None else None
        staged, documents = state.database.staged(entity.folder), state.database.documents(entity.folder)
        if not staged and not is_lost(refs, head) and not _has_news(entity, spec, base, documents):
            raise NothingToCommit(state.kind.word)
        check_mutability(entity, spec, refs)
        check_free(refs, spec.identity, spec.version)
        tag, tagger, merged = spec.tag, check_identity(repository.git), state.database.merged(entity.folder)
        found = links_of(entity, spec, base, links or {}, inherits_links=inherits_links)
        manifest = _sized(entity, spec, _next_manifest(base, staged))
        if not manifest.files:
            raise NothingToCommit(state.kind.word)
        _warn(entity, refs, spec, head)
        if version is not None:
            documents[entity.spec_path.name] = _write_number(entity, version)
        committed = spec.with_links(found.links).with_contents(manifest.amount, render_size(manifest.size))
        message = with_merged(message or default_message(spec), merged) if merged else message
        remote = remote_of(state)
        documents, message = remote.describe(entity, committed, documents), remote.message(committed, message)
        parent = _parent(repository, refs, head)
        moved_from = base.folder if base is not None and base.folder != entity.folder else None
        commits = [ref.commit for name in merged if (ref := refs.tags.get(name)) is not None]
        commit = write_version(
            repository, entity.folder, committed, manifest, documents, parent, message, moved_from, commits
        )
        oid = write_tag(repository.git, str(tag), commit, message or f"Version {tag}", tagger)
        _record(entity, tag, commit, oid, head, refs, documents)
    return CommitReport(str(tag), commit, tag.number, manifest.amount, manifest.size, found.inherited)


def check_free(refs: RefTable, identity: Identity, number: int) -> None:
    """Check that no version has a number.

    Raises:
        VersionTaken: one has it; the message names the next free one.
    """
    tag = identity.tag(number)
    if tag in refs.tags or tag in refs.unpublished or tag in refs.others:
        free = next_number(known_numbers(refs, identity))
        raise VersionTaken(tag, f"the next free number is {free}: --version={free}, or 'add --bumpversion'")


def write_version(
    repository: MetadataRepository,
    folder: str,
    spec: Spec,
    manifest: Manifest,
    documents: Mapping[str, bytes],
    parent: Oid | None,
    message: str | None,
    moved_from: str | None = None,
    merged: Sequence[Oid] = (),
) -> Oid:
    """Write the commit of a version and return its id; no ref is created.

    Args:
        spec: as it is committed.
        moved_from: the folder that the previous version had, if it was another one.
        documents: README and ignored paths by name; a spec among them is not used.
        merged: commits of versions whose changes it has.
    """
    text = message or default_message(spec)
    return repository.write_version(folder, spec, manifest, documents, parent, text, moved_from, merged)


def default_message(spec: Spec) -> str:
    """Return the message of a version for which none is given."""
    return f"Version {spec.version} of {spec.name}"


def _record(
    entity: Entity,
    tag: VersionTag,
    commit: Oid,
    oid: Oid,
    head: Head | None,
    refs: RefTable,
    documents: Mapping[str, bytes],
) -> None:
    """Name the version, then move the head to it; the journal completes what a crash interrupts."""
    state = entity.state
    base = None if head is None else head.base if is_lost(refs, head) else head.tag
    payload = msgspec.json.encode({"commit": commit, "oid": oid, "base": base})
    with state.database.transaction() as transaction:
        transaction.set_journal(entity.folder, Step("commit", str(tag), payload))
        transaction.put_documents(entity.folder, documents)
    state.metadata.record(str(tag), oid)
    finish_commit(entity, str(tag), commit, base)


def _next_manifest(base: Version | None, staged: Mapping[RepoPath, StagedFile]) -> Manifest:
    files: dict[RepoPath, ManifestEntry] = dict(base.manifest.files) if base is not None else {}
    for path, change in staged.items():
        if change.change is FileChange.DELETED:
            files.pop(path, None)
        elif change.entry is not None:
            files[path] = change.entry
    return Manifest(dict(sorted(files.items(), key=lambda item: item[0].encode())))


def _sized(entity: Entity, spec: Spec, manifest: Manifest) -> Manifest:
    """Return a manifest in which every size is known; those of old manifests are read from the store."""
    if all(entry.size != UNKNOWN_SIZE for entry in manifest.files.values()):
        return manifest
    from entrepot.workspace.stores import find_sizes

    state = entity.state
    with state.store(spec.storage) as store:
        return find_sizes(store, manifest, progress=state.project.around.progress)


def _has_news(entity: Entity, spec: Spec, base: Version | None, documents: Mapping[str, bytes]) -> bool:
    """Return whether a commit without staged files differs from the previous version."""
    if base is None or not documents:
        return False
    name = entity.spec_path.name
    others = {key: value for key, value in documents.items() if key != name}
    old = {key: value for key, value in base.documents.items() if key != name}
    return base.folder != entity.folder or others != old or spec.declared() != base.spec.declared()


def _write_number(entity: Entity, number: int) -> bytes:
    """Write the number of a version into the spec of the workspace, and return the spec."""
    text = edit_version(entity.spec_text(), entity.state.kind, number, str(entity.spec_path))
    replace_text(entity.spec_path, text)
    return text.encode("utf-8")


def _parent(repository: MetadataRepository, refs: RefTable, head: Head | None) -> Oid | None:
    return repository.parent_of(refs, head.tag, head.commit) if head is not None else repository.parent_of(refs)


def _warn(entity: Entity, refs: RefTable, spec: Spec, head: Head | None) -> None:
    """Say that a plugin will not run, and that a version is not based on the latest one."""
    identity, notify = spec.identity, entity.state.project.around.notify
    if spec.names_plugin:
        notify("warning", f"{spec.tag} names a data plugin; it is kept and not run")
    numbers = [*known_numbers(refs, identity)]
    if head is None or not numbers or is_lost(refs, head):
        return
    latest = identity.tag(max(numbers))
    if latest != head.tag and latest not in refs.lost:
        text = f"the new version is based on {head.tag}, which is not the latest one: {latest}"
        notify("warning", text)
