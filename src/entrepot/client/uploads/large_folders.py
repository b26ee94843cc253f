"""Upload folders of any size: many commits, one after the other, that continue after an interruption.

Files are listed, compared, uploaded and committed in portions, so memory use depends
neither on their number nor on their size. A repeated call compares with the hub
again, which is cheap, and does not rely on earlier state.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from entrepot.client.calls import repos
from entrepot.client.commit_target import CommitMessage, CommitTarget, PublishedCommit
from entrepot.client.folders import walk
from entrepot.client.hubs import Hub
from entrepot.client.operations import Add, path_in_folder
from entrepot.client.parallel import run_parallel
from entrepot.client.patterns import Patterns
from entrepot.client.progress import Progress, Silent
from entrepot.client.uploads import chunk_uploads
from entrepot.client.uploads.folder_uploads import warn_of_nothing
from entrepot.client.uploads.lfs_uploads import again
from entrepot.client.uploads.publishing import digests_file, publish
from entrepot.client.uploads.upload_state import RememberedDigests, UploadState
from entrepot.errors import Conflict, Forbidden, SourceMissing

_MAX_FILES = 1000
_MAX_BYTES = 16 << 30
_MAX_SMALL = 512 << 20
_SMALL = 10 << 20
_MAX_WORKERS = 8


def upload_large_folder(
    hub: Hub,
    target: CommitTarget,
    folder: str | os.PathLike[str],
    path_in_repo: str | None = None,
    *,
    allow: Patterns = None,
    ignore: Patterns = None,
    is_private: bool | None = None,
    workers: int | None = None,
    message: str = "Upload folder with entrepot",
    progress: Progress | None = None,
    allow_secrets: bool | None = None,
) -> list[PublishedCommit]:
    """Upload a folder in as many commits as needed; the repository is created if it does not exist.

    Args:
        allow, ignore: see ``folders.walk``.
        is_private: visibility of the repository if it is created; None uses the default of the hub.
        workers: number of portions that are processed at the same time, 1 to 8.
        allow_secrets: see ``secret_files.check_secrets``; commits made before such a file was found are kept.

    Returns:
        The new commits in the order of the files; empty if the hub had everything.

    Raises:
        SourceMissing, SourceUnreadable, SourceChanged: a local file cannot be read, or changed during the upload.
        RepoNotFound, RevisionNotFound, Forbidden, InvalidPath: the hub refuses the upload.
        HubUnreachable, HubTimeout: the hub was not reachable in five attempts.

    Guarantees: every commit is complete, however the upload ends. A repeated call
    sends nothing that the hub has, and leads to the same result as one
    call without interruption.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise SourceMissing(str(root), "folder")
    _make(hub, target, is_private)
    found = (
        Add(path_in_folder(path_in_repo, item.path), item.source) for item in walk(root, allow=allow, ignore=ignore)
    )
    meter = (progress or Silent()).begin("Files", None, unit="file")
    with UploadState(root) as state:
        uploader = _Uploader(hub, target, message, state, allow_secrets)
        try:
            made = []
            files = 0
            for portion, published in run_parallel(uploader.deliver, enumerate(_portions(found), 1), _threads(workers)):
                meter.advance(portion)
                files += portion
                if published.is_new:
                    made.append(published)
            if not files:
                warn_of_nothing(root, allow, ignore)
            return made
        except KeyboardInterrupt:
            chunk_uploads.stop()
            raise
        finally:
            meter.finish()


@attrs.frozen
class _Uploader:
    """Uploads portions; commits are created one at a time while other portions are uploaded in parallel."""

    hub: Hub
    target: CommitTarget
    message: str
    state: UploadState
    allow_secrets: bool | None = None
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def deliver(self, numbered: tuple[int, list[Add]]) -> tuple[int, PublishedCommit]:
        number, adds = numbered
        said = CommitMessage(self.message if number == 1 else f"{self.message} (part {number})")

        def attempt() -> PublishedCommit:
            with RememberedDigests(digests_file(self.hub), self.state) as digests:
                return publish(
                    self.hub,
                    self.target,
                    adds,
                    said,
                    digests=digests,
                    lock=self.lock,
                    allow_secrets=self.allow_secrets,
                )

        return len(adds), again(attempt)


def _portions(adds: Iterable[Add]) -> Iterator[list[Add]]:
    portion: list[Add] = []
    length = small = 0
    for add in adds:
        size = add.source.size
        inline = size if size <= _SMALL else 0
        if portion and (len(portion) >= _MAX_FILES or length + size > _MAX_BYTES or small + inline > _MAX_SMALL):
            yield portion
            portion, length, small = [], 0, 0
        portion.append(add)
        length, small = length + size, small + inline
    if portion:
        yield portion


def _make(hub: Hub, target: CommitTarget, is_private: bool | None) -> None:
    visibility = None if is_private is None else "private" if is_private else "public"
    try:
        hub.send(repos.create(target.repo, visibility=visibility))
    except Conflict:
        return  # it exists
    except Forbidden:
        # A caller who may not create the repository may still write to an existing one.
        hub.send(repos.describe(target.repo, target.revision, expand=("sha",)))


def _threads(workers: int | None) -> int:
    return max(1, min(_MAX_WORKERS, workers or 2))
