"""Quotas: the limits of a namespace, its usage, and the errors for exceeding them.

Usage is the size of large files and of git objects, before compression, in
all repositories of a namespace, including uploads that are not committed yet,
and of the files in its buckets.
Bytes that two repositories share count in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.accounts import accounts, quotas
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.quotas import QuotaRow as QuotaRow
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import AccountNotFound, LimitExceeded, Malformed, NotAllowed, QuotaExceeded
from entrepot.hub import audit
from entrepot.hub.accounts import orgs
from entrepot.hub.callers import MaybeCaller, require_login
from entrepot.hub.context import HubContext

MAX_BYTES = 1 << 60
MAX_REPOS = 1_000_000_000
MAX_WAITING = 2
"""What an account may have sent that no file accounts for, as a multiple of the quota: it counts in no usage."""


@attrs.frozen
class NamespaceQuota:
    """The limits of a namespace (None: no limit), with its used bytes and its number of repositories."""

    namespace: str
    max_bytes: int | None
    max_repos: int | None
    max_file_bytes: int | None
    used: int
    repos: int


@attrs.define
class Allowance:
    """The remaining quota of one namespace. Not thread-safe."""

    _hub: HubContext
    _namespace_id: int
    namespace: str
    max_bytes: int | None
    max_file_bytes: int | None
    used: int
    _spent: int = attrs.field(default=0, init=False)
    _added_to: object = attrs.field(default=None, init=False)
    """The cached sum that the first bytes were added to."""

    def check_file(self, what: str, size: int) -> None:
        """Raise if a file is larger than the limit for one file.

        Raises:
            LimitExceeded: the file is larger.
        """
        if self.max_file_bytes is not None and size > self.max_file_bytes:
            advice = "split it, or ask an administrator of this hub for a larger quota"
            raise LimitExceeded(
                f"{what} ({size:,} bytes) in the namespace {self.namespace}", self.max_file_bytes, advice
            )

    def check(self, size: int) -> None:
        """Raise if bytes exceed the remaining quota; a size of 0 is accepted even above the quota.

        Raises:
            QuotaExceeded: there is not enough left; nothing was counted.
        """
        if size > 0 and self.max_bytes is not None and self.used + size > self.max_bytes:
            raise _exceeded(self.namespace, *(render(number) for number in (self.max_bytes, self.used, size)))

    def check_waiting(self, waiting: int, size: int) -> None:
        """Raise if an account has sent too much that no file accounts for: :data:`MAX_WAITING` times the quota.

        Args:
            waiting: bytes that it has sent; ``size``: bytes that it sends now.

        Raises:
            QuotaExceeded: there is too much.
        """
        if self.max_bytes is not None and size > 0 and waiting + size > MAX_WAITING * self.max_bytes:
            limit, sent = render(MAX_WAITING * self.max_bytes), render(waiting)
            raise QuotaExceeded(
                self.namespace,
                f"limit of uploads that no commit uses {limit}, in use {sent}, requested {render(size)} more; "
                "complete these uploads, or ask an administrator of this hub to run 'entrepot gc'",
            )

    def promise(self, size: int) -> None:
        """Reserve bytes that may follow, in this allowance only.

        Raises:
            QuotaExceeded: they exceed the quota; nothing was counted.
        """
        self.check(size)
        self.used += size

    def spend(self, size: int, tx: Write | None = None) -> None:
        """Count bytes that are accepted, in the cached sum of the namespace too.

        If the transaction that stores them fails, the cached sum is too large until it is computed again.

        Args:
            tx: that transaction, if it is this one; another one calls :meth:`check_at_end`.

        Raises:
            QuotaExceeded: they exceed the quota; nothing was counted.
        """
        self.promise(size)
        if self.max_bytes is not None:
            added_to = self._hub.usage_cache.add(self._namespace_id, size)
            self._added_to = self._added_to if self._spent else added_to
        self._spent += size
        if tx is not None and size > 0:
            self.check_at_end(tx)

    def refund(self, size: int) -> None:
        """Count bytes no longer that were accepted and are deleted again.

        The cached sum stays too large, until it is computed again, if it was since they were accepted.
        """
        self.used -= size
        if self.max_bytes is not None:
            self._hub.usage_cache.take_back(self._namespace_id, size, self._added_to)

    def check_at_end(self, tx: Write, beside: int = 0) -> None:
        """Check the quota once more when the transaction that stores the bytes ends: other writers may have used it up.

        QuotaExceeded is then raised by the end of the transaction, not by this method.

        Args:
            beside: further bytes that it stores, which are not counted: commits and trees.
        """
        if (limit := self.max_bytes) is not None:
            tx.check_last(Lock.quota(self._namespace_id), lambda: self._check_sum(tx, limit, beside))

    def _check_sum(self, tx: Write, limit: int, beside: int) -> None:
        used = _used(self._hub, tx, self._namespace_id)
        if used > limit + beside:
            needed = max(self._spent, used - limit)
            raise _exceeded(self.namespace, *(render(number) for number in (limit, used - needed, needed)))


def allowance(hub: HubContext, tx: Read, row: RepoRow) -> Allowance:
    """Return the remaining quota of a repository's owner; costs one small query if there is no limit."""
    return allowance_of(hub, tx, row.owner_id, row.owner)


def allowance_of(hub: HubContext, tx: Read, namespace_id: int, namespace: str) -> Allowance:
    """Return the remaining quota of a namespace."""
    row = _effective(hub, quotas.find(tx, namespace_id))
    used = 0 if row.max_bytes is None else _used(hub, tx, namespace_id)
    return Allowance(hub, namespace_id, namespace, row.max_bytes, row.max_file_bytes, used)


