"""Shared by all handlers: identify the caller, call a use case in a thread, encode the response.

A handler is short: it reads the request, names one use case and renders its
result. Handlers do not catch errors; the middleware renders them.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

import attrs
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import ClientGone, DatabaseUnavailable, InvalidName, Malformed, shown
from entrepot.hub import revisions
from entrepot.hub.accounts.token_usage import TokenUsage
from entrepot.hub.callers import Caller, MaybeCaller
from entrepot.hub.context import HubContext, NotBrief
from entrepot.hub.files import small_arrivals
from entrepot.hub.files.small_arrivals import ReceivedFile
from entrepot.hub.jobs.readiness import ReadinessCheck
from entrepot.hub.revisions import Announcement
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.hub.versioned_cache import Share
from entrepot.names import RepoId, RepoRef, RepoType, parse_wanted_id, quote_path
from entrepot.server import browser_sessions, public_urls
from entrepot.server.bodies import read_small
from entrepot.server.dispatch.answer_memory import AnswerMemory, RememberedAnswer, Reusable
from entrepot.server.dispatch.batched_calls import BatchedCalls
from entrepot.server.dispatch.file_lists import FileLists
from entrepot.server.dispatch.latest_version import LatestVersion
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.limits.senders import secret_in
from entrepot.server.limits.sign_ins import SignInLimits
from entrepot.server.raw_path import decode_segment
from entrepot.server.tag_cache import TagCache
from entrepot.server.threads import Threads, line_of

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

MAX_JSON = 8 << 20
"""Maximum size of a JSON or form body, in bytes; commits are streamed and have their own limit."""

MAX_ARCHIVES, MAX_ARCHIVES_EACH = 16, 2
"""Archives that a server process sends at the same time, and of these to one caller: an account, or an address."""

NO_REPO = RepoId("", "")
"""An id that no repository and no alias can have."""

_CHANGES = ("PUT", "PATCH")
_ADMINISTRATION = "/api/admin/"
_TRUE = frozenset({"1", "true", "yes", "on"})


@attrs.frozen
class AppState:
    """State of the application that handlers share: the hub, its threads, and counts that are written later.

    ``tables``, ``viewers``, ``queries``: turns of requests that read rows, of pages that show other files, and of
    requests that read whole tables. ``issuers``: of visitors who sign in with another issuer, which may be slow.
    ``archives``: of archives that are being sent.
    """

    hub: HubContext
    threads: Threads
    downloads: DownloadCounter
    uses: TokenUsage = attrs.field(factory=TokenUsage)
    sign_ins: SignInLimits = attrs.field(
        default=attrs.Factory(lambda state: SignInLimits(state.hub, "sign-in"), takes_self=True)
    )
    typed_codes: SignInLimits = attrs.field(
        default=attrs.Factory(lambda state: SignInLimits(state.hub, "code"), takes_self=True)
    )
    file_lists: FileLists = attrs.field(
        default=attrs.Factory(
            lambda state: FileLists(Share.FILE_LISTS.of(state.hub.settings.remembered_bytes)), takes_self=True
        )
    )
    tags: TagCache = attrs.field(factory=TagCache)
    tables: FairSlots = attrs.field(factory=lambda: FairSlots(4, per_caller=2))
    viewers: FairSlots = attrs.field(factory=lambda: FairSlots(4, per_caller=2))
    queries: FairSlots = attrs.field(factory=lambda: FairSlots(2, per_caller=1))
    issuers: FairSlots = attrs.field(factory=lambda: FairSlots(4, per_caller=2))
    archives: FairSlots = attrs.field(factory=lambda: FairSlots(MAX_ARCHIVES, per_caller=MAX_ARCHIVES_EACH))
    answers: AnswerMemory = attrs.field(
        default=attrs.Factory(lambda state: AnswerMemory(state.hub.settings), takes_self=True)
    )
    small_files: BatchedCalls[ReceivedFile] = attrs.field(
        default=attrs.Factory(
            lambda state: BatchedCalls(
                state.threads, lambda files: small_arrivals.store_all(state.hub, files), most=small_arrivals.MAX_FILES
            ),
            takes_self=True,
        )
    )
    readiness: ReadinessCheck = attrs.field(
        default=attrs.Factory(lambda state: ReadinessCheck(state.hub), takes_self=True)
    )
    latest: LatestVersion = attrs.field(
        default=attrs.Factory(lambda state: LatestVersion(state.hub.watch()), takes_self=True)
    )


def app_state(request: Request) -> AppState:
    """Return the state of the application that received a request."""
    state: AppState = request.scope["state"]["app"]
    return state


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
    return await app_state(request).threads.run_transfer(_request(request, use_case, *args, **kwargs))


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
    return await app_state(request).threads.run_transfer(_together, app_state(request).hub, work)


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
    account = await call_hub_briefly(request, lambda _hub, caller: caller and caller.account.uid)
    line = f"account {account}" if account else f"address {line_of(request.scope).hex()}"
    async with slots.hold(line, until_gone=lambda: wait_until_gone(request)):
        yield


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


def base_url(request: Request) -> str:
    """Return the URL under which the client sees the hub, as :func:`entrepot.server.public_urls.base_url`."""
    return public_urls.base_url(request.scope, app_state(request).hub.settings)


def repo_of(request: Request, kind: RepoType) -> RepoRef:
    """Return the repository named in the path (``namespace`` and ``name``); it need not exist.

    An empty namespace means an id without one (:mod:`entrepot.server.short_ids`).

    Raises:
        Malformed: the encoding of the path is invalid.
    """
    namespace, name = (decode_segment(request.path_params[key]) for key in ("namespace", "name"))
    if namespace:
        return RepoRef(kind, lookup_id(f"{namespace}/{name}"))
    wanted, default = lookup_id(name), app_state(request).hub.settings.default_namespace
    return RepoRef(kind, wanted, RepoId(default, name) if default and wanted.is_short and wanted.name else None)


def lookup_id(text: str) -> RepoId:
    """Parse a repository id for a lookup, with or without a namespace.

    An invalid name becomes the id of no repository; the response is then
    exactly that of a repository that does not exist.
    """
    try:
        return parse_wanted_id(text)
    except InvalidName:
        return NO_REPO


async def read_json(request: Request, shape: type[S]) -> S:
    """Return the JSON body of a request; an empty body reads as an empty object.

    What changes things in place (PUT, PATCH), and what administers the hub, may have no unknown
    field, because the response would claim a change that was not made. Other bodies may:
    clients send fields that mean nothing here.

    Raises:
        Malformed: the body is not valid JSON or has another shape, or an unknown field.
        LimitExceeded: the body has more than 8 MiB.
    """
    body = await read_small(request, MAX_JSON) or b"{}"
    if request.method not in _CHANGES and not request.scope["path"].startswith(_ADMINISTRATION):
        return decode_json(body, shape)
    try:
        found = decode_json(body, _without_others(shape))
    except Malformed:
        _check_fields(body, shape)
        raise
    assert isinstance(found, shape)
    return found


@functools.cache
def _without_others(shape: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return a subclass of a shape that refuses unknown fields."""
    return msgspec.defstruct(f"{shape.__name__}WithoutOthers", (), bases=(shape,), forbid_unknown_fields=True)


