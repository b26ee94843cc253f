from __future__ import annotations

import io

from huggingface_hub import HfApi as Oracle

import entrepot
from entrepot.testing.hubs import RunningHub


def test_large_files_are_listed_and_removed(at_hub: RunningHub, oracle: Oracle, fresh_name: str) -> None:
    oracle.create_repo(fresh_name)
    oracle.upload_file(path_or_fileobj=io.BytesIO(b"x" * 100), path_in_repo="m.safetensors", repo_id=fresh_name)
    [mine], [theirs] = entrepot.list_lfs_files(fresh_name), oracle.list_lfs_files(fresh_name)
    for name in ("file_oid", "filename", "oid", "pushed_at", "ref", "size"):
        assert getattr(mine, name) == getattr(theirs, name)
    entrepot.permanently_delete_lfs_files(fresh_name, [mine])
    assert list(entrepot.list_lfs_files(fresh_name)) == []
    assert [file.rfilename for file in oracle.model_info(fresh_name).siblings or ()] == [".gitattributes"]


def test_nothing_to_delete_sends_no_request(at_hub: RunningHub) -> None:
    entrepot.permanently_delete_lfs_files("tester/never-made", [])
