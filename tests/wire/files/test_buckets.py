from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.files.buckets import (
    BucketAddLine,
    BucketCopyLine,
    BucketDeleteLine,
    BucketDescription,
    BucketEntry,
    BucketLine,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            b'{"type":"addFile","path":"a","xetHash":"h","mtime":5,"contentType":"text/plain"}',
            BucketAddLine(path="a", xet_hash="h", mtime=5),
        ),
        (
            b'{"type":"copyFile","path":"a","xetHash":"h","sourceRepoType":"model","sourceRepoId":"x/y"}',
            BucketCopyLine(path="a", xet_hash="h", source_repo_type="model", source_repo_id="x/y"),
        ),
        (b'{"type":"deleteFile","path":"a"}', BucketDeleteLine(path="a")),
    ],
)
def test_lines_of_a_batch_are_told_apart_by_their_type(text: bytes, line: BucketLine) -> None:
    assert msgspec.json.decode(text, type=BucketLine) == line


def test_a_folder_has_no_keys_of_files() -> None:
    assert msgspec.json.encode(BucketEntry(type="directory", path="a", uploaded_at="t")) == (
        b'{"type":"directory","path":"a","uploadedAt":"t"}'
    )


def test_the_keys_of_a_bucket_are_those_of_the_public_hub() -> None:
    made = BucketDescription(
        uid="u", id="a/b", author="a", private=False, created_at="c", updated_at="d", size=0, total_files=0
    )
    assert list(msgspec.json.decode(msgspec.json.encode(made))) == [
        *("_id", "id", "author", "private", "createdAt", "updatedAt", "size", "totalFiles", "likes", "repoType")
    ]
