"""Calls that upload several small files in one request: an extension of entrepot hubs.

Source: ``docs/compatibility.md``, "Extensions".
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import Call, json_as, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.files.bulk_uploads import MEDIA_TYPE, BulkUploadFile, BulkUploadResponse, encode_upload


def bulk_upload(
    ref: RepoRef, revision: str, files: Sequence[BulkUploadFile], contents: Sequence[bytes], *, create_pr: bool = False
) -> Call[BulkUploadResponse]:
    """Build the call that uploads large files, all or none, for a later commit to reference.

    Args:
        contents: the contents of ``files``, in the same order; at most 1,000 files of 1 MiB each, and 8 MiB in total.
    """
    return Call(
        "POST",
        repo_api(ref, "files", revision),
        json_as(BulkUploadResponse),
        query=pairs(create_pr=1 if create_pr else None),
        body=encode_upload(files, contents),
        media_type=MEDIA_TYPE,
        subject=str(ref),
        is_repeatable=True,
    )
