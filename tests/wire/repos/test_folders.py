"""The JSON of folders and grants: absent keys, and keys in camel case."""

from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.repos.folders import FolderEdits, FolderInfo, GrantInfo, GrantSubject, NewFolder, NewGrant


def test_a_folder_has_keys_in_camel_case() -> None:
    folder = FolderInfo(
        id="6" * 24,
        type="model",
        owner="alice",
        name="llm",
        labels=["nlp"],
        description="",
        permission="own",
        editor="alice",
        created_at="2024-05-01T12:34:56.789Z",
        last_modified="2024-05-01T12:34:56.789Z",
        public=False,
    )
    assert list(msgspec.to_builtins(folder)) == [
        *("id", "type", "owner", "name", "labels", "description", "permission", "editor"),
        *("createdAt", "lastModified", "public"),
    ]


def test_changes_of_a_folder_hold_what_was_given_only() -> None:
    assert msgspec.to_builtins(FolderEdits(labels=[])) == {"labels": []}
    assert msgspec.to_builtins(FolderEdits(description="")) == {"description": ""}
    assert msgspec.json.decode(b'{"name":null}', type=FolderEdits) == FolderEdits()


def test_a_grant_has_the_key_of_its_subject_only() -> None:
    grant = GrantInfo(org="acme", role="view", granter=None, granted_at="2024-05-01T12:34:56.789Z")
    assert msgspec.to_builtins(grant) == {
        "org": "acme",
        "role": "view",
        "granter": None,
        "grantedAt": "2024-05-01T12:34:56.789Z",
    }
    assert msgspec.to_builtins(NewGrant(user="bob")) == {"user": "bob"}
    assert msgspec.to_builtins(GrantSubject(public=True)) == {"public": True}


def test_labels_are_a_list() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"type":"model","name":"llm","labels":"abc"}', type=NewFolder)
