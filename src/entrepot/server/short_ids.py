"""Routes for repository ids without a namespace (``gpt2``), derived from the routes of full ids.

Every route of a repository gets a second one without ``{namespace}``, which
calls the same handler with an empty namespace. On every route, an unknown short
id therefore gets the response of an unknown full id, and a known alias a
redirect, because the hub looks aliases up (:func:`entrepot.hub.access.visible`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from entrepot.hub import aliases
from entrepot.names import VERSIONED_TYPES
from entrepot.names.repos import RESERVED
from entrepot.server.handlers import app_state
from entrepot.server.raw_path import decode_segment
from entrepot.server.threads import line_of

_KINDS = "|".join(kind.plural for kind in VERSIONED_TYPES)
_FULL = re.compile(rf"(/api/(?:{_KINDS})/|/(?:{_KINDS})/|/)\{{namespace\}}/\{{name\}}(.*)")
_READING_POSTS = re.compile(r"/paths-info/|/contents/|/git-upload-pack$|\.git/info/lfs/objects/batch$")
_SAFE = frozenset({"GET", "HEAD"})


Handler = Callable[[Request], Awaitable[Any]]


@attrs.frozen
class ShortRoutes:
    """The routes matched before those of full ids, and those matched after all others."""

    before: list[BaseRoute]
    after: list[BaseRoute]


def short_routes(routes: Sequence[BaseRoute]) -> ShortRoutes:
    """Return the routes of short ids for those of full ids.

    ``/api/models/gpt2/refs`` also matches the route of a model ``gpt2/refs``;
    ``refs`` is not a valid repository name, so the path means the short id. A
    model ``gpt2/likers`` may exist, but only if an account is named ``gpt2``.
    """
    found = ShortRoutes([], [])
    pages = {
        route.path: route.endpoint for route in routes if isinstance(route, Route) and "GET" in (route.methods or ())
    }
    for route in routes:
        full = _FULL.fullmatch(route.path) if isinstance(route, Route) else None
        if full is None or not isinstance(route, Route):
            continue
        prefix, rest = full.groups()
        methods = sorted(route.methods or ())
        is_read = _SAFE.issuperset(methods) or _READING_POSTS.match(rest) is not None
        handler = _without_namespace(route.endpoint, is_read=is_read)
        word = rest.removeprefix("/").partition("/")[0]
        shadowed = pages.get(f"{prefix}{{namespace}}/{{name}}")
        # "datasets" is not a valid namespace: "/datasets/x/info/refs" never means a model "datasets/x".
        is_first = word in RESERVED or prefix not in ("/", *(f"/api/{kind.plural}/" for kind in VERSIONED_TYPES))
        if not is_first and shadowed is not None and rest == f"/{word}" and word:
            handler, is_first = _unless_account(handler, shadowed, word), True
        short = Route(f"{prefix}{{name}}{rest}", handler, methods=methods)
        (found.before if is_first else found.after).append(short)
    return found


def _without_namespace(handler: Handler, *, is_read: bool) -> Handler:
    """Return the handler for an id without a namespace; requests that change something do not follow aliases."""

    async def endpoint(request: Request) -> Any:  # noqa: ANN401 - any response of the handler
        params = request.path_params
        request.scope["path_params"] = {**params, "namespace": "", "name": params["name"] if is_read else ""}
        return await handler(request)

    return endpoint


def _unless_account(short: Handler, full: Handler, word: str) -> Handler:
    """Return a handler that treats ``x/word`` as a full id if an account is named ``x``, else as a short one."""

    async def endpoint(request: Request) -> Any:  # noqa: ANN401 - any response of the handlers
        state, name = app_state(request), decode_segment(request.path_params["name"])
        if request.method in _SAFE and await state.threads.run_short(
            aliases.is_account, state.hub, name, line=line_of(request.scope)
        ):
            request.scope["path_params"] = {**request.path_params, "namespace": name, "name": word}
            return await full(request)
        return await short(request)

    return endpoint
