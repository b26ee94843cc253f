"""JSON of the Git LFS batch API: requests of the client and responses of the hub.

Source: git-lfs, docs/api/batch.md and docs/api/basic-transfers.md; the
multipart transfer is the one of huggingface_hub (docs/protocols/hf_api.md, section 2.3).
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

MEDIA_TYPE = "application/vnd.git-lfs+json"
"""The media type of every body here, except the contents of the files."""

BASIC = "basic"
MULTIPART = "multipart"
XET = "xet"


class LfsObject(Struct, frozen=True):
    """A large file as the client describes it; neither field is validated yet."""

    oid: str
    size: int


class LfsRef(Struct, frozen=True):
    """The branch of an upload, as a short name (``main``) or a full one (``refs/heads/main``)."""

    name: str = "main"


class BatchRequest(Struct, frozen=True):
    """Objects to upload or download; ``transfers`` lists the adapters that the client supports besides ``basic``."""

    operation: Literal["upload", "download"]
    objects: list[LfsObject]
    transfers: list[str] = []
    hash_algo: str = "sha256"
    ref: LfsRef | None = None


class Action(Struct, frozen=True):
    """One request for the client to send: its URL, its headers, and its expiry (ISO 8601 with ``Z``).

    In a multipart upload ``href`` completes it, and ``header`` holds
    ``chunk_size`` and, keyed by number, the URL of each part.
    """

    href: str
    header: dict[str, str]
    expires_at: str | UnsetType = UNSET


class Actions(Struct, frozen=True):
    """The actions for one object; only other hubs than this one request ``verify``, after an upload."""

    upload: Action | UnsetType = UNSET
    download: Action | UnsetType = UNSET
    verify: Action | UnsetType = UNSET


class ObjectFailure(Struct, frozen=True):
    """The reason why one object was refused, as an HTTP status and a sentence."""

    code: int
    message: str


class BatchObject(Struct, frozen=True):
    """The response for one object; without ``actions`` and ``error`` the client has nothing left to do.

    The JSON omits absent fields: a client fails on ``"actions": null``.
    """

    oid: str
    size: int
    authenticated: bool | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET
    error: ObjectFailure | UnsetType = UNSET


class BatchResponse(Struct, frozen=True):
    """The response for all objects, in the order of the request."""

    transfer: str
    objects: list[BatchObject]
    hash_algo: str = "sha256"


class CompletedPart(Struct, frozen=True):
    """One uploaded part, with the ``ETag`` of the response to its upload (quotes included)."""

    number: int = field(name="partNumber")
    etag: str


class Completion(Struct, frozen=True):
    """The request that completes a multipart upload."""

    oid: str
    parts: list[CompletedPart] = []


class Failure(Struct, frozen=True):
    """Body of an error; git-lfs shows ``message``, huggingface_hub reads ``error``."""

    error: str
    message: str


def encode(value: Struct) -> bytes:
    """Encode any of these shapes as JSON."""
    return msgspec.json.encode(value)
