from __future__ import annotations

import pytest

from entrepot.errors import Malformed
from entrepot.wire.files.bulk_uploads import (
    MAX_BODY,
    MAX_BYTES,
    MAX_FILES,
    BulkUploadFile,
    encode_upload,
    read_upload,
)

A, B = "a" * 64, "b" * 64


def test_encoded_files_are_read_again() -> None:
    files = [BulkUploadFile(A, 2), BulkUploadFile(B, 1)]
    found = read_upload(encode_upload(files, [b"\n\n", b"x"]))
    assert [(file, bytes(data)) for file, data in found] == [(files[0], b"\n\n"), (files[1], b"x")]


def test_the_bytes_stand_behind_one_line_of_json() -> None:
    body = encode_upload([BulkUploadFile(A, 1)], [b"x"])
    assert body == b'{"files":[{"sha256":"' + A.encode() + b'","size":1}]}\nx'


def test_the_longest_delivery_fits_into_the_longest_body() -> None:
    head = encode_upload([BulkUploadFile(A, MAX_BYTES)] * MAX_FILES, [])
    assert len(head) + MAX_BYTES <= MAX_BODY


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json\n",
        b'{"files":[]}',
        b'{"files":[]}\nx',
        b'{"files":[{"sha256":"%b","size":2}]}\nx' % A.encode(),
        b'{"files":[{"sha256":"%b","size":0}]}\n' % A.encode(),
        b'{"files":[{"sha256":"%b","size":-1},{"sha256":"%b","size":2}]}\nx' % (A.encode(), B.encode()),
        b'{"files":[{"sha256":"%b","size":1}]}\nx' % A.upper().encode(),
        b'{"files":[{"sha256":"abc","size":1}]}\nx',
        b'{"files":"\xff"}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_body_that_is_no_delivery_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_upload(body)
