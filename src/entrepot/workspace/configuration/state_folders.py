"""The folders of a project's state, which the configuration may move.

The file of a project may come from anyone, so its paths must stay inside the project; those in the user's own file and
in variables are absolute, and only for data that may be shared and can be fetched again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entrepot.errors import ConfigError
from entrepot.workspace.configuration.tables import CONFIG_NAME, GLOBAL_NAME, KIND_KEYS, PATH_KEYS

SHARED_KEYS = ("cache_path", "index_path", "object_path")
_TAKEN = frozenset({".git", *KIND_KEYS})

StateFolders = Mapping[tuple[str, str], Path]
"""Folders by the word of a kind and the key that names them."""


def find_state_folders(
    root: Path | None, home: Path, own: Mapping[str, Any], user: Mapping[str, Any]
) -> dict[tuple[str, str], Path]:
    """Return the folders that a configuration names.

    Args:
        own: the file of the project.
        user: the user's own file and variables.

    Raises:
        ConfigError: a path of the project leads out of it, or to its data; or one of the user is not absolute.
    """
    found: dict[tuple[str, str], Path] = {}
    for word in KIND_KEYS:
        for key in PATH_KEYS:
            text = _value(own, word, key)
            if text and root is not None:
                found[word, key] = _inside(root, key, text)
            elif key in SHARED_KEYS and (text := _value(user, word, key)):
                found[word, key] = _of_user(home, key, text)
    return found


def private_keys(user: Mapping[str, Any]) -> list[str]:
    """Return the keys of the user's own file that have effect only in the file of a project."""
    kept = [key for key in PATH_KEYS if key not in SHARED_KEYS]
    return [key for key in kept if any(_value(user, word, key) for word in KIND_KEYS)]


def _value(values: Mapping[str, Any], word: str, key: str) -> str:
    section = values.get(word)
    own = section.get(key) if isinstance(section, Mapping) else None
    found = own or values.get(key) or ""
    if not isinstance(found, str):
        raise ConfigError(key, CONFIG_NAME, "expected the path of a folder")
    return found


def _of_user(home: Path, key: str, text: str) -> Path:
    path = home / text[2:] if text.startswith("~/") else Path(text)
    if not path.is_absolute():
        raise ConfigError(key, f"~/{GLOBAL_NAME}", "expected an absolute path, or one that begins with ~/")
    return path


def _inside(root: Path, key: str, text: str) -> Path:
    path = text.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ":" in path or ".." in parts or "\0" in path or path.startswith("~"):
        raise ConfigError(key, CONFIG_NAME, f"it must be a relative path, or be set in ~/{GLOBAL_NAME}")
    if not parts or parts[0].lower() in _TAKEN or ".git" in map(str.lower, parts):
        raise ConfigError(key, CONFIG_NAME, "it must be a folder of the project that contains nothing else")
    place = root.joinpath(*parts)
    above = os.path.realpath(root)
    if not os.path.realpath(place).startswith(f"{above}{os.sep}"):
        raise ConfigError(key, CONFIG_NAME, "it leads out of the project through a link")
    return place
