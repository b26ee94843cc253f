"""Validation of a README before its upload, open to anyone.

Source: docs/protocols/hf_api.md, section 1A.5.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import InvalidName, Malformed
from entrepot.hub.jobs import cards
from entrepot.names import RepoType, parse_repo_type
from entrepot.server.bodies import read_pairs, read_small
from entrepot.server.handlers import MAX_JSON, app_state, decode_json, json_response
from entrepot.server.threads import line_of
from entrepot.wire.repos.cards import CardMessage, CardReport, CardRequest

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 16


def routes() -> list[BaseRoute]:
    """Return the route of the check."""
    return [Route("/api/validate-yaml", validate, methods=["POST"])]


async def validate(request: Request) -> Response:
    """Handle ``POST /api/validate-yaml``: return the errors and warnings of a README; 400 if it cannot be accepted."""
    card = await _read_body(request)
    kind = _kind(card.repo_type)
    threads = app_state(request).threads
    found = await threads.run_transfer(cards.validate, card.content, kind, line=line_of(request.scope))
    status = 400 if found.errors else 200
    if "text/plain" in request.headers.get("accept", ""):
        lines = [f"- Error: {text}" for text in found.errors] + [f"- Warning: {text}" for text in found.warnings]
        return PlainTextResponse("\n".join(lines), status)
    errors, warnings = ([CardMessage(message=text) for text in texts] for texts in (found.errors, found.warnings))
    return json_response(CardReport(errors=errors, warnings=warnings), status)


def _kind(text: str | None) -> RepoType:
    try:
        return parse_repo_type(text)
    except InvalidName:
        return RepoType.MODEL  # a repository type that this hub lacks is not an error of the card


async def _read_body(request: Request) -> CardRequest:
    """Return the request as JSON, or as form data (clients of 2024 and before)."""
    if not request.headers.get("content-type", "").startswith(_FORM):
        return decode_json(await read_small(request, MAX_JSON), CardRequest)
    form = dict(await read_pairs(request, MAX_JSON, _MAX_FIELDS))
    if "content" not in form:
        raise Malformed("form", "the field 'content' is missing")
    return CardRequest(content=form["content"], repo_type=form.get("repoType"))
