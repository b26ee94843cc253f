"""Buckets with the real client and its commands: upload, sync both ways, copies, rights, deletion.

Run by test_buckets.py; asserts as it goes, and prints the calls of interest as JSON.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import HfHubHTTPError

[stranger_token] = sys.argv[1:]
api, stranger = HfApi(), HfApi(token=stranger_token)
user = api.whoami()["name"]
anonymous = HfApi(token=False)
dice = random.Random(1)
BIG = dice.randbytes(3_000_000)


def hf(*words: str) -> str:
    """Run the command line of the client and return what it prints."""
    done = subprocess.run(["hf", *words], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# A bucket of the command line, filled by sync, read back by sync.
hf("buckets", "create", "data", "--private")
bucket = f"{user}/data"
source, copy = Path("source"), Path("copy")
(source / "sub/deep").mkdir(parents=True)
(source / "big.bin").write_bytes(BIG)
(source / "sub/é.txt").write_bytes("grün".encode())
(source / "sub/deep/empty").write_bytes(b"")
os.utime(source / "big.bin", (1_700_000_000.123, 1_700_000_000.123))
hf("sync", str(source), f"hf://buckets/{bucket}")
[big] = api.get_bucket_paths_info(bucket, ["big.bin"])
assert big.mtime is not None
assert (big.size, round(big.mtime.timestamp() * 1000)) == (len(BIG), 1_700_000_000_123)
assert "Nothing to sync" in hf("sync", str(source), f"hf://buckets/{bucket}")
hf("sync", f"hf://buckets/{bucket}", str(copy))
assert tree(copy) == tree(source)
(source / "big.bin").unlink()
(source / "sub/é.txt").write_bytes(b"changed")
os.utime(source / "sub/é.txt", (2_000_000_000, 2_000_000_000))
hf("sync", str(source), f"hf://buckets/{bucket}", "--delete")
assert sorted(item.path for item in api.list_bucket_tree(bucket)) == ["sub/deep/empty", "sub/é.txt"]
assert "sub/" in hf("buckets", "list", bucket)

# Batches of the library, and the file system.
api.batch_bucket_files(bucket, add=[(str(copy / "big.bin"), "models/big.bin"), (b"x" * 70_000, "models/x")])
info = api.bucket_info(bucket)
assert (info.private, info.total_files, info.size) == (True, 4, len(BIG) + 70_000 + len(b"changed"))
files = HfFileSystem()
with files.open(f"buckets/{bucket}/models/big.bin", "rb") as opened:
    opened.seek(1_000_000)
    assert opened.read(1_000) == BIG[1_000_000:1_001_000]
assert [item.rpartition("/")[2] for item in files.ls(f"buckets/{bucket}", detail=False)] == ["models", "sub"]

# A private bucket does not exist for others, however they ask.
for other in (stranger, anonymous):
    for ask in (
        lambda other=other: other.bucket_info(bucket),
        lambda other=other: list(other.list_bucket_tree(bucket)),
        lambda other=other: other.download_bucket_files(bucket, [("models/x", "stolen")]),
        lambda other=other: other.batch_bucket_files(bucket, delete=["models/x"]),
    ):
        code = 0
        try:
            ask()
        except HfHubHTTPError as error:
            code = error.response.status_code
        assert code in (401, 404), code
assert [item.id for item in stranger.list_buckets(namespace=user)] == []
assert not Path("stolen").exists()

# Copies between repositories and buckets send no bytes again.
model = api.create_repo(f"{user}/m").repo_id
api.upload_file(path_or_fileobj=BIG[::-1], path_in_repo="w.bin", repo_id=model)
target = api.create_bucket("target").bucket_id
api.copy_files(f"hf://{model}/w.bin", f"hf://buckets/{target}/w.bin")
api.copy_files(f"hf://buckets/{bucket}/models/", f"hf://buckets/{target}/")
api.download_bucket_files(target, [("w.bin", "w.bin"), ("big.bin", "big.bin")])
assert Path("w.bin").read_bytes() == BIG[::-1]
assert Path("big.bin").read_bytes() == BIG
# What was copied to a public bucket is public, and nothing else.
anonymous.download_bucket_files(target, [("big.bin", "public.bin")])
assert Path("public.bin").read_bytes() == BIG
secret = next(item.xet_hash for item in api.list_bucket_tree(bucket) if item.path == "sub/é.txt")
stolen = stranger.create_bucket("loot").bucket_id
answer = httpx2.post(
    f"{api.endpoint}/api/buckets/{stolen}/batch",
    headers={"authorization": f"Bearer {stranger_token}"},
    content=json.dumps({"type": "addFile", "path": "a", "xetHash": secret, "mtime": 1}).encode(),
)
assert answer.status_code == 422, answer.text
assert [item["path"] for item in answer.json()["failed"]] == ["a"]

# Settings, moves and deletion.
hf("buckets", "move", target, f"{user}/moved")
api.update_bucket_settings(f"{user}/moved", private=True)
assert {item.id: item.private for item in api.list_buckets()} == {bucket: True, f"{user}/moved": True}
hf("buckets", "remove", f"{user}/moved/w.bin", "--yes")
hf("buckets", "delete", f"{user}/moved", "--yes")
print(json.dumps({"buckets": [item.id for item in api.list_buckets()]}))
