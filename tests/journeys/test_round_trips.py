"""Everything that git can store is pushed and cloned unchanged; HTTP shows the same ids."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download

from entrepot.testing.hubs import RunningHub

ELSEWHERE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
UNICODE = (
    "données/ünïcødé 文件 #1%.txt",
    "e\u0301 combining",
    "emoji 🦜/🧪",
    "quotes \"and\" 'more'",
    " leading and trailing ",
)
SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n \n iQEzBAABCAAdFiEE\n =AbCd\n -----END PGP SIGNATURE-----"


class Author:
    """An author with a clone of an empty repository."""

    def __init__(self, hub: RunningHub, folder: Path, repo: str) -> None:
        self.api = HfApi(endpoint=hub.url, token=hub.token)
        self.api.create_repo(repo)
        self.repo = repo
        self.folder = folder
        self.url = f"{hub.url.replace('://', f'://any:{hub.token}@')}/{repo}"
        self.git("clone", "-q", self.url, "work", cwd=".")
        self.work = folder / "work"

    def git(self, *arguments: str, cwd: str = "work", given: str = "") -> str:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_PROXY": "*",
            "LC_ALL": "C.UTF-8",
            **{f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(
            ["git", "-c", "core.quotePath=false", *arguments],
            cwd=self.folder / cwd,
            env=environ,
            input=given,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip("\n")

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def check(self) -> None:
        """Push everything; check that a fresh clone has the same refs and objects, and the API the same commits."""
        self.git("push", "-q", "origin", "--all")
        self.git("push", "-q", "origin", "--tags")
        self.git("clone", "-q", "--mirror", self.url, "again", cwd=".")
        self.git("fsck", "--strict", "--full", cwd="again")
        for question in (
            ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"],
            ["rev-list", "--objects", "--no-object-names", "--branches", "--tags"],
            ["ls-tree", "-r", "-t", "-z", "main"],
        ):
            assert self.git(*question, cwd="again") == self.git(*question)
        listed = self.api.list_repo_commits(self.repo)
        # Commits of the same second have no defined order.
        assert {commit.commit_id for commit in listed} == set(self.git("log", "--format=%H").split())
        assert len(listed) == int(self.git("rev-list", "--count", "main"))
        assert listed[0].commit_id == self.git("rev-parse", "main")
        wanted = {}
        for line in filter(None, self.git("ls-tree", "-r", "-z", "main").split("\0")):
            _, kind, rest = line.split(" ", 2)
            oid, path = rest.split("\t", 1)
            if kind == "blob":
                wanted[path] = oid
        tree = self.api.list_repo_tree(self.repo, recursive=True)
        assert {item.path: item.blob_id for item in tree if hasattr(item, "blob_id")} == wanted
        snapshot = Path(snapshot_download(self.repo, endpoint=self.api.endpoint, cache_dir=self.folder / "cache"))
        assert {str(path.relative_to(snapshot)) for path in snapshot.rglob("*") if path.is_file()} == set(wanted)


@pytest.fixture
def author(entrepot_hub: RunningHub, tmp_path: Path, request: pytest.FixtureRequest) -> Author:
    return Author(entrepot_hub, tmp_path, f"tester/{request.node.name[5:60].replace('_', '-').strip('-')}")


def test_paths_renames_deletions_and_kinds_of_files(author: Author) -> None:
    for path in (*UNICODE, "moved/from.txt", "gone.txt", "kept.txt"):
        (author.work / path).parent.mkdir(parents=True, exist_ok=True)
        (author.work / path).write_text(f"this is {path}\n" * 5)
    (author.work / "run.sh").write_text("#!/bin/sh\n")
    (author.work / "run.sh").chmod(0o755)
    (author.work / "link").symlink_to("moved/from.txt")
    (author.work / "dangling").symlink_to("../outside/of it")
    author.commit("everything")
    author.git("update-index", "--add", "--cacheinfo", f"160000,{ELSEWHERE},vendored")
    (author.work / ".gitmodules").write_text('[submodule "vendored"]\n\tpath = vendored\n\turl = https://x.example/y\n')
    author.git("add", ".gitmodules")
    author.git("commit", "-q", "-m", "a submodule")
    author.git("mv", "moved", "renamed")
    author.git("rm", "-q", "gone.txt")
    author.git("update-index", "--chmod=+x", "kept.txt")
    author.git("commit", "-q", "-m", "moved, removed, made executable")
    author.check()
    modes = {line.split("\t")[1]: line[:6] for line in author.git("ls-tree", "-r", "main", cwd="again").splitlines()}
    assert (modes["run.sh"], modes["kept.txt"], modes["link"], modes["vendored"]) == (
        "100755",
        "100755",
        "120000",
        "160000",
    )
    assert "moved/from.txt" not in modes


def test_merges_of_many_parents_empty_commits_and_other_roots(author: Author) -> None:
    for name in "abc":
        author.git("checkout", "-q", "-b", name, "main")
        (author.work / name).write_text(name)
        author.commit(f"on {name}")
    author.git("checkout", "-q", "main")
    author.commit("empty")
    author.git("merge", "-q", "-m", "an octopus", "a", "b", "c")
    author.git("checkout", "-q", "--orphan", "other")
    author.commit("another root")
    author.git("checkout", "-q", "main")
    author.git("merge", "-q", "-m", "two roots", "--allow-unrelated-histories", "other")
    author.commit("empty as well")
    assert author.git("rev-list", "--min-parents=4", "--count", "main") == "1"
    author.check()


def test_annotated_nested_and_signed_objects(author: Author) -> None:
    author.commit("one")
    author.git("tag", "-a", "annotated", "-m", "a tag\n\nwith a body")
    author.git("tag", "light")
    author.git("-c", "advice.nestedTag=false", "tag", "-a", "nested", "-m", "a tag of a tag", "annotated")
    tagger = "tagger A <a@b.example> 1700000000 +0130"
    head, tree = author.git("rev-parse", "HEAD", "HEAD^{tree}").split()
    signature = SIGNATURE.replace("\n ", "\n")
    signed = f"object {head}\ntype commit\ntag signed\n{tagger}\n\nsigned\n{signature}\n"
    author.git("update-ref", "refs/tags/signed", author.git("hash-object", "-t", "tag", "-w", "--stdin", given=signed))
    who = "A Ünïcødé <a@b.example> 1700000001 -0330"
    people = f"author {who}\ncommitter {who}"
    commit = f"tree {tree}\nparent {head}\n{people}\ngpgsig {SIGNATURE}\n\nsigned, in a strange time zone\n"
    author.git("reset", "-q", "--hard", author.git("hash-object", "-t", "commit", "-w", "--stdin", given=commit))
    author.check()
    refs = author.api.list_repo_refs(author.repo)
    assert {tag.name: tag.target_commit for tag in refs.tags} == dict.fromkeys(
        ["annotated", "light", "nested", "signed"], head
    )


def test_commits_over_http_are_pulled_and_built_upon(author: Author) -> None:
    for number in range(3):
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(f"http/{UNICODE[0]}{number}", b"%d" % number),
            CommitOperationAdd("http/same.txt", b"%d\n" % number),
        ]
        if number:
            operations.append(CommitOperationDelete(f"http/{UNICODE[0]}{number - 1}"))
        made = author.api.create_commit(author.repo, operations, commit_message=f"over http {number}")
        author.git("pull", "-q", "--ff-only")
        assert author.git("rev-parse", "HEAD") == made.oid
        (author.work / f"git{number}").write_text(f"{number}")
        author.commit(f"with git {number}")
        author.git("push", "-q")
    author.check()
    assert author.git("rev-list", "--count", "main") == "7"