def check_new_repo(
    hub: HubContext, tx: Write, namespace: Account, *, size: int = 0, copied_from: RepoRow | None = None
) -> None:
    """Raise if a namespace may not have another repository, or not the bytes that come with it; else count these.

    A folder has no quota of its own: its repositories count for its owner.

    Args:
        size: bytes of its first files.
        copied_from: the repository that is moved or copied there.

    Raises:
        QuotaExceeded: a limit would be exceeded.
    """
    _check_count(hub, tx, namespace, 1)
    if copied_from is None and not size:
        return
    left = allowance_of(hub, tx, namespace.owner_id, namespace.owner)
    if left.max_bytes is not None:
        left.spend(size if copied_from is None else quotas.bytes_of_repo(tx, copied_from.id), tx)


def check_new_folder(hub: HubContext, tx: Write, account: Account, rows: Sequence[RepoRow]) -> None:
    """Raise if an account may not have these repositories of another account in addition to its own; else count them.

    Raises:
        QuotaExceeded: a limit would be exceeded.
    """
    _check_count(hub, tx, account, len(rows))
    left = allowance_of(hub, tx, account.id, account.name)
    if left.max_bytes is not None:
        left.spend(sum(quotas.bytes_of_repo(tx, row.id) for row in rows), tx)


def own(hub: HubContext, caller: MaybeCaller) -> NamespaceQuota:
    """Return the quota of the caller's own namespace.

    Raises:
        LoginRequired, NotAllowed: the caller is anonymous, or uses a fine-grained token.
    """
    known = require_login(caller)
    if known.limits is not None:
        raise NotAllowed("This token is fine-grained: it cannot read the quotas of its owner")
    with hub.read() as tx:
        return _describe(hub, tx, known.account)


def of_org(hub: HubContext, caller: MaybeCaller, name: str) -> NamespaceQuota:
    """Return the quota of an organisation, for its members.

    Raises:
        LoginRequired, AccountNotFound, NotAllowed: as :func:`entrepot.hub.accounts.orgs.belonging`.
    """
    with hub.read() as tx:
        org, _ = orgs.get_as_member(tx, caller, name)
        return _describe(hub, tx, org)


def show(hub: HubContext, name: str) -> NamespaceQuota:
    """Return the quota of any namespace, for the administrator of the machine.

    Raises:
        AccountNotFound: no user or organisation has this name.
    """
    with hub.read() as tx:
        return _describe(hub, tx, _namespace(tx, name))


def change(
    hub: HubContext, name: str, changes: Mapping[str, int | None], *, by: MaybeCaller | str = audit.CONSOLE
) -> NamespaceQuota:
    """Set limits of a namespace; existing data stays, even above the limits.

    Args:
        changes: ``max_bytes``, ``max_repos``, ``max_file_bytes`` to a number, 0
            for no limit, or None for the settings of the hub.

    Raises:
        AccountNotFound: no user or organisation has this name.
        Malformed: a number is out of range.
    """
    for key, value in changes.items():
        if value is not None and not 0 <= value <= (MAX_REPOS if key == "max_repos" else MAX_BYTES):
            raise Malformed("quota", f"{key.replace('_', ' ')} is out of range")
    with hub.write(Lock.hub(), Lock.audit(), by=by) as tx:
        namespace = _namespace(tx, name)
        quotas.put(tx, namespace.id, attrs.evolve(quotas.find(tx, namespace.id), **changes))
        audit.record(hub, tx, by, "quota.set", f"namespace {namespace.name}", changes)
    return show(hub, name)


def render(size: int) -> str:
    """Format a number of bytes for people, rounded down: ``1.9 GiB``."""
    for unit, one in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)):
        if size >= one:
            return f"{size * 10 // one / 10:,.1f} {unit}"
    return f"{size:,} bytes"


def _check_count(hub: HubContext, tx: Read, namespace: Account, more: int) -> None:
    limit = _effective(hub, quotas.find(tx, namespace.owner_id)).max_repos
    count = quotas.count_repos(tx, namespace.owner_id) if limit is not None else 0
    if limit is not None and more and count + more > limit:
        raise _exceeded(
            namespace.owner, f"{limit:,} {'repository' if limit == 1 else 'repositories'}", f"{count:,}", f"{more:,}"
        )


def _exceeded(namespace: str, limit: str, used: str, needed: str) -> QuotaExceeded:
    # git truncates long lines: the facts come before the advice.
    facts = f"limit {limit}, in use {used}, requested {needed} more"
    return QuotaExceeded(
        namespace, f"{facts}; delete what is not needed, or ask an administrator of this hub for a larger quota"
    )


def _describe(hub: HubContext, tx: Read, namespace: Account) -> NamespaceQuota:
    row = _effective(hub, quotas.find(tx, namespace.id))
    used, count = _used(hub, tx, namespace.id), quotas.count_repos(tx, namespace.id)
    return NamespaceQuota(namespace.name, row.max_bytes, row.max_repos, row.max_file_bytes, used, count)


def _used(hub: HubContext, tx: Read, namespace_id: int) -> int:
    return hub.usage_cache.used(namespace_id, hub.now_ms(), lambda: quotas.bytes_of_namespace(tx, namespace_id))


def _effective(hub: HubContext, row: QuotaRow) -> QuotaRow:
    """Return the effective limits: the row's, else those of the settings; None is no limit."""
    settings = hub.settings
    max_bytes = settings.default_quota_bytes if row.max_bytes is None else row.max_bytes
    max_repos = settings.default_quota_repos if row.max_repos is None else row.max_repos
    return QuotaRow(max_bytes or None, max_repos or None, row.max_file_bytes or None)


def _namespace(tx: Read, name: str) -> Account:
    found = accounts.find(tx, name)
    if found is None or found.parent_id is not None:
        raise AccountNotFound(name)
    return found
