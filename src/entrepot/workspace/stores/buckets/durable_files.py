"""Files that survive a power failure: written under another name, flushed, and renamed."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from entrepot.workspace.stores.buckets.interfaces import Data


def write_durably(target: Path, data: Data, incoming: Path) -> None:
    """Write a file, replacing one of the same name; its folder still has to be flushed with :func:`sync_folder`.

    Args:
        incoming: an existing folder on the same file system, for the file while it is incomplete.

    Raises:
        OSError: nothing is kept.
    """
    draft = incoming / secrets.token_hex(8)
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can do that."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
