"""Responses of the LFS API."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from entrepot.wire.files.lfs import MEDIA_TYPE, encode


def lfs_response(value: msgspec.Struct, status: int = 200) -> Response:
    """Return a response in the media type of git-lfs.

    Source: docs/protocols/hf_api.md, section 2.3.
    """
    return Response(encode(value), status, media_type=MEDIA_TYPE)
