"""Uploads of large files over signed URLs: whole files and parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import ContentMismatch, Malformed, ThingNotFound
from entrepot.hub.files import lfs, multipart_uploads, small_arrivals
from entrepot.hub.files.small_arrivals import ReceivedFile
from entrepot.server.bodies import announced_size, read_small, receive_into
from entrepot.server.handlers import app_state, read_json
from entrepot.server.lfs.lfs_responses import lfs_response
from entrepot.server.threads import line_of
from entrepot.wire.files.lfs import Completion

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class IncomingBytes(Protocol[T_co]):
    """A file or part that is being received."""

    @property
    def size(self) -> int:
        """The announced number of bytes."""

    def write(self, data: bytes) -> None:
        """Write the next bytes."""

    def finish(self) -> T_co:
        """Store the received bytes."""

    def discard(self) -> None:
        """Discard the received bytes; no effect after ``finish``."""


async def put_whole(request: Request) -> Response:
    """Handle ``PUT /_lfs/objects/{oid}``: receive a whole file."""
    oid, query = request.path_params["oid"], dict(request.query_params)
    state = app_state(request)
    size = announced_size(request.scope, None)
    if size is not None and size <= small_arrivals.LARGEST and small_arrivals.takes(state.hub):
        arrival = lfs.announced(state.hub, oid, query)
        if size == arrival.size:
            body = await read_small(request, size)
            await state.small_files.run(ReceivedFile(arrival, body))
            return Response(headers={"etag": f'"{oid}"'})
    await take_in(request, lambda: lfs.receive(state.hub, oid, query))
    return Response(headers={"etag": f'"{oid}"'})


async def confirm_whole(request: Request) -> Response:
    """Handle ``POST /_lfs/objects/{oid}``: complete a file that was sent as a single part."""
    done = await read_json(request, Completion)
    state = app_state(request)
    await state.threads.run_short(
        lfs.confirm, state.hub, request.path_params["oid"], dict(request.query_params), line=line_of(request.scope)
    )
    return lfs_response(done)


async def put_part(request: Request) -> Response:
    """Handle ``PUT /_lfs/uploads/{upload}/{number}``: receive one part; the completion needs its ETag."""
    upload, query = request.path_params["upload"], dict(request.query_params)
    number = _part_number(request.path_params["number"])
    hub = app_state(request).hub
    etag = await take_in(request, lambda: multipart_uploads.receive_part(hub, upload, number, query))
    return Response(headers={"etag": f'"{etag}"'})


async def complete(request: Request) -> Response:
    """Handle ``POST /_lfs/uploads/{upload}``: assemble the parts."""
    done = await read_json(request, Completion)
    etags = {part.number: part.etag for part in done.parts}
    if len(etags) != len(done.parts):
        raise Malformed("completion", "a part is named twice")
    state = app_state(request)
    # On the threads for long work: the whole file is hashed.
    await state.threads.run_transfer(
        multipart_uploads.complete,
        state.hub,
        request.path_params["upload"],
        dict(request.query_params),
        etags,
        line=line_of(request.scope),
    )
    return lfs_response(done)


async def take_in(request: Request, begin: Callable[[], IncomingBytes[T]]) -> T:
    """Receive the body of a request, completely or not at all.

    Args:
        begin: called in a thread before any of the body is read.

    Returns:
        The result of ``finish``.

    Raises:
        ContentMismatch: the body does not have the announced length; if
            ``Content-Length`` already says so, the body is not read.
        ClientGone: the peer closed the connection before the end.
        Whatever ``begin``, ``write`` and ``finish`` raise.

    Guarantees: if this fails or is cancelled, ``discard`` has been called on
    the result of ``begin``.
    """
    threads, line = app_state(request).threads, line_of(request.scope)
    begun: list[IncomingBytes[T]] = []
    try:
        await threads.run_transfer(lambda: begun.append(begin()), line=line)
        arriving = begun[0]
        announced = announced_size(request.scope, None)
        if announced is not None and announced != arriving.size:
            raise ContentMismatch("size", f"{arriving.size:,} bytes", f"a body of {announced:,} bytes")
        await receive_into(
            request.receive, arriving.write, limit=None, expected=arriving.size, threads=threads, line=line
        )
        return await threads.run_transfer(arriving.finish, line=line)
    except BaseException:
        for arriving in begun:
            await threads.run_transfer(arriving.discard, line=line)
        raise


def _part_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII):
        raise ThingNotFound("part", text)
    return int(text)
