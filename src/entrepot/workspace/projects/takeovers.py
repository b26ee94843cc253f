"""Takeovers: the state of a project is built from its heads, its metadata and the files of its workspace.

This continues projects of ML-Git 2.9.9 in place, and replaces a database that was lost.
"""

from __future__ import annotations

from entrepot.errors import EntrepotError
from entrepot.workspace.entities.version_tags import find_tag
from entrepot.workspace.metadata.ref_tables import TAGS, UNPUBLISHED, RefTable
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.files.comparisons import has_content
from entrepot.workspace.projects.files.scans import scan_entity
from entrepot.workspace.projects.heads import read_head_files
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.projects.versions import Version, read_version, versions_of
from entrepot.workspace.state.rows import Extent, Head, TrackedFile, settled


def needs_takeover(state: KindState) -> bool:
    """Return whether there are heads, but no database."""
    return not state.database.path.exists() and state.metadata.exists and bool(read_head_files(state))


def take_over(state: KindState) -> None:
    """Build the database of a kind. Files are only read. The caller holds the lock.

    A head whose version cannot be read is left out, with a warning: its files are untracked then.
    """
    _find_local_versions(state)
    refs = state.metadata.refs()
    notify = state.project.around.notify
    for name, _ in read_head_files(state).items():
        tag = find_tag(name)
        ref = refs.find(name)
        if tag is None or ref is None:
            notify("warning", f"the version {name} is not known; its files are untracked now")
            continue
        try:
            _take_over_entity(state, refs, read_version(state, tag, ref.commit))
        except EntrepotError as error:
            notify("warning", f"the version {name} cannot be read; its files are untracked now: {error}")
    if not state.database.path.exists():
        with state.database.transaction():
            pass  # an empty database, so that this is not done again


def _take_over_entity(state: KindState, refs: RefTable, version: Version) -> None:
    """Track the files of a version that are in the workspace; absent ones are not taken for deleted."""
    entity = Entity(state, version.folder)
    files = version.manifest.files
    present = scan_entity(entity, follows_links=True).files if entity.path.is_dir() else {}
    tracked = {
        path: TrackedFile(entry, settled(present[path].state) if has_content(present[path], entry) else None)
        for path, entry in files.items()
        if path in present
    }
    known = versions_of(refs, entity.name).get(version.tag.identity, [])
    before = [tag for tag in known if tag.number < version.tag.number]
    base = str(before[-1]) if before else None
    extent = Extent.FULL if len(tracked) == len(files) else Extent.SAMPLE
    with state.database.transaction() as transaction:
        transaction.put_files(entity.folder, tracked)
        transaction.put_documents(entity.folder, version.documents)
        transaction.set_head(entity.folder, Head(str(version.tag), version.commit, extent, base))
        transaction.set_base(str(version.tag), base)


def _find_local_versions(state: KindState) -> None:
    """Mark versions that the old program had committed and not pushed: their tags are on no branch of the remote."""
    repository = state.metadata
    branch = repository.refs().branches.get(repository.branch)
    if branch is None:
        return
    listed = repository.git.lines(
        "for-each-ref", f"--no-merged={branch}", "--format=%(refname:lstrip=2) %(objectname)", "refs/tags"
    )
    for line in listed:
        tag, _, oid = line.partition(" ")
        if find_tag(tag) is not None:
            lines = f"update {UNPUBLISHED}{tag} {oid}\ndelete {TAGS}{tag}\n"
            repository.git.run("update-ref", "--stdin", stdin=lines.encode("utf-8", "surrogateescape"))
