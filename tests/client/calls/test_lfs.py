from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from msgspec import UNSET

from entrepot.client.calls import commits, lfs
from entrepot.client.hubs import Hub
from entrepot.errors import TooLarge
from entrepot.names import RepoRef
from entrepot.wire.files.large_files import SharedFile
from entrepot.wire.files.lfs import CompletedPart, LfsObject
from entrepot.wire.repos.commits import CommitHeader, CommitLine, HeaderLine, LfsFile, LfsFileLine

DATA = b"large" * 100
OBJECT = LfsObject(hashlib.sha256(DATA).hexdigest(), len(DATA))


def test_a_large_file_from_upload_to_removal(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    ref, other = fresh_repo(), fresh_repo()
    [item] = hub.send(lfs.batch(ref, [OBJECT], branch="main")).objects
    assert item.actions is not UNSET
    upload, verify = item.actions.upload, item.actions.verify
    assert upload is not UNSET
    hub.transport.upload("PUT", upload.href, [DATA], size=len(DATA), headers=upload.header)
    if verify is not UNSET:
        hub.send(lfs.verify(verify.href, OBJECT))
    lines: tuple[CommitLine, ...] = (
        HeaderLine(CommitHeader(summary="large")),
        LfsFileLine(LfsFile(path="m.bin", oid=OBJECT.oid, size=len(DATA))),
    )
    hub.send(commits.create(ref, "main", b"".join(map(commits.encode_line, lines))))
    [again] = hub.send(lfs.batch(ref, [OBJECT])).objects
    assert again.actions is UNSET
    shared = hub.send(lfs.share(ref, other, [SharedFile(sha256=OBJECT.oid)]))
    assert (shared.succeeded, shared.failed) == (1, [])
    [file] = hub.pages(lfs.listing(ref, limit=10))
    assert (file.filename, file.oid, file.size) == ("m.bin", OBJECT.oid, len(DATA))
    hub.send(lfs.delete(ref, [file.file_oid]))
    assert list(hub.pages(lfs.listing(ref))) == []


def test_a_completion_goes_without_the_token(hub: Hub) -> None:
    call = lfs.complete("http://store.example/done?sig=1", OBJECT.oid, [CompletedPart(1, '"e"')])
    assert not call.is_authorized
    assert call.body == b'{"oid":"%b","parts":[{"partNumber":1,"etag":"\\"e\\""}]}' % OBJECT.oid.encode()


def test_a_batch_that_makes_no_sense(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    with pytest.raises(TooLarge, match="smaller requests"):
        hub.send(lfs.batch(fresh_repo(), [OBJECT] * 5000))
