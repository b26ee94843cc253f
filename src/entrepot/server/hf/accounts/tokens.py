"""The caller's own tokens: ``/api/settings/tokens``: routes specific to this hub."""

from __future__ import annotations

import re

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from entrepot.hub.accounts import tokens
from entrepot.hub.accounts.tokens import KnownToken
from entrepot.server.handlers import call_hub, json_response, query_int, read_json
from entrepot.server.hf.pages import bad_cursor, link_to_name, name_after
from entrepot.server.raw_path import decode_segment
from entrepot.wire.accounts.tokens import FineGrained, OwnToken, Scoped, ScopeEntity, TokenCreation, TokenRenaming
from entrepot.wire.times import format_ms

_PATH = "/api/settings/tokens"
_POSITION = re.compile(r"([0-9]{1,18})\.([0-9a-f]{24})", re.ASCII)


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [
        Route(_PATH, list_tokens),
        Route(_PATH, create, methods=["POST"]),
        Route(f"{_PATH}/{{token}}", rename, methods=["POST"]),
        Route(f"{_PATH}/{{token}}", revoke, methods=["DELETE"]),
        Route(f"{_PATH}/{{token}}/rotate", rotate, methods=["POST"]),
    ]


async def list_tokens(request: Request) -> Response:
    """Serve a page of the caller's tokens, without secrets, oldest first."""
    limit = query_int(request, "limit", tokens.MAX_TOKENS, low=1, high=tokens.MAX_TOKENS)
    found = await call_hub(request, tokens.list_own, after=position_after(request), limit=limit)
    last = position_of(found[-1]) if len(found) == limit else None
    return json_response([render_token(item) for item in found], headers=link_to_name(request, last))


async def create(request: Request) -> Response:
    """Create a token; the response has its secret, which is not shown again."""
    body = await read_json(request, TokenCreation)
    made, known = await call_hub(request, tokens.create, tokens.draft_of(body))
    return json_response(render_token(known, made.secret), headers={"cache-control": "no-store"})


async def rename(request: Request) -> Response:
    """Rename a token."""
    body = await read_json(request, TokenRenaming)
    return json_response(render_token(await call_hub(request, tokens.rename, _uid(request), body.name)))


async def rotate(request: Request) -> Response:
    """Replace the secret of a token; the response has the new one, which is not shown again."""
    made, known = await call_hub(request, tokens.rotate, _uid(request))
    return json_response(render_token(known, made.secret), headers={"cache-control": "no-store"})


async def revoke(request: Request) -> Response:
    """Revoke a token."""
    await call_hub(request, tokens.revoke, _uid(request))
    return json_response({})


def position_after(request: Request) -> tuple[int, str] | None:
    """Return where the requested page of tokens begins; None means the start.

    Raises:
        Malformed: the cursor was not created by :func:`position_of`.
    """
    text = name_after(request)
    if not text:
        return None
    found = _POSITION.fullmatch(text)
    if found is None:
        raise bad_cursor()
    return int(found[1]), found[2]


def position_of(known: KnownToken) -> str:
    """Return the cursor of the page after a token."""
    return f"{known.token.created_ms}.{known.token.uid}"


def render_token(known: KnownToken, secret: str | None = None) -> OwnToken:
    """Return a token as its owner sees it."""
    token = known.token
    return OwnToken(
        id=token.uid,
        display_name=token.name,
        role=token.role,
        created_at=format_ms(token.created_ms),
        expires_at=None if token.expires_ms is None else format_ms(token.expires_ms),
        last_used_at=None if token.used_ms is None else format_ms(token.used_ms),
        fine_grained=render_scopes(known) or UNSET,
        token=UNSET if secret is None else secret,
    )


def render_scopes(known: KnownToken) -> FineGrained | None:
    """Return the scopes of a fine-grained token with the current names of their entities; None for other tokens."""
    if known.scopes is None:
        return None
    scoped = [
        Scoped(ScopeEntity(item.place.kind, item.name, item.place.uid), sorted(item.place.permissions))
        for item in known.places
    ]
    return FineGrained(scoped=scoped, everywhere=sorted(known.scopes.everywhere), reads_gated=known.scopes.reads_gated)


def _uid(request: Request) -> str:
    return decode_segment(request.path_params["token"])
