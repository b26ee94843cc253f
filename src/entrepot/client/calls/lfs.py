"""Calls of the Git LFS API (batch, completion, verification), and about the large files of a repository.

``Transport.upload`` sends the contents. Source: docs/protocols/hf_api.md, sections
1A.5 and 2.3; git-lfs, docs/api/batch.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from entrepot.client.calls import (
    JSON,
    Call,
    ResultPage,
    json_as,
    json_body,
    nothing,
    page_of,
    pairs,
    repo_api,
    without_nulls,
)
from entrepot.names import RepoRef
from entrepot.wire.files import lfs
from entrepot.wire.files.large_files import (
    Deletions,
    DeletionsRequest,
    LargeFileEntry,
    SharedFile,
    ShareRequest,
    ShareResponse,
    ShareTarget,
)

_ACCEPT = (("accept", lfs.MEDIA_TYPE),)


def batch(
    ref: RepoRef,
    objects: Sequence[lfs.LfsObject],
    *,
    operation: str = "upload",
    transfers: Sequence[str] = (lfs.BASIC, lfs.MULTIPART),
    branch: str | None = None,
) -> Call[lfs.BatchResponse]:
    """Build the call that returns where to upload or download each object; an object without actions is stored.

    Args:
        operation: ``upload`` or ``download``.
        branch: the target branch of an upload; None if the commit opens a pull request.
    """
    question = lfs.BatchRequest(
        operation="download" if operation == "download" else "upload",
        objects=list(objects),
        transfers=list(transfers),
        ref=lfs.LfsRef(branch) if branch is not None else None,
    )
    return Call(
        "POST",
        f"/{ref.path}.git/info/lfs/objects/batch",
        without_nulls(lfs.BatchResponse),
        body=json_body(question),
        media_type=lfs.MEDIA_TYPE,
        headers=_ACCEPT,
        subject=str(ref),
        is_repeatable=True,
    )


def verify(href: str, wanted: lfs.LfsObject) -> Call[None]:
    """Build the call that verifies that an upload is complete; ``href`` is that of the ``verify`` action."""
    body = json_body(wanted)
    return Call("POST", href, nothing, body=body, media_type=lfs.MEDIA_TYPE, headers=_ACCEPT, is_repeatable=True)


def complete(href: str, oid: str, parts: Iterable[lfs.CompletedPart]) -> Call[None]:
    """Build the call that completes a multipart upload; ``href`` is that of ``upload``, signed, and needs no token."""
    return Call(
        "POST",
        href,
        nothing,
        body=json_body(lfs.Completion(oid, list(parts))),
        media_type=lfs.MEDIA_TYPE,
        headers=_ACCEPT,
        is_authorized=False,
        is_repeatable=True,
    )


def listing(ref: RepoRef, *, limit: int | None = None) -> Call[ResultPage[LargeFileEntry]]:
    """Build the call that lists the large files of all revisions of a repository."""
    read = page_of(without_nulls(list[LargeFileEntry]))
    return Call("GET", repo_api(ref, "lfs-files"), read, query=pairs(limit=limit), subject=str(ref))


def delete(ref: RepoRef, file_oids: Iterable[str], *, rewrite_history: bool = True) -> Call[None]:
    """Build the call that permanently deletes large files, at most 1,000, by their ``file_oid``."""
    question = DeletionsRequest(deletions=Deletions(sha=list(file_oids), rewrite_history=rewrite_history))
    path = repo_api(ref, "lfs-files", "batch")
    return Call("POST", path, nothing, body=json_body(question), media_type=JSON, subject=str(ref))


def share(source: RepoRef, target: RepoRef, files: Iterable[SharedFile]) -> Call[ShareResponse]:
    """Build the call that lets commits to another repository reference large files of this one, at most 500."""
    question = ShareRequest(target=ShareTarget(name=str(target.id), type=target.type.value), files=list(files))
    return Call(
        "POST",
        repo_api(source, "lfs-files", "duplicate"),
        json_as(ShareResponse),
        body=json_body(question),
        media_type=JSON,
        subject=str(source),
        is_repeatable=True,
    )