def _check_fields(body: bytes, shape: type[msgspec.Struct]) -> None:
    try:
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # decoding into the shape says what is wrong
    known = [field.encode_name for field in msgspec.structs.fields(shape)]
    unknown = [name for name in sent if name not in known]
    if unknown:
        named = ", ".join(shown(name) for name in unknown[:3])
        allowed = ", ".join(known) or "none"
        raise Malformed("body", f"this hub has no field {named} here; nothing was changed; known fields: {allowed}")


def decode_json(data: bytes, shape: type[S]) -> S:
    """Decode JSON into a known shape.

    Raises:
        Malformed: the body is not valid JSON or has another shape.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise Malformed("body", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("body", f"it is not valid JSON ({error})") from None


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def left_out_header(paths: Sequence[str]) -> dict[str, str]:
    """Return the header that names paths missing from a listing; no header if none is missing.

    Clients show the text after the semicolon as a warning. Paths are quoted as
    git prints them, and cut to the length of a header.
    """
    if not paths:
        return {}
    named = ", ".join(quote_path(path)[:200] for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    text = f"left out because of their names: {named}{more}; delete them under these names, or rename them with git"
    return {"X-HF-Warning": f"unreadable-paths; {text}"}


def query_flag(request: Request, name: str) -> bool:
    """Return a boolean query parameter in any spelling that clients use: ``true``, ``True``, ``1``.

    Source: docs/protocols/hf_api.md, section 0.4.
    """
    return request.query_params.get(name, "").lower() in _TRUE


def query_list(request: Request, name: str) -> list[str]:
    """Return a list from the query: repeated ``k`` or ``k[]``, without empty values."""
    query = request.query_params
    return [value for key in (name, f"{name}[]") for value in query.getlist(key) if value]


def query_choice(request: Request, name: str, choices: Collection[str], default: str) -> str:
    """Return a query parameter that has one of some values; the default if it is missing or empty.

    Raises:
        Malformed: it has another value.
    """
    text = request.query_params.get(name) or default
    if text not in choices:
        raise Malformed(f"parameter {name!r}", f"expected one of {', '.join(filter(None, choices))}")
    return text


def query_int(request: Request, name: str, default: int, *, low: int, high: int) -> int:
    """Return an integer query parameter, clamped to a range.

    Raises:
        Malformed: the value is not an integer.
    """
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        return max(low, min(int(text), high))
    except ValueError:
        raise Malformed(f"parameter {name!r}", "expected a whole number") from None


def next_link(request: Request, changes: Mapping[str, str], *, without: Collection[str] = ()) -> str:
    """Return the ``Link`` header of a page: the URL of this request with some parameters replaced or removed.

    Source: docs/protocols/hf_api.md, section 0.3 (absolute URL; clients follow it verbatim).
    """
    dropped = {*changes, *without}
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in dropped]
    query = urlencode([*kept, *changes.items()])
    return f'<{base_url(request)}{request.scope["path"]}?{query}>; rel="next"'
