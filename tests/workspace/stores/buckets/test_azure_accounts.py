"""Credentials of Azure Blob Storage."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.errors import ConfigError, StorageRefused
from entrepot.workspace.stores.buckets.azure_accounts import find_account

TEXT = "DefaultEndpointsProtocol=http;AccountName=dev;AccountKey=a2V5PT0=;BlobEndpoint=http://127.0.0.1:10000/dev;"


def test_a_connection_string(tmp_path: Path) -> None:
    found = find_account({"AZURE_STORAGE_CONNECTION_STRING": TEXT}, tmp_path, "azureblobh://x")
    assert (found.name, found.key, found.endpoint_url) == ("dev", "a2V5PT0=", "http://127.0.0.1:10000/dev")
    assert "a2V5PT0=" not in repr(found)


def test_an_account(tmp_path: Path) -> None:
    environ = {"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_SAS_TOKEN": "sig"}
    found = find_account(environ, tmp_path, "azureblobh://x")
    assert (found.name, found.key, found.signature) == ("a", None, "sig")


def test_the_file_of_the_command_line_tool(tmp_path: Path) -> None:
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "config").write_text(f"[storage]\nconnection_string = {TEXT}\n")
    assert find_account({}, tmp_path, "azureblobh://x").name == "dev"
    (tmp_path / ".azure" / "config").write_text("secret")
    with pytest.raises(ConfigError) as caught:
        find_account({}, tmp_path, "azureblobh://x")
    assert "secret" not in str(caught.value)


def test_without_credentials_the_variables_are_named(tmp_path: Path) -> None:
    with pytest.raises(StorageRefused, match="AZURE_STORAGE_CONNECTION_STRING"):
        find_account({"AZURE_STORAGE_ACCOUNT": "a"}, tmp_path, "azureblobh://x")
