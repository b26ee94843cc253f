"""Git LFS batches as JSON: what a client asks and what the hub answers.

Source: git-lfs, docs/api/batch.md and docs/api/basic-transfers.md; the
multipart transfer is that of huggingface_hub (docs/protocols/hf_api.md, section 2.3).
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

MEDIA_TYPE = "application/vnd.git-lfs+json"
"""The type of every body here, except the bytes of the files themselves."""

BASIC = "basic"
MULTIPART = "multipart"
XET = "xet"


class LfsObject(Struct, frozen=True):
    """A large file as clients name it; neither field has been checked."""

    oid: str
    size: int


class LfsRef(Struct, frozen=True):
    """The branch that an upload is for, short (``main``) or in full (``refs/heads/main``)."""

    name: str = "main"


class BatchRequest(Struct, frozen=True):
    """What to upload or download; ``transfers`` are the ways the client knows besides ``basic``."""

    operation: Literal["upload", "download"]
    objects: list[LfsObject]
    transfers: list[str] = []
    hash_algo: str = "sha256"
    ref: LfsRef | None = None


class Action(Struct, frozen=True):
    """One request for the client to send: where, with which headers, and until when (ISO 8601 with ``Z``).

    In a multipart upload ``href`` completes it, and ``header`` holds
    ``chunk_size`` and the URL of each part under its number.
    """

    href: str
    header: dict[str, str]
    expires_at: str | UnsetType = UNSET


class Actions(Struct, frozen=True):
    """What the client is to do about one object; ``verify`` is asked by other hubs than this, after an upload."""

    upload: Action | UnsetType = UNSET
    download: Action | UnsetType = UNSET
    verify: Action | UnsetType = UNSET


class ObjectFailure(Struct, frozen=True):
    """Why one object was refused, as an HTTP status and a sentence."""

    code: int
    message: str


class BatchObject(Struct, frozen=True):
    """The answer about one object; without ``actions`` and ``error`` nothing is left to do.

    Absent fields stay out of the JSON: a client fails on ``"actions": null``.
    """

    oid: str
    size: int
    authenticated: bool | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET
    error: ObjectFailure | UnsetType = UNSET


class BatchResponse(Struct, frozen=True):
    """The answer about all objects, in the order in which they were asked for."""

    transfer: str
    objects: list[BatchObject]
    hash_algo: str = "sha256"


class CompletedPart(Struct, frozen=True):
    """One part that has arrived, with the ``ETag`` its upload was answered with (quotes included)."""

    number: int = field(name="partNumber")
    etag: str


class Completion(Struct, frozen=True):
    """The end of a multipart upload."""

    oid: str
    parts: list[CompletedPart] = []


class Failure(Struct, frozen=True):
    """The body of an error: git-lfs shows ``message``, huggingface_hub reads ``error``."""

    error: str
    message: str


def encode(value: Struct) -> bytes:
    """The JSON of any of these shapes."""
    return msgspec.json.encode(value)
