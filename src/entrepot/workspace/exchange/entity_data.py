"""The data of a new entity: copied from a place on disk, or fetched from the web."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from entrepot.errors import InvalidArgument, SourceMissing
from entrepot.workspace.exchange.archives import copy_source, unpack_archives
from entrepot.workspace.exchange.downloads import download_file, find_drive_id
from entrepot.workspace.projects.projects import Surroundings
from entrepot.workspace.stores import StorageConfig

Fill = Callable[[Path], object]


def data_from(
    around: Surroundings,
    *,
    source: Path | None = None,
    url: str | None = None,
    credentials: str | None = None,
    unpacks: bool = False,
) -> Fill | None:
    """Return the source of the data for its folder; None if there is none.

    Args:
        source: a file or folder to copy.
        url: the address of a file (http, https), or of a file or folder of Google Drive.
        credentials: the file with the credentials of Google, which Drive needs.
        unpacks: replace zip archives with their contents.

    Raises:
        InvalidArgument: options exclude or need each other.
        SourceMissing: there is nothing to copy.
    """
    if source is not None and url is not None:
        raise InvalidArgument("--import and --import-url exclude each other")
    if source is None and url is None:
        if unpacks or credentials is not None:
            raise InvalidArgument("--unzip and --credentials-path need --import-url, or --unzip --import")
        return None
    if source is not None and not source.exists():
        raise SourceMissing(str(source), "file or folder")
    drive_id = find_drive_id(url) if url is not None else None
    if (credentials is None) != (drive_id is None):
        need = "Google Drive needs --credentials-path" if drive_id is not None else "only Google Drive has credentials"
        raise InvalidArgument(f"{need}: the file of a service account, or of an authorized user")

    def fill(data: Path) -> None:
        if source is not None:
            copy_source(source, data)
        elif drive_id is not None and credentials is not None:
            _fetch_from_drive(around, drive_id, credentials, data)
        elif url is not None:
            download_file(url, data, around.progress)
        if unpacks:
            unpack_archives(data)

    return fill


def _fetch_from_drive(around: Surroundings, drive_id: str, credentials: str, data: Path) -> None:
    """Fetch from Drive; imported late, because only Drive needs google-auth.

    Raises:
        LibraryMissing: it is not installed.
    """
    from entrepot.errors import LibraryMissing

    try:
        from entrepot.workspace.exchange.drive_downloads import download_drive
        from entrepot.workspace.stores.buckets.drive_calls import DriveClient
    except ImportError as error:
        raise LibraryMissing("google-auth", "entrepot[gdrive]") from error
    config = StorageConfig("gdriveh", drive_id, profile=credentials)
    calls = DriveClient(config, around.home, around.retries)
    try:
        download_drive(calls, drive_id, data, around.progress)
    finally:
        calls.close()
