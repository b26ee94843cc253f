"""Calls of use cases on behalf of the caller of a request, in a thread or without one.

Handlers do not catch the errors of use cases; the middleware renders them.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request

from entrepot.errors import ClientGone, DatabaseUnavailable
from entrepot.hub import revisions
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext, NotBrief
from entrepot.hub.revisions import Announcement
from entrepot.names import RepoRef
from entrepot.server import browser_sessions
from entrepot.server.dispatch.answer_memory import RememberedAnswer, Reusable
from entrepot.server.handlers.state import AppState, app_state
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.limits.senders import secret_in
from entrepot.server.threads import line_of

P = ParamSpec("P")
T = TypeVar("T")


def remembering(handler: Callable[[Request], Awaitable[Reusable]]) -> Callable[[Request], Awaitable[Reusable]]:
    """Return a handler of reads that repeats its remembered answers until something is written to the database.

    A remembered answer needs no thread, and no query except for the version of the database. The handler may
    read the path, the query, the credentials and the origin of the request, and rows; only its response may
    read other headers, and whether the method is GET or HEAD.
    """

    @functools.wraps(handler)
    async def endpoint(request: Request) -> Reusable:
        state, kept = app_state(request), request.scope["state"]
        key = state.answers.key_of(request.scope)
        if key is None:
            return await handler(request)
        version = kept["version"] = await state.latest.ask()
        found = state.answers.find(version, key, state.hub.now_ms(), needs_body=request.method != "HEAD")
        if found is None:
            response = await handler(request)
            state.answers.put(version, key, RememberedAnswer(response, kept.get("identity"), kept.get("again")))
            return response
        if found.caller is not None:
            _note_caller(request, state, found.caller)
        if found.again is not None:
            found.again(request)
        return found.response

    return endpoint


def do_again(request: Request, work: Callable[[Request], None]) -> None:
    """Run ``work`` for a request, and for every later one that gets the same answer (see :func:`remembering`)."""
    request.scope["state"]["again"] = work
    work(request)


async def call_hub(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call one use case in a thread, on behalf of the caller of the request.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
        Whatever the use case raises.
    """
    work = _request(request, use_case, *args, **kwargs)
    return await app_state(request).threads.run_short(work, line=line_of(request.scope))


async def call_hub_briefly(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """As :func:`call_hub`, without a thread if the database is a file and the use case reads only a few rows of it.

    Otherwise it is given up and called again in a thread; it must not matter that it began twice.
    """
    return await _briefly(request, _request(request, use_case, *args, **kwargs))


async def call_hub_on_revision(
    request: Request,
    use_case: Callable[Concatenate[HubContext, MaybeCaller, RepoRef, str, P], T],
    ref: RepoRef,
    revision: str,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """As :func:`call_hub_briefly`, for a use case that resolves a revision of a repository.

    The server of a database is asked for these with the same message as for the caller.
    """
    ahead = revisions.lookups(ref, revision)
    return await _briefly(request, _request_with(request, ahead, use_case, ref, revision, *args, **kwargs))


async def _briefly(request: Request, work: Callable[[], T]) -> T:
    state = app_state(request)
    try:
        with state.hub.briefly():
            return work()
    except NotBrief:
        return await state.threads.run_short(_together, state.hub, work, line=line_of(request.scope))


def _together(hub: HubContext, work: Callable[[], T]) -> T:
    with hub.together():
        return work()


async def call_hub_slow(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """As :func:`call_hub`, on the threads for long work, to keep the others free for short requests."""
    work = _request(request, use_case, *args, **kwargs)
    return await app_state(request).threads.run_transfer(work, line=line_of(request.scope))


async def call_hub_slow_together(
    request: Request,
    ahead: Announcement,
    use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """As :func:`call_hub_slow`; what is read before the first change or wait is read from one snapshot.

    For requests that send little: the snapshot must not last while much is decoded.

    Args:
        ahead: announces lookups of the use case before that of the caller.
    """
    work = _request_with(request, ahead, use_case, *args, **kwargs)
    state = app_state(request)
    return await state.threads.run_transfer(_together, state.hub, work, line=line_of(request.scope))


async def call_hub_in_turn(
    request: Request,
    slots: FairSlots,
    use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """As :func:`call_hub_slow`, when it is the turn of the caller: while it waits, it holds no thread.

    The body of the request must have been read.

    Raises:
        ClientGone: the client has left before its turn.
    """
    async with turn(request, slots):
        return await call_hub_slow(request, use_case, *args, **kwargs)


@contextlib.asynccontextmanager
async def turn(request: Request, slots: FairSlots) -> AsyncIterator[None]:
    """Hold a slot in the turn of the caller: an account, from whatever addresses; without one, the address.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
        ClientGone: the client has left before its turn.
    """
    async with slots.hold(await sender_of(request), until_gone=lambda: wait_until_gone(request)):
        yield


async def sender_of(request: Request) -> str:
    """Return the name under which a caller holds slots: of an account, or without one of the address.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
    """
    account = await call_hub_briefly(request, lambda _hub, caller: caller and caller.account.uid)
    return f"account {account}" if account else f"address {line_of(request.scope).hex()}"


async def wait_until_gone(request: Request) -> None:
    """Return when the client has gone; the body of the request must have been read."""
    with contextlib.suppress(ClientGone):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _request(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[], T]:
    """Return a function for a thread that identifies the caller and calls the use case."""
    return _request_with(request, None, use_case, *args, **kwargs)


def _request_with(
    request: Request,
    ahead: Announcement | None,
    use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Callable[[], T]:
    """Return a function as :func:`_request`, which announces lookups of the use case before that of the caller."""
    state = app_state(request)

    def work() -> T:
        return use_case(state.hub, _caller(request, state, ahead), *args, **kwargs)

    def work_again_without_connection() -> T:
        try:
            return work()
        except DatabaseUnavailable:  # a connection was lost; after a restart of the database others work
            return work()

    return work_again_without_connection if request.method in ("GET", "HEAD") else work


def _caller(request: Request, state: AppState, ahead: Announcement | None = None) -> MaybeCaller:
    secret = secret_of(request)
    if secret is None:
        caller = browser_sessions.caller_of(request.scope, state.hub)
    else:
        caller = state.hub.identify(secret, request.scope["state"].get("version"), ahead)
        if caller is not None:
            _note_caller(request, state, caller)
            return caller
    if caller is not None:
        _name_caller(request, caller)
    return caller


def identify(request: Request) -> MaybeCaller:
    """Return the caller of a request as its token or session is now, for requests that take long. Blocks.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
    """
    return _caller(request, app_state(request))


def _note_caller(request: Request, state: AppState, caller: Caller) -> None:
    """Record who sends a request with which token."""
    state.uses.note(caller.token, state.hub.now_ms())
    _name_caller(request, caller)


def _name_caller(request: Request, caller: Caller) -> None:
    kept = request.scope["state"]
    kept["identity"], kept["caller"], kept["sees_all"] = caller, caller.account.name, caller.sees_all


def secret_of(request: Request) -> str | None:
    """Return the token of a request: Bearer, or the password of Basic; None if there is none.

    Raises:
        InvalidCredentials: the header is malformed.
        NotAllowed: a page of another site may have sent what the browser keeps for the hub.

    Source: docs/protocols/hf_api.md, section 0.1.
    """
    header = request.headers.get("authorization")
    if not header:
        return None
    if header[:5].lower() == "basic":
        browser_sessions.check_basic(request, app_state(request).hub)
    return secret_in(header)
