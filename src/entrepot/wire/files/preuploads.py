"""The question before an upload, and its answer, as JSON. Source: docs/protocols/hf_api.md, section 1A.5."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class PreuploadFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file to be uploaded; ``sample`` is its beginning in base64."""

    path: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sample: str = ""


class PreuploadRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Files to be uploaded, and texts that stand for the stored rules."""

    files: list[PreuploadFile]
    git_ignore: str | None = None
    git_attributes: str | None = None


class PreuploadAdvice(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How to upload one file; ``oid`` names what is at its path now."""

    path: str
    upload_mode: Literal["lfs", "regular"]
    should_ignore: bool
    oid: str | None = None


class PreuploadResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Advice for every file, in their order, and the commit it was given at."""

    files: list[PreuploadAdvice]
    commit_oid: str
