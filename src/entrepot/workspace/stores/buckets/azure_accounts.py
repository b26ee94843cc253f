"""Credentials of Azure Blob Storage: a connection string, or an account with a key or a shared access signature."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

import attrs

from entrepot.errors import ConfigError, StorageRefused


@attrs.frozen
class AzureAccount:
    """An account and how to sign requests for it; ``label`` is how messages name it."""

    label: str
    name: str
    endpoint_url: str | None
    key: str | None = attrs.field(default=None, repr=False)
    signature: str | None = attrs.field(default=None, repr=False)


def find_account(environ: Mapping[str, str], home: Path, storage: str) -> AzureAccount:
    """Return the account of the environment, or of the section ``storage`` of ``.azure/config``.

    Args:
        storage: how messages name the storage.

    Raises:
        StorageRefused: there is no account, or nothing to sign with.
        ConfigError: the file cannot be read.
    """
    settings = {f"AZURE_STORAGE_{name.upper()}": value for name, value in _read_config(environ, home).items()}
    settings.update({name: value for name, value in environ.items() if name.startswith("AZURE_STORAGE_") and value})
    text = settings.get("AZURE_STORAGE_CONNECTION_STRING")
    if text:
        parts = {name.lower(): value for part in text.split(";") for name, _, value in (part.partition("="),)}
        name, label = parts.get("accountname"), "connection string"
        key, signature, endpoint = (
            parts.get("accountkey"),
            parts.get("sharedaccesssignature"),
            parts.get("blobendpoint"),
        )
    else:
        name, label = settings.get("AZURE_STORAGE_ACCOUNT"), "account in AZURE_STORAGE_ACCOUNT"
        key, signature = settings.get("AZURE_STORAGE_KEY"), settings.get("AZURE_STORAGE_SAS_TOKEN")
        endpoint = None
    if not name or not (key or signature):
        raise StorageRefused(
            storage,
            "credentials of Azure",
            "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or "
            "AZURE_STORAGE_SAS_TOKEN",
        )
    return AzureAccount(label, name, endpoint, key, signature)


def _read_config(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    path = Path(environ.get("AZURE_CONFIG_DIR") or home / ".azure") / "config"
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        # The message of the parser quotes the line, which may be a secret.
        raise ConfigError("storage", str(path), f"cannot read it: {type(error).__name__}") from None
    return dict(parser.items("storage")) if parser.has_section("storage") else {}
