"""Keys of the configuration, their types and defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import attrs

from entrepot.errors import ConfigError

PROJECT_FOLDER = ".ml-git"
CONFIG_NAME = "config.yaml"
GLOBAL_NAME = ".mlgitconfig"
PATH_KEYS = ("cache_path", "index_path", "metadata_path", "object_path", "refs_path")
KIND_KEYS = ("datasets", "labels", "models")
STORAGE_TYPES = ("s3h", "azureblobh", "gdriveh", "sftph", "file")
OLD_KEYS = {"store": "storages", "dataset": "datasets", "model": "models"}
"""Keys of the first generation and what they are called today."""

USER_KEYS = ("git_idle_limit", "git_size_limit", "git_time_limit")
"""Keys that count in the user's own file and variables only: they protect from what a cloned project names."""

_INTEGERS = ("batch_size", "push_threads_count", "cache_size", *USER_KEYS)
_CHOICES = {
    "verbose": ("debug", "info", "warning", "error", "critical"),
    "staging": ("copy", "reference"),
    "wizard": ("enabled", "disabled"),
    "log": ("on", "off"),
}
_KNOWN = frozenset(
    {*PATH_KEYS, *KIND_KEYS, *_INTEGERS, *_CHOICES, "storages", "mlgit_path", "mlgit_conf", "remote_default_branch"}
)
_DOTTED = re.compile(r"(datasets|labels|models)\.(git)", re.ASCII)


def default_values() -> dict[str, Any]:
    """Return the defaults of all keys that are always there."""
    values: dict[str, Any] = {
        "batch_size": 20,
        "mlgit_conf": CONFIG_NAME,
        "mlgit_path": PROJECT_FOLDER,
        "push_threads_count": min(16, 4 * (os.cpu_count() or 1)),
        "storages": {},
        "verbose": "info",
    }
    return values | dict.fromkeys(PATH_KEYS, "") | {key: {"git": ""} for key in KIND_KEYS}


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with today's keys; a key that is there under both names keeps the new one."""
    found = {OLD_KEYS.get(key, key): value for key, value in values.items() if key in OLD_KEYS}
    return found | {key: value for key, value in values.items() if key not in OLD_KEYS}


def unknown_keys(values: Mapping[str, Any]) -> list[str]:
    """Return the keys that have no meaning here."""
    return sorted(str(key) for key in values if key not in _KNOWN)


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the union of configurations; later ones win, mappings are merged."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            both = isinstance(old, dict) and isinstance(value, dict)
            result[key] = merged(old or {}, value) if both else value
    return result


def parse_value(key: str, text: str, source: str) -> int | str:
    """Return the typed value of a key.

    Raises:
        ConfigError: the key is unknown, or the value is not one of it.
    """
    if key in _INTEGERS:
        if not text.isascii() or not text.isdigit():
            raise ConfigError(key, source, "expected a whole number")
        if len(text) > 15:
            raise ConfigError(key, source, "expected at most 15 digits")
        return check_integer(key, int(text), source)
    if key in _CHOICES:
        if text not in _CHOICES[key]:
            raise ConfigError(key, source, f"expected one of {', '.join(_CHOICES[key])}")
        return text
    if key in PATH_KEYS or _DOTTED.fullmatch(key):
        return text
    raise ConfigError(key, source, "no such key")


def check_integer(key: str, value: object, source: str) -> int:
    """Return the value of a numeric key.

    Raises:
        ConfigError: it is no number, a negative one, or push_threads_count is not between 1 and 1,024.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(key, source, "expected a whole number")
    if key == "push_threads_count" and not 1 <= value <= 1024:
        raise ConfigError(key, source, "expected a whole number between 1 and 1,024")
    if value < 0 or (key in USER_KEYS and not value):
        raise ConfigError(key, source, "expected a larger number")
    return value


@attrs.frozen
class StorageSettings:
    """The settings of one storage, as options of a command name them."""

    credentials: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    username: str | None = None
    private_key: str | None = None
    port: int | None = None
    host_key: str | None = None
    prefix: str | None = None
