"""Lookups: the branch, tag or commit that a text names, also by the first four digits of a commit id.

Source: docs/staged-changes.md, section 6.
"""

from __future__ import annotations

import re

import attrs

from entrepot.catalog import Read
from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs
from entrepot.errors import AmbiguousRevision, RevisionNotFound
from entrepot.hub import access
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RefName, RepoRef, branch_ref, is_oid, parse_revision, short_name, tag_ref
from entrepot.storage import objects as stored
from entrepot.storage.histories import LoggedCommit

MAX_CANDIDATES = 20
_PREFIX = re.compile(r"[0-9a-f]{4,39}")


@attrs.frozen
class NamedRevision:
    """A branch, tag or commit; ``ref`` is None for commits, ``name`` the short name of a branch or tag."""

    ref: RefName | None
    logged: LoggedCommit

    @property
    def name(self) -> str | None:
        """The name of the branch or tag without ``refs/heads/`` or ``refs/tags/``; None for commits."""
        return None if self.ref is None else short_name(self.ref)


def find(hub: HubContext, caller: MaybeCaller, ref: RepoRef, text: str) -> NamedRevision:
    """Return the revision that a text names: a full commit id, branch, tag or abbreviated commit id, in this order.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
        RevisionNotFound: nothing has this name.
        AmbiguousRevision: several commits begin with these digits.
    """
    with hub.read() as tx:
        row = access.visible(tx, caller, ref)
        name, oid = _find(tx, row.id, parse_revision(text))
        return NamedRevision(name, LoggedCommit(oid, stored.read_commit(tx, row.id, oid)))


def _find(tx: Read, repo_id: int, text: str) -> tuple[RefName | None, Oid]:
    if is_oid(text):
        row = objects.find(tx, repo_id, Oid(text))
        if row is not None and row.kind == "commit":
            return None, row.oid
    branch, tag = branch_ref(text), tag_ref(text)
    heads = refs.find_many(tx, repo_id, [branch, tag])
    if branch in heads:
        return branch, heads[branch]
    if tag in heads:
        return tag, stored.peel(tx, repo_id, heads[tag])
    if not _PREFIX.fullmatch(text):
        raise RevisionNotFound(text)
    matching = objects.with_prefix(tx, repo_id, text, limit=MAX_CANDIDATES)
    if len(matching) > 1:
        raise AmbiguousRevision(text, tuple(matching))
    if not matching:
        raise RevisionNotFound(text)
    return None, matching[0]
