"""Protected branches and immutable tags: the changes of refs that no use case may make.

Two settings of a repository: ``protectedBranches``, patterns of branch names
(``*`` matches anything) that can be neither deleted nor rewritten, and
``immutableTags``, which forbids moving or deleting tags.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidName, Refused, RepoNotFound, shown
from entrepot.hub import access, audit
from entrepot.hub.callers import Caller
from entrepot.hub.context import HubContext
from entrepot.names import Oid, RefName, RepoRef, branch_ref, parse_branch, short_name

BRANCHES = "protectedBranches"
TAGS = "immutableTags"
MAX_PATTERNS = 100
_ANOTHER = Oid("1" * 40)


@attrs.frozen
class Protections:
    """The protections of a repository: patterns of branch names, and whether tags are immutable."""

    branches: tuple[str, ...]
    tags: bool


def of(row: RepoRow) -> Protections:
    """Return the protections in the settings of a repository."""
    return Protections(tuple(row.settings.get(BRANCHES) or ()), bool(row.settings.get(TAGS)))


def read(hub: HubContext, ref: RepoRef) -> Protections:
    """Return the protections of a repository, for the operator of the machine; checks no rights.

    Raises:
        RepoNotFound: the repository does not exist.
    """
    with hub.read() as tx:
        return of(_row(tx, ref))


def change(
    hub: HubContext,
    ref: RepoRef,
    alter: Callable[[Protections], Protections],
    *,
    by: Caller | str = audit.CONSOLE,
) -> Protections:
    """Change the protections of a repository; return the new ones. Checks no rights.

    Args:
        alter: called once, in the transaction that stores its result.
        by: the actor, for the audit log.

    Raises:
        RepoNotFound: the repository does not exist.
        RepoArchived: it is archived.
        InvalidName: a pattern breaks the rules of branch names, or there are more than 100.
        Refused: a branch hides a tag that would become immutable.
    """
    with hub.write(Lock.repo_at(ref), Lock.audit(), by=by) as tx:
        row = _row(tx, ref)
        access.check_not_archived(row)
        wanted = alter(of(row))
        check_patterns(list(wanted.branches))
        if wanted.tags:
            check_tags_visible(tx, row)
        settings = dict(row.settings) | {BRANCHES: list(wanted.branches), TAGS: wanted.tags}
        repositories.update(tx, row.id, settings=settings)
        if wanted != of(row):
            details = {BRANCHES: json.dumps(list(wanted.branches)), TAGS: json.dumps(wanted.tags)}
            audit.record(hub, tx, by, "repo.settings", access.subject(row), details)
    return wanted


def _row(tx: Read, ref: RepoRef) -> RepoRow:
    row = repositories.find(tx, ref)
    if row is None:
        raise RepoNotFound
    return row


def find_refusal(
    row: RepoRow, ref: RefName, old: Oid | None, new: Oid | None, is_forward: Callable[[], bool]
) -> str | None:
    """Return why a ref may not go from ``old`` to ``new``, or None.

    Args:
        is_forward: returns whether ``new`` has ``old`` in its history; only called if that matters.
    """
    if old is None or old == new:
        return None
    if ref.startswith("refs/tags/"):
        return f"the tags of this repository are immutable: {short_name(ref)} stays" if row.settings.get(TAGS) else None
    if not is_protected(row, ref):
        return None
    if new is None:
        return f"the branch {short_name(ref)} is protected: it cannot be deleted"
    return None if is_forward() else f"the branch {short_name(ref)} is protected: its history cannot be rewritten"


def check_deletion(row: RepoRow, ref: RefName) -> None:
    """Raise if a ref is protected from deletion.

    Raises:
        Refused: a pattern of the repository protects it.
    """
    _check(row, ref, None)


def check_rewriting(row: RepoRow, ref: RefName) -> None:
    """Raise if a ref is protected from being pointed at another history.

    Raises:
        Refused: a pattern of the repository protects it.
    """
    _check(row, ref, _ANOTHER)


def _check(row: RepoRow, ref: RefName, new: Oid | None) -> None:
    reason = find_refusal(row, ref, Oid("0" * 40), new, lambda: False)
    if reason is not None:
        raise Refused(reason)


def is_protected(row: RepoRow, ref: RefName) -> bool:
    """Return whether a branch is protected from deletion and rewriting."""
    patterns = row.settings.get(BRANCHES) or ()
    return ref.startswith("refs/heads/") and any(fnmatchcase(short_name(ref), pattern) for pattern in patterns)


def check_patterns(patterns: list[str]) -> None:
    """Raise if a text cannot be a pattern of branch names.

    Raises:
        InvalidName: a pattern breaks the rules of branch names, or there are more than 100.
    """
    if len(patterns) > MAX_PATTERNS:
        raise InvalidName("list of protected branches", "…", f"at most {MAX_PATTERNS} patterns")
    for pattern in patterns:
        parse_branch(pattern.replace("*", "x"))


def check_tags_visible(tx: Read, row: RepoRow) -> None:
    """Raise if tags cannot be made immutable, because a branch with the name of a tag hides it.

    Raises:
        Refused: with the first such tag.
    """
    names = {name for name, _ in refs.everything(tx, row.id)}
    for name in sorted(names):
        if name.startswith("refs/tags/") and branch_ref(short_name(name)) in names:
            raise Refused(
                f"the branch {shown(short_name(name))} hides the tag of the same name; "
                "rename or delete one of them before tags become immutable"
            )
