"""Pull requests of the fixture ``world``, and what is on their branches."""

from __future__ import annotations

from typing import Any

from entrepot.catalog.repos import refs
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.community import discussions
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.pulls import openings
from entrepot.names import Oid, RefName, RepoPath, RepoRef
from entrepot.storage import objects as stored
from tests.support.worlds import World


def propose(
    world: World,
    ref: RepoRef,
    path: str = "b.txt",
    content: bytes = b"b\n",
    by: MaybeCaller = None,
    branch: str = "main",
    **draft: Any,
) -> int:
    """Open a pull request that adds one file, by bob unless ``by`` is another caller, and return its number."""
    wish = CommitDraft(draft.pop("summary", "Add it"), [AddFile(RepoPath(path), content)], **draft)
    return openings.open_with_commit(world.hub, by or world.bob, ref, branch, wish).num


def status(world: World, ref: RepoRef, num: int) -> str:
    """Return the status of a pull request."""
    return str(discussions.show(world.hub, world.wendy, ref, num).shown.discussion.status)


def parents(world: World, ref: RepoRef, commit: Oid) -> tuple[Oid, ...]:
    """Return the parents of a commit."""
    with world.hub.read() as tx:
        return stored.read_commit(tx, world.row_id(ref), commit).parents


def pull_head(world: World, ref: RepoRef, num: int) -> Oid | None:
    """Return the commit at the ref of a pull request; None if the ref does not exist."""
    with world.hub.read() as tx:
        return refs.find(tx, world.row_id(ref), RefName(f"refs/pr/{num}"))
