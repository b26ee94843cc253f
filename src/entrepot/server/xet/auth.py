"""What every door of the chunk store does: look at the pass, hop into a thread once.

Passes take the place of the hub's own tokens here, which open nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request

from entrepot.hub.context import HubContext
from entrepot.hub.files import xet_tokens
from entrepot.hub.files.xet_tokens import IssuedToken, XetToken
from entrepot.names import XetHash, parse_xet_hash
from entrepot.server.handlers import app_state, secret_of
from entrepot.wire.files.xet import TokenResponse

P = ParamSpec("P")
T = TypeVar("T")


def render_token(base: str, issued: IssuedToken) -> TokenResponse:
    """A fresh pass as clients take it.

    Args:
        base: the hub's own URL. No slash may follow the store's name in what
            clients get: they append one themselves.
    """
    return TokenResponse(cas_url=f"{base}/xet/{issued.store}", exp=issued.expires_s, access_token=issued.secret)


async def authorised_call(
    request: Request, use_case: Callable[Concatenate[HubContext, XetToken, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call one use case in a thread, on behalf of the pass that came with the request.

    Raises:
        InvalidCredentials: there is no pass, or it is altered or expired.
        ThingNotFound: the pass is for another store.
        Whatever the use case raises.
    """
    state = app_state(request)
    async with state.fair.short.hold(state.fair.sender_of(request.scope)):
        return await state.threads.run_short(lambda: use_case(state.hub, token_of(request), *args, **kwargs))


def token_of(request: Request) -> XetToken:
    """The pass that came with a request.

    Raises:
        InvalidCredentials: there is none, or it is altered or expired.
        ThingNotFound: it is for another store.
    """
    state = app_state(request)
    found = xet_tokens.check(state.hub, secret_of(request), request.path_params["store"])
    if found.holder != xet_tokens.ANONYMOUS:
        state.fair.learn(request.scope, found.holder)
    return found


def require_writer(_hub: HubContext, given: XetToken) -> XetToken:
    """The pass, when it allows adding files.

    Raises:
        NotAllowed: it is for reading.
    """
    xet_tokens.require_write(given)
    return given


def hash_of(request: Request) -> XetHash:
    """The chunk, xorb or file in the path of a request.

    Raises:
        InvalidName: it is no hash.
    """
    return parse_xet_hash(request.path_params["hash"])
