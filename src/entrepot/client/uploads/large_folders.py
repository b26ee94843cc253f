"""Folders of any size: many commits, one after the other, to be taken up again wherever it stopped.

Files are found, compared, sent and committed in portions, so that neither
their number nor their size needs memory. A repetition compares with the hub
again, which is cheap, instead of trusting what it did before.
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
from entrepot.client.operations import Add, place
from entrepot.client.parallel import run_parallel
from entrepot.client.patterns import Patterns
from entrepot.client.progress import Progress, Silent
from entrepot.client.uploads import chunk_uploads
from entrepot.client.uploads.folder_uploads import warn_of_nothing
from entrepot.client.uploads.lfs_uploads import again
from entrepot.client.uploads.publishing import digests_file, publish
from entrepot.client.uploads.upload_state import RememberedDigests, UploadState
from entrepot.errors import Conflict, Forbidden, SourceMissing

_MOST_FILES = 1000
_MOST_BYTES = 16 << 30
_MOST_SMALL = 512 << 20
_SMALL = 10 << 20
_MOST_WORKERS = 8


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
    """Upload a folder in as many commits as it takes; the repository is made if there is none.

    Args:
        allow, ignore: see ``folders.walk``.
        is_private: for a repository that is made now; None leaves it to the hub.
        allow_secrets: see ``secret_files.check_secrets``; what was committed before such a file was found stays.
        workers: how many portions are on their way at the same time, 1 to 8.

    Returns:
        The commits that were made, in the order of the files; none when the hub had everything.

    Raises:
        SourceMissing, SourceUnreadable, SourceChanged: the folder or a file cannot be read as it was found.
        RepoNotFound, RevisionNotFound, Forbidden, InvalidPath: the hub does not take it.
        HubUnreachable, HubTimeout: the hub cannot be reached, in five tries.

    Guarantees: however this ends, what was committed is whole; called again,
    it sends nothing that the hub has, and leads to the same result as one
    run without interruption.
    """
    root = Path(os.path.abspath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise SourceMissing(str(root), "folder")
    _make(hub, target, is_private)
    found = (Add(place(path_in_repo, item.path), item.source) for item in walk(root, allow=allow, ignore=ignore))
    meter = (progress or Silent()).begin("Files", None, unit="file")
    with UploadState(root) as journal:
        courier = _Uploader(hub, target, message, journal, allow_secrets)
        try:
            made = []
            files = 0
            for portion, published in run_parallel(courier.deliver, enumerate(_portions(found), 1), _threads(workers)):
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
    """Brings portions to the hub; commits are made one at a time, whatever else happens side by side."""

    hub: Hub
    target: CommitTarget
    message: str
    journal: UploadState
    allow_secrets: bool | None = None
    turn: threading.Lock = attrs.field(factory=threading.Lock)

    def deliver(self, numbered: tuple[int, list[Add]]) -> tuple[int, PublishedCommit]:
        number, adds = numbered
        said = CommitMessage(self.message if number == 1 else f"{self.message} (part {number})")

        def attempt() -> PublishedCommit:
            with RememberedDigests(digests_file(self.hub), self.journal) as digests:
                return publish(
                    self.hub,
                    self.target,
                    adds,
                    said,
                    digests=digests,
                    turn=self.turn,
                    allow_secrets=self.allow_secrets,
                )

        return len(adds), again(attempt)


def _portions(adds: Iterable[Add]) -> Iterator[list[Add]]:
    portion: list[Add] = []
    length = small = 0
    for add in adds:
        size = add.source.size
        inline = size if size <= _SMALL else 0
        if portion and (len(portion) >= _MOST_FILES or length + size > _MOST_BYTES or small + inline > _MOST_SMALL):
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
        return  # it is there
    except Forbidden:
        # Who may write to it need not be somebody who may make one.
        hub.send(repos.describe(target.repo, target.revision, expand=("sha",)))


def _threads(workers: int | None) -> int:
    return max(1, min(_MOST_WORKERS, workers or 2))
