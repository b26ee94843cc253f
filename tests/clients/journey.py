"""Every function of the client that all versions have, called once; prints the results as JSON.

Run by test_generations.py with one of the installed versions, so it uses only
names that both have, and asserts as it goes.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.utils import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

expected, name, kind = sys.argv[1:4]
assert huggingface_hub.__version__ == expected, huggingface_hub.__version__
api = HfApi()
user = api.whoami()["name"]
repo = f"{user}/{name}"
where: dict[str, Any] = {"repo_id": repo, "repo_type": kind}
seen: dict[str, object] = {}

LARGE = bytes(range(256)) * 20_000
UNICODE = "données/ünïcødé 文件 #1%.txt"

made = where | ({"space_sdk": "static"} if kind == "space" else {})
api.create_repo(**made)
assert str(api.create_repo(**made, exist_ok=True)).endswith(repo)
assert api.repo_exists(**where)
assert not api.repo_exists(f"{user}/absent", repo_type=kind)
first = api.list_repo_commits(**where)
assert [commit.title for commit in first] == ["initial commit"]

api.upload_file(path_or_fileobj=b"hello\n", path_in_repo="hello.txt", **where)
api.upload_file(path_or_fileobj=LARGE, path_in_repo="weights/model.bin", **where)
folder = Path(f"folder-{expected}")
(folder / "sub").mkdir(parents=True)
(folder / "config.json").write_text('{"model_type": "bert"}')
(folder / "sub" / "data.bin").write_bytes(LARGE[::-1])
(folder / "skip.tmp").write_text("not this")
(folder / UNICODE).parent.mkdir(parents=True)
(folder / UNICODE).write_text("ünïcødé\n")
(folder / "empty.bin").write_bytes(b"")
api.upload_folder(folder_path=str(folder), path_in_repo="up", ignore_patterns="*.tmp", **where)
card = "---\nlicense: mit\ntags:\n- journey\n---\n# A card\n"
api.upload_file(path_or_fileobj=card.encode(), path_in_repo="README.md", **where)

before = api.repo_info(**where).sha
operations = [
    CommitOperationAdd("nested/deep/a.txt", b"a"),
    CommitOperationAdd("nested/deep/b.bin", LARGE + b"b"),
    CommitOperationCopy("weights/model.bin", "weights/copy.bin"),
    CommitOperationDelete("hello.txt"),
    CommitOperationDelete("up/sub/"),
]
commit = api.create_commit(
    operations=operations, commit_message="all kinds", commit_description="more", parent_commit=before, **where
)
assert commit.oid == api.repo_info(**where).sha
assert api.list_repo_commits(**where)[0].message == "more"

files = sorted(api.list_repo_files(**where))
seen["files"] = files
tree = {item.path: item for item in api.list_repo_tree(recursive=True, **where)}
seen["sizes"] = {path: item.size for path, item in tree.items() if hasattr(item, "size") and hasattr(item, "blob_id")}
seen["blobs"] = {path: item.blob_id for path, item in tree.items() if hasattr(item, "blob_id")}
seen["trees"] = {path: item.tree_id for path, item in tree.items() if hasattr(item, "tree_id")}
seen["lfs"] = {path: item.lfs.sha256 for path, item in tree.items() if getattr(item, "lfs", None)}
expanded = {item.path: item for item in api.list_repo_tree(expand=True, **where)}
assert expanded["weights"].last_commit.title == "all kinds"
assert expanded["README.md"].last_commit.title.startswith("Upload README.md")
assert [item.path for item in api.get_paths_info(paths=["README.md", "absent"], **where)] == ["README.md"]

path = api.hf_hub_download(filename="weights/copy.bin", **where)
assert Path(path).read_bytes() == LARGE
path = api.hf_hub_download(filename=f"up/{UNICODE}", **where)
assert Path(path).read_text() == "ünïcødé\n"
snapshot = Path(api.snapshot_download(**where))
downloaded = sorted(str(item.relative_to(snapshot)) for item in snapshot.rglob("*") if item.is_file())
assert downloaded == files, (downloaded, files)
seen["contents"] = {item: hashlib.sha256((snapshot / item).read_bytes()).hexdigest() for item in files}
old = Path(api.hf_hub_download(filename="hello.txt", revision=before, **where))
assert old.read_text() == "hello\n"

for call in (
    lambda: api.hf_hub_download(filename="absent.txt", **where),
    lambda: api.hf_hub_download(filename="hello.txt", **where),
):
    try:
        call()
    except EntryNotFoundError:
        continue
    raise AssertionError("a missing file was found")
try:
    api.repo_info(revision="absent", **where)
    raise AssertionError("a missing revision was found")
except RevisionNotFoundError:
    pass
try:
    api.repo_info(repo_id=f"{user}/absent", repo_type=kind)
    raise AssertionError("a missing repository was found")
except RepositoryNotFoundError:
    pass

api.create_branch(branch="dev", revision=before, **where)
api.upload_file(path_or_fileobj=b"on dev", path_in_repo="dev.txt", revision="dev", **where)
api.create_tag(tag="v1", tag_message="first", **where)
refs = api.list_repo_refs(**where)
assert sorted(ref.name for ref in refs.branches) == ["dev", "main"]
assert [(ref.name, ref.target_commit) for ref in refs.tags] == [("v1", commit.oid)]
assert "dev.txt" in api.list_repo_files(revision="dev", **where)
assert sorted(api.list_repo_files(revision="v1", **where)) == files
api.delete_tag(tag="v1", **where)
api.delete_branch(branch="dev", **where)
refs = api.list_repo_refs(**where)
assert [ref.name for ref in refs.branches] == ["main"]
assert refs.tags == []

listing = {"model": api.list_models, "dataset": api.list_datasets, "space": api.list_spaces}[kind]
assert [item.id for item in listing(author=user, search=name)] == [repo]
assert [item.id for item in listing(author=user, filter="journey")] == [repo]
assert [item.id for item in listing(author=user, filter="license:mit")] == [repo]
assert list(listing(author=user, filter="absent-tag")) == []

api.delete_file(path_in_repo="nested/deep/a.txt", **where)
api.delete_folder(path_in_repo="nested", **where)
assert not [path for path in api.list_repo_files(**where) if path.startswith("nested")]
seen["titles"] = [item.title for item in api.list_repo_commits(**where)]
api.super_squash_history(**where)
assert len(api.list_repo_commits(**where)) == 1

api.move_repo(from_id=repo, to_id=f"{repo}-moved", repo_type=kind)
assert api.repo_info(repo_id=repo, repo_type=kind).id == f"{repo}-moved"
assert sorted(api.list_repo_files(repo_id=repo, repo_type=kind)) == sorted(
    api.list_repo_files(repo_id=f"{repo}-moved", repo_type=kind)
)
api.delete_repo(repo_id=f"{repo}-moved", repo_type=kind)
assert not api.repo_exists(f"{repo}-moved", repo_type=kind)
api.delete_repo(repo_id=f"{repo}-moved", repo_type=kind, missing_ok=True)
assert os.environ["HF_ENDPOINT"] == api.endpoint
print(json.dumps(seen))
