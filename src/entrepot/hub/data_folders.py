"""The file ``format.json`` of a data folder: its layout, and which database belongs to it.

The folder and the database contain the same random id, so that neither is used with another's
counterpart: garbage collection with a foreign database would delete every blob. A new folder gets
the id first and names the kind of its database last; in between it has no data, and an opening
that was interrupted there is completed by the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Final

import attrs

from entrepot.errors import DataFolderError
from entrepot.hub.file_modes import create_private

FORMAT: Final = 1
"""Layout of the data folder: ``format.json``, ``catalog.sqlite3`` (if the database is SQLite), ``blobs/``."""

_NAME: Final = "format.json"
_KINDS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@attrs.frozen
class Marker:
    """The content of ``format.json``; ``database`` is None until the database contains ``store_id``.

    ``store`` is ``s3`` if the large files are in a bucket, whose own ``format.json`` has the same id.
    """

    store_id: str | None
    database: str | None
    store: str | None = None


def is_new(folder: Path) -> bool:
    """Return whether a folder has never been opened as a data folder."""
    return not (folder / _NAME).exists()


def prepare(folder: Path, fresh_id: str, store: str | None = None) -> Marker:
    """Return the marker of a data folder; an empty folder gets one with ``fresh_id``, unless another process is first.

    Args:
        store: where the large files of a new hub are; None: in the folder.

    Raises:
        DataFolderError: the folder has other files, a damaged marker, or another layout.
    """
    if is_new(folder):
        _mark(folder, _content(Marker(fresh_id, None, store)))
    return _read(folder)


def check_store(folder: Path, marker: Marker, store: str | None) -> None:
    """Check that the large files of the folder's hub are where the settings say.

    Args:
        store: ``s3``, or None: in the folder.

    Raises:
        DataFolderError: they are elsewhere.
    """
    if marker.store == store:
        return
    if store is None:
        raise DataFolderError(
            str(folder),
            "its large files are in a bucket; name it with the setting 'store', "
            "which every server, worker and command needs in a file or variable",
        )
    raise DataFolderError(str(folder), "its large files are in the folder, not in a bucket; unset the setting 'store'")


def remove_marker(folder: Path, marker: Marker) -> None:
    """Remove the marker of a folder that has no data, so that it can be used with another database or bucket."""
    if marker.store_id is not None and marker.database is None:
        with contextlib.suppress(OSError):
            (folder / _NAME).unlink()


def check_kind(folder: Path, marker: Marker, kind: str) -> None:
    """Check that the folder has a database of a kind, ``sqlite`` or ``postgresql``, or none yet.

    Raises:
        DataFolderError: its database is of another kind.
    """
    if marker.database is not None and marker.database != kind:
        raise DataFolderError(
            str(folder),
            f"its database is {_name(marker.database)}, not {_name(kind)}; check the setting 'database', "
            "which every server, worker and command needs in a file or variable",
        )


def check_id(folder: Path, marker: Marker, kind: str, stored_id: str | None) -> None:
    """Check that the database belongs to the folder.

    Args:
        stored_id: the id in the database; None: it is new.

    Raises:
        DataFolderError: one of them belongs to another one.
    """
    if stored_id == marker.store_id or (stored_id is None and marker.database is None):
        return
    if marker.store_id is None and kind == "sqlite":
        return  # a folder from before there were ids; its database is in it
    remove_marker(folder, marker)
    raise DataFolderError(
        str(folder),
        f"the database belongs to another data folder (its id is {stored_id or 'not set'}, that of the folder "
        f"{marker.store_id or 'is not set'}): name that folder with --data, or check the setting 'database'",
    )


def complete(folder: Path, kind: str, store_id: str, store: str | None = None) -> None:
    """Record the kind of the database and the id that it contains."""
    _replace(folder, _content(Marker(store_id, kind, store)))


def encode(marker: Marker) -> bytes:
    """Return the content of a ``format.json``."""
    return _content(marker).encode()


def decode(content: bytes) -> Marker:
    """Parse a ``format.json``.

    Raises:
        ValueError: it is damaged, or of another version; the message says what to do.
    """
    try:
        found = json.loads(content)
        layout, store_id, database, store = (found.get(key) for key in ("entrepot", "store_id", "database", "store"))
    except (ValueError, AttributeError):
        layout = store_id = database = store = None
    if not isinstance(layout, int) or not all(isinstance(text, str | None) for text in (store_id, database, store)):
        raise ValueError("its format.json is damaged; restore that file from a backup")
    if layout != FORMAT:
        raise ValueError(
            f"its layout is {layout!r}, this version reads {FORMAT}; "
            "upgrade entrepot, or name another folder with --data"
        )
    return Marker(store_id, database, store)


def _mark(folder: Path, content: str) -> bool:
    """Create the marker of an empty folder; return False if another process has done it."""
    others = [path.name for path in folder.iterdir() if not path.name.startswith(("entrepot.toml", "format."))]
    # Another process may have created the folder since the first check.
    if others and is_new(folder):
        raise DataFolderError(
            str(folder), f"it is not empty ({others[0]} …) and no entrepot data folder; name another with --data"
        )
    fresh = folder / f"format.{secrets.token_hex(4)}"
    _write(fresh, content)
    try:
        os.link(fresh, folder / _NAME)  # unlike a renaming it replaces nothing: of several processes one wins
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if not is_new(folder):
            return False
        fresh.replace(folder / _NAME)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _read(folder: Path) -> Marker:
    try:
        return decode((folder / _NAME).read_bytes())
    except ValueError as error:
        raise DataFolderError(str(folder), str(error)) from None


def _replace(folder: Path, text: str) -> None:
    fresh = folder / f"format.{secrets.token_hex(4)}"
    _write(fresh, text)
    fresh.replace(folder / _NAME)


def _write(path: Path, text: str) -> None:
    """Write a file durably, for its owner only: one that a power cut has emptied would make the folder unusable."""
    create_private(path)
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _content(marker: Marker) -> str:
    fields = {"store_id": marker.store_id, "database": marker.database, "store": marker.store}
    return json.dumps({"entrepot": FORMAT, **{name: value for name, value in fields.items() if value}}) + "\n"


def _name(kind: str) -> str:
    return _KINDS.get(kind, kind)
