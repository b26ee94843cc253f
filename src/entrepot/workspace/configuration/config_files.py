"""Files of the configuration: the project's over the user's over the defaults, variables over all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from entrepot.errors import CannotWrite, Malformed, SourceUnreadable
from entrepot.workspace.configuration.state_folders import StateFolders, find_state_folders, private_keys
from entrepot.workspace.configuration.tables import (
    CONFIG_NAME,
    GLOBAL_NAME,
    KIND_KEYS,
    PROJECT_FOLDER,
    USER_KEYS,
    check_integer,
    default_values,
    merged,
    parse_value,
    renamed,
    unknown_keys,
)
from entrepot.workspace.configuration.transfer_limits import TransferLimits
from entrepot.workspace.entities.yaml_documents import parse_yaml, render_yaml

_PREFIX = "MLGIT_"


@attrs.frozen
class Configuration:
    """The merged configuration of a project, and where it came from."""

    values: Mapping[str, Any]
    unknown: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    """What to say about keys that have no effect where they stand."""
    state_folders: StateFolders = attrs.field(factory=dict)
    limits: TransferLimits = attrs.field(factory=TransferLimits)

    def git_url(self, word: str) -> str:
        """Return the URL of the metadata remote of a kind; empty if none is set."""
        return str(self._kind(word).get("git") or "")

    def hub_url(self, word: str) -> str:
        """Return the address of the namespace on a hub that has the entities of a kind; empty if none is set."""
        return str(self._kind(word).get("hub") or "")

    @property
    def storages(self) -> dict[str, dict[str, Any]]:
        """The settings of all storages by type and bucket, not checked yet."""
        found = self.values.get("storages")
        types = found if isinstance(found, dict) else {}
        return {
            str(type_): {str(name): settings for name, settings in buckets.items()}
            for type_, buckets in types.items()
            if isinstance(buckets, dict)
        }

    @property
    def threads(self) -> int:
        """The number of transfers at the same time."""
        return int(self.values["push_threads_count"])

    @property
    def staging_copies(self) -> bool:
        """Whether ``add`` keeps a copy of new chunks."""
        return bool(self.values.get("staging", "copy") == "copy")

    @property
    def cache_size(self) -> int:
        """The number of bytes that a cache of contents may have; 0 if there is no limit, or no cache."""
        return int(self.values.get("cache_size") or 0)

    @property
    def asks(self) -> bool:
        """Whether commands ask for options that are missing."""
        return bool(self.values.get("wizard") == "enabled")

    @property
    def keeps_log(self) -> bool:
        """Whether commands are logged in the project; YAML takes an unquoted ``off`` as false."""
        return self.values.get("log", "on") not in ("off", False)

    def _kind(self, word: str) -> dict[str, Any]:
        found = self.values.get(word)
        return found if isinstance(found, dict) else {}


def load_configuration(root: Path | None, home: Path, environ: Mapping[str, str]) -> Configuration:
    """Return the configuration of a project; without a root, what holds outside of projects.

    Raises:
        Malformed, LimitExceeded: a file is not YAML, or too long.
        ConfigError: a value has the wrong type, or a path of the project's file leads out of it.
    """
    own = read_config(config_path(root)) if root is not None else {}
    user = read_config(home / GLOBAL_NAME)
    variables = _variables(environ)
    trusted = merged(user, variables)
    values = merged(default_values(), user, {key: own[key] for key in own if key not in USER_KEYS}, variables)
    _check_types(values)
    return Configuration(
        values,
        tuple(unknown_keys(user) + unknown_keys(own)),
        tuple(_idle_keys(own, trusted)),
        find_state_folders(root, home, own, trusted),
        _limits(trusted),
    )


def _idle_keys(own: Mapping[str, Any], user: Mapping[str, Any]) -> list[str]:
    """Return warnings about keys that have no effect where they stand."""
    said = [f"{key!r} counts in ~/{GLOBAL_NAME} only (config set --global)" for key in USER_KEYS if key in own]
    return said + [
        f"{key!r} counts in the file of a project only, not in ~/{GLOBAL_NAME}" for key in private_keys(user)
    ]


def _limits(user: Mapping[str, Any]) -> TransferLimits:
    chosen = {key.removeprefix("git_"): check_integer(key, user[key], GLOBAL_NAME) for key in USER_KEYS if key in user}
    return TransferLimits(**chosen)


def config_path(root: Path) -> Path:
    """Return the configuration file of a project."""
    return root / PROJECT_FOLDER / CONFIG_NAME


def read_config(path: Path) -> dict[str, Any]:
    """Return the content of one file; a missing one is empty.

    Raises:
        Malformed, LimitExceeded: it is not YAML, or too long.
        SourceUnreadable: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SourceUnreadable(str(path), error.strerror or str(error)) from error
    return renamed(parse_yaml(content, str(path)))


def write_config(path: Path, values: Mapping[str, Any]) -> None:
    """Replace the content of one file atomically.

    Raises:
        CannotWrite: the file is unchanged.
    """
    replace_text(path, render_yaml(dict(values)))


def replace_text(path: Path, text: str) -> None:
    """Replace a text file atomically and durably.

    Raises:
        CannotWrite: the file is unchanged.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise CannotWrite(str(path), error.strerror or str(error)) from error


def _variables(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {name[len(_PREFIX) :].lower(): value for name, value in environ.items() if name.startswith(_PREFIX)}
    scalars = {key for key in default_values() if key not in (*KIND_KEYS, "storages")}
    scalars |= {"cache_size", "staging", "wizard", "log", *USER_KEYS}
    return {
        key: parse_value(key, value, f"variable {_PREFIX}{key.upper()}")
        for key, value in known.items()
        if key in scalars and not key.startswith("mlgit_")
    }


def _check_types(values: Mapping[str, Any]) -> None:
    for key in (*KIND_KEYS, "storages"):
        if values[key] is not None and not isinstance(values[key], dict):
            raise Malformed(CONFIG_NAME, f"the key {key!r} must be a mapping")
    for key in ("push_threads_count", "cache_size"):
        if key in values:
            check_integer(key, values[key], CONFIG_NAME)
