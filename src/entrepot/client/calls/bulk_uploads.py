"""Calls that bring many small files at once: an extension that hubs of this kind offer.

Source: ``docs/compatibility.md``, "Extensions".
"""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.client.calls import Call, json_as, pairs, repo_api
from entrepot.names import RepoRef
from entrepot.wire.files.bulk_uploads import MEDIA_TYPE, BulkUploadFile, BulkUploadResponse, encode_delivery


def bulk_upload(
    ref: RepoRef, revision: str, files: Sequence[BulkUploadFile], contents: Sequence[bytes], *, create_pr: bool = False
) -> Call[BulkUploadResponse]:
    """Bring large files to a repository, so that a commit can name them; all of them or none.

    Args:
        contents: of ``files``, in their order; at most 1,000, of 1 MiB, and 8 MiB in all.
    """
    return Call(
        "POST",
        repo_api(ref, "files", revision),
        json_as(BulkUploadResponse),
        query=pairs(create_pr=1 if create_pr else None),
        body=encode_delivery(files, contents),
        media_type=MEDIA_TYPE,
        subject=str(ref),
        is_repeatable=True,
    )
