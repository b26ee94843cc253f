"""Edits of a configuration file: remotes, storages and single values."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from entrepot.errors import ConfigError, InvalidArgument
from entrepot.workspace.configuration.config_files import config_path, read_config, write_config
from entrepot.workspace.configuration.state_folders import find_state_folders
from entrepot.workspace.configuration.storage_rules import check_storage
from entrepot.workspace.configuration.tables import (
    GLOBAL_NAME,
    STORAGE_TYPES,
    USER_KEYS,
    StorageSettings,
    parse_value,
)
from entrepot.workspace.configuration.urls import parse_git_url
from entrepot.workspace.entities.kinds import EntityKind
from entrepot.workspace.entities.specs import parse_storage

_DEFAULT_REGION = "us-east-1"


@attrs.frozen
class ConfigFile:
    """The file that a command edits: that of a project, or the user's."""

    path: Path
    home: Path
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, root: Path | None, home: Path, environ: Mapping[str, str]) -> ConfigFile:
        """Return the file of a project, or the user's without a project."""
        return cls(home / GLOBAL_NAME if root is None else config_path(root), home, environ)

    def set_remote(self, kind: EntityKind, url: str, *, folder: Path, is_hub: bool = False) -> str | None:
        """Set the metadata remote of a kind and return the one that was set before.

        Args:
            folder: relative paths of folders are below it.
            is_hub: the URL is that of a namespace on a hub, checked already, which has metadata and data.

        Raises:
            UrlRefused: the URL is not acceptable; nothing was changed.
        """
        checked = url if is_hub else parse_git_url(url, folder=folder)
        values = read_config(self.path)
        section = _section(values, kind.word)
        old = str(section.pop("hub", None) or section.get("git") or "")
        section["git"] = "" if is_hub else checked
        if is_hub:
            section["hub"] = checked
        write_config(self.path, values)
        return old if old and old != checked else None

    def delete_remote(self, kind: EntityKind) -> str:
        """Remove the metadata remote of a kind and return it.

        Raises:
            ConfigError: none is set.
        """
        values = read_config(self.path)
        section = _section(values, kind.word)
        old = str(section.pop("hub", None) or section.get("git") or "")
        if not old:
            raise ConfigError(f"{kind.word}.git", self.path.name, "there is no remote to remove")
        section["git"] = ""
        write_config(self.path, values)
        return old

    def add_storage(self, type_: str, bucket: str, settings: StorageSettings) -> bool:
        """Add or replace a storage; return False if it was replaced.

        Raises:
            InvalidArgument: the type is unknown.
            InvalidName: the name of the bucket is not one.
            ConfigError: a setting cannot be used; nothing was changed.
        """
        if type_ not in STORAGE_TYPES:
            raise InvalidArgument(f"unknown storage type {type_!r}: use one of {', '.join(STORAGE_TYPES)}")
        parse_storage(f"{type_}://{bucket}")
        checked = check_storage(type_, bucket, self._storage(type_, settings), self.path.name)
        values = read_config(self.path)
        buckets = _section(_section(values, "storages"), type_)
        is_new = bucket not in buckets
        buckets[bucket] = checked
        write_config(self.path, values)
        return is_new

    def delete_storage(self, type_: str, bucket: str) -> None:
        """Remove a storage.

        Raises:
            ConfigError: it is not configured.
        """
        values = read_config(self.path)
        buckets = _section(_section(values, "storages"), type_)
        if bucket not in buckets:
            raise ConfigError(f"storages.{type_}.{bucket}", self.path.name, "this storage is not configured")
        del buckets[bucket]
        if not buckets:
            del values["storages"][type_]
        write_config(self.path, values)

    def set_value(self, key: str, text: str) -> int | str:
        """Set a value and return it with its type.

        Raises:
            ConfigError: the key is unknown, or the value is not one of it.
        """
        value = parse_value(key, text, self.path.name)
        is_global = self.path.name == GLOBAL_NAME
        if key in USER_KEYS and not is_global:
            raise ConfigError(key, self.path.name, "it can be set only in the user's own file: use --global")
        root = None if is_global else self.path.parent.parent
        find_state_folders(root, self.home, {} if is_global else {key: value}, {key: value} if is_global else {})
        values = read_config(self.path)
        section, _, name = key.rpartition(".")
        (_section(values, section) if section else values)[name] = parse_git_url(text) if section else value
        write_config(self.path, values)
        return value

    def _storage(self, type_: str, settings: StorageSettings) -> dict[str, Any]:
        rest = {
            "endpoint-url": settings.endpoint_url,
            "username": settings.username,
            "private-key": settings.private_key,
            "port": settings.port,
            "host-key": settings.host_key,
            "prefix": settings.prefix,
        }
        found = {key: value for key, value in rest.items() if value is not None}
        if type_ == "s3h":
            profile = settings.credentials or "default"
            region = settings.region or self._region(profile)
            return {"aws-credentials": {"profile": profile}, "region": region, "endpoint-url": ""} | found
        if type_ == "gdriveh":
            return {"credentials-path": settings.credentials or ""} | found
        credentials = {"credentials": settings.credentials} if settings.credentials else {}
        return credentials | ({"region": settings.region} if settings.region else {}) | found

    def _region(self, profile: str) -> str:
        """Return the region of a profile of AWS; us-east-1 if it has none."""
        path = Path(self.environ.get("AWS_CONFIG_FILE") or self.home / ".aws" / "config")
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            return _DEFAULT_REGION
        section = "default" if profile == "default" else f"profile {profile}"
        return (
            parser.get(section, "region", fallback=_DEFAULT_REGION) if parser.has_section(section) else _DEFAULT_REGION
        )


def _section(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    if not isinstance(found, dict):
        found = values[key] = {}
    return found
