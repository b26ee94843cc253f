"""Large files through git LFS: batches, completion, verification; and those a repository has.

The bytes themselves go through ``Transport.upload``. Source: docs/protocols/hf_api.md, sections
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
    """What to send (or where to fetch) for each of these objects; no actions: the hub has it.

    Args:
        operation: ``upload`` or ``download``.
        branch: the branch an upload is for; None with a pull request to be opened.
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
    """Ask the hub whether an upload arrived whole; ``href`` is that of the ``verify`` action."""
    body = json_body(wanted)
    return Call("POST", href, nothing, body=body, media_type=lfs.MEDIA_TYPE, headers=_ACCEPT, is_repeatable=True)


def complete(href: str, oid: str, parts: Iterable[lfs.CompletedPart]) -> Call[None]:
    """End a multipart upload; ``href`` is that of its ``upload`` action, which is signed and needs no token."""
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
    """The large files of a repository, of every revision."""
    read = page_of(without_nulls(list[LargeFileEntry]))
    return Call("GET", repo_api(ref, "lfs-files"), read, query=pairs(limit=limit), subject=str(ref))


def delete(ref: RepoRef, file_oids: Iterable[str], *, rewrite_history: bool = True) -> Call[None]:
    """Remove large files for good, by their ``file_oid``, at most 1,000."""
    question = DeletionsRequest(deletions=Deletions(sha=list(file_oids), rewrite_history=rewrite_history))
    path = repo_api(ref, "lfs-files", "batch")
    return Call("POST", path, nothing, body=json_body(question), media_type=JSON, subject=str(ref))


def share(source: RepoRef, target: RepoRef, files: Iterable[SharedFile]) -> Call[ShareResponse]:
    """Make large files of one repository usable in commits to another one, at most 500."""
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
