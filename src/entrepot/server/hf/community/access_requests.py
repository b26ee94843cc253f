"""Gated repositories: requests for access, and decisions on them.

Source: docs/protocols/hf_api.md, section 1B.4; ``/api/…/ask-access`` is specific to this
hub, for callers without a browser.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from entrepot.errors import Malformed
from entrepot.hub.community import access_requests
from entrepot.hub.community.access_requests import STATUSES, Gate, RequestWithUser
from entrepot.names import VERSIONED_TYPES, RepoRef, RepoType
from entrepot.server.bodies import read_pairs, read_small
from entrepot.server.handlers import app_state, call_hub, json_response, next_link, query_int, read_json, repo_of
from entrepot.server.hf.accounts.people import AvatarUrl, avatar_urls
from entrepot.server.hf.pages import parse_cursor, render_cursor
from entrepot.server.hf.repo_routes import repo_routes
from entrepot.server.hf.repos.repo_json import render_gate
from entrepot.server.public_urls import path_prefix
from entrepot.wire.community.access_requests import (
    AccessRequestInfo,
    Decision,
    DecisionOutcome,
    Decisions,
    GateField,
    GateInfo,
    GateOption,
    Grant,
    OwnRequest,
    Requester,
)
from entrepot.wire.times import format_ms

PAGE = 1000
"""Requests per page, as maximum and default: early clients read one page only."""

_MAX_FORM = 256 << 10
_MAX_FIELDS = 1000
_BASE = "user-access-request"
_COLUMNS = ("user", "fullname", "email", "status", "timestamp")


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    pages = [
        route
        for kind in VERSIONED_TYPES
        for route in (
            Route(f"/{kind.prefix}{{namespace}}/{{name}}/ask-access", _page(kind, request_on_page), methods=["POST"]),
            Route(f"/{kind.prefix}{{namespace}}/{{name}}/user-access-report", _page(kind, report)),
        )
    ]
    return [
        *(route for status in STATUSES for route in repo_routes("GET", f"{_BASE}/{status}", _lister(status))),
        *repo_routes("POST", f"{_BASE}/handle", decide),
        *repo_routes("POST", f"{_BASE}/grant", grant),
        *repo_routes("POST", f"{_BASE}/batch", decide_many),
        *repo_routes("POST", f"{_BASE}/cancel", cancel),
        *repo_routes("GET", "ask-access", describe),
        *repo_routes("POST", "ask-access", request_access),
        *pages,
    ]


async def describe(request: Request, ref: RepoRef) -> Response:
    """Serve the gate, its form and the caller's own request."""
    return json_response(render_form(await call_hub(request, access_requests.describe, ref)))


async def request_access(request: Request, ref: RepoRef) -> Response:
    """Request access; the body holds the answers to the gate's form, as JSON or as form data."""
    made = await call_hub(request, access_requests.request_access, ref, await read_answers(request))
    return json_response(OwnRequest(request_id=made.uid, status=made.status, timestamp=format_ms(made.requested_ms)))


async def request_on_page(request: Request, ref: RepoRef) -> Response:
    """As :func:`request_access`, for web pages: form data is answered with a redirect to the repository's page."""
    answer = await request_access(request, ref)
    if _is_json(request):
        return answer
    return RedirectResponse(f"{path_prefix(app_state(request).hub.settings)}/{ref.path}", 303)


async def cancel(request: Request, ref: RepoRef) -> Response:
    """Withdraw the caller's own request."""
    await call_hub(request, access_requests.cancel, ref)
    return json_response({})


async def decide(request: Request, ref: RepoRef) -> Response:
    """Accept or reject one request, or reset it to pending."""
    body = await read_json(request, Decision)
    requester = access_requests.RequesterId(user=body.user, request_id=body.request_id)
    await call_hub(request, access_requests.decide, ref, requester, body.status, body.rejection_reason)
    return json_response({})


async def grant(request: Request, ref: RepoRef) -> Response:
    """Grant a user access, with or without a request."""
    body = await read_json(request, Grant)
    await call_hub(request, access_requests.grant, ref, body.user)
    return json_response({})


