"""Recording commits. Source: hf_api, sections 1A.5 and 2.4."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from entrepot.errors import Malformed, StoreFull
from entrepot.hub import commits, repositories
from entrepot.hub.callers import Anyone
from entrepot.hub.commits import Recorded
from entrepot.hub.house import Hub
from entrepot.names import RepoRef
from entrepot.server.bodies import SpooledBody, read_small, spool_lines
from entrepot.server.doors import ask, ask_slowly, base_url, flag, house_of, json_answer
from entrepot.server.hf.drafts import read_lines, read_whole
from entrepot.server.hf.mounts import repo_routes, tail_of
from entrepot.settings import Settings
from entrepot.wire.commits import CommitAnswer

_LINE_MARGIN = 64 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


def routes() -> list[BaseRoute]:
    """The route of commits, for all types of repositories."""
    return repo_routes("POST", "commit/{tail:path}", create)


async def create(request: Request, ref: RepoRef) -> Response:
    """``POST commit/{branch}``: record one commit, from lines of JSON or from one JSON object."""
    revision, is_disjoint_welcome = tail_of(request), _wants_disjoint(request)
    refuse_pull_request(request)
    await ask(request, repositories.check_write, ref)  # before a body of gigabytes is taken in
    if request.headers.get("content-type", "").startswith("application/json"):
        body = await read_small(request, max_line(house_of(request).hub.settings))

        def record(hub: Hub, caller: Anyone) -> Recorded:
            draft = read_whole(body, is_disjoint_welcome=is_disjoint_welcome)
            return commits.create(hub, caller, ref, revision, draft)

        return _answer(request, await ask_slowly(request, record))
    with await _spool(request) as spooled:

        def record_lines(hub: Hub, caller: Anyone) -> Recorded:
            draft = read_lines(spooled.lines(), is_disjoint_welcome=is_disjoint_welcome)
            return commits.create(hub, caller, ref, revision, draft)

        return _answer(request, await ask_slowly(request, record_lines))


def max_line(settings: Settings) -> int:
    """The longest line of a commit in bytes: one regular file in base64, and what stands around it."""
    return settings.max_inline_file * 4 // 3 + _LINE_MARGIN


def refuse_pull_request(request: Request) -> None:
    """Say so, when a request wants what this hub has not.

    Raises:
        Malformed: ``create_pr`` is set. Its status, 400, is one whose message clients show.
    """
    if flag(request, "create_pr"):
        raise Malformed(
            "parameter 'create_pr'", "this version of the hub has no pull requests yet; commit to a branch instead"
        )


def _wants_disjoint(request: Request) -> bool:
    merge = request.query_params.get("merge", "")
    if merge not in ("", "disjoint"):
        raise Malformed("parameter 'merge'", "expected 'disjoint'")
    return merge == "disjoint"


async def _spool(request: Request) -> SpooledBody:
    house = house_of(request)
    settings = house.hub.settings
    with _full_disk_told():
        return await spool_lines(
            request.receive,
            max_line=max_line(settings),
            max_body=settings.max_commit_body,
            threads=house.threads,
            # The system's own place for such files is often a small one in memory.
            folder=settings.data,
        )


@contextlib.contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StoreFull(error.strerror or str(error)) from error


def _answer(request: Request, recorded: Recorded) -> Response:
    url = f"{base_url(request)}/{recorded.repo.ref.path}/commit/{recorded.oid}"
    return json_answer(CommitAnswer(success=True, commit_oid=recorded.oid, commit_url=url, hook_output=""))
