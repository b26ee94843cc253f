"""Recording of large files whose bytes arrive through signed links; those that arrive at the same time together.

Most of the cost of a small file is that of the transactions that record it, so concurrent
uploads share them (:mod:`entrepot.catalog.grouped_writes`). Rights and quotas are checked for each one.
The bytes of the smallest files are also published together (:mod:`entrepot.hub.files.small_arrivals`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

import attrs

from entrepot.blobs import file_key
from entrepot.catalog import Lock, Read, Write
from entrepot.catalog.files import file_checks, file_links, files
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import Busy, EntrepotError, QuotaExceeded, Unavailable
from entrepot.hub import capabilities
from entrepot.hub.accounts import quotas
from entrepot.hub.accounts.quotas import Allowance
from entrepot.hub.callers import Caller
from entrepot.hub.capabilities import Capability
from entrepot.hub.context import HubContext
from entrepot.hub.files import file_scrubbing
from entrepot.names import Sha256


@attrs.frozen
class Arrival:
    """A large file that arrives, and the capability that lets it."""

    sha256: Sha256
    size: int
    grant: Capability


def reserve(hub: HubContext, arrival: Arrival) -> None:
    """Record that the bytes of a file are about to be published, and delete damaged ones in their place.

    Raises:
        Busy: a sweeper is deleting the old bytes of the same file.
    """
    if _run(hub, _Step(arrival, is_durable=False)):
        file_scrubbing.delete_damaged(hub, arrival.sha256)


def link(hub: HubContext, arrival: Arrival, *, is_new: bool) -> None:
    """Let the repository use a file whose bytes are verified and durable.

    Args:
        is_new: the hub had no bytes of the file before; these are deleted if it is refused. They count in no quota.

    Raises:
        RepoNotFound, InvalidSignature, NotAllowed, GatedRepo, RepoDisabled, Refused: the holder has lost the right.
        QuotaExceeded: the namespace has become full.
        Busy: a sweeper is working on this file; send it again.
    """
    try:
        repo_id = _run(hub, _Step(arrival, is_durable=True))
    except EntrepotError as error:
        if is_new and is_final(error):
            _discard(hub, arrival.sha256)
        raise
    _check_kept(hub, repo_id, arrival.sha256)


def refusals(hub: HubContext, tx: Read, arrivals: Sequence[Arrival]) -> list[EntrepotError | None]:
    """Return for each file why it may not arrive now, or None; errors as of :func:`link`."""
    writers = _Writers(tx, hub.now_ms())
    allowances: dict[int, Allowance] = {}

    def refusal(arrival: Arrival) -> EntrepotError | None:
        try:
            row, _ = writers.of(arrival.grant)
            left = allowances.get(row.owner_id)
            if left is None:
                left = allowances[row.owner_id] = quotas.allowance(hub, tx, row)
            if left.max_bytes is not None:
                left.check(_added(tx, row, arrival.sha256, arrival.size))
        except EntrepotError as error:
            return error
        return None

    return [refusal(it) for it in arrivals]


def reserve_all(hub: HubContext, arrivals: Sequence[Arrival]) -> list[Exception | None]:
    """Reserve several files, as :func:`reserve` does one; return the error of each, or None."""
    found = _run_all(hub, [_Step(it, is_durable=False) for it in arrivals])
    for arrival, outcome in zip(arrivals, found, strict=True):
        if outcome == 1:
            file_scrubbing.delete_damaged(hub, arrival.sha256)
    return [outcome if isinstance(outcome, Exception) else None for outcome in found]


def link_all(
    hub: HubContext, arrivals: Sequence[Arrival], new: Collection[Sha256] = frozenset()
) -> list[Exception | None]:
    """Link several files, as :func:`link` does one; return the error of each, or None.

    Args:
        new: files of which the hub had no bytes before.
    """
    found = _run_all(hub, [_Step(it, is_durable=True) for it in arrivals])
    for outcome, it in zip(found, arrivals, strict=True):
        if it.sha256 in new and is_final(outcome):
            _discard(hub, it.sha256)
    return [_keep_error(hub, outcome, it.sha256) for outcome, it in zip(found, arrivals, strict=True)]


def is_final(outcome: object) -> bool:
    """Return whether a file was refused, so that its sender will not try again with the bytes that are stored."""
    return isinstance(outcome, EntrepotError) and not isinstance(outcome, Unavailable)


def _discard(hub: HubContext, sha256: Sha256) -> None:
    """Delete the bytes of a file that no one may use, unless someone does; who sends it meanwhile sends it again.

    If that fails, it is left to the sweeper: the first error counts, and other files of the group are linked.
    """
    with contextlib.suppress(EntrepotError):
        with hub.write(Lock.file(sha256)) as tx:
            if not files.begin_sweep(tx, sha256, hub.now_ms() + 1, hub.now_ms()):
                return
        hub.store.blobs.delete(file_key(sha256))
        with hub.write(Lock.file(sha256)) as tx:
            files.end_sweep(tx, sha256)


def _keep_error(hub: HubContext, outcome: int | Exception, sha256: Sha256) -> Exception | None:
    if isinstance(outcome, Exception):
        return outcome
    try:
        _check_kept(hub, outcome, sha256)
    except Busy as error:
        return error
    return None


def _check_kept(hub: HubContext, repo_id: int, sha256: Sha256) -> None:
    """Raise Busy, and unlink the file, if its bytes were deleted while it was linked."""
    if hub.store.blobs.stat(file_key(sha256)) is None:
        # Chunks have just replaced an earlier copy, and these bytes were deleted with it: send them again.
        with hub.write(Lock.repo(repo_id), Lock.file(sha256)) as tx:
            file_links.unlink_lost(tx, repo_id, sha256)
            files.drop_raw(tx, sha256, hub.now_ms())
        raise Busy("this file")


def check_room(hub: HubContext, tx: Read, row: RepoRow, sha256: Sha256, size: int) -> None:
    """Raise if a file exceeds what is left of the quota of a repository's namespace.

    Raises:
        QuotaExceeded: the file is larger than what is left.
    """
    left = quotas.allowance(hub, tx, row)
    if left.max_bytes is not None:
        left.check(_added(tx, row, sha256, size))


def _added(tx: Read, row: RepoRow, sha256: Sha256, size: int) -> int:
    """Return the bytes that a file adds to a repository: none if it counts there already."""
    return 0 if sha256 in file_links.usable(tx, row.id, [sha256]) else size


@attrs.frozen
class _Step:
    """One of the two steps of an arrival: its bytes are about to be published, or they are durable."""

    arrival: Arrival
    is_durable: bool


def _run(hub: HubContext, step: _Step) -> int:
    # One kind for both steps: files that begin share a transaction with those that end.
    return hub.grouped_writes.run("files", lambda steps: _run_all(hub, steps), step)


def _run_all(hub: HubContext, steps: Sequence[_Step]) -> list[int | Exception]:
    """Run steps as :func:`_run_together`; if one of them exceeds a quota in the end, run them one by one."""
    try:
        return _run_together(hub, steps)
    except QuotaExceeded as error:
        return [error] if len(steps) == 1 else [_run_all(hub, [step])[0] for step in steps]


def _run_together(hub: HubContext, steps: Sequence[_Step]) -> list[int | Exception]:
    """Take several steps in one transaction; return for each a number or why it could not be taken.

    Of bytes that are about to be published, it is 1 if they replace damaged ones, else 0;
    of durable ones, it is the id of the repository.
    """
    coming = {step.arrival.sha256: step.arrival.size for step in steps if not step.is_durable}
    durable = [step.arrival for step in steps if step.is_durable]
    repos, wanted = {it.grant.repo for it in durable}, {step.arrival.sha256 for step in steps}
    swept, damaged = set[Sha256](), set[Sha256]()
    # A reservation that a loss of power has undone is missed when the file is linked, and then it is sent again.
    begin = hub.write if durable else hub.write_unflushed
    with begin(*map(Lock.repo_with_uid, repos), *map(Lock.file, wanted)) as tx:
        if coming:
            swept = files.reserve_all(tx, coming, hub.now_ms())
            damaged = file_checks.damaged(tx, list(coming))
        linked = _link_all(hub, tx, durable) if durable else iter(())
    return [
        next(linked)
        if step.is_durable
        else (Busy("this file") if step.arrival.sha256 in swept else int(step.arrival.sha256 in damaged))
        for step in steps
    ]


def _link_all(hub: HubContext, tx: Write, arrivals: Sequence[Arrival]) -> Iterator[int | Exception]:
    group = _Group(hub, tx, arrivals)
    found = [group.check(it) for it in arrivals]
    group.write()
    return iter(found)


class _Writers:
    """The holders of capabilities, and their repositories; each is checked once in a transaction."""

    def __init__(self, tx: Read, now_ms: int) -> None:
        self._tx, self._now = tx, now_ms
        self._found: dict[Capability, tuple[RepoRow, Caller]] = {}

    def of(self, grant: Capability) -> tuple[RepoRow, Caller]:
        """Return repository and holder, as :func:`capabilities.writing_repo`."""
        if grant not in self._found:
            self._found[grant] = capabilities.writing_repo(self._tx, grant, self._now)
        return self._found[grant]


class _Group:
    """Files that are linked in one transaction."""

    def __init__(self, hub: HubContext, tx: Write, arrivals: Sequence[Arrival]) -> None:
        self._hub = hub
        self._tx = tx
        self._now = hub.now_ms()
        wanted = list({it.sha256 for it in arrivals})
        self._stored = files.known(tx, wanted) - files.being_swept(tx, wanted, self._now)
        self._writers = _Writers(tx, self._now)
        self._allowances: dict[int, Allowance] = {}
        self._links: dict[tuple[int, int], dict[Sha256, int]] = {}

    def check(self, arrival: Arrival) -> int | Exception:
        """Return the repository that a file will be linked to, or why it cannot be; nothing is written yet."""
        try:
            row, holder = self._writers.of(arrival.grant)
            if arrival.sha256 not in self._stored:
                raise Busy("this file")  # a sweep with a very short grace period deleted it: send it again
            self._spend(row, arrival)
        except EntrepotError as error:
            return error
        self._links.setdefault((row.id, holder.account.id), {})[arrival.sha256] = arrival.size
        return row.id

    def write(self) -> None:
        """Link the files that may be linked."""
        for (repo_id, holder_id), sizes in self._links.items():
            files.confirm_all(self._tx, sizes)
            file_links.link(self._tx, repo_id, list(sizes), holder_id, self._now)

    def _spend(self, row: RepoRow, arrival: Arrival) -> None:
        # Checked again: files that were planned at the same time may have used what remained.
        if row.owner_id not in self._allowances:
            self._allowances[row.owner_id] = quotas.allowance(self._hub, self._tx, row)
        left = self._allowances[row.owner_id]
        if left.max_bytes is None or any(
            repo_id == row.id and arrival.sha256 in sizes for (repo_id, _), sizes in self._links.items()
        ):
            return
        left.spend(_added(self._tx, row, arrival.sha256, arrival.size), self._tx)