async def decide_many(request: Request, ref: RepoRef) -> Response:
    """Apply one decision to several requests; the response reports the outcome of each."""
    body = await read_json(request, Decisions)
    askers = [access_requests.RequesterId(user=item.user, user_id=item.user_id) for item in body.requests]
    outcomes = await call_hub(request, access_requests.decide_many, ref, askers, body.status, body.rejection_reason)
    return json_response(
        [
            DecisionOutcome(item.requester.name, item.error is None, None if item.error is None else item.error.message)
            for item in outcomes
        ]
    )


async def report(request: Request, ref: RepoRef) -> Response:
    """Serve all requests for the repository as CSV, with a column for each form field."""
    text = render_csv(await call_hub(request, access_requests.report, ref))
    name = f"access-report-{ref.id.namespace}-{ref.id.name}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-store"}
    return Response(text, headers=headers, media_type="text/csv; charset=utf-8")


def render_request(asked: RequestWithUser, avatar_url: AvatarUrl) -> AccessRequestInfo:
    """Return a request as its reviewers see it."""
    request, user = asked.request, asked.user
    return AccessRequestInfo(
        user=Requester(
            uid=user.uid,
            user=user.name,
            fullname=user.fullname,
            avatar_url=avatar_url(user.name),
            email=user.email if request.fields is not None else None,
        ),
        request_id=request.uid,
        status=request.status,
        timestamp=format_ms(request.requested_ms),
        fields=request.fields or UNSET,
        rejection_reason=request.reason or UNSET,
    )


def render_form(gate: Gate) -> GateInfo:
    """Return a gate as a requester sees it."""
    form, own = gate.form, gate.request
    return GateInfo(
        gated=render_gate(gate.kind),
        access=gate.is_open,
        prompt=form.prompt,
        heading=form.heading,
        button=form.button,
        fields=[
            GateField(field.name, field.kind, [GateOption(option.label, option.value) for option in field.options])
            for field in form.fields
        ],
        request=None
        if own is None
        else OwnRequest(
            request_id=own.uid,
            status=own.status,
            timestamp=format_ms(own.requested_ms),
            rejection_reason=own.reason or UNSET,
        ),
    )


def render_csv(items: Sequence[RequestWithUser]) -> str:
    """Return requests as CSV with a header row; cells are escaped so that spreadsheets do not run them as formulas."""
    shapes = [render_request(item, str) for item in items]  # the table has no pictures
    answers = [{} if shape.fields is UNSET else shape.fields for shape in shapes]
    names = list(dict.fromkeys(name for fields in answers for name in fields))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_cells((*_COLUMNS, *names)))
    for shape, fields in zip(shapes, answers, strict=True):
        user = shape.user
        own = (user.user or "", user.fullname or "", user.email or "", shape.status, shape.timestamp)
        writer.writerow(_cells((*own, *(str(fields.get(name, "")) for name in names))))
    return text.getvalue()


async def read_answers(request: Request) -> Mapping[str, object]:
    """Return the form answers in a body: a JSON object or form data.

    Raises:
        Malformed: the body is neither.
        LimitExceeded: the body has more than 256 KiB.
    """
    if not _is_json(request):
        return dict(await read_pairs(request, _MAX_FORM, _MAX_FIELDS))
    body = await read_small(request, _MAX_FORM)
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("body", f"expected the fields of the form ({error})") from None


def _lister(status: str) -> Callable[[Request, RepoRef], Awaitable[Response]]:
    """Serve a page of the access requests in one state."""

    async def endpoint(request: Request, ref: RepoRef) -> Response:
        cursor = request.query_params.get("cursor")
        after = parse_cursor(cursor) if cursor else None
        limit = query_int(request, "limit", PAGE, low=1, high=PAGE)
        page = await call_hub(request, access_requests.list_requests, ref, status, after=after, limit=limit)
        headers = {"link": next_link(request, {"cursor": render_cursor(page.after)})} if page.after else None
        avatar_url = avatar_urls(request)
        return json_response([render_request(item, avatar_url) for item in page.items], headers=headers)

    return endpoint


def _page(
    kind: RepoType, handler: Callable[[Request, RepoRef], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await handler(request, repo_of(request, kind))

    return endpoint


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "")


def _cells(values: Iterable[str]) -> list[str]:
    return [f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value for value in values]
