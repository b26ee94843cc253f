"""Uploads as a whole: compare with the hub, upload large files, then create one atomic commit."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

import attrs
import msgspec

from entrepot.client.calls import NDJSON, Call, commits, preuploads, repos, staged, trees
from entrepot.client.commit_target import CommitMessage, CommitTarget, PublishedCommit
from entrepot.client.digests import Digests
from entrepot.client.http_errors import HubFailure
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, AddStored, Copy, Delete, DeleteFolder, Operation
from entrepot.client.progress import Meter, Progress, Silent
from entrepot.client.sources import BytesSource, oid_of
from entrepot.client.uploads import copies, large_files
from entrepot.client.uploads.commit_bodies import AddContent, AddText, Change, CommitBody, commit_body
from entrepot.client.uploads.copies import CopySource
from entrepot.client.uploads.secret_files import check_secrets
from entrepot.client.uploads.upload_plan import UploadDecision, UploadPlan, batches, plan_upload
from entrepot.errors import (
    AnswerUnusable,
    BranchMoved,
    CommitCanceled,
    Damaged,
    EntrepotError,
    Invalid,
    InvalidArgument,
    NotFound,
    Offline,
    RepoMoved,
    TlsFailed,
    Unavailable,
)
from entrepot.names import RepoPath
from entrepot.wire.repos.commits import CommitResponse

_TRIES = 5
_MAX_S = 10.0
_WORTH_A_METER = 1 << 20
_MAX_CARD = 1 << 20


def digests_file(hub: Hub) -> Path:
    """Return the database of digests of local files, shared by all hubs."""
    return hub.paths.home / "digests.sqlite3"


def digests_of(hub: Hub) -> Digests:
    """Return the stored digests of local files."""
    return Digests(digests_file(hub))


def publish(
    hub: Hub,
    target: CommitTarget,
    operations: Iterable[Operation],
    message: CommitMessage,
    *,
    progress: Progress | None = None,
    digests: Digests | None = None,
    lock: contextlib.AbstractContextManager[object] | None = None,
    allow_secrets: bool | None = None,
    always: Collection[RepoPath] = (),
) -> PublishedCommit:
    """Create one commit of several operations, applied in order; either all of them are committed or none.

    Unchanged files are left out, and large contents that the repository
    has anywhere are not sent. If nothing would change, no commit
    is created.

    Args:
        digests: known digests of local files; None uses the stored ones.
        lock: held while the commit is created, to serialise the commits of several threads.
        allow_secrets: see ``secret_files.check_secrets``.
        always: paths that are written even if the branch has the same file.

    Returns:
        The commit, or the existing head.

    Raises:
        RepoNotFound, RevisionNotFound, Forbidden, InvalidPath, EntryNotFound: the hub refuses the commit.
        BranchMoved: the target's pinned parent is no longer its head.
        CommitCanceled: the commit met changes that it did not know about; only with ``target.forces_staged``.
        SourceChanged, SourceMissing, SourceUnreadable: a file changed after it was found, or cannot be read.
        InvalidArgument: the hub refuses the metadata of a README.md.
        SecretsFound: a file may contain a secret, and ``allow_secrets`` is False.
        HubUnreachable, HubTimeout: the hub cannot be reached.

    Guarantees: if this raises, nothing was committed, with one exception: the
    connection may break during a commit that opens a pull
    request. Uploaded large files stay with the hub for a while, so a
    repeated call does not send them again.
    """
    with digests_of(hub) if digests is None else contextlib.nullcontext(digests) as known:
        publication = _Publication(
            hub, target, message, progress or Silent(), known, lock, allow_secrets, frozenset(always)
        )
        return publication.run(list(operations))


def stage(
    hub: Hub,
    target: CommitTarget,
    operations: Iterable[Operation],
    *,
    progress: Progress | None = None,
    digests: Digests | None = None,
) -> int:
    """Stage operations on a branch without committing them, and return the number of changes that are now staged.

    Raises:
        as :func:`publish`, for errors about files and rights.
        LimitExceeded: the caller would have too many staged changes on the branch.
    """
    listed = list(operations)
    always = frozenset(item.path for item in listed)
    with digests_of(hub) if digests is None else contextlib.nullcontext(digests) as known:
        staging = _Publication(hub, target, CommitMessage("staged"), progress or Silent(), known, always=always)
        return staging.stage(listed)


def upload_large_files(
    hub: Hub,
    target: CommitTarget,
    adds: Sequence[Add],
    *,
    progress: Progress | None = None,
    digests: Digests | None = None,
    ignores: Add | None = None,
) -> dict[str, tuple[UploadDecision, AddStored | None]]:
    """Upload the large files among some additions before the commit that will refer to them.

    Args:
        ignores: a ``.gitignore`` that will be part of that commit.

    Returns:
        For each path the decision, and an operation that can be committed instead of the
        addition; None if nothing was uploaded, because the file is regular,
        excluded by the repository's .gitignore, or unchanged.

    Raises:
        as :func:`publish`, for errors about files.
    """
    with digests_of(hub) if digests is None else contextlib.nullcontext(digests) as known:
        asked = [*adds, ignores] if ignores is not None else list(adds)
        decisions = _planned(hub, target, asked, known, progress or Silent()).decisions
        check_secrets(_sent(adds, decisions), allow=None)
        large = [add for add in adds if decisions[add.path] is UploadDecision.LARGE]
        large_files.send(hub, target, [add.source for add in large], known, progress or Silent())
        stored = {add.path: AddStored(add.path, known.sha256(add.source), add.source.size) for add in large}
        same = {
            add.path: AddStored(add.path, sha256, add.source.size)
            for add in adds
            if decisions[add.path] is UploadDecision.SAME and (sha256 := known.find_sha256(add.source)) is not None
        }
        return {add.path: (decisions[add.path], stored.get(add.path) or same.get(add.path)) for add in adds}


@attrs.frozen
class _Publication:
    """The creation of one commit."""

    hub: Hub
    target: CommitTarget
    message: CommitMessage
    progress: Progress
    digests: Digests
    lock: contextlib.AbstractContextManager[object] | None = None
    allow_secrets: bool | None = None
    always: frozenset[RepoPath] = frozenset()

    def run(self, operations: list[Operation]) -> PublishedCommit:
        wanted = [operation for operation in operations if isinstance(operation, Copy)]
        if not wanted:
            return self.make(operations)
        origins = copies.find_sources(self.hub, self.target, wanted)
        needed = self._needed(operations, origins)
        skipped = {id(origin.copy) for origin in origins} - {id(origin.copy) for origin in needed}
        operations = [operation for operation in operations if id(operation) not in skipped]
        if not needed:
            return self.make(operations)
        try:
            made = self.make(operations)
        except HubFailure as error:
            if not copies.may_be_unsupported(error):
                raise
            return self._make_with_additions(operations, needed, error)
        left = [] if self.target.opens_pull else copies.missing(self.hub, self.target, made.oid, needed)
        if not left:
            return made
        # The hub ignored the copies, which it does not support, and committed the rest.
        rest = attrs.evolve(self, target=attrs.evolve(self.target, parent=None))
        return rest._make_with_additions([origin.copy for origin in left], left, None)

    def make(self, operations: list[Operation]) -> PublishedCommit:
        """Create the commit, with copies made by the hub."""
        found, changes, warnings = self._prepared(operations)
        if not changes and not self.target.forces_staged:
            return attrs.evolve(self._unchanged(found.head), warnings=tuple(warnings))
        answer = self._pinned(found)._record(changes)
        is_new = not answer.unchanged
        return PublishedCommit(answer.commit_oid, answer.commit_url, answer.pull_request_url, is_new, tuple(warnings))

    def stage(self, operations: list[Operation]) -> int:
        """Stage the operations instead of committing them, and return the number of staged changes."""
        _, changes, _ = self._prepared(operations)
        body = commit_body(attrs.evolve(self.target, parent=None), self.message, changes)
        call = staged.put(self.target.repo, self.target.revision)
        answer = self.hub.transport.upload(
            call.method,
            call.path,
            body,
            size=body.size,
            headers={"content-type": NDJSON},
            is_authorized=True,
            subject=call.subject,
        )
        return call.read(answer).staged

    def _prepared(self, operations: list[Operation]) -> tuple[UploadPlan, list[Change], list[str]]:
        """Plan the upload, send large files, and return the plan, the lines of the commit and remarks."""
        meter = self.progress.begin("Comparing", _count(operations), unit="file")
        try:
            found = plan_upload(self.hub, self.target, operations, self.digests, meter, self.always)
        finally:
            meter.finish()
        adds = [item for item in operations if isinstance(item, Add)]
        check_secrets(_sent(adds, found.decisions), allow=self.allow_secrets)
        warnings = [*self._check_cards(adds, found.decisions), *_left_out(found.decisions)]
        large = [add for add in adds if found.decisions[add.path] is UploadDecision.LARGE]
        large_files.send(self.hub, self.target, [add.source for add in large], self.digests, self.progress)
        return found, list(self._changes(operations, found)), warnings

    def _pinned(self, found: UploadPlan) -> _Publication:
        """Return this publication with the surveyed commit as the parent, if the target asks for it."""
        if not self.target.pins_survey or self.target.parent is not None:
            return self
        return attrs.evolve(self, target=attrs.evolve(self.target, parent=found.base))

    def _make_with_additions(
        self, operations: Sequence[Operation], origins: Sequence[CopySource], refusal: HubFailure | None
    ) -> PublishedCommit:
        with tempfile.TemporaryDirectory(prefix="entrepot-copies-") as folder:
            instead = {
                id(origin.copy): list(copies.as_additions(self.hub, self.target, [origin], Path(folder)))
                for origin in origins
            }
            spelled: list[Operation] = []
            for operation in operations:
                spelled.extend(instead.get(id(operation), [operation]))
            try:
                return self.make(spelled)
            except HubFailure as error:
                raise error from refusal

    def _needed(self, operations: Sequence[Operation], origins: Sequence[CopySource]) -> list[CopySource]:
        """Return the copies that change something."""
        others = {item.path for item in operations if not isinstance(item, Copy)}
        missing = {id(origin) for origin in copies.missing(self.hub, self.target, self.target.revision, origins)}
        return [origin for origin in origins if id(origin) in missing or others]

    def _changes(self, operations: Iterable[Operation], found: UploadPlan) -> Iterator[Change]:
        for operation in operations:
            if not isinstance(operation, Add):
                yield operation
            elif found.decisions[operation.path] is UploadDecision.REGULAR:
                text = found.texts.get(operation.path)
                yield AddContent(operation.path, operation.source) if text is None else AddText(operation.path, text)
            elif found.decisions[operation.path] is UploadDecision.LARGE:
                yield AddStored(operation.path, self.digests.sha256(operation.source), operation.source.size)

    def _check_cards(self, adds: Sequence[Add], decisions: Mapping[RepoPath, UploadDecision]) -> list[str]:
        """Return remarks on an added README; errors in it are raised before anything is uploaded."""
        for add in adds:
            if (
                add.path == "README.md"
                and decisions[add.path] is UploadDecision.REGULAR
                and add.source.size <= _MAX_CARD
            ):
                text = add.source.read().decode("utf-8", "replace")
                try:
                    found = self.hub.send(preuploads.check_card(text, self.target.repo.type))
                except (NotFound, AnswerUnusable):
                    return []  # the hub does not check cards
                except Invalid as error:
                    raise InvalidArgument(f"invalid metadata in README.md: {error}") from error
                if found.errors:
                    said = "; ".join(item.message for item in found.errors)
                    raise InvalidArgument(f"invalid metadata in README.md: {said}")
                return [f"metadata in README.md: {item.message}" for item in found.warnings]
        return []

    def _unchanged(self, head: str | None) -> PublishedCommit:
        if head is None:
            info = self.hub.send(repos.describe(self.target.repo, self.target.revision, expand=("sha",)))
            head = str(info.sha)
        return PublishedCommit(head, f"{self.hub.endpoint}/{self.target.repo.path}/commit/{head}", is_new=False)

    def _record(self, changes: Sequence[Change]) -> CommitResponse:
        body = commit_body(self.target, self.message, changes)
        call = commits.create(self.target.repo, self.target.revision, create_pr=self.target.opens_pull)
        self.hub.need_network(call.subject)
        meter = self.progress.begin("Committing", body.size if body.size > _WORTH_A_METER else None)
        try:
            with self.lock or contextlib.nullcontext():
                return self._sent(call, body, changes, meter)
        finally:
            meter.finish()

    def _sent(
        self, call: Call[CommitResponse], body: CommitBody, changes: Sequence[Change], meter: Meter
    ) -> CommitResponse:
        """Send the commit until there is an answer; one that was lost is looked for before it is sent again."""
        url = f"{call.path}?{urlencode(call.query)}" if call.query else call.path
        for attempt in range(_TRIES):
            try:
                answer = self.hub.transport.upload(
                    call.method,
                    url,
                    _metered(body, meter),
                    size=body.size,
                    headers={"content-type": NDJSON},
                    is_authorized=True,
                    subject=call.subject,
                )
                read = call.read(answer)
                # If nothing is left to change after a lost response, the first attempt made the commit.
                return read if attempt == 0 else msgspec.structs.replace(read, unchanged=False)
            except RepoMoved as moved:
                if attempt == _TRIES - 1 or not moved.new:
                    raise
                url = moved.new
            except (Unavailable, Damaged, BranchMoved, CommitCanceled) as error:
                is_refused = isinstance(error, BranchMoved | CommitCanceled)
                landed = None if attempt == 0 and is_refused else self._landed(changes)
                if landed is not None:
                    return landed
                if attempt == _TRIES - 1 or not self._may_repeat(error):
                    raise
                time.sleep(min(_MAX_S, 0.5 * 2.0**attempt) * random.uniform(0.75, 1.25))  # noqa: S311
        raise AssertionError("the last try returns or raises")

    def _may_repeat(self, error: EntrepotError) -> bool:
        is_final = isinstance(error, BranchMoved | CommitCanceled | TlsFailed | Offline | AnswerUnusable)
        # An error is better than a duplicate pull request.
        return not is_final and not self.target.opens_pull

    def _landed(self, changes: Sequence[Change]) -> CommitResponse | None:
        """Return the head if it contains all changes of the commit; None if it does not, or cannot be checked."""
        try:
            if self.target.opens_pull or self.target.forces_staged or not self._is_done(changes):
                return None
            head = self._unchanged(None)
        except EntrepotError:
            return None
        return CommitResponse(success=True, commit_oid=head.oid, commit_url=head.url, hook_output="")

    def _is_done(self, changes: Sequence[Change]) -> bool:
        if any(isinstance(change, Copy) for change in changes):
            return False
        for batch in batches(changes, trees.MAX_PATHS):
            call = trees.describe(self.target.repo, self.target.revision, [change.path for change in batch])
            there = {entry.path: entry for entry in self.hub.send(call)}
            for change in batch:
                entry = there.get(change.path)
                match change:
                    case AddContent():
                        is_done = entry is not None and entry.oid == self.digests.oid(change.source)
                    case AddText():
                        is_done = entry is not None and entry.oid == oid_of(BytesSource(change.content))
                    case AddStored():
                        is_done = entry is not None and entry.lfs is not None and entry.lfs.oid == change.sha256
                    case Delete() | DeleteFolder():
                        is_done = entry is None
                    case _:
                        is_done = False
                if not is_done:
                    return False
        return True


def _planned(hub: Hub, target: CommitTarget, adds: Sequence[Add], digests: Digests, progress: Progress) -> UploadPlan:
    meter = progress.begin("Comparing", len(adds), unit="file")
    try:
        return plan_upload(hub, target, adds, digests, meter)
    finally:
        meter.finish()


def _metered(body: CommitBody, meter: Meter) -> Iterator[bytes]:
    for piece in body:
        yield piece
        meter.advance(len(piece))


def _sent(adds: Iterable[Add], decisions: Mapping[RepoPath, UploadDecision]) -> Iterator[Add]:
    """Send the commit, with retries; after a lost response, first check whether it was committed."""
    return (add for add in adds if decisions[add.path] in (UploadDecision.REGULAR, UploadDecision.LARGE))


def _count(operations: Sequence[Operation]) -> int:
    return sum(isinstance(operation, Add) for operation in operations)


def _left_out(decisions: Mapping[RepoPath, UploadDecision]) -> list[str]:
    ignored = [path for path, decision in decisions.items() if decision is UploadDecision.IGNORED]
    if not ignored:
        return []
    names = ", ".join(ignored[:5]) + (" ..." if len(ignored) > 5 else "")
    return [f"left out {len(ignored)} file(s) because of the repository's .gitignore: {names}"]
