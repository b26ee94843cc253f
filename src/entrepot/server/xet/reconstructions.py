"""Reconstructions: the chunks of a file or of a range of it. Source: docs/protocols/xet.md, section 7.2."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import Malformed
from entrepot.hub.context import HubContext
from entrepot.hub.files import reconstructions
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.names import XetHash
from entrepot.server.client_addresses import client_address
from entrepot.server.handlers import app_state, base_url, json_response
from entrepot.server.xet.auth import authorised_call, hash_of
from entrepot.wire.files.xet import FetchInfo, Reconstruction, Span, TermInfo, second_version

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{1,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


async def plan_v1(request: Request) -> Response:
    """Serve ``GET reconstructions/{file}``, with or without ``Range``."""
    return json_response(await _plan(request))


async def plan_v2(request: Request) -> Response:
    """Serve ``GET /v2/reconstructions/{file}``, with or without ``Range``."""
    return json_response(second_version(await _plan(request)))


async def _plan(request: Request) -> Reconstruction:
    first, last = read_range(request.headers.get("range"))
    settings = app_state(request).hub.settings
    is_direct = settings.reaches_bucket(client_address(request.scope, settings))
    return await authorised_call(
        request, _RangeRequest(base_url(request), hash_of(request), first, last, is_direct).run
    )


def read_range(header: str | None) -> tuple[int, int | None]:
    """Return the first and last byte (inclusive; None means the end) of a ``Range`` header.

    Raises:
        Malformed: the header is not a single range with a start: a client
            that got the whole file instead would write a wrong file.
    """
    if header is None:
        return 0, None
    found = _RANGE.fullmatch(header)
    if found is None:
        raise Malformed("Range header", "expected 'bytes=first-last'")
    first, last = int(found[1]), int(found[2]) if found[2] else None
    if last is not None and last < first:
        raise Malformed("Range header", "its last byte comes before its first")
    return first, last


@attrs.frozen
class _RangeRequest:
    """A request for a reconstruction; :meth:`run` is called in a thread."""

    base: str
    file: XetHash
    first: int
    last: int | None
    is_direct: bool

    def run(self, hub: HubContext, given: XetToken) -> Reconstruction:
        """Return the reconstruction, with URLs of the bucket where the caller may have them."""
        asked = (given, self.file, self.first, self.last)
        if self.is_direct:
            direct = reconstructions.reconstruct_directly(hub, *asked)
            if direct is not None:
                return _render_direct(direct)
        return self._render(reconstructions.reconstruct(hub, *asked))

    def _render(self, found: reconstructions.LinkedParts) -> Reconstruction:
        """Return each part as a xorb of its own."""
        whole = [Span(0, part.count) for part in found.parts]
        terms = [
            TermInfo(hash=part.name, unpacked_length=part.unpacked, range=span)
            for part, span in zip(found.parts, whole, strict=True)
        ]
        fetches: dict[str, list[FetchInfo]] = {
            part.name: [
                FetchInfo(
                    range=span,
                    url=f"{self.base}{part.path}?{urlencode(part.query)}",
                    url_range=Span(0, part.size - 1),
                )
            ]
            for part, span in zip(found.parts, whole, strict=True)
        }
        return Reconstruction(offset_into_first_range=found.skip, terms=terms, fetch_info=fetches)


def _render_direct(found: reconstructions.DirectPlan) -> Reconstruction:
    plan = found.plan
    fetches: dict[str, list[FetchInfo]] = {
        fetch.xorb: [
            FetchInfo(
                range=Span(part.start, part.end),
                url=found.urls[fetch.xorb, part.first_byte],
                url_range=Span(part.first_byte, part.last_byte),
            )
            for part in fetch.ranges
        ]
        for fetch in plan.fetches
    }
    terms = [
        TermInfo(hash=term.xorb, unpacked_length=term.unpacked, range=Span(term.start, term.end)) for term in plan.terms
    ]
    return Reconstruction(offset_into_first_range=plan.skip, terms=terms, fetch_info=fetches)
