"""What the author of an accepted push should know, for the standard error of ``git push``.

A push is never changed, so the hub cannot add a rule to ``.gitattributes`` as it does in a commit over HTTP: it says
which file lacks one. Such files appear when one that only its own line covers is moved (``git mv``).
"""

from __future__ import annotations

import contextlib
import itertools
import shlex
from collections.abc import Iterable, Mapping

from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.errors import LimitExceeded, shown
from entrepot.git import Mode
from entrepot.git.commands import Command
from entrepot.hub.context import HubContext
from entrepot.hub.files import lfs_rules
from entrepot.hub.files.lfs_rules import TreeRules
from entrepot.hub.git.push_contents import PushContents
from entrepot.names import Oid, RepoPath
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees

MAX_PATHS = 200
"""New paths of large files that are looked at for each ref."""

MAX_REFS = 50
"""Refs of a push that are looked at."""


def warn_of_missing_rules(hub: HubContext, repo_id: int, found: PushContents, commands: Iterable[Command]) -> str:
    """Return a line for each pushed ref with a new path of a large file that no rule sends to LFS; or an empty text.

    Args:
        found: what was pushed, which is published.
        commands: those that were carried out; the first :data:`MAX_REFS` with new commits are looked at.
    """
    with hub.read() as tx:
        sizes = objects.measure(tx, repo_id, list(found.beyond))
    pointers = {oid for oid, size in sizes.items() if size.lfs_sha256 is not None} | set(found.pointers)
    if not pointers:
        return ""
    places = list(itertools.islice(found.places_of(pointers), MAX_PATHS))
    lines = []
    with_news = (
        (command, command.new) for command in commands if command.new is not None and command.new in found.commits
    )
    for command, new in itertools.islice(with_news, MAX_REFS):
        known, missing = lfs_rules.read_root(hub, repo_id, new), list[RepoPath]()
        with hub.read() as tx, contextlib.suppress(LimitExceeded):  # rules that take too long are not looked at
            missing = _without_rule(hub, tx, repo_id, (command.old, new), places, known)
        if missing:
            lines.append(_line(missing))
    return "".join(dict.fromkeys(lines))


def _without_rule(
    hub: HubContext,
    tx: Read,
    repo_id: int,
    change: tuple[Oid | None, Oid],
    places: Iterable[tuple[RepoPath, Oid]],
    known: Mapping[Oid, bytes],
) -> list[RepoPath]:
    """Return the paths that a change of a ref adds, that lead to a pointer, and that match no rule of the new tree."""
    before, after = change
    trees = Trees(hub.store, tx, repo_id)
    new = stored.root_of(hub.store, tx, repo_id, after)
    old = stored.root_of(hub.store, tx, repo_id, before) if before is not None else None
    rules = TreeRules(tx, repo_id, lambda path: trees.find(new, path), known=known)
    missing = []
    for path, oid in places:
        entry = trees.find(new, path)
        if entry is None or entry.oid != oid or entry.mode not in (Mode.FILE, Mode.EXECUTABLE):
            continue  # only an earlier commit of the push has it there
        if (old is None or trees.find(old, path) is None) and rules.is_lfs(path) is not True:
            missing.append(path)
    return missing


def _line(missing: list[RepoPath]) -> str:
    first = missing[0]
    files = f"the large file {shown(first)}" + (f" and {len(missing) - 1:,} more" if len(missing) > 1 else "")
    word = shlex.quote(first) if first.isprintable() else shown(first)
    return (
        f"warning: no line of .gitattributes sends {files} to LFS, so new clones will show it as modified; "
        f"to cure it, run\n    git lfs track --filename {word}\nand commit and push .gitattributes\n"
    )
