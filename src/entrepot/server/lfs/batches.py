"""The LFS batch: which large files are to be sent, from where they can be fetched.

One batch has one transfer, but clients disagree on who it speaks to.
huggingface_hub looks at each object: with ``chunk_size`` in its header it goes
in parts, without in one piece. git-lfs picks one agent for the batch by the
top-level ``transfer``, and its multipart agent (that of huggingface_hub) needs
parts for every object. So if one object of a batch needs parts, every other
one is answered as a single part that is the whole file: its part is the link
for the whole file, and its completion only confirms that it has arrived.

A client that knows Xet is sent to the chunk store with every object: its
upload action holds a pass, and says where to fetch the next one.

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
from entrepot.hub.files.lfs import MultipartUpload, ObjectPlan, RequestedObject, SignedUrl
from entrepot.names import RepoRef, RepoType, parse_sha256
from entrepot.server.handlers import base_url, call_hub, call_hub_slow, read_json, repo_of
from entrepot.server.lfs.lfs_errors import Handler
from entrepot.server.xet.auth import render_token
from entrepot.wire.files.lfs import (
    BASIC,
    MEDIA_TYPE,
    MULTIPART,
    XET,
    Action,
    Actions,
    BatchObject,
    BatchRequest,
    BatchResponse,
    LfsObject,
    ObjectFailure,
    encode,
)
from entrepot.wire.times import format_ms

MAX_SIZE = 1 << 50
"""Largest size, in bytes, that an object may announce."""

_HASHES = ("sha256", "sha_256")  # the second is what JavaScript clients have sent


def batch(kind: RepoType) -> Handler:
    """POST …/objects/batch of one repository type."""

    async def batch(request: Request) -> Response:
        asked = await read_json(request, BatchRequest)
        if asked.hash_algo not in _HASHES:
            raise Refused(f"This hub names large files by sha256, not by {asked.hash_algo[:40]!r}")
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
        answers = iter(plan)
        objects = [item if isinstance(item, BatchObject) else writer.write(next(answers)) for item in read]
        return _json(BatchResponse(writer.transfer, objects))

    return batch


def verify(kind: RepoType) -> Handler:
    """POST …/objects/verify of one repository type."""

    async def verify(request: Request) -> Response:
        named = await read_json(request, LfsObject)
        wanted = RequestedObject(parse_sha256(named.oid), named.size)
        await call_hub(request, lfs.verify, repo_of(request, kind), wanted)
        return _json(named)

    return verify


def _target(asked: BatchRequest) -> str | None:
    """Where the files shall be committed; None when nothing is said, as for a pull request to come."""
    return None if asked.ref is None else asked.ref.name.removeprefix("refs/heads/")


def _read(item: LfsObject) -> RequestedObject | BatchObject:
    """An object that can be planned, or the answer that it can not be."""
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
    return any(isinstance(answer.link, MultipartUpload) for answer in plan)


async def _xet_action(request: Request, ref: RepoRef, asked: BatchRequest) -> Action:
    """Where the chunk store is, with a pass for it.

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
    """Writes the answers of one batch; ``chunked`` is the upload through Xet, for clients that know it.

    No upload is to be verified afterwards, which costs a request a file: bytes
    are only accepted when they are durable, have their sha256 and are linked.
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

    def write(self, answer: ObjectPlan) -> BatchObject:
        wanted = answer.wanted
        if answer.refusal is not None:
            return _refusal(wanted.sha256, wanted.size, *answer.refusal)
        if answer.link is None:
            return BatchObject(wanted.sha256, wanted.size, authenticated=True)
        return BatchObject(wanted.sha256, wanted.size, authenticated=True, actions=self._actions(answer))

    def _actions(self, answer: ObjectPlan) -> Actions:
        link = answer.link
        if self.chunked is not None:
            return Actions(upload=self.chunked)
        if isinstance(link, MultipartUpload):
            return Actions(upload=self._in_parts(link.part_size, link.links, link.complete))
        assert link is not None
        if self.operation == "download":
            return Actions(download=self._in_one(link))
        # An empty file has no parts at all, for every client that counts them.
        if self.in_parts and answer.wanted.size:
            return Actions(upload=self._in_parts(answer.wanted.size, [link], link))
        return Actions(upload=self._in_one(link))

    def _in_one(self, link: SignedUrl) -> Action:
        return Action(self._url(link), {}, format_ms(link.expires_ms))

    def _in_parts(self, part_size: int, parts: Sequence[SignedUrl], complete: SignedUrl) -> Action:
        # The agent of git-lfs takes parts in the order of their keys as text.
        urls = {f"{number:05}": self._url(part) for number, part in enumerate(parts, 1)}
        return Action(self._url(complete), {"chunk_size": str(part_size)} | urls, format_ms(complete.expires_ms))

    def _url(self, link: SignedUrl) -> str:
        return f"{self.base}{link.path}?{urlencode(link.query)}"


def _json(value: BatchResponse | LfsObject) -> Response:
    return Response(encode(value), media_type=MEDIA_TYPE)
