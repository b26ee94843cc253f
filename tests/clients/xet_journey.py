"""Uploads and downloads of large files through Xet; prints the sha256 of every file as JSON.

Run by test_xet.py with one of the installed versions, so it uses only names
that all have, and asserts as it goes.
"""

import hashlib
import importlib.metadata
import json
import os
import random
import sys
import urllib.request
from pathlib import Path

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download, snapshot_download

expected, expected_xet, name, *others = sys.argv[1:]
assert huggingface_hub.__version__ == expected, huggingface_hub.__version__
assert importlib.metadata.version("hf_xet") == expected_xet
assert "HF_HUB_DISABLE_XET" not in os.environ
api = HfApi()
user = api.whoami()["name"]
repo = f"{user}/{name}"
api.create_repo(repo)

dice = random.Random(name)
NOISE = dice.randbytes(9_000_000)
pairs = bytearray(dice.randbytes(3_000_000))  # of any byte and of 0x3C or 0x3D
pairs[1::2] = pairs[1::2].translate(bytes(0x3C + byte % 2 for byte in range(256)))
FLOATS = bytes(pairs)
ZEROS = bytes(3_000_000)
wanted = {
    "bytes.bin": NOISE[:3_000_000],
    "up/model.safetensors": NOISE,
    "up/floats.bin": FLOATS,
    "up/zeros.bin": ZEROS,
    "up/one.bin": b"\0",
    "up/empty.bin": b"",
    "up/notes.txt": b"a small text\n",
    "edited.bin": NOISE[:4_000_000] + b"!" + NOISE[4_000_000:],
    "again/model.safetensors": NOISE,
}

api.upload_file(path_or_fileobj=wanted["bytes.bin"], path_in_repo="bytes.bin", repo_id=repo)
folder = Path(f"folder-{name}")
folder.mkdir()
for path, data in wanted.items():
    if path.startswith("up/"):
        (folder / path[3:]).write_bytes(data)
api.upload_folder(folder_path=str(folder), path_in_repo="up", repo_id=repo)
api.upload_file(path_or_fileobj=b"to be deleted" * 100_000, path_in_repo="old.bin", repo_id=repo)
(folder / "edited.bin").write_bytes(wanted["edited.bin"])
operations = [
    CommitOperationAdd("edited.bin", str(folder / "edited.bin")),
    CommitOperationAdd("again/model.safetensors", NOISE),
    CommitOperationDelete("old.bin"),
]
commit = api.create_commit(repo_id=repo, operations=operations, commit_message="more")
# Uploaded before: nothing changes, and nothing fails.
api.upload_file(path_or_fileobj=wanted["bytes.bin"], path_in_repo="bytes.bin", repo_id=repo)


def digests(root: Path) -> dict[str, str]:
    """Return the sha256 of every file below a folder."""
    files = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    found = {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    found.pop(".gitattributes", None)
    return found


for path in ("bytes.bin", "up/floats.bin", "edited.bin"):
    got = hf_hub_download(repo, path, cache_dir="fresh-one", force_download=True)
    assert Path(got).read_bytes() == wanted[path], path
seen = digests(Path(snapshot_download(repo, local_dir=f"all-{name}", revision=commit.oid)))
assert seen == {path: hashlib.sha256(data).hexdigest() for path, data in wanted.items()}

request = urllib.request.Request(
    f"{os.environ['HF_ENDPOINT']}/{repo}/resolve/main/edited.bin",
    headers={"Range": "bytes=3999990-4000010", "Authorization": f"Bearer {os.environ['HF_TOKEN']}"},
)
with urllib.request.urlopen(request) as answer:
    assert answer.read() == wanted["edited.bin"][3999990:4000011]

foreign = {
    other: digests(Path(snapshot_download(f"{user}/{other}", local_dir=f"{other}-by-{name}"))) for other in others
}
print(json.dumps({"seen": seen, "foreign": foreign}))
