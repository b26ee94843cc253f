"""What every door does: find out who asks, hop into a thread once, encode the answer.

A handler stays short: read the request, name one use case, say how its value
is written. Errors are not caught here; they leave through the edge.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

import attrs
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidCredentials, InvalidName, Malformed
from entrepot.hub.accounts.token_usage import TokenUsage
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.names import RepoId, RepoRef, RepoType, parse_wanted_id, quote_path
from entrepot.server import public_urls
from entrepot.server.bodies import read_small
from entrepot.server.fair_calls import FairCalls
from entrepot.server.raw_path import decode_segment
from entrepot.server.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

MAX_JSON = 8 << 20
"""Largest JSON or form body, in bytes; commits are streamed and have a limit of their own."""

NO_REPO = RepoId("", "")
"""The id that no repository and no alias has."""

_TRUE = frozenset({"1", "true", "yes", "on"})


@attrs.frozen
class AppState:
    """What doors share: the hub, the threads to call it in and who may occupy them, what is counted meanwhile."""

    hub: HubContext
    threads: Threads
    downloads: DownloadCounter
    uses: TokenUsage = attrs.field(factory=TokenUsage)
    fair: FairCalls = attrs.field(
        default=attrs.Factory(lambda state: FairCalls(state.hub.settings), takes_self=True), init=False
    )


def app_state(request: Request) -> AppState:
    """The house a request came to."""
    state: AppState = request.scope["state"]["house"]
    return state


async def call_hub(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call one use case in a thread, on behalf of whoever sent the request.

    Raises:
        InvalidCredentials: the token is unknown, revoked or expired.
        Whatever the use case raises.
    """
    state = app_state(request)
    async with state.fair.short.hold(state.fair.sender_of(request.scope)):
        return await state.threads.run_short(_request(request, use_case, *args, **kwargs))


async def call_hub_slow(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """As :func:`ask`, on the threads for long work, so that small requests need not wait."""
    state = app_state(request)
    async with state.fair.transfers.hold(state.fair.sender_of(request.scope)):
        return await state.threads.run_transfer(_request(request, use_case, *args, **kwargs))


def _request(
    request: Request, use_case: Callable[Concatenate[HubContext, MaybeCaller, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[], T]:
    """What a thread is sent for: find out who asks, then call the use case."""
    state = app_state(request)
    return lambda: use_case(state.hub, _caller(request, state), *args, **kwargs)


def _caller(request: Request, state: AppState) -> MaybeCaller:
    caller = state.hub.identify(secret_of(request))
    if caller is not None:
        request.scope["state"]["caller"] = caller.account.name
        state.fair.learn(request.scope, caller.account.name)
        state.uses.note(caller.token, state.hub.now_ms())
    return caller


def secret_of(request: Request) -> str | None:
    """The token of a request: Bearer, or the password of Basic; None when there is none.

    Raises:
        InvalidCredentials: the header cannot be read.

    Source: docs/protocols/hf_api.md, section 0.1.
    """
    header = request.headers.get("authorization")
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic":
        try:
            _, colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidCredentials from None
        if colon:
            return password or None
    raise InvalidCredentials


def base_url(request: Request) -> str:
    """Return the URL under which the client sees the hub, as :func:`entrepot.server.public_urls.base_url`."""
    return public_urls.base_url(request.scope, app_state(request).hub.settings)


def repo_of(request: Request, kind: RepoType) -> RepoRef:
    """The repository in the path of a request (``namespace`` and ``name``); it need not exist.

    An empty namespace stands for an id without one (:mod:`entrepot.server.short_ids`).

    Raises:
        Malformed: the encoding of the path is broken.
    """
    namespace, name = (decode_segment(request.path_params[key]) for key in ("namespace", "name"))
    if namespace:
        return RepoRef(kind, lookup_id(f"{namespace}/{name}"))
    wanted, default = lookup_id(name), app_state(request).hub.settings.default_namespace
    return RepoRef(kind, wanted, RepoId(default, name) if default and wanted.is_short and wanted.name else None)


def lookup_id(text: str) -> RepoId:
    """A repository id for looking something up, with or without a namespace.

    An impossible name becomes the id of no repository, so that it is answered
    exactly like the name of a repository that does not exist.
    """
    try:
        return parse_wanted_id(text)
    except InvalidName:
        return NO_REPO


async def read_json(request: Request, shape: type[S]) -> S:
    """The JSON body of a request; an empty body reads as an empty object.

    Raises:
        Malformed: it is no JSON, or has another shape.
        LimitExceeded: it has more than 8 MiB.
    """
    body = await read_small(request, MAX_JSON)
    return decode_json(body or b"{}", shape)


def decode_json(data: bytes, shape: type[S]) -> S:
    """Read JSON of a known shape.

    Raises:
        Malformed: it is no JSON, or has another shape.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as error:
        raise Malformed("body", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("body", f"it is not valid JSON ({error})") from None


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def left_out_header(paths: Sequence[str]) -> dict[str, str]:
    """Return the header that tells which paths are missing from a listing; no header if none is.

    Clients show the text behind the semicolon as a warning. Paths are spelled
    as git prints them, and shortened to what a header may hold.
    """
    if not paths:
        return {}
    named = ", ".join(quote_path(path)[:200] for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    text = f"left out because of their names: {named}{more}; delete them under these names, or rename them with git"
    return {"X-HF-Warning": f"unreadable-paths; {text}"}


def flag(request: Request, name: str) -> bool:
    """A boolean of the query in any of the clients' spellings: ``true``, ``True``, ``1``.

    Source: docs/protocols/hf_api.md, section 0.4.
    """
    return request.query_params.get(name, "").lower() in _TRUE


def many(request: Request, name: str) -> list[str]:
    """A list of the query: repeated ``k`` or ``k[]``, empty values left out."""
    query = request.query_params
    return [value for key in (name, f"{name}[]") for value in query.getlist(key) if value]


def number(request: Request, name: str, default: int, *, low: int, high: int) -> int:
    """A whole number of the query, cut to a range.

    Raises:
        Malformed: it is none.
    """
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        return max(low, min(int(text), high))
    except ValueError:
        raise Malformed(f"parameter {name!r}", "expected a whole number") from None


def next_link(request: Request, changes: Mapping[str, str]) -> str:
    """The ``Link`` header of a page: this very request with some parameters replaced.

    Source: docs/protocols/hf_api.md, section 0.3 (absolute URL; clients follow it verbatim).
    """
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
    query = urlencode([*kept, *changes.items()])
    return f'<{base_url(request)}{request.scope["path"]}?{query}>; rel="next"'
