"""The functions of the class ``Repository`` of huggingface_hub 0.21, with git and git-lfs; prints the results as JSON.

Run by test_repositories.py with that version.
"""

import json
import os
import sys
from pathlib import Path

import huggingface_hub
from huggingface_hub import HfApi, Repository

expected, name = sys.argv[1:]
assert huggingface_hub.__version__ == expected, huggingface_hub.__version__
api = HfApi()
user = api.whoami()["name"]
repo_id = f"{user}/{name}"
url = str(api.create_repo(repo_id, repo_type="dataset"))
assert url.startswith("https://"), url
seen: dict[str, object] = {}

repo = Repository("first", clone_from=repo_id, repo_type="dataset", token=True)
first = Path("first")
assert repo.git_remote_url() == f"{api.endpoint}/datasets/{repo_id}"
repo.lfs_track("*.weights")
(first / "one.weights").write_bytes(bytes(range(256)) * 2000)
(first / "notes.txt").write_text("notes\n")
repo.git_add()
repo.git_commit("by hand")
assert repo.git_push() == f"{api.endpoint}/datasets/{repo_id}/commit/{repo.git_head_hash()}"
assert api.dataset_info(repo_id).sha == repo.git_head_hash()

with repo.commit("in a block"):
    Path("large.unknown").write_bytes(os.urandom(11_000_000))  # above 10 MB, so the class tracks it
    Path("more.txt").write_text("more\n")
assert api.dataset_info(repo_id).sha == repo.git_head_hash()

(first / "later.txt").write_text("later\n")
pushed_url, command = repo.push_to_hub("in the background", blocking=False)
assert repo.command_queue == [command]
repo.wait_for_commands()
assert (command.is_done, command.status, repo.commands_failed) == (True, 0, [])
assert pushed_url.endswith(api.dataset_info(repo_id).sha)
assert repo.push_to_hub("nothing to do") is None

with repo.commit("on a branch", branch="dev"):
    Path("dev.txt").write_text("dev\n")
assert sorted(ref.name for ref in api.list_repo_refs(repo_id, repo_type="dataset").branches) == ["dev", "main"]
repo.git_checkout("main")

repo.add_tag("v1", message="annotated", remote="origin")
repo.add_tag("light", remote="origin")
assert repo.tag_exists("v1", remote="origin")
tags = {tag.name: tag.target_commit for tag in api.list_repo_refs(repo_id, repo_type="dataset").tags}
assert tags == dict.fromkeys(["light", "v1"], repo.git_head_hash())
repo.delete_tag("light", remote="origin")
assert not repo.tag_exists("light", remote="origin")

api.upload_file(path_or_fileobj=b"http\n", path_in_repo="http.txt", repo_id=repo_id, repo_type="dataset")
repo.git_pull()
assert (first / "http.txt").read_text() == "http\n"

second = Repository("second", clone_from=url, repo_type="dataset", token=True)
assert second.git_head_hash() == repo.git_head_hash()
for path in ("one.weights", "large.unknown"):
    assert (Path("second") / path).read_bytes() == (first / path).read_bytes()
Repository("second", clone_from=repo_id, repo_type="dataset", token=True)  # already exists and stays unchanged
without = Repository("third", clone_from=repo_id, repo_type="dataset", token=True, skip_lfs_files=True)
assert (Path("third") / "one.weights").read_text().startswith("version https://git-lfs")
without.git_pull(lfs=True)
assert (Path("third") / "one.weights").read_bytes() == (first / "one.weights").read_bytes()

seen["titles"] = [commit.title for commit in api.list_repo_commits(repo_id, repo_type="dataset")]
tree = api.list_repo_tree(repo_id, repo_type="dataset")
seen["large"] = sorted(item.path for item in tree if getattr(item, "lfs", None))
print(json.dumps(seen))
