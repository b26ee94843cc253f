"""Rules for the settings of a storage, which may come from the configuration of a cloned project."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from entrepot.blobs.keys import check_prefix
from entrepot.errors import ConfigError, InvalidName
from entrepot.errors.redactions import redact

_LONGEST = 4096
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_PROFILE = re.compile(r"[^\[\]/\\]{1,200}")
_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:_\]-]{0,254}", re.ASCII)
_WEB_TYPES = ("s3h", "azureblobh")


def check_storage(type_: str, bucket: str, settings: object, source: str) -> dict[str, Any]:
    """Return the settings of a storage if they can be used.

    Args:
        source: the file, for messages.

    Raises:
        ConfigError: a value has the wrong type, cannot be printed, or is no endpoint, prefix or profile.
    """
    setting = f"storages.{type_}.{bucket}"
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise ConfigError(setting, source, "expected a mapping")
    found = {str(key): value for key, value in settings.items()}
    credentials = found.get("aws-credentials") or {}
    if not isinstance(credentials, Mapping):
        raise ConfigError(f"{setting}.aws-credentials", source, "expected a mapping with the key 'profile'")
    for key, value in (*found.items(), ("profile", credentials.get("profile"))):
        if key != "aws-credentials":
            reason = _fault(type_, key, value)
            if reason:
                raise ConfigError(f"{setting}.{key}", source, reason)
    return found


def _fault(type_: str, key: str, value: object) -> str:
    """Return why a value cannot be used; empty if it can."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return "expected text"
    text = str(value)
    if len(text) > _LONGEST or _UNPRINTABLE.search(text):
        return "it is too long, or contains characters that cannot be printed"
    if key == "endpoint-url":
        return _endpoint_fault(type_, text)
    if key == "profile" and not _PROFILE.fullmatch(text):
        return "expected the name of a profile"
    if key == "prefix" and text.strip("/"):
        try:
            check_prefix(f"{text.strip('/')}/")
        except InvalidName as error:
            return f"it cannot begin a key: {error}"
    return ""


def _endpoint_fault(type_: str, text: str) -> str:
    if type_ not in _WEB_TYPES:
        return "" if _HOST.fullmatch(text.removeprefix("sftp://").rstrip("/")) else f"{redact(text)} is not a host"
    try:
        parts = urllib.parse.urlsplit(text)
        is_usable = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        is_usable = False
    return "" if is_usable and " " not in text else f"{redact(text)} is not a URL that begins with http:// or https://"
