"""Use cases on buckets: create, describe, list and configure them.

A bucket is a repository without commits: name, owner, roles, visibility, quotas, moves and
deletion are those of repositories. What it contains is a map from paths to files in chunks.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from entrepot.catalog import Lock, Read
from entrepot.catalog.accounts import accounts
from entrepot.catalog.files import bucket_files
from entrepot.catalog.files.bucket_files import BucketTotals
from entrepot.catalog.repos import repositories as rows
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.catalog.search import full_text
from entrepot.errors import AccountNotFound
from entrepot.hub import access, audit, events
from entrepot.hub.accounts import quotas
from entrepot.hub.callers import MaybeCaller, require_change, require_login, seen_by
from entrepot.hub.context import HubContext
from entrepot.hub.folders import folder_homes, visibilities
from entrepot.hub.repos import repositories
from entrepot.names import RepoId, RepoRef, RepoType, parse_repo_id

PAGE = 500
"""The most buckets on a page of a list."""


@attrs.frozen
class BucketInfo:
    """A bucket, with the number and the bytes of its files."""

    row: RepoRow
    totals: BucketTotals


@attrs.frozen
class BucketList:
    """A page of buckets; ``after``: the name with which the next page is requested, None at the end."""

    buckets: Sequence[BucketInfo]
    after: str | None


def create(
    hub: HubContext, caller: MaybeCaller, namespace: str | None, name: str, visibility: str | None = None
) -> RepoRow:
    """Create an empty bucket.

    Args:
        namespace: an account; None is the caller's own.
        visibility: None is the default of the namespace, else of the hub.

    Raises:
        LoginRequired, NotAllowed: the caller may not create it there.
        InvalidName: the name or the visibility breaks a rule.
        AlreadyExists: the name is taken, in any case; with the page's path as ``url``.
        QuotaExceeded: the namespace has the maximum number of repositories.
    """
    maker = require_change(caller)
    wanted = parse_repo_id(f"{namespace or maker.account.name}/{name}")
    visibilities.check(visibility)
    with hub.read() as tx:
        owner_id = folder_homes.check(tx, maker, wanted.namespace, RepoType.BUCKET).owner_id
    locks = (Lock.namespace(owner_id), Lock.namespace_named(wanted.namespace), Lock.new_repo(), Lock.audit())
    with hub.write(*locks, by=caller) as tx:
        home = folder_homes.get(hub, tx, maker, wanted.namespace, RepoType.BUCKET)
        ref = RepoRef(RepoType.BUCKET, RepoId(home.namespace.name, wanted.name))
        repositories.check_free(tx, ref)
        quotas.check_new_repo(hub, tx, home.namespace)
        default = home.namespace.default_visibility or hub.settings.default_visibility
        chosen = home.visibility(visibility, default)
        row = rows.add(tx, repositories.fresh_row(hub, maker, home, ref, chosen, None))
        full_text.put(tx, row.id, str(row.ref.id), (), "")
        events.emit(hub, tx, row, "repo", "create")
        audit.record(hub, tx, maker, "repo.create", access.subject(row), {"visibility": row.visibility})
    hub.job_added.set()
    return row


def describe(hub: HubContext, caller: MaybeCaller, ref: RepoRef) -> BucketInfo:
    """Return a bucket with its totals.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled: no access.
    """
    with hub.read() as tx:
        return _infos(tx, [access.visible(tx, caller, ref)])[0]


def list_all(
    hub: HubContext, caller: MaybeCaller, namespace: str | None, *, part: str = "", after: str = "", limit: int = PAGE
) -> BucketList:
    """Return a page of the buckets of an account that the caller may see, by name.

    Args:
        namespace: None is the caller's own.
        part: only buckets whose names contain this text, in any case.
        after: ``after`` of the previous page.

    Raises:
        LoginRequired: the caller's own are wanted, and there is no caller.
        AccountNotFound: no account has this name.
    """
    with hub.read() as tx:
        account = require_login(caller).account if namespace is None else accounts.find(tx, namespace)
        if account is None:
            raise AccountNotFound(namespace or "")
        found = rows.page_of(tx, account.id, RepoType.BUCKET, seen_by(caller), after=after, part=part, limit=limit + 1)
        page = _infos(tx, found[:limit])
    return BucketList(page, found[limit - 1].name if len(found) > limit else None)


def _infos(tx: Read, found: Sequence[RepoRow]) -> list[BucketInfo]:
    totals = bucket_files.totals(tx, [row.id for row in found])
    return [BucketInfo(row, totals.get(row.id, BucketTotals())) for row in found]
