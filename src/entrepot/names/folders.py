"""Names, labels and descriptions of folders.

A folder belongs to a user or an organisation. Its repositories have ids like
``alice.llm/gpt2``: the dot separates the owner, whose name has none, from the folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NewType

from entrepot.errors import InvalidName, LimitExceeded, Malformed

FolderName = NewType("FolderName", str)
"""The name of a folder below its owner, in the case in which it was created."""

MAX_LABELS = 64
MAX_LABEL = 100
MAX_DESCRIPTION = 10_000

_MAX_ID = 96
_FOLDER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,94}[A-Za-z0-9])?", re.ASCII)


def parse_folder_name(owner: str, text: str) -> FolderName:
    """Parse the name of a folder of an account.

    A name has ASCII letters, digits, ``_`` and ``-``, starts and ends with a
    letter or digit, and does not contain ``--``. Together with its owner's
    name and the dot it has at most 96 characters, so that it can be the
    namespace of a repository id.

    Raises:
        InvalidName: a rule is broken, or the name is reserved.
    """
    if not _FOLDER.fullmatch(text) or "--" in text:
        rule = "use letters, digits, '_' and '-', starting and ending with a letter or digit, without '--'"
        raise InvalidName("folder name", text, rule)
    if text.lower() == "git":
        raise InvalidName("folder name", text, "'.git' ends the address of a repository for git clients")
    if len(owner) + 1 + len(text) > _MAX_ID:
        raise InvalidName("folder name", text, f"with its owner's name and a dot it has more than {_MAX_ID} characters")
    return FolderName(text)


def folder_namespace(owner: str, name: str) -> str:
    """Return the namespace of the repositories of a folder: ``alice.llm``."""
    return f"{owner}.{name}"


def split_namespace(namespace: str) -> tuple[str, str]:
    """Return owner and folder of a namespace; the folder is empty for a namespace without a dot."""
    owner, _, name = namespace.partition(".")
    return owner, name


def parse_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels if all of them can be used; their order is kept.

    Raises:
        Malformed: a label is not 1 to 100 printable characters, or is there twice.
        LimitExceeded: there are more than 64.
    """
    if isinstance(labels, str):
        raise Malformed("labels", "expected a list of texts")
    if len(labels) > MAX_LABELS:
        raise LimitExceeded("the number of labels", MAX_LABELS)
    for label in labels:
        if not 0 < len(label) <= MAX_LABEL or not label.isprintable() or not label.strip():
            raise Malformed("labels", f"each has 1 to {MAX_LABEL} printable characters")
    if len(set(labels)) != len(labels):
        raise Malformed("labels", "each is there only once")
    return tuple(labels)


def parse_description(text: str) -> str:
    """Return a description if it can be used: at most 10,000 characters of Unicode text without NUL.

    Raises:
        LimitExceeded: it is longer.
        Malformed: it has characters that cannot be stored.
    """
    if len(text) > MAX_DESCRIPTION:
        raise LimitExceeded("the description in characters", MAX_DESCRIPTION)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Malformed("description", "it is no Unicode text, or contains a NUL character")
    return text
