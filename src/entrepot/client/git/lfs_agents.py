"""The transfer agent that git-lfs starts to upload files in parts; it exchanges one JSON message per line.

Source: git-lfs, docs/custom-transfers.md; docs/protocols/hf_api.md, section 2.3.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import msgspec

from entrepot.client.calls import lfs
from entrepot.client.git.git_commands import origin_of
from entrepot.client.parallel import run_parallel
from entrepot.client.sources import PathSource
from entrepot.client.transport import Transport
from entrepot.client.uploads.lfs_uploads import again
from entrepot.errors import EntrepotError, Malformed
from entrepot.wire.files.lfs import CompletedPart

Say = Callable[[bytes], None]

_THREADS = 4
_REPORT = 1 << 20
_REFUSED = 1


class _Init(msgspec.Struct, tag_field="event", tag="init"):
    operation: str


class _Action(msgspec.Struct):
    href: str
    header: dict[str, str] = {}


class _Upload(msgspec.Struct, tag_field="event", tag="upload"):
    oid: str
    size: int
    path: str
    action: _Action | None = None


class _Download(msgspec.Struct, tag_field="event", tag="download"):
    oid: str


class _Terminate(msgspec.Struct, tag_field="event", tag="terminate"):
    pass


_Message = _Init | _Upload | _Download | _Terminate
_DECODER: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)


def serve(incoming: Iterable[bytes], say: Say, *, user_agent: str) -> None:
    """Process requests of git-lfs until it terminates the agent.

    If a file cannot be sent, the response contains the reason, and git-lfs
    continues with the next file.

    Args:
        incoming: the lines that git-lfs writes.
        say: writes one line to git-lfs and flushes it.
        user_agent: value of the ``User-Agent`` header.

    Raises:
        Malformed: a line is not a message of the protocol.
    """
    transports: dict[str, Transport] = {}
    try:
        for line in incoming:
            message = _read(line)
            if isinstance(message, _Terminate):
                return
            if isinstance(message, _Init):
                _greet(message, say)
            elif isinstance(message, _Download):
                _complete(message.oid, say, "this agent supports uploads only")
            else:
                _answer(message, say, transports, user_agent)
    finally:
        for transport in transports.values():
            transport.close()


def _read(line: bytes) -> _Message:
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError as error:
        raise Malformed("message of git-lfs", str(error)) from error


def _greet(message: _Init, say: Say) -> None:
    if message.operation == "upload":
        say(b"{}\n")
    else:
        say(_line({"error": {"code": _REFUSED, "message": "this agent supports uploads only"}}))


def _answer(message: _Upload, say: Say, transports: dict[str, Transport], user_agent: str) -> None:
    if message.action is None:
        return _complete(message.oid, say, "the hub did not send an upload URL")
    origin = origin_of(message.action.href)
    transport = transports.setdefault(origin, Transport(origin, user_agent=user_agent))
    try:
        _Parts(message, message.action, transport, say).send()
    except EntrepotError as error:
        return _complete(message.oid, say, str(error))
    return _complete(message.oid, say, None)


class _Parts:
    """The upload of one file, four parts at a time."""

    def __init__(self, message: _Upload, action: _Action, transport: Transport, say: Say) -> None:
        self._oid = message.oid
        self._action = action
        self._transport = transport
        self._say = say
        self._source = PathSource.at(message.path)
        self._length, self._urls = _plan(action, self._source.size)
        self._sent = [0] * len(self._urls)
        self._reported = 0
        self._lock = threading.Lock()

    def send(self) -> None:
        self._report(0)  # git-lfs starts no other file before the first progress message
        parts = list(run_parallel(self._put, range(len(self._urls)), _THREADS))
        self._transport.send(lfs.complete(self._action.href, self._oid, parts))

    def _put(self, index: int) -> CompletedPart:
        start = index * self._length
        size = min(self._length, self._source.size - start)
        answer = again(
            lambda: self._transport.upload(
                "PUT", self._urls[index], self._metered(index, start, size), size=size, subject=self._source.label
            )
        )
        return CompletedPart(index + 1, answer.headers.get("etag", ""))

    def _metered(self, index: int, start: int, size: int) -> Iterator[bytes]:
        sent = 0
        for piece in self._source.pieces(start, size):
            yield piece
            sent += len(piece)
            with self._lock:
                # A part that is sent again is not counted twice, and progress never decreases.
                self._sent[index] = max(self._sent[index], sent)
                total = sum(self._sent)
                if total - self._reported >= _REPORT or total == self._source.size:
                    self._report(total)

    def _report(self, total: int) -> None:
        since, self._reported = total - self._reported, total
        self._say(_line({"event": "progress", "oid": self._oid, "bytesSoFar": total, "bytesSinceLast": since}))


def _plan(action: _Action, size: int) -> tuple[int, list[str]]:
    """Return the length of a part and the URL of each; parts are ordered by their numeric keys."""
    length = action.header.get("chunk_size", "")
    keys = sorted((key for key in action.header if key.isdigit()), key=int)
    if not length.isdigit() or int(length) == 0 or len(keys) != -(-size // int(length)):
        raise Malformed("response of the hub", "the parts do not cover the file")
    return int(length), [action.header[key] for key in keys]


def _complete(oid: str, say: Say, reason: str | None) -> None:
    message: dict[str, object] = {"event": "complete", "oid": oid}
    if reason is not None:
        message["error"] = {"code": _REFUSED, "message": reason}
    say(_line(message))


def _line(message: dict[str, object]) -> bytes:
    return msgspec.json.encode(message) + b"\n"
