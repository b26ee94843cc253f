"""The installed git and git-lfs against a hub: pushes are visible through the API, commits of the API in clones."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError

from entrepot.testing.hubs import RunningHub, User

# Contributors' machines may not have it; the continuous integration installs it.
pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")

LARGE = bytes(range(256)) * 3000
UNICODE = "données/ünïcødé 文件 #1%.txt"


class Desk:
    """The workplace of one user: git with its own home, and an API client."""

    def __init__(self, hub: RunningHub, folder: Path, user: User | None = None, *, anonymous: bool = False) -> None:
        self.hub = hub
        self.folder = folder
        folder.mkdir(exist_ok=True)
        user = user or hub.user("tester")
        self.api = HfApi(endpoint=hub.url, token=user.token)
        place = hub.url.removeprefix("http://")
        (folder / ".git-credentials").write_text("" if anonymous else f"http://any:{user.token}@{place}\n")
        (folder / ".gitconfig").write_text(
            "[credential]\n\thelper = store\n[user]\n\tname = Ada\n\temail = ada@example.org\n"
            '[init]\n\tdefaultBranch = main\n[filter "lfs"]\n\tclean = git-lfs clean -- %f\n'
            "\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n"
            "[core]\n\tquotepath = false\n[advice]\n\tdetachedHead = false\n"
        )
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": "*",
            "LC_ALL": "C.UTF-8",
        }

    def try_git(self, *arguments: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.folder / cwd, env=self._environ, capture_output=True, text=True)

    def git(self, *arguments: str, cwd: str = ".") -> str:
        done = self.try_git(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clone(self, repo: str, *options: str, into: str = "clone") -> Path:
        """Create a clone and let git check it."""
        self.git("clone", *options, f"{self.hub.url}/{repo}", into)
        self.git("fsck", "--strict", cwd=into)
        return self.folder / into

    def save(self, path: str, content: bytes, repo: str = "tester/m", **more: Any) -> str:
        done = self.api.upload_file(
            path_or_fileobj=content, path_in_repo=path, repo_id=repo, commit_message=f"save {path}", **more
        )
        return str(done.oid)


@pytest.fixture
def desk(entrepot_hub: RunningHub, tmp_path: Path) -> Desk:
    return Desk(entrepot_hub, tmp_path / "desk")


@pytest.fixture
def repo(desk: Desk, request: pytest.FixtureRequest) -> str:
    name = f"tester/{request.node.name.split('[')[0][5:70]}{abs(hash(request.node.name)) % 10_000}".replace("_", "-")
    desk.api.create_repo(name)
    return name


def test_a_clone_is_what_was_committed_over_http(desk: Desk, repo: str) -> None:
    desk.save("hello.txt", b"hello\n", repo)
    desk.save(UNICODE, b"x\n", repo)
    desk.save("large.bin", LARGE, repo)
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd("a/b.txt", b"b"),
        CommitOperationDelete("hello.txt"),
    ]
    desk.api.create_commit(repo, operations, commit_message="two things")
    desk.api.create_branch(repo, branch="dev")
    desk.api.create_tag(repo, tag="v1", tag_message="annotated")
    desk.api.create_tag(repo, tag="light")

    clone = desk.clone(repo)

    ids = desk.git("log", "--format=%H", cwd="clone").split()
    assert ids == [commit.commit_id for commit in desk.api.list_repo_commits(repo)]
    assert (clone / "large.bin").read_bytes() == LARGE
    assert (clone / UNICODE).read_bytes() == b"x\n"
    files = desk.git("ls-files", "-z", cwd="clone").strip("\0").split("\0")
    assert sorted(files) == sorted(desk.api.list_repo_files(repo))
    blobs = {
        entry.path: entry.blob_id
        for entry in desk.api.list_repo_tree(repo, recursive=True)
        if hasattr(entry, "blob_id")
    }
    assert all(desk.git("rev-parse", f"HEAD:{path}", cwd="clone") == oid for path, oid in blobs.items())
    assert desk.git("tag", "--list", cwd="clone").split() == ["light", "v1"]
    assert desk.git("cat-file", "-t", "v1", cwd="clone") == "tag"
    assert desk.git("rev-parse", "origin/dev", cwd="clone") == ids[0]
    assert desk.git("symbolic-ref", "HEAD", cwd="clone") == "refs/heads/main"


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_version_of_the_protocol_clones_and_fetches(desk: Desk, repo: str, version: str) -> None:
    desk.save("a.txt", b"1\n", repo)
    desk.git("config", "--global", "protocol.version", version)
    clone = desk.clone(f"{repo}.git")
    last = desk.save("a.txt", b"2\n", repo)
    desk.git("pull", "-q", cwd="clone")
    assert desk.git("rev-parse", "HEAD", cwd="clone") == last
    assert (clone / "a.txt").read_bytes() == b"2\n"
    desk.git("clone", "-q", "--depth=1", f"{desk.hub.url}/{repo}", "shallow")
    desk.save("a.txt", b"3\n", repo)
    desk.git("fetch", "-q", "--depth=2", cwd="shallow")
    desk.git("fetch", "-q", "--unshallow", cwd="shallow")
    assert desk.git("rev-list", "--count", "origin/main", cwd="shallow") == "4"
    desk.git("fsck", "--strict", cwd="shallow")


def test_shallow_and_partial_clones_fetch_the_rest_later(desk: Desk, repo: str) -> None:
    for n in range(4):
        desk.save(f"f{n}.txt", b"%d\n" % n, repo)
    desk.clone(repo, "--depth=1", into="shallow")
    assert desk.git("rev-list", "--count", "HEAD", cwd="shallow") == "1"
    desk.git("fetch", "--unshallow", cwd="shallow")
    assert desk.git("rev-list", "--count", "HEAD", cwd="shallow") == "5"
    for filtered in ("blob:none", "tree:0"):
        folder = filtered.replace(":", "-")
        desk.git("clone", f"--filter={filtered}", "--no-checkout", f"{desk.hub.url}/{repo}", folder)
        assert desk.git("show", "HEAD~1:f1.txt", cwd=folder) == "1"


def test_pull_request_refs_and_single_commits_are_fetched(desk: Desk, repo: str) -> None:
    desk.save("a.txt", b"1\n", repo)
    first = desk.save("a.txt", b"2\n", repo)
    desk.git("init", "-q", "one")
    desk.git("fetch", "--depth=1", f"{desk.hub.url}/{repo}", first, cwd="one")
    assert desk.git("rev-parse", "FETCH_HEAD", cwd="one") == first


def test_large_files_kept_as_chunks_are_smudged_whole(desk: Desk, repo: str) -> None:
    content = os.urandom(2_000_000)
    desk.save("model.safetensors", content, repo)  # today's client sends it through Xet
    clone = desk.clone(repo)
    assert (clone / "model.safetensors").read_bytes() == content
    pointer = desk.git("cat-file", "-p", "HEAD:model.safetensors", cwd="clone")
    assert pointer.startswith("version https://git-lfs.github.com/spec/v1")


def test_private_repositories_are_cloned_with_a_credential_helper(desk: Desk, tmp_path: Path) -> None:
    desk.api.create_repo("tester/secret", private=True, repo_type="dataset")
    desk.save("a.txt", b"1\n", "tester/secret", repo_type="dataset")
    desk.clone("datasets/tester/secret")
    stranger = Desk(desk.hub, tmp_path / "stranger", desk.hub.user("stranger"))
    refused = stranger.try_git("clone", f"{desk.hub.url}/datasets/tester/secret")
    assert refused.returncode
    assert "Repository not found" in refused.stderr
    nobody = Desk(desk.hub, tmp_path / "nobody", anonymous=True)
    refused = nobody.try_git("clone", f"{desk.hub.url}/datasets/tester/secret")
    assert "could not read Username" in refused.stderr


def test_a_renamed_repository_is_cloned_under_its_old_name(desk: Desk, repo: str) -> None:
    desk.save("a.txt", b"1\n", repo)
    desk.api.move_repo(repo, f"{repo}-new")
    assert (desk.clone(repo) / "a.txt").exists()
    assert (desk.clone(f"{repo}.git", into="again") / "a.txt").exists()


def test_a_mirror_may_vanish_between_two_fetches(desk: Desk, repo: str, forget_mirrors: Callable[[], None]) -> None:
    desk.save("a.txt", b"1\n", repo)
    desk.clone(repo)
    forget_mirrors()
    last = desk.save("a.txt", b"2\n", repo)
    desk.git("pull", "-q", cwd="clone")
    assert desk.git("rev-parse", "HEAD", cwd="clone") == last


@pytest.fixture
def forget_mirrors(desk: Desk) -> Callable[[], None]:
    return lambda: shutil.rmtree(desk.hub.data / "cache")


def write(desk: Desk, message: str = "change", /, **files: bytes) -> str:
    """Commit in the clone; return the commit id."""
    for name, content in files.items():
        path = desk.folder / "clone" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    desk.git("add", "-A", cwd="clone")
    desk.git("commit", "-q", "-m", message, cwd="clone")
    return desk.git("rev-parse", "HEAD", cwd="clone")


def test_pushed_commits_appear_immediately_in_the_api(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    card = b"---\nlicense: mit\n---\n# A card\n"
    (desk.folder / "clone" / "données").mkdir()
    (desk.folder / "clone" / UNICODE).write_bytes(b"x\n")
    first = write(desk, README=b"1\n", folder__a=b"a\n")
    head = write(desk, "second", **{"README.md": card, "folder__a": b"b\n"})
    desk.git("push", "-q", cwd="clone")
    info = desk.api.repo_info(repo)
    assert info.sha == head
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    assert [commit.commit_id for commit in desk.api.list_repo_commits(repo)][:2] == [head, first]
    assert {"README", "README.md", "folder/a", UNICODE} <= set(desk.api.list_repo_files(repo))
    [entry] = desk.api.get_paths_info(repo, ["folder/a"], expand=True)
    assert entry.last_commit.oid == head


def test_a_file_pushed_with_git_lfs_is_downloaded_with_the_api(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    write(desk, **{"model.safetensors": LARGE})
    desk.git("push", "-q", cwd="clone")
    [info] = desk.api.get_paths_info(repo, ["model.safetensors"])
    assert info.lfs is not None
    assert info.size == len(LARGE)
    assert Path(desk.api.hf_hub_download(repo, "model.safetensors", cache_dir=desk.folder / "hf")).read_bytes() == LARGE


def test_branches_and_tags_survive_a_round_trip(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    head = write(desk, a=b"1")
    desk.git("tag", "-a", "v1", "-m", "annotated", cwd="clone")
    desk.git("tag", "light", cwd="clone")
    desk.git("push", "-q", "origin", "HEAD:refs/heads/feature/x", "v1", "light", cwd="clone")
    refs = desk.api.list_repo_refs(repo)
    assert {branch.name: branch.target_commit for branch in refs.branches}["feature/x"] == head
    assert {tag.name: tag.target_commit for tag in refs.tags} == {"v1": head, "light": head}
    ours = desk.git("show-ref", "--tags", cwd="clone")
    desk.clone(repo, into="again")
    assert desk.git("show-ref", "--tags", cwd="again") == ours
    desk.git("push", "-q", "origin", "--delete", "feature/x", "light", cwd="clone")
    assert {branch.name for branch in desk.api.list_repo_refs(repo).branches} == {"main"}


def test_force_is_needed_to_rewrite_history_and_enough(desk: Desk, repo: str) -> None:
    desk.save("theirs.txt", b"1\n", repo)
    desk.clone(repo)
    desk.git("reset", "-q", "--hard", "HEAD~1", cwd="clone")
    head = write(desk, ours=b"1")
    refused = desk.try_git("push", cwd="clone")
    assert "non-fast-forward" in refused.stderr
    desk.git("push", "-q", "--force-with-lease", cwd="clone")
    assert desk.api.repo_info(repo).sha == head


def test_a_push_over_a_newer_commit_is_refused_until_it_is_pulled(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    theirs = desk.save("theirs.txt", b"1\n", repo)
    write(desk, ours=b"1")
    assert desk.try_git("push", cwd="clone").returncode
    desk.git("pull", "-q", "--no-rebase", "--no-edit", cwd="clone")
    desk.git("push", "-q", cwd="clone")
    ids = [commit.commit_id for commit in desk.api.list_repo_commits(repo)]
    assert theirs in ids
    assert {"theirs.txt", "ours"} <= set(desk.api.list_repo_files(repo))


def test_reasons_are_seen_on_the_terminal(desk: Desk, repo: str, tmp_path: Path) -> None:
    desk.clone(repo)
    write(desk, large=os.urandom(11 << 20).replace(b"\0", b"x"))
    refused = desk.try_git("push", cwd="clone")
    assert "remote: the regular file 'large' exceeds the limit" in refused.stderr
    assert "git lfs migrate" in refused.stderr
    desk.git("reset", "-q", "--hard", "HEAD~1", cwd="clone")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 5\n"
    write(desk, pointer=pointer.encode())
    refused = desk.try_git("push", "--no-verify", cwd="clone")
    assert (
        "remote: Your push was rejected because an LFS pointer pointed to a file that does not exist" in refused.stderr
    )
    absent = desk.try_git("push", f"{desk.hub.url}/tester/absent", "HEAD:main", cwd="clone")
    assert "remote: Repository not found; to push to it, create it first" in absent.stderr
    reader = Desk(desk.hub, tmp_path / "reader", desk.hub.user("tester", "read"))
    reader.git("clone", "-q", f"{desk.hub.url}/{repo}", "clone")
    reader.git("commit", "-q", "--allow-empty", "-m", "m", cwd="clone")
    assert "remote: This token has role 'read'" in reader.try_git("push", cwd="clone").stderr


def test_thousands_of_files_are_pushed_and_cloned(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    head = write(desk, **{f"d{n % 70}__f{n}.txt": b"%d\n" % n for n in range(2500)})
    desk.git("push", "-q", cwd="clone")
    desk.clone(repo, into="again")
    assert desk.git("rev-parse", "HEAD", cwd="again") == head
    assert len(desk.git("ls-files", cwd="again").splitlines()) == 2501


def test_pushes_and_commits_over_http_take_turns(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    for n in range(4):
        write(desk, **{f"git{n}": b"%d" % n})
        desk.git("push", "-q", cwd="clone")
        desk.save(f"http{n}.txt", b"%d" % n, repo)
        desk.git("pull", "-q", cwd="clone")
        desk.git("fsck", "--strict", cwd="clone")
    ids = desk.git("log", "--format=%H", cwd="clone").split()
    assert ids == [commit.commit_id for commit in desk.api.list_repo_commits(repo)]


def test_many_clone_and_some_push_concurrently(desk: Desk, repo: str) -> None:
    for n in range(3):
        desk.save(f"f{n}.txt", b"%d\n" % n, repo)
    failures: list[str] = []

    def note(done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode:
            failures.append(done.stderr)

    def clone(number: int) -> None:
        note(desk.try_git("clone", "-q", f"{desk.hub.url}/{repo}", f"c{number}"))
        note(desk.try_git("fsck", "--strict", cwd=f"c{number}"))

    def push(number: int) -> None:
        clone(number)
        for n in range(3):
            note(desk.try_git("commit", "-q", "--allow-empty", "-m", str(n), cwd=f"c{number}"))
            note(desk.try_git("push", "-q", "origin", f"HEAD:refs/heads/b{number}", cwd=f"c{number}"))

    threads = [threading.Thread(target=push, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=clone, args=(n,)) for n in range(4, 24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    heads = {branch.name: branch.target_commit for branch in desk.api.list_repo_refs(repo).branches}
    assert {f"b{n}": desk.git("rev-parse", "HEAD", cwd=f"c{n}") for n in range(4)}.items() <= heads.items()


def test_protected_branches_and_immutable_tags_stay(desk: Desk, repo: str) -> None:
    desk.clone(repo)
    head = write(desk, a=b"1")
    desk.git("tag", "v1", cwd="clone")
    desk.git("push", "-q", "origin", "HEAD", "HEAD:refs/heads/release/1", "v1", cwd="clone")
    settings = {"protectedBranches": ["main", "release/*"], "immutableTags": True}
    headers = {"authorization": f"Bearer {desk.api.token}"}
    with httpx2.Client(base_url=desk.hub.url, headers=headers, trust_env=False) as client:
        assert client.put(f"/api/models/{repo}/settings", json=settings).json() == settings
    for push in (["--delete", "release/1"], ["--delete", "v1"], ["--force", "HEAD~1:refs/heads/main"]):
        refused = desk.try_git("push", "origin", *push, cwd="clone")
        assert "protected" in refused.stderr or "immutable" in refused.stderr
    assert desk.api.repo_info(repo).sha == head
    later = write(desk, a=b"2")
    desk.git("push", "-q", "origin", "HEAD:refs/heads/release/1", "HEAD", cwd="clone")
    assert desk.api.repo_info(repo).sha == later


def test_locks_of_git_lfs_keep_others_from_changing_a_file(desk: Desk, tmp_path: Path) -> None:
    team = desk.hub.org("lockers", members={"mate": "write"})
    desk.api.create_repo(f"{team}/m")
    desk.clone(f"{team}/m")
    write(desk, **{"model.safetensors": LARGE, "other.safetensors": LARGE[1:]})
    desk.git("push", "-q", cwd="clone")
    mate = Desk(desk.hub, tmp_path / "mate", desk.hub.user("mate"))
    mate.clone(f"{team}/m")

    assert "Locked model.safetensors" in desk.git("lfs", "lock", "model.safetensors", cwd="clone")
    refused = mate.try_git("lfs", "lock", "model.safetensors", cwd="clone")
    assert "already created lock: it is held by tester" in refused.stderr
    assert mate.git("lfs", "locks", cwd="clone").split()[:2] == ["model.safetensors", "tester"]

    write(mate, **{"model.safetensors": LARGE + b"changed"})
    mate.git("config", "lfs.locksverify", "true", cwd="clone")
    refused = mate.try_git("push", cwd="clone")
    assert refused.returncode
    assert "Unable to push locked files:\n* model.safetensors - tester" in refused.stdout  # checked by git-lfs itself
    mate.git("-c", "lfs.locksverify=false", "lfs", "push", "origin", "main", cwd="clone")
    refused = mate.try_git("push", "--no-verify", cwd="clone")
    assert "'model.safetensors' is locked by tester" in refused.stderr
    with pytest.raises(HfHubHTTPError, match="is locked by tester"):
        mate.save("model.safetensors", b"changed", f"{team}/m")

    assert "locked by tester" in mate.try_git("lfs", "unlock", "model.safetensors", cwd="clone").stderr
    assert "Unlocked model.safetensors" in mate.git("lfs", "unlock", "--force", "model.safetensors", cwd="clone")
    assert mate.git("lfs", "locks", cwd="clone") == ""
    mate.git("push", "-q", cwd="clone")
    head = mate.git("rev-parse", "HEAD", cwd="clone")
    assert desk.api.repo_info(f"{team}/m").sha == head
    assert "Locked" in mate.git("lfs", "lock", "other.safetensors", cwd="clone")
    assert "Unlocked" in mate.git("lfs", "unlock", "other.safetensors", cwd="clone")


def test_a_stranger_pushes_to_a_pull_request_of_their_own(desk: Desk, repo: str, tmp_path: Path) -> None:
    desk.save("a.txt", b"1\n", repo)
    stranger = Desk(desk.hub, tmp_path / "stranger", desk.hub.user("stranger"))
    pull = stranger.api.create_pull_request(repo, "From git")
    clone = stranger.clone(repo)
    stranger.git("lfs", "install", "--local", cwd="clone")
    stranger.git("lfs", "track", "*.bin", cwd="clone")
    (clone / "big.bin").write_bytes(LARGE)
    stranger.git("add", ".", cwd="clone")
    stranger.git("commit", "-q", "-m", "big", cwd="clone")
    assert "rights to write" in stranger.try_git("push", "origin", "HEAD:main", cwd="clone").stderr
    unchecked = stranger.try_git("push", "--no-verify", "origin", "HEAD:main", cwd="clone")
    assert "your own pull requests only" in unchecked.stderr
    stranger.git("push", "origin", "HEAD:refs/pr/1", cwd="clone")
    stranger.api.change_discussion_status(repo, pull.num, "open")
    desk.api.merge_pull_request(repo, pull.num)
    assert (desk.clone(repo) / "big.bin").read_bytes() == LARGE


def test_large_files_without_a_rule_are_clean_in_every_clone(desk: Desk, repo: str) -> None:
    """A file that the API stores through LFS is added to ``.gitattributes`` in the same commit."""
    names = ["m.gguf", "dir/a b.gguf", "#x", "dir/[1]*.gguf", "\u6a21\u578b", "!bang", 'q"uote']
    desk.save("sub/m.gguf", b"a small text\n", repo)
    for number, name in enumerate(names):
        desk.save(name, b"\0%d" % number + LARGE[:20_000], repo)
    clone = desk.clone(repo)
    desk.git("lfs", "pull", cwd="clone")
    assert desk.git("status", "--short", cwd="clone") == ""
    for number, name in enumerate(names):
        assert (clone / name).read_bytes() == b"\0%d" % number + LARGE[:20_000], name
    assert (clone / "sub/m.gguf").read_bytes() == b"a small text\n"
    desk.save("m.gguf", b"\0new" + LARGE[:20_000], repo)
    desk.git("pull", "--rebase", cwd="clone")
    assert (clone / "m.gguf").read_bytes() == b"\0new" + LARGE[:20_000]
    (clone / "m.gguf").write_bytes(b"\0mine" + LARGE[:20_000])
    desk.git("commit", "-qam", "mine", cwd="clone")
    desk.save("other.gguf", b"\0other" + LARGE[:20_000], repo)
    desk.git("pull", "--rebase", cwd="clone")
    desk.git("push", cwd="clone")
    assert desk.git("status", "--short", cwd="clone") == ""
    assert desk.api.get_paths_info(repo, ["m.gguf"])[0].lfs is not None


def test_a_moved_large_file_without_a_rule_is_named_with_the_cure(desk: Desk, repo: str) -> None:
    desk.save("big one.dat", b"\0" + LARGE, repo)
    desk.clone(repo)
    desk.git("lfs", "pull", cwd="clone")
    (desk.folder / "clone" / "to").mkdir()
    desk.git("mv", "big one.dat", "to/new one.dat", cwd="clone")
    desk.git("commit", "-qm", "move", cwd="clone")
    said = desk.try_git("push", cwd="clone").stderr
    assert "warning: no line of .gitattributes sends the large file 'to/new one.dat' to LFS" in said
    [cure] = re.findall(r"git lfs track .*\S", said)
    subprocess.run(shlex.split(cure), cwd=desk.folder / "clone", env=desk._environ, check=True)
    desk.git("add", ".gitattributes", cwd="clone")
    desk.git("commit", "-qm", "cure", cwd="clone")
    assert "warning" not in desk.try_git("push", cwd="clone").stderr
    desk.git("clone", "-q", f"{desk.hub.url}/{repo}", "again")
    assert desk.git("status", "--short", cwd="again") == ""
