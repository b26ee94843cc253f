"""Discussions and pull requests with any version of the client; prints the results as JSON.

Run by test_discussions.py: the token of the environment owns the repository, the one
in the arguments belongs to someone who may only read it.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.utils import HfHubHTTPError

expected, name, stranger = sys.argv[1:4]
assert huggingface_hub.__version__ == expected, huggingface_hub.__version__
api, other = HfApi(), HfApi(token=stranger)
repo = f"{api.whoami()['name']}/{name}"
LARGE = bytes(range(256)) * 400
api.create_repo(repo)
api.upload_file(path_or_fileobj=b"one\n", path_in_repo="a.txt", repo_id=repo)


def refused(call: Callable[[], Any], words: str = "") -> int:
    """Return the status of a call that fails with a message containing these words."""
    try:
        call()
    except HfHubHTTPError as error:
        status, text = error.response.status_code, str(error)
    else:
        raise AssertionError("it was not refused")
    assert words in text, text
    return int(status)


# Comments.
talk = other.create_discussion(repo, "A question", description="What is **this**?")
assert (talk.num, talk.status, talk.is_pull_request, talk.author) == (1, "open", False, other.whoami()["name"])
assert talk.events[0].content == "What is **this**?"
assert talk.events[0].rendered == "<p>What is <strong>this</strong>?</p>\n"
said = api.comment_discussion(repo, 1, "A model <script>alert(1)</script>.")
assert "<script" not in said.rendered
edited = api.edit_discussion_comment(repo, 1, said.id, "A small model.")
assert (edited.content, edited.edited, edited.number_of_edits) == ("A small model.", True, 1)
assert edited.last_edited_by == api.whoami()["name"]
assert refused(lambda: other.edit_discussion_comment(repo, 1, said.id, "No!")) == 403
assert api.hide_discussion_comment(repo, 1, said.id).hidden
title = other.rename_discussion(repo, 1, "What is it?")
assert (title.old_title, title.new_title) == ("A question", "What is it?")
assert api.change_discussion_status(repo, 1, "closed", comment="Answered.").new_status == "closed"
kinds = [event.type for event in api.get_discussion_details(repo, 1).events]
assert kinds == ["comment", "comment", "title-change", "comment", "status-change"], kinds

# A draft, filled by an author who may not write to the repository.
draft = other.create_pull_request(repo, "Better words")
assert (draft.num, draft.status, draft.git_reference) == (2, "draft", "refs/pr/2")
assert draft.target_branch == "refs/heads/main"
assert [ref.ref for ref in api.list_repo_refs(repo, include_pull_requests=True).pull_requests] == ["refs/pr/2"]
operations = [CommitOperationAdd("b.txt", b"b\n"), CommitOperationAdd("big.bin", LARGE)]
other.create_commit(repo, operations, commit_message="more", revision=draft.git_reference)
assert refused(lambda: other.create_commit(repo, [CommitOperationAdd("c.txt", b"c")], commit_message="no")) == 403
assert refused(lambda: api.merge_pull_request(repo, 2), "draft") == 400
assert refused(lambda: other.merge_pull_request(repo, 2)) == 403
other.change_discussion_status(repo, 2, "open")
seen = api.get_discussion_details(repo, 2)
assert seen.conflicting_files == []
assert "+b\n" in seen.diff
assert "big.bin" in seen.diff
assert [event.summary for event in seen.events if event.type == "commit"] == ["more"]
api.merge_pull_request(repo, 2, comment="Thanks!")
merged = api.get_discussion_details(repo, 2)
assert (merged.status, merged.merge_commit_oid) == ("merged", api.model_info(repo).sha)
assert "+b\n" in merged.diff
assert "big.bin" in api.list_repo_files(repo)
with open(api.hf_hub_download(repo, "big.bin"), "rb") as file:
    assert file.read() == LARGE

# One that is opened with its first commit.
made = other.create_commit(
    repo, [CommitOperationAdd("c.txt", b"c\n")], commit_message="Add c", commit_description="why", create_pr=True
)
assert (made.pr_num, made.pr_revision) == (3, "refs/pr/3")
assert made.pr_url.endswith(f"{repo}/discussions/3")
third = api.get_discussion_details(repo, 3)
assert (third.title, third.status, third.events[0].content) == ("Add c", "open", "why")
other.upload_file(path_or_fileobj=LARGE[::-1], path_in_repo="bin/x.bin", repo_id=repo, create_pr=True)
assert "bin/x.bin" in api.list_repo_files(repo, revision="refs/pr/4")

# A folder, as a pull request of a reader.
folder = Path("few")
folder.mkdir()
(folder / "x.txt").write_text("x\n")
(folder / "y.bin").write_bytes(LARGE[5:])
other.upload_folder(repo_id=repo, folder_path=str(folder), path_in_repo="few", create_pr=True)
fifth = api.get_discussion_details(repo, 5)
assert sorted(api.list_repo_files(repo, revision="refs/pr/5"))[-2:] == ["few/x.txt", "few/y.bin"]
assert fifth.is_pull_request
assert fifth.status in ("draft", "open")

# A conflict and its resolution.
other.create_commit(repo, [CommitOperationAdd("a.txt", b"two\n")], commit_message="Two", create_pr=True)
api.upload_file(path_or_fileobj=b"three\n", path_in_repo="a.txt", repo_id=repo)
assert api.get_discussion_details(repo, 6).conflicting_files == ["a.txt"]
assert refused(lambda: api.merge_pull_request(repo, 6), "a.txt") == 400
other.create_commit(repo, [CommitOperationAdd("a.txt", b"three\n"), CommitOperationAdd("d.txt", b"d")],
                    commit_message="agree", revision="refs/pr/6")  # fmt: skip
api.merge_pull_request(repo, 6)

api.super_squash_history(repo, branch="refs/pr/3")
assert api.get_discussion_details(repo, 3).conflicting_files == []
api.merge_pull_request(repo, 3)
numbers = {
    word: [talk.num for talk in api.get_repo_discussions(repo, **wanted)]
    for word, wanted in {
        "all": {},
        "open": {"discussion_status": "open"},
        "pulls": {"discussion_type": "pull_request"},
        "mine": {"author": api.whoami()["name"]},
    }.items()
}

if hasattr(api, "create_commits_on_pr"):
    folder = Path("many")
    folder.mkdir()
    for number in range(60):
        (folder / f"f{number}.txt").write_text(f"{number}\n")
    api.upload_folder(repo_id=repo, folder_path=str(folder), path_in_repo="many", multi_commits=True,
                      multi_commits_verbose=True, delete_patterns="*.absent")  # fmt: skip
    last = next(iter(api.get_repo_discussions(repo)))
    assert last.status == "merged", last
    assert len([path for path in api.list_repo_files(repo) if path.startswith("many/")]) == 60
    api.upload_folder(repo_id=repo, folder_path=str(folder), path_in_repo="again", multi_commits=True, create_pr=True)
    assert next(iter(api.get_repo_discussions(repo))).status == "open"
    api.create_commit(repo, [CommitOperationDelete("many/", is_folder=True)], commit_message="tidy")
print(json.dumps(numbers))
