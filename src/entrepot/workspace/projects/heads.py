"""The head of an entity: which version its workspace is based on, in the database and in a file for scripts."""

from __future__ import annotations

from pathlib import Path

from entrepot.errors import Malformed
from entrepot.names import Oid
from entrepot.workspace.configuration.config_files import replace_text
from entrepot.workspace.entities.yaml_documents import parse_yaml, render_yaml
from entrepot.workspace.projects.entities import Entity
from entrepot.workspace.projects.projects import KindState
from entrepot.workspace.state.rows import Extent, FileChange, Head, TrackedFile


def finish_commit(entity: Entity, tag: str, commit: Oid, base: str | None) -> None:
    """Move the head of an entity to a version that was just committed: what was staged is tracked now. Idempotent."""
    database = entity.state.database
    old = database.head(entity.folder)
    staged = database.staged(entity.folder)
    extent = old.extent if old is not None else Extent.FULL
    files = {
        path: TrackedFile(change.entry, change.state) for path, change in staged.items() if change.entry is not None
    }
    with database.transaction() as transaction:
        transaction.put_files(entity.folder, files)
        transaction.drop_files(
            entity.folder, [p for p, change in staged.items() if change.change is FileChange.DELETED]
        )
        transaction.unstage(entity.folder)
        transaction.set_head(entity.folder, Head(tag, commit, extent, base))
        transaction.set_base(tag, base)
        transaction.set_journal(entity.folder, None)
    write_head_file(entity, tag, commit)


def head_path(state: KindState, name: str) -> Path:
    """Return the file that says which version of an entity is checked out."""
    return state.refs_folder / name / "HEAD"


def write_head_file(entity: Entity, tag: str, commit: Oid) -> None:
    """Write the file that scripts read: a YAML mapping of the tag to the commit."""
    replace_text(head_path(entity.state, entity.name), render_yaml({tag: str(commit)}))


def read_head_files(state: KindState) -> dict[str, str]:
    """Return tag and commit of every head, as the files say."""
    found: dict[str, str] = {}
    for file in sorted(state.refs_folder.glob("*/HEAD")):
        try:
            pairs = parse_yaml(file.read_bytes(), str(file))
        except (OSError, Malformed):
            continue
        found |= {str(tag): str(commit) for tag, commit in pairs.items()}
    return found
