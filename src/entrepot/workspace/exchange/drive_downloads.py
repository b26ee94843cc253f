"""Files and folders of Google Drive, by their ids, as files on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from entrepot.client.progress import Progress
from entrepot.errors import LimitExceeded, Malformed, ObjectsMissing, StorageUnreachable
from entrepot.names import RepoPath
from entrepot.workspace.manifests.entry_paths import check_paths, find_collision
from entrepot.workspace.stores.buckets.drive_calls import FOLDER, DriveClient

_FIELDS = "id,name,size,mimeType"
_DEEPEST = 32
_SLICE = 8 << 20
_LABEL = "Google Drive"

_Found = Mapping[str, Any]


def download_drive(calls: DriveClient, file_id: str, folder: Path, progress: Progress) -> int:
    """Fetch a file, or all files below a folder of Drive, into a folder; return their number.

    Documents of Google's own formats have no bytes and are left out.

    Raises:
        ObjectsMissing: the file or folder does not exist, or it has no files.
        Malformed: files have names that they cannot have on disk; nothing was written.
        LimitExceeded: folders are nested too deeply.
        StorageRefused, StorageUnreachable: as they say.
        OSError: a file cannot be written.
    """
    response = calls.send("GET", f"/drive/v3/files/{file_id}", params={"fields": _FIELDS})
    if response.status_code == 404:
        raise ObjectsMissing(_LABEL, file_id)
    top = response.json()
    pairs = list(_walk(calls, file_id, "", 0)) if top.get("mimeType") == FOLDER else [(str(top["name"]), top)]
    pairs = [(path, file) for path, file in pairs if "size" in file]
    found = dict(pairs)
    if not found:
        raise ObjectsMissing(_LABEL, file_id)
    _check_names(found, len(pairs))
    meter = progress.begin("download", sum(int(file["size"]) for file in found.values()))
    try:
        for path, file in found.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as target:
                for data in _slices(calls, file):
                    target.write(data)
                    meter.advance(len(data))
    finally:
        meter.finish()
    return len(found)


def _walk(calls: DriveClient, folder_id: str, prefix: str, depth: int) -> Iterator[tuple[str, _Found]]:
    if depth > _DEEPEST:
        raise LimitExceeded("the depth of the folders", _DEEPEST, "import a folder further down")
    for file in calls.search(f"'{folder_id}' in parents and trashed = false", _FIELDS):
        path = f"{prefix}{file['name']}"
        if file.get("mimeType") == FOLDER:
            yield from _walk(calls, str(file["id"]), f"{path}/", depth + 1)
        else:
            yield path, file


def _check_names(found: Mapping[str, _Found], count: int) -> None:
    if len(found) < count:
        raise Malformed(_LABEL, "two files have one name; Drive allows it, folders on disk do not")
    try:
        check_paths(found)
    except Malformed as error:
        raise Malformed(_LABEL, error.reason) from error
    collision = find_collision(map(RepoPath, found))
    if collision is not None:
        raise Malformed(_LABEL, f"{collision[0]!r} and {collision[1]!r} are the same file on some systems")


def _slices(calls: DriveClient, file: _Found) -> Iterator[bytes]:
    size = int(file["size"])
    for start in range(0, size, _SLICE):
        end = min(start + _SLICE, size)
        headers = {"range": f"bytes={start}-{end - 1}"}
        place = f"/drive/v3/files/{file['id']}"
        data: bytes = calls.send("GET", place, params={"alt": "media"}, headers=headers).content
        if len(data) != end - start:
            raise StorageUnreachable(_LABEL, f"the file {file['name']} changed while it was read")
        yield data
