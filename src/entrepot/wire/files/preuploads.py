"""JSON of the request before an upload, and of its response. Source: docs/protocols/hf_api.md, section 1A.5."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class PreuploadFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file to upload; ``sample`` holds its first bytes in base64."""

    path: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sample: str = ""


class PreuploadRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Files to upload, and optional texts that override the stored rules."""

    files: list[PreuploadFile]
    git_ignore: str | None = None
    git_attributes: str | None = None


class PreuploadAdvice(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How to upload one file; ``oid`` is the id of the current file at its path."""

    path: str
    upload_mode: Literal["lfs", "regular"]
    should_ignore: bool
    oid: str | None = None


class PreuploadResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Advice for each file, in the order of the request, and the commit that it is based on."""

    files: list[PreuploadAdvice]
    commit_oid: str
