"""Contents from the chunk store of a hub, in order from any offset, with ``hf_xet``.

Plain GET is the default: on a good connection it is as fast, and
uses less CPU time and memory. The chunk store is used for files too large for
one connection, because ``hf_xet`` downloads ranges in parallel.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from entrepot.client.calls import xet
from entrepot.client.hubs import Hub
from entrepot.errors.redactions import redact
from entrepot.names import RepoRef

if TYPE_CHECKING:
    import hf_xet

FROM_BYTES = 8 << 30
"""Files of at least this many bytes are downloaded in chunks."""

_PIECE = 4 << 20
_LOCK = threading.Lock()
_SESSIONS: dict[int, hf_xet.XetSession] = {}


class ChunksUnavailable(Exception):
    """The chunk store cannot provide the file at present."""


def is_wanted(hub: Hub, size: int | None, xet_hash: str | None) -> bool:
    """Return whether a file should be downloaded in chunks."""
    return (
        xet_hash is not None
        and size is not None
        and size >= FROM_BYTES
        and not hub.paths.disable_xet
        and importlib.util.find_spec("hf_xet") is not None
    )


def pieces(hub: Hub, ref: RepoRef, commit: str, xet_hash: str, size: int, start: int) -> Iterator[bytes]:
    """Yield the bytes of a file from ``start`` on, in pieces of at most 4 MiB.

    Raises:
        ChunksUnavailable: the chunk store failed in any way.
        HubFailure, HubUnreachable, HubTimeout: the hub does not issue a token.
    """
    import hf_xet

    call = xet.read_token(ref, commit)
    given = hub.send(call)
    headers = {"authorization": f"Bearer {hub.token}"} if hub.token else {}
    try:
        group = _session().new_download_stream_group(
            endpoint=given.cas_url,
            token=given.access_token,
            token_expiry_unix_secs=given.exp,
            token_refresh_url=f"{hub.endpoint}{call.path}",
            token_refresh_headers=headers,
        )
        for large in group.download_stream(hf_xet.XetFileInfo(xet_hash, size), start=start, end=size):
            start += len(large)
            for at in range(0, len(large), _PIECE):
                yield large[at : at + _PIECE]
    except (RuntimeError, OSError, ValueError) as error:
        raise ChunksUnavailable(redact(str(error))) from None
    if start < size:  # reading an unknown file from an offset ends without an error
        raise ChunksUnavailable("the file ended too early")


def _session() -> hf_xet.XetSession:
    import hf_xet

    # A fork does not copy the threads of a session.
    with _LOCK:
        number = os.getpid()
        if number not in _SESSIONS:
            _SESSIONS.clear()
            _SESSIONS[number] = hf_xet.XetSession()
        return _SESSIONS[number]
