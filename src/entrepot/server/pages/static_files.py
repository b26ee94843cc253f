"""The files that pages need beside HTML: stylesheet, icons, mark, scripts; under a URL that changes with their content.

The scripts below ``vendor`` are copies of npm packages: ``vendor/vendor.json`` names
them with versions, licences and hashes.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from pathlib import Path

import attrs
from starlette.requests import Request
from starlette.responses import Response

from entrepot.errors import ThingNotFound
from entrepot.server.compression import accepts_gzip

FOLDER = Path(__file__).parent / "static"
_SCRIPT = "text/javascript; charset=utf-8"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": _SCRIPT, ".mjs": _SCRIPT}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_WORKERS = {"upload-client.mjs": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"}
"""The policies of scripts that run in workers: those of a page do not count there."""

_FOREVER = "public, max-age=31536000, immutable"


@attrs.frozen
class StaticFile:
    """A file of a media type."""

    content_type: str
    data: bytes = attrs.field(repr=False)


@functools.cache
def static_files() -> dict[str, StaticFile]:
    """Return the static files by their path; they are read once."""
    return {
        path.relative_to(FOLDER).as_posix(): StaticFile(_TYPES[path.suffix], path.read_bytes())
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }


@functools.cache
def packed(name: str) -> bytes:
    """Return a static file packed by gzip, once."""
    return gzip.compress(static_files()[name].data, 9, mtime=0)


@functools.cache
def version() -> str:
    """Return the part of the URL that stands for the content of all static files."""
    total = hashlib.sha256()
    for name, file in static_files().items():
        total.update(f"{name} {len(file.data)}\n".encode() + file.data)
    return total.hexdigest()[:16]


@functools.cache
def integrity(name: str) -> str:
    """Return the hash of a static file in the form of ``integrity`` attributes and security policies."""
    return "sha256-" + base64.b64encode(hashlib.sha256((FOLDER / name).read_bytes()).digest()).decode()


async def send_static(request: Request) -> Response:
    """Serve one static file, to be kept forever.

    Raises:
        ThingNotFound: it does not exist, or had other content in another version of the hub.
    """
    params = request.path_params
    file = static_files().get(params["file"]) if params["version"] == version() else None
    if file is None:
        raise ThingNotFound("static file", params["file"])
    headers = {
        "cache-control": _FOREVER,
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
        "content-security-policy": _WORKERS.get(params["file"], _POLICY),
    }
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(packed(params["file"]), 200, {**headers, "content-encoding": "gzip"}, file.content_type)
    return Response(file.data, 200, headers, file.content_type)
