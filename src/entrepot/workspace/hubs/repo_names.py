"""Names of the repositories of entities: the names themselves, with an escape for what no repository may be called."""

from __future__ import annotations

import re

from entrepot.names.repos import RESERVED

_ESCAPED = re.compile(r"_([0-9a-f]{2})")
# Names of entities have no underscore, so each one begins an escape.
_UNFIT = re.compile(r"\+|(?<=-)-|-$|\.(?=git$)", re.ASCII | re.IGNORECASE)


def repo_name(name: str) -> str:
    """Return the name of the repository of an entity.

    A character that cannot stand at its place becomes ``_`` and the two hex digits of its code: ``+`` always, ``-``
    after ``-`` and at the end, the dot before a final ``git``, and the first letter of a word that the API uses.
    """
    text = _UNFIT.sub(lambda found: _escape(found[0]), name)
    return _escape(text[0]) + text[1:] if text.lower() in RESERVED else text


def entity_name(repo: str) -> str | None:
    """Return the name of the entity that a repository of this name has by default; None if there is none."""
    name = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), repo)
    return name if repo_name(name) == repo else None


def _escape(character: str) -> str:
    return f"_{ord(character):02x}"
