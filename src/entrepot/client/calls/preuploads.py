"""Calls before an upload, and the check of a README. Source: docs/protocols/hf_api.md, section 1A.5."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.client.calls import JSON, Call, json_as, json_body, pairs, repo_api
from entrepot.names import RepoRef, RepoType
from entrepot.wire.files.preuploads import PreuploadFile, PreuploadRequest, PreuploadResponse
from entrepot.wire.repos.cards import CardReport, CardRequest

MAX_FILES = 256
"""Maximum number of files in one call."""


def preupload(
    ref: RepoRef,
    revision: str,
    files: Iterable[PreuploadFile],
    *,
    git_ignore: str | None = None,
    create_pr: bool = False,
) -> Call[PreuploadResponse]:
    """Build the call that returns how to upload these files, at most 256, and the ids of the files at their paths."""
    question = PreuploadRequest(files=list(files), git_ignore=git_ignore)
    return Call(
        "POST",
        repo_api(ref, "preupload", revision),
        json_as(PreuploadResponse),
        query=pairs(create_pr=1 if create_pr else None),
        body=json_body(question),
        media_type=JSON,
        subject=str(ref),
        is_repeatable=True,
    )


def check_card(text: str, kind: RepoType) -> Call[CardReport]:
    """Build the call that checks the metadata of a README; a hub may report errors with status 400."""
    question = CardRequest(content=text, repo_type=kind.value)
    return Call(
        "POST",
        "/api/validate-yaml",
        json_as(CardReport),
        body=json_body(question),
        media_type=JSON,
        subject="README.md",
        is_repeatable=True,
    )
