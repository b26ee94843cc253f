"""Commits. Source: docs/protocols/hf_api.md, sections 1A.5 and 2.4."""

from __future__ import annotations

import functools
from collections.abc import Callable

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import EntrepotError, Malformed
from entrepot.hub import revisions
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft, RecordedCommit
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.push_reservations import ReservationWaiter
from entrepot.names import RepoRef
from entrepot.server.bodies import SpooledBody, check_coding, read_small, spool_lines
from entrepot.server.handlers import app_state, base_url, call_hub_briefly, json_response, query_flag
from entrepot.server.hf.repo_routes import repo_routes, tail_of
from entrepot.server.hf.repos.commit_body import read_lines, read_whole
from entrepot.server.hf.repos.reservation_waits import call_hub_unreserved, call_hub_unreserved_together
from entrepot.server.threads import line_of
from entrepot.settings import Settings
from entrepot.wire.repos.commits import CommitResponse

_LINE_MARGIN = 64 * 1024
_NO_CONTENT = 4 * 1024
_SHORT = 64 * 1024
"""Size up to which receiving the body costs less than checking the rights before it."""


def routes() -> list[BaseRoute]:
    """Return the route of commits, for all types of repositories."""
    return repo_routes("POST", "commit/{tail:path}", create)


async def create(request: Request, ref: RepoRef) -> Response:
    """Handle ``POST commit/{branch}``: create one commit from lines of JSON or from one JSON object."""
    revision, allows_disjoint = tail_of(request), _wants_disjoint(request)
    is_proposal = query_flag(request, "create_pr")
    target = _CommitRequest(ref, revision, is_proposal=is_proposal)
    is_short = _is_short(request)
    if not is_short:
        await call_hub_briefly(request, target.check)  # before a body of gigabytes is received
    together = functools.partial(call_hub_unreserved_together, request, revisions.branch_lookups(ref, revision))
    call = together if is_short else functools.partial(call_hub_unreserved, request)
    if request.headers.get("content-type", "").startswith("application/json"):
        body = await read_small(request, max_line(app_state(request).hub.settings))

        def record(hub: HubContext, caller: MaybeCaller, waiter: ReservationWaiter) -> _CommitResult:
            decode = functools.partial(read_whole, body, allows_disjoint=allows_disjoint)
            return target.run(hub, caller, decode, len(body), waiter)

        return _answer(request, await call(record))
    with await spool(request) as spooled:

        def record_lines(hub: HubContext, caller: MaybeCaller, waiter: ReservationWaiter) -> _CommitResult:
            decode = functools.partial(read_lines, spooled.lines(), allows_disjoint=allows_disjoint)
            return target.run(hub, caller, decode, spooled.size, waiter)

        return _answer(request, await call(record_lines))


async def spool(request: Request) -> SpooledBody:
    """Receive the lines of a commit into a temporary file.

    Raises:
        Malformed: the body is compressed.
        LimitExceeded: a line or the body is too long.
    """
    check_coding(request.scope)
    state = app_state(request)
    settings = state.hub.settings
    return await spool_lines(
        request.receive,
        max_line=max_line(settings),
        max_body=settings.max_commit_body,
        threads=state.threads,
        line=line_of(request.scope),
        # The system's folder for temporary files is often a small one in memory.
        folder=settings.temporary_folder,
    )


def _is_short(request: Request) -> bool:
    """Return whether the body has a few kilobytes, as its sender says: no more than that will be received."""
    length = request.headers.get("content-length", "") if "content-encoding" not in request.headers else ""
    return length.isascii() and length.isdigit() and int(length[:9]) <= _SHORT and len(length) < 9


def max_line(settings: Settings) -> int:
    """Return the maximum length of a line of a commit in bytes: one regular file in base64, and its JSON."""
    return settings.max_inline_file * 4 // 3 + _LINE_MARGIN


def content_of(size: int) -> int:
    """Return an estimate of the bytes of content in a body of ``size`` bytes, nearly all of which is base64.

    The first lines count as no content, so a caller whose quota is used up can still delete.
    """
    return max(size - _NO_CONTENT, 0) * 3 // 4


@attrs.frozen
class _CommitResult:
    """A new commit, and the pull request that was opened with it, if any."""

    recorded: RecordedCommit
    num: int | None = None


@attrs.frozen
class _CommitRequest:
    """The target of a commit; :meth:`run` is called in a thread."""

    ref: RepoRef
    revision: str
    is_proposal: bool = attrs.field(kw_only=True)

    def check(self, hub: HubContext, caller: MaybeCaller) -> None:
        """Raise unless the caller may commit; errors as the use cases."""
        check = openings.check_open if self.is_proposal else commits.check_target
        check(hub, caller, self.ref, self.revision)

    def run(
        self,
        hub: HubContext,
        caller: MaybeCaller,
        decode: Callable[[], CommitDraft],
        size: int,
        waiter: ReservationWaiter,
    ) -> _CommitResult:
        """Create the commit on the branch or in a new pull request.

        Args:
            decode: returns the commit that is asked for.
            size: of the body, in bytes.
        """
        try:
            draft = attrs.evolve(commits.check_message(decode()), inline_bytes=content_of(size))
        except EntrepotError:
            self.check(hub, caller)  # who may not commit hears of that only
            raise
        if self.is_proposal:
            opened = openings.open_with_commit(hub, caller, self.ref, self.revision, draft)
            return _CommitResult(opened.recorded, opened.num)
        return _CommitResult(commits.create(hub, caller, self.ref, self.revision, draft, waiter))


def _wants_disjoint(request: Request) -> bool:
    merge = request.query_params.get("merge", "")
    if merge not in ("", "disjoint"):
        raise Malformed("parameter 'merge'", "expected 'disjoint'")
    return merge == "disjoint"


def _answer(request: Request, done: _CommitResult) -> Response:
    return commit_response(request, done.recorded, done.num)


def commit_response(request: Request, recorded: RecordedCommit, num: int | None = None) -> Response:
    """Return the response for a new commit, and for the pull request (``num``) that was opened with it."""
    page, oid = f"{base_url(request)}/{recorded.repo.ref.path}", recorded.oid
    return json_response(
        CommitResponse(
            success=True,
            commit_oid=oid,
            commit_url=f"{page}/commit/{oid}",
            pull_request_url=None if num is None else f"{page}/discussions/{num}",
            hook_output="",
            unchanged=recorded.is_unchanged,
        )
    )
