"""Calls that download several small files in one request: an extension of entrepot hubs.

Source: ``docs/compatibility.md``, "Extensions".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from entrepot.client.calls import JSON, Call, Response, json_body, repo_api, without_query
from entrepot.errors import AnswerUnusable, Malformed
from entrepot.names import RepoRef
from entrepot.wire.files.bulk_downloads import (
    MEDIA_TYPE,
    BulkDownloadFile,
    BulkDownloadRequest,
    read_contents,
)


def bulk_download(ref: RepoRef, revision: str, paths: Sequence[str]) -> Call[Iterator[tuple[BulkDownloadFile, bytes]]]:
    """Build the call that downloads small files; files missing from the response must be downloaded one by one."""
    return Call(
        "POST",
        repo_api(ref, "contents", revision),
        _read,
        body=json_body(BulkDownloadRequest(paths=list(paths))),
        media_type=JSON,
        subject=str(ref),
        is_repeatable=True,
    )


def _read(answer: Response) -> Iterator[tuple[BulkDownloadFile, bytes]]:
    if not answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
        raise AnswerUnusable(without_query(answer.url), "it is not the response to a bulk download")
    try:
        return read_contents(answer.body)[1]
    except Malformed as error:
        raise AnswerUnusable(without_query(answer.url), error.reason) from error
