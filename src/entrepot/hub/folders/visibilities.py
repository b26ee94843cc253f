"""The visibility that a caller chooses for a repository, in a folder or outside of one."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.catalog import Read
from entrepot.catalog.repos import folders
from entrepot.catalog.repos.repositories import RepoRow
from entrepot.errors import InvalidName, NotAllowed, Refused
from entrepot.hub import folder_access
from entrepot.hub.callers import Caller
from entrepot.hub.folders import folder_homes

VISIBILITIES = ("public", "private")
FOLDER = "folder"
"""As the visibility of a repository in a folder: that of the folder, now and when it changes."""

_OWNER_PUBLISHES = "Only the owner of the folder {} may publish its private repositories"


def check(word: str | None) -> None:
    """Raise unless a visibility is known, or None.

    Raises:
        InvalidName: it is unknown.
    """
    if word is not None and word not in VISIBILITIES:
        raise InvalidName("visibility", word, "expected public or private")


def choose(tx: Read, manager: Caller, row: RepoRow, word: str) -> Mapping[str, object]:
    """Return the columns to set for a visibility that the caller chose; it no longer follows a folder then.

    Raises:
        NotAllowed: it would be wider than the folder, which only the owner of the folder may decide; or it would
            publish what is private in a public folder.
        Refused: the repository is in no folder.
    """
    if word == FOLDER:
        return _follow(tx, manager, row)
    if row.parent_id is None:
        return {"visibility": word}
    if word == "public" and folder_access.permission_on(tx, manager, row) != folder_access.OWN:
        if row.is_private:
            raise NotAllowed(_OWNER_PUBLISHES.format(row.namespace))
        return {}
    return {"visibility": word, "follows": False}


def _follow(tx: Read, manager: Caller, row: RepoRow) -> Mapping[str, object]:
    folder = None if row.parent_id is None else folders.at(tx, row.type, row.namespace_id)
    if folder is None:
        raise Refused(f"{row.ref.id} is in no folder whose visibility it could follow: choose public or private")
    outcome = folder_homes.outcome_of(folder)
    if outcome == "public" and row.is_private and folder_access.permission_on(tx, manager, row) != folder_access.OWN:
        raise NotAllowed(_OWNER_PUBLISHES.format(row.namespace))
    return {"visibility": outcome, "follows": True}
