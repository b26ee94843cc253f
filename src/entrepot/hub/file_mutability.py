"""Mutability of files: whether commits to main may change the content of files that are there.

A setting of a repository, ``mutability``: ``strict``, ``flexible`` or ``mutable``. It is set once. In a strict
repository, files can be added to main and deleted from it, but their content never changes, through any
interface; the files that describe the repository itself are not concerned. The other two words are kept for the
clients, which enforce them.
"""

from __future__ import annotations

import re

from entrepot.catalog import Read
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidName, Refused, shown
from entrepot.git import EMPTY_TREE
from entrepot.git.diffs import diff_trees
from entrepot.hub.context import HubContext
from entrepot.names import MAIN, Oid, RefName
from entrepot.storage import objects
from entrepot.storage.trees import Trees

KEY = "mutability"
STRICT = "strict"
WORDS = (STRICT, "flexible", "mutable")

_MAX_CHANGES = 5_000_000
_DESCRIPTIVE = re.compile(
    r"README\.md|\.gitattributes|\.gitignore|\.mlgitignore|[^/]+\.spec|MANIFEST\.yaml|MANIFEST\.d/[^/]+"
)


def check_setting(row: RepoRow, wanted: object) -> None:
    """Raise unless the mutability of a repository may be set to a value.

    Raises:
        InvalidName: the value is not a mutability.
        Refused: the repository has another one, which cannot be changed.
    """
    if wanted not in WORDS:
        raise InvalidName("mutability", str(wanted), f"expected {', '.join(WORDS)}")
    present = row.settings.get(KEY)
    if present not in (None, wanted):
        raise Refused(f"the mutability of this repository is {present} and cannot be changed")


def check_move(hub: HubContext, tx: Read, row: RepoRow, ref: RefName, old: Oid | None, new: Oid | None) -> None:
    """Raise if moving a ref changes the content of a file in a strict repository.

    Args:
        old, new: commits; their objects must be stored already.

    Raises:
        Refused: with the first such file.
    """
    if ref != MAIN or old is None or new is None or row.settings.get(KEY) != STRICT:
        return
    before, after = (objects.root_of(hub.store, tx, row.id, oid) for oid in (old, new))
    if EMPTY_TREE in (before, after):
        return
    for number, change in enumerate(diff_trees(before, after, Trees(hub.store, tx, row.id).read)):
        if number >= _MAX_CHANGES:
            raise Refused(f"more than {_MAX_CHANGES:,} files of a strict repository differ: commit in smaller steps")
        is_changed = change.old is not None and change.new is not None and change.old.oid != change.new.oid
        if is_changed and not _DESCRIPTIVE.fullmatch(change.path):
            raise Refused(
                f"this repository is strict: the content of {shown(change.path)} cannot be changed; "
                "add it under another name"
            )
