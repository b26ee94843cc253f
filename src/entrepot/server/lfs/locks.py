"""File locks of git-lfs: create, list, verify and release them.

Source: git-lfs, docs/api/locking.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName
from entrepot.hub.repos import locks
from entrepot.hub.repos.locks import MAX_PAGE, LfsLock
from entrepot.names import RefName, RepoType, parse_branch, parse_path
from entrepot.server.handlers import call_hub, query_int, read_json, repo_of
from entrepot.server.lfs.lfs_errors import Handler
from entrepot.server.lfs.lfs_responses import lfs_response
from entrepot.wire.files.lfs import LfsRef
from entrepot.wire.files.locks import (
    LockInfo,
    LockList,
    LockOwner,
    LockRequest,
    LockResponse,
    UnlockRequest,
    VerifiedLocks,
    VerifyRequest,
)
from entrepot.wire.times import format_ms

_PAGE = 100


def create(kind: RepoType) -> Handler:
    """Return the handler of ``POST …/locks`` for one repository type."""

    async def create(request: Request) -> Response:
        asked = await read_json(request, LockRequest)
        ref, path = repo_of(request, kind), parse_path(asked.path)
        taken = await call_hub(request, locks.take, ref, path, _branch(asked.ref))
        if taken.is_new:
            return lfs_response(LockResponse(_shape(taken.lock)), 201)
        message = f"already created lock: it is held by {taken.lock.owner}"
        return lfs_response(LockResponse(_shape(taken.lock), message), 409)

    return create


def list_locks(kind: RepoType) -> Handler:
    """Return the handler of ``GET …/locks`` for one repository type."""

    async def search(request: Request) -> Response:
        query = request.query_params
        page = await call_hub(
            request,
            locks.search,
            repo_of(request, kind),
            path=query.get("path", ""),
            uid=query.get("id", ""),
            cursor=query.get("cursor", ""),
            limit=query_int(request, "limit", _PAGE, low=1, high=MAX_PAGE),
        )
        return lfs_response(LockList(_shapes(page.locks), page.next or UNSET))

    return search


def verify(kind: RepoType) -> Handler:
    """Return the handler of ``POST …/locks/verify`` for one repository type."""

    async def verify(request: Request) -> Response:
        asked = await read_json(request, VerifyRequest)
        limit = max(1, min(asked.limit or _PAGE, MAX_PAGE))
        found = await call_hub(request, locks.verify, repo_of(request, kind), cursor=asked.cursor, limit=limit)
        return lfs_response(VerifiedLocks(_shapes(found.ours), _shapes(found.theirs), found.next or UNSET))

    return verify


def unlock(kind: RepoType) -> Handler:
    """Return the handler of ``POST …/locks/{lock}/unlock`` for one repository type."""

    async def unlock(request: Request) -> Response:
        asked = await read_json(request, UnlockRequest)
        uid = request.path_params["lock"]
        lock = await call_hub(request, locks.release, repo_of(request, kind), uid, by_force=asked.force)
        return lfs_response(LockResponse(_shape(lock)))

    return unlock


def _branch(ref: LfsRef | None) -> RefName | None:
    """Return the branch that a client names, if it is valid here; it is only recorded."""
    if ref is None:
        return None
    try:
        return parse_branch(ref.name)
    except InvalidName:
        return None


def _shapes(found: Sequence[LfsLock]) -> list[LockInfo]:
    return [_shape(lock) for lock in found]


def _shape(lock: LfsLock) -> LockInfo:
    # git-lfs writes and caches these times to the second.
    return LockInfo(lock.uid, lock.path, f"{format_ms(lock.locked_ms)[:19]}Z", LockOwner(lock.owner))
