"""The policy ``refuse``: no ref moves to a commit that adds a file which a scanner has flagged.

Only results that are known when the ref moves count. Files of a commit over HTTP are scanned first, if that takes only
seconds; files that are scanned later, such as those of a push, are hidden then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from entrepot.catalog import Read
from entrepot.catalog.files import scans
from entrepot.catalog.repos import refs
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Refused, shown
from entrepot.git import EMPTY_TREE, Entry, Mode
from entrepot.git.diffs import diff_trees
from entrepot.hub.context import HubContext
from entrepot.hub.files.flagged_files import FLAGGED
from entrepot.hub.scanning import scan_jobs
from entrepot.hub.scanning.contents import NamedContent, name_contents, scanners_for
from entrepot.names import MAIN, Oid, RepoPath
from entrepot.storage import objects
from entrepot.storage.trees import Node, Trees

MAX_FILES = 10_000
"""Files of one change that are compared with results; of a larger one, the others are judged later."""

WAIT_S, MAX_SCANNED = 20.0, 50
"""How long a commit waits for the scans of its files, and of how many."""


def refuses_flagged(hub: HubContext) -> bool:
    """Return whether a commit is refused if it adds a file that a scanner flags."""
    return hub.settings.scanning == "refuse"


def scan_added(hub: HubContext, row: RepoRow, added: Iterable[tuple[RepoPath, int, Oid]]) -> None:
    """Scan the files that a commit is about to add, if flagged files are refused; all of them are stored already.

    Args:
        added: path, mode and id of each file.
    """
    if not refuses_flagged(hub):
        return
    with hub.read() as tx:
        files = list(itertools.islice(_named(hub, tx, row, added), MAX_SCANNED))
    if files:
        hub.catalog.check_may_wait()
        scan_jobs.scan_now(hub, row, files, within_s=WAIT_S)


def check_moves(hub: HubContext, tx: Read, row: RepoRow, moves: Iterable[tuple[Oid | None, Oid | None]]) -> None:
    """Raise if moves of refs add a file that is known to be unsafe, and such files are refused.

    Args:
        moves: old and new commits, whose objects and large files the repository has already. A new ref is
            compared with ``main``.

    Raises:
        Refused: one adds such a file; the message names the file and the finding.
    """
    if not refuses_flagged(hub):
        return
    checked = set[tuple[Oid, Oid]]()
    for old, new in moves:
        if new is None or old == new:
            continue
        base = old or refs.find(tx, row.id, MAIN)
        before = EMPTY_TREE if base is None else objects.root_of(hub.store, tx, row.id, base)
        after = objects.root_of(hub.store, tx, row.id, new)
        if (before, after) not in checked:  # a push may create thousands of refs with the same files
            checked.add((before, after))
            _check_added(hub, tx, row, before, after)


def _check_added(hub: HubContext, tx: Read, row: RepoRow, before: Oid, after: Oid) -> None:
    changes = diff_trees(before, after, Trees(hub.store, tx, row.id).read)
    added = (
        (change.path, change.new.mode, change.new.oid)
        for change in itertools.islice(changes, MAX_FILES)
        if change.new is not None and (change.old is None or change.old.oid != change.new.oid)
    )
    files = list(_named(hub, tx, row, added))
    known = scans.find(tx, [file.content for file in files])
    for file in files:
        for scanner, _ in scanners_for(hub, file.path):
            found = known.get((file.content, scanner))
            if found is not None and found.status == FLAGGED:
                raise Refused(f"this hub refuses {shown(file.path)}: {found.report.get('message', 'it is unsafe')}")


def _named(
    hub: HubContext, tx: Read, row: RepoRow, added: Iterable[tuple[RepoPath, int, Oid]]
) -> Iterable[NamedContent]:
    """Return the files among some that a scanner reads, with the names of their contents."""
    nodes = [
        Node(path, Entry(path.rpartition("/")[2], mode, oid))
        for path, mode, oid in added
        if mode != Mode.GITLINK and scanners_for(hub, path)
    ]
    return name_contents(tx, row, Trees(hub.store, tx, row.id).measure(nodes)) if nodes else ()
