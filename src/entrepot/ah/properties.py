"""Labels, descriptions and rows of lists, as every kind of resource has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from entrepot.ah.errors import LimitExceeded
from entrepot.ah.paths import ResourcePath
from entrepot.errors import InvalidArgument

Row = dict[str, Any]
"""A resource in a list."""

MAX_LABELS = 64
LONGEST_LABEL = 100
LONGEST_DESCRIPTION = 10_000


def check_labels(labels: Sequence[str] | None) -> list[str] | None:
    """Return labels as a list; None stays None.

    Raises:
        TypeError: it is not a sequence of texts.
        InvalidArgument: one is empty, occurs twice or has characters that cannot be printed.
        LimitExceeded: there are more than 64, or one has more than 100 characters.
    """
    if labels is None:
        return None
    # A text is a sequence too: 'abc' would be three labels.
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise TypeError(f"labels is a list of strings, not {type(labels).__name__}: write labels=[{str(labels)!r}]")
    listed = list(labels)
    if len(listed) > MAX_LABELS:
        raise LimitExceeded(f"there are {len(listed)} labels; at most {MAX_LABELS} are allowed")
    for label in listed:
        if not isinstance(label, str):
            raise TypeError(f"a label is text, not {type(label).__name__}")
        if len(label) > LONGEST_LABEL:
            raise LimitExceeded(f"the label {label[:20]!r}… has more than {LONGEST_LABEL} characters")
        if not label or not label.isprintable():
            raise InvalidArgument(
                f"the label {label[:LONGEST_LABEL]!r} is not 1 to {LONGEST_LABEL} printable characters"
            )
        if listed.count(label) > 1:
            raise InvalidArgument(f"the label {label!r} occurs twice")
    return listed


def check_description(description: str | None) -> str | None:
    """Return a description unchanged.

    Raises:
        TypeError: it is not text.
        LimitExceeded: it has more than 10,000 characters.
    """
    if description is not None and not isinstance(description, str):
        raise TypeError(f"a description is text, not {type(description).__name__}")
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        raise LimitExceeded(f"the description has more than {LONGEST_DESCRIPTION:,} characters")
    return description


def extra_of(created: str) -> str:
    """Return the ``extra`` of a resource: a JSON text with the time when it was made."""
    return json.dumps({"createdTimestamp": created})


def row_of(
    path: ResourcePath,
    *,
    uid: str,
    labels: Iterable[str],
    description: str,
    permission: str,
    editor: str | None,
    created: str,
    modified: str,
) -> Row:
    """Return a folder or an asset as a row of a list."""
    is_folder = path.asset is None
    return {
        "id": uid,
        "path": str(path),
        "name": path.folder if is_folder else path.asset,
        "type": "Folder" if is_folder else path.noun,
        "labels": list(labels),
        "description": description,
        "permission": permission,
        "editor": editor,
        "modifiedTimestamp": modified,
        "extra": extra_of(created),
        "storageType": 0 if is_folder else 3,
    }
