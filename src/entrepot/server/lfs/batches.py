"""The LFS batch: which large files must be uploaded, and from where they can be downloaded.

One batch has one transfer type, but clients interpret it differently.
huggingface_hub looks at each object: with ``chunk_size`` in its header it is
sent in parts, else whole. git-lfs picks one agent for the batch by the
top-level ``transfer``, and its multipart agent (that of huggingface_hub) needs
parts for every object. So if one object of a batch needs parts, every other
one becomes a single part: the part's URL takes the whole file, and the
completion only confirms that it has arrived.

A client that supports Xet is sent to the chunk store for every object: its
upload action holds a Xet token and the URL of the next one.

Source: huggingface_hub 2.4.0 and 0.21.4, ``lfs.py`` (lfs_upload); 2.4.0,
``cli/lfs.py`` (lfs_multipart_upload); git-lfs, ``tq/manifest.go``.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote, urlencode

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import InvalidName, Refused
from entrepot.hub.files import lfs, xet_tokens
from entrepot.hub.files.lfs import MultipartUpload, ObjectPlan, RequestedObject
from entrepot.hub.files.lfs_links import SignedUrl
from entrepot.names import RepoRef, RepoType, parse_sha256
from entrepot.server.handlers import base_url, call_hub, call_hub_slow, read_json, repo_of
from entrepot.server.lfs.lfs_errors import Handler
from entrepot.server.lfs.lfs_responses import lfs_response
from entrepot.server.xet.auth import render_token
from entrepot.wire.files.lfs import (
    BASIC,
    MULTIPART,
    XET,
    Action,
    Actions,
    BatchObject,
    BatchRequest,
    BatchResponse,
    LfsObject,
    ObjectFailure,
)
from entrepot.wire.times import format_ms

MAX_SIZE = 1 << 50
"""Maximum announced size of an object, in bytes."""

_HASHES = ("sha256", "sha_256")  # the second is sent by JavaScript clients


def batch(kind: RepoType) -> Handler:
    """Return the handler of ``POST …/objects/batch`` for one repository type."""

    async def batch(request: Request) -> Response:
        asked = await read_json(request, BatchRequest)
        if asked.hash_algo not in _HASHES:
            raise Refused(f"This hub names large files by sha256, not by {asked.hash_algo[:40]!r}")
        lfs.check_number(len(asked.objects))
        read = [_read(item) for item in asked.objects]
        wanted = [item for item in read if isinstance(item, RequestedObject)]
        ref = repo_of(request, kind)
        chunked = None
        if asked.operation == "upload":
            chunked = await _xet_action(request, ref, asked) if XET in asked.transfers else None
            takes_parts = chunked is None and MULTIPART in asked.transfers
            plan = await call_hub_slow(
                request, lfs.plan_uploads, ref, wanted, takes_parts=takes_parts, revision=_target(asked)
            )
        else:
            plan = await call_hub(request, lfs.plan_downloads, ref, wanted)
        writer = _BatchWriter(base_url(request), asked.operation, _needs_parts(plan), chunked)
        plans = iter(plan)
        objects = [item if isinstance(item, BatchObject) else writer.write(next(plans)) for item in read]
        return lfs_response(BatchResponse(writer.transfer, objects))

    return batch


def verify(kind: RepoType) -> Handler:
    """Return the handler of ``POST …/objects/verify`` for one repository type."""

    async def verify(request: Request) -> Response:
        named = await read_json(request, LfsObject)
        wanted = RequestedObject(parse_sha256(named.oid), named.size)
        await call_hub(request, lfs.verify, repo_of(request, kind), wanted)
        return lfs_response(named)

    return verify


def _target(asked: BatchRequest) -> str | None:
    """Return the branch of the later commit; None if the request names none, as for a new pull request."""
    return None if asked.ref is None else asked.ref.name.removeprefix("refs/heads/")


def _read(item: LfsObject) -> RequestedObject | BatchObject:
    """Return a valid request for an object, or the entry that refuses it."""
    try:
        sha256 = parse_sha256(item.oid)
    except InvalidName as error:
        return _refusal(item.oid, item.size, 422, error.message)
    if not 0 <= item.size <= MAX_SIZE:
        return _refusal(item.oid, item.size, 422, f"invalid size: expected 0 to {MAX_SIZE:,} bytes")
    return RequestedObject(sha256, item.size)


def _refusal(oid: str, size: int, code: int, message: str) -> BatchObject:
    return BatchObject(oid, size, error=ObjectFailure(code, message))


def _needs_parts(plan: Sequence[ObjectPlan]) -> bool:
    return any(isinstance(planned.link, MultipartUpload) for planned in plan)


async def _xet_action(request: Request, ref: RepoRef, asked: BatchRequest) -> Action:
    """Return the upload action for the chunk store, with a Xet token.

    Source: docs/protocols/hf_api.md, section 2.3; docs/protocols/xet.md, section 12.
    """
    target = _target(asked)
    base, issued = base_url(request), await call_hub(request, xet_tokens.issue_write, ref, target)
    query = "" if target is not None else "?create_pr=1"
    href = f"{base}/api/{ref.type.plural}/{ref.id}/xet-write-token/{quote(target or 'main', safe='')}{query}"
    headers = render_token(base, issued).headers() | {"X-Xet-Session-Id": str(uuid.uuid4())}
    return Action(href, headers, format_ms(issued.expires_s * 1000))


@attrs.frozen
class _BatchWriter:
    """Renders the objects of one batch; ``chunked`` is the action for Xet, for clients that support it.

    Uploads have no verify action, which would cost one request per file: an
    upload only succeeds after the bytes are durable, verified and linked.
    """

    base: str
    operation: Literal["upload", "download"]
    in_parts: bool
    chunked: Action | None = attrs.field(repr=False)

    @property
    def transfer(self) -> str:
        if self.chunked is not None:
            return XET
        return MULTIPART if self.in_parts else BASIC

    def write(self, planned: ObjectPlan) -> BatchObject:
        wanted = planned.wanted
        if planned.refusal is not None:
            return _refusal(wanted.sha256, wanted.size, *planned.refusal)
        if planned.link is None:
            return BatchObject(wanted.sha256, wanted.size, authenticated=True)
        return BatchObject(wanted.sha256, wanted.size, authenticated=True, actions=self._actions(planned))

    def _actions(self, planned: ObjectPlan) -> Actions:
        link = planned.link
        if self.chunked is not None:
            return Actions(upload=self.chunked)
        if isinstance(link, MultipartUpload):
            return Actions(upload=self._in_parts(link.part_size, link.links, link.complete))
        assert link is not None
        if self.operation == "download":
            return Actions(download=self._in_one(link))
        # Every client that counts parts gets zero for an empty file.
        if self.in_parts and planned.wanted.size:
            return Actions(upload=self._in_parts(planned.wanted.size, [link], link))
        return Actions(upload=self._in_one(link))

    def _in_one(self, link: SignedUrl) -> Action:
        return Action(self._url(link), {}, format_ms(link.expires_ms))

    def _in_parts(self, part_size: int, parts: Sequence[SignedUrl], complete: SignedUrl) -> Action:
        # The agent of git-lfs sorts parts by their keys as text.
        urls = {f"{number:05}": self._url(part) for number, part in enumerate(parts, 1)}
        return Action(self._url(complete), {"chunk_size": str(part_size)} | urls, format_ms(complete.expires_ms))

    def _url(self, link: SignedUrl) -> str:
        return f"{self.base}{link.path}?{urlencode(link.query)}"
