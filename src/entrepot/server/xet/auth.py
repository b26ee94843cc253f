"""Shared by all routes of the chunk store: check the Xet token, call a use case in a thread.

Tokens of the hub itself are not accepted here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request

from entrepot.hub.context import HubContext
from entrepot.hub.files import xet_tokens
from entrepot.hub.files.xet_tokens import IssuedXetToken, XetToken
from entrepot.names import XetHash, parse_xet_hash
from entrepot.server.handlers import app_state, secret_of
from entrepot.server.threads import line_of
from entrepot.wire.files.xet import TokenResponse

P = ParamSpec("P")
T = TypeVar("T")


def render_token(base: str, issued: IssuedXetToken) -> TokenResponse:
    """Return a new Xet token as clients expect it.

    Args:
        base: the hub's URL. The URL of the store must not end with a slash:
            clients append one.
    """
    return TokenResponse(cas_url=f"{base}/xet/{issued.store}", exp=issued.expires_s, access_token=issued.secret)


async def authorised_call(
    request: Request, use_case: Callable[Concatenate[HubContext, XetToken, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call one use case in a thread, authorised by the Xet token of the request.

    Raises:
        InvalidCredentials: the token is missing, altered or expired.
        ThingNotFound: the token is for another store.
        Whatever the use case raises.
    """
    state = app_state(request)
    return await state.threads.run_short(
        lambda: use_case(state.hub, token_of(request), *args, **kwargs), line=line_of(request.scope)
    )


def token_of(request: Request) -> XetToken:
    """Return the Xet token of a request.

    Raises:
        InvalidCredentials: the token is missing, altered or expired.
        ThingNotFound: the token is for another store.
    """
    return xet_tokens.check(app_state(request).hub, secret_of(request), request.path_params["store"])


def require_writer(_hub: HubContext, given: XetToken) -> XetToken:
    """Return the token if it allows uploads.

    Raises:
        NotAllowed: the token is read-only.
    """
    xet_tokens.require_write(given)
    return given


def hash_of(request: Request) -> XetHash:
    """Return the hash of the chunk, xorb or file in the path of a request.

    Raises:
        InvalidName: the path segment is not a hash.
    """
    return parse_xet_hash(request.path_params["hash"])
