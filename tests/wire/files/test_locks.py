from __future__ import annotations

import json

import msgspec
import pytest

from entrepot.wire.files.lfs import LfsRef, encode
from entrepot.wire.files.locks import (
    LockInfo,
    LockList,
    LockOwner,
    LockRequest,
    LockResponse,
    UnlockRequest,
    VerifiedLocks,
    VerifyRequest,
)

LOCK = LockInfo("1", "foo/bar.zip", "2016-05-17T15:49:06Z", LockOwner("Jane Doe"))
TEXT = {"id": "1", "path": "foo/bar.zip", "locked_at": "2016-05-17T15:49:06Z", "owner": {"name": "Jane Doe"}}


def test_requests_of_git_lfs_are_read() -> None:
    """The bodies are those of git-lfs, docs/api/locking.md."""
    ref = LfsRef("refs/heads/my-feature")
    body = b'{"path": "foo/bar.zip", "ref": {"name": "refs/heads/my-feature"}}'
    assert msgspec.json.decode(body, type=LockRequest) == LockRequest("foo/bar.zip", ref)
    body = b'{"cursor": "next", "limit": 100, "ref": {"name": "refs/heads/my-feature"}}'
    assert msgspec.json.decode(body, type=VerifyRequest) == VerifyRequest("next", 100, ref)
    body = b'{"force": true, "ref": {"name": "refs/heads/my-feature"}}'
    assert msgspec.json.decode(body, type=UnlockRequest) == UnlockRequest(force=True, ref=ref)


def test_everything_but_the_path_may_be_absent() -> None:
    assert msgspec.json.decode(b"{}", type=VerifyRequest) == VerifyRequest("", 0, None)
    assert msgspec.json.decode(b"{}", type=UnlockRequest) == UnlockRequest(force=False)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"{}", type=LockRequest)


def test_answers_have_no_empty_fields_and_no_missing_lists() -> None:
    assert json.loads(encode(LockResponse(LOCK))) == {"lock": TEXT}
    assert json.loads(encode(LockResponse(LOCK, "taken"))) == {"lock": TEXT, "message": "taken"}
    assert json.loads(encode(LockList([]))) == {"locks": []}
    assert json.loads(encode(VerifiedLocks([LOCK], [], "2"))) == {"ours": [TEXT], "theirs": [], "next_cursor": "2"}
