"""What every door of the chunk store does: look at the pass, hop into a thread once.

Passes take the place of the hub's own tokens here, which open nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request

from entrepot.hub import passes
from entrepot.hub.house import Hub
from entrepot.hub.passes import Issued, Pass
from entrepot.names import XetHash, parse_xet_hash
from entrepot.server.doors import house_of, secret_of
from entrepot.wire.xet import PassAnswer

P = ParamSpec("P")
T = TypeVar("T")


def render_pass(base: str, issued: Issued) -> PassAnswer:
    """A fresh pass as clients take it.

    Args:
        base: the hub's own URL. No slash may follow the store's name in what
            clients get: they append one themselves.
    """
    return PassAnswer(cas_url=f"{base}/xet/{issued.store}", exp=issued.expires_s, access_token=issued.secret)


async def ask(
    request: Request, use_case: Callable[Concatenate[Hub, Pass, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call one use case in a thread, on behalf of the pass that came with the request.

    Raises:
        InvalidCredentials: there is no pass, or it is altered or expired.
        ThingNotFound: the pass is for another store.
        Whatever the use case raises.
    """
    house = house_of(request)
    return await house.threads.run_short(lambda: use_case(house.hub, pass_of(request), *args, **kwargs))


def pass_of(request: Request) -> Pass:
    """The pass that came with a request.

    Raises:
        InvalidCredentials: there is none, or it is altered or expired.
        ThingNotFound: it is for another store.
    """
    return passes.check(house_of(request).hub, secret_of(request), request.path_params["store"])


def require_writer(_hub: Hub, given: Pass) -> Pass:
    """The pass, when it allows adding files.

    Raises:
        NotAllowed: it is for reading.
    """
    passes.require_write(given)
    return given


def hash_of(request: Request) -> XetHash:
    """The chunk, xorb or file in the path of a request.

    Raises:
        InvalidName: it is no hash.
    """
    return parse_xet_hash(request.path_params["hash"])
