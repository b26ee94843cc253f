"""Names of folders.

A folder belongs to a user or an organisation. Its repositories have ids like
``alice.llm/gpt2``: the dot separates the owner, whose name has none, from the folder.
"""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidName

FolderName = NewType("FolderName", str)
"""The name of a folder below its owner, in the case in which it was created."""

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
