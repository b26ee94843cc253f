"""The current client in jobs of CI: with the issuer of GitHub Actions, and with a token of GitLab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.hub.sso import publishers
from entrepot.hub.sso.publishers import PublisherDraft
from entrepot.names import RepoRef, RepoType
from entrepot.server.addresses import reserved
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.git_site import GIT_ENV
from tests.support.issuer import LocalIssuer, serving
from tests.support.running_apps import running

UPLOAD = """
import sys
from huggingface_hub import HfApi
print(HfApi().upload_file(path_or_fileobj=b"weights", path_in_repo="a.txt", repo_id=sys.argv[1]).oid)
"""


@attrs.frozen
class CiSite:
    """A hub that trusts an issuer, and knows its own address."""

    hub: HubContext
    issuer: LocalIssuer
    url: str
    home: Path

    def run(self, repo: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Upload a file with the current client in the environment of a job."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("HF_", "ACTIONS_", "GITHUB_"))
        }
        environ = kept | {"HF_ENDPOINT": self.url, "HF_HOME": str(self.home), "HF_OIDC_RESOURCE": repo} | variables
        command = [sys.executable, "-c", UPLOAD, repo]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240)


@pytest.fixture
def ci(tmp_path: Path) -> Iterator[CiSite]:
    with reserved("127.0.0.1", 0) as free:
        port = free.port
        url = f"http://127.0.0.1:{port}"
    with serving() as issuer:
        settings = Settings(
            data=tmp_path / "data", base_url=url, oidc_issuers=(issuer.url,), oidc_private_issuers=True, run_jobs=False
        )
        hub = open_hub(settings, fsync=False)
        accounts.create_user(hub, "alice")
        try:
            with running(make_app(hub), port=port):
                yield CiSite(hub, issuer, url, tmp_path / "home")
        finally:
            hub.close()


def trust(ci: CiSite, claims: dict[str, str]) -> RepoRef:
    caller = ci.hub.identify(accounts.create_token(ci.hub, "alice", role="write").secret)
    ref = repositories.create(ci.hub, caller, NewRepo(RepoType.MODEL, "m", "alice", "private")).ref
    publishers.add(ci.hub, caller, ref, PublisherDraft("ci", ci.issuer.url, claims))
    return ref


def test_a_workflow_of_github_uploads_without_a_secret(ci: CiSite) -> None:
    trust(ci, {"repository": "acme/train", "ref": "refs/heads/*"})
    job = {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{ci.issuer.url}/mint?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    }
    done = ci.run("alice/m", **job)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 40
    refused = ci.run("alice/absent", **job)
    assert refused.returncode != 0
    assert "400" in refused.stderr


def test_a_job_of_gitlab_uploads_with_the_token_that_it_was_given(ci: CiSite) -> None:
    trust(ci, {"project_path": "group/sub/project", "ref_protected": "true", "ref_path": "refs/heads/main"})
    claims: dict[str, Any] = {
        "sub": "project_path:group/sub/project:ref_type:branch:ref:main",
        "project_path": "group/sub/project",
        "project_id": "22",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "aud": ci.url,
    }
    token = ci.issuer.sign(ci.issuer.claims(**claims, repository=None))
    done = ci.run("alice/m", HF_OIDC_ID_TOKEN=token)
    assert done.returncode == 0, done.stderr
    again = ci.run("alice/m", HF_OIDC_ID_TOKEN=token)
    assert again.returncode != 0, "a token is exchanged once"
    other = ci.issuer.sign(ci.issuer.claims(**claims | {"ref_protected": "false"}, repository=None))
    assert ci.run("alice/m", HF_OIDC_ID_TOKEN=other).returncode != 0


@attrs.frozen
class Job:
    """A job with the access token of a publisher, and a second account that may change everything."""

    url: str
    client: httpx2.Client
    owner: httpx2.Client
    secret: str

    def git(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run git with the token as password."""
        helper = "credential.helper=!f() { echo username=ci; echo password=$SECRET; }; f"
        command = ["git", "-c", "credential.helper=", "-c", helper, *arguments]
        environ = GIT_ENV | {"SECRET": self.secret}
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=240)


@pytest.fixture
def job(ci: CiSite) -> Iterator[Job]:
    trust(ci, {"repository": "acme/train"})
    owner = accounts.create_token(ci.hub, "alice", role="write").secret
    alice = ci.hub.identify(owner)
    repositories.create(ci.hub, alice, NewRepo(RepoType.MODEL, "other", "alice", "private"))
    fields = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "subject_token": ci.issuer.sign(ci.issuer.claims(aud=ci.url)),
        "resource": "alice/m",
    }
    with httpx2.Client(base_url=ci.url, timeout=240) as anyone:
        secret = anyone.post("/oauth/token", data=fields).raise_for_status().json()["access_token"]
    with (
        httpx2.Client(base_url=ci.url, headers={"authorization": f"Bearer {secret}"}, timeout=240) as mine,
        httpx2.Client(base_url=ci.url, headers={"authorization": f"Bearer {owner}"}, timeout=240) as theirs,
    ):
        yield Job(ci.url, mine, theirs, secret)


COMMIT = '{"key":"header","value":{"summary":"x"}}\n{"key":"file","value":{"path":"a","content":"x"}}'
MANAGING = [
    ("PUT", "/api/models/alice/m/settings", {"private": False}),
    ("PUT", "/api/models/alice/m/settings", {"visibility": "public"}),
    ("PUT", "/api/models/alice/m/settings", {"gated": "auto"}),
    ("PUT", "/api/models/alice/m/settings", {"discussionsDisabled": True}),
    ("PUT", "/api/models/alice/m/settings", {}),
    ("DELETE", "/api/repos/delete", {"name": "m", "organization": "alice"}),
    ("DELETE", "/api/repos/delete", {"name": "m"}),
    ("POST", "/api/repos/move", {"fromRepo": "alice/m", "toRepo": "alice/moved", "type": "model"}),
    ("POST", "/api/models/alice/m/duplicate", {"repository": "alice/copy"}),
    ("POST", "/api/repos/create", {"name": "made", "type": "model"}),
    ("GET", "/api/models/alice/m/lfs-files", None),
    ("POST", "/api/models/alice/m/lfs-files/batch", {"deletions": {"sha": [], "rewriteHistory": True}}),
    ("DELETE", f"/api/models/alice/m/lfs-files/{'d' * 64}", None),
    ("GET", "/api/models/alice/m/trusted-publishers", None),
    ("POST", "/api/models/alice/m/trusted-publishers", {"name": "x", "issuer": "https://a.b", "claims": {"sub": "x"}}),
    ("GET", "/api/models/alice/m/user-access-request/pending", None),
    ("POST", "/api/models/alice/m/user-access-request/grant", {"user": "alice"}),
    ("GET", "/api/models/alice/m/staged/main?all=true", None),
    ("POST", "/api/models/alice/m/discussions", {"title": "A title", "description": "x"}),
    ("POST", "/api/models/alice/m/discussions/1/comment", {"comment": "x"}),
    ("POST", "/api/models/alice/m/discussions/1/status", {"status": "closed"}),
    ("POST", "/api/models/alice/m/discussions/1/title", {"title": "Another"}),
    ("DELETE", "/api/models/alice/m/discussions/1", None),
    ("POST", "/api/models/alice/m/like", None),
    ("GET", "/api/settings/tokens", None),
    ("POST", "/api/settings/tokens", {"role": "write", "name": "mine"}),
    ("GET", "/api/settings/webhooks", None),
    ("POST", "/api/settings/webhooks", {"watched": [{"type": "model", "name": "alice/m"}], "url": "https://a.b/"}),
    ("POST", "/api/organizations/create", {"name": "made"}),
    ("POST", f"/alice/m.git/info/lfs/locks/{'d' * 24}/unlock", {"force": True}),
]
"""Calls that no publisher may make, with their bodies."""


def test_a_publisher_manages_nothing(job: Job) -> None:
    opened = job.owner.post("/api/models/alice/m/discussions", json={"title": "A title", "description": "x"})
    assert opened.json()["num"] == 1
    before = job.owner.get("/api/models/alice/m").json()
    answers = {
        f"{method} {path} {body}": job.client.request(method, path, json=body).status_code
        for method, path, body in MANAGING
    }
    assert {call: status for call, status in answers.items() if status != 403} == {}
    assert job.owner.get("/api/models/alice/m").json() == before
    listed = job.owner.get("/api/models?author=alice").json()
    assert {item["id"] for item in listed} == {"alice/m", "alice/other"}
    assert job.owner.get("/api/models/alice/m/discussions/1").json()["status"] == "open"


def test_a_publisher_commits_and_sees_no_other_repository(job: Job) -> None:
    def commit(repo: str, rev: str, query: str = "") -> httpx2.Response:
        headers = {"content-type": "application/x-ndjson"}
        return job.client.post(f"/api/models/{repo}/commit/{rev}{query}", content=COMMIT, headers=headers)

    def post(path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        return job.client.post(f"/api/models/alice/m/{path}", json=body or {})

    assert commit("alice/m", "main").status_code == 200
    assert post("branch/next").status_code == 200
    assert commit("alice/m", "next").status_code == 200
    assert post("tag/main", {"tag": "v1"}).status_code == 200
    proposed = commit("alice/m", "main", "?create_pr=1")
    assert proposed.json()["pullRequestUrl"].endswith("/discussions/1")
    assert commit("alice/m", "refs%2Fpr%2F1").status_code == 200
    assert job.client.get("/alice/m/resolve/main/a").text == "x"
    absent = [commit(repo, "main") for repo in ("alice/other", "alice/nosuc")]
    tokens = [job.client.get(f"/api/models/{repo}/xet-write-token/main") for repo in ("alice/other", "alice/nosuc")]
    assert {found.status_code for found in (*absent, *tokens)} == {404}
    assert [found.text for found in (absent[0], tokens[0])] == [found.text for found in (absent[1], tokens[1])]


def test_a_publisher_pushes_with_git_and_git_lfs_to_its_repository_only(job: Job, tmp_path: Path) -> None:
    address = job.url.replace("http://", "http://ci@")
    assert job.git(tmp_path, "clone", f"{address}/alice/m", "work").returncode == 0
    work = tmp_path / "work"
    for command in (["lfs", "install", "--local"], ["checkout", "-q", "-b", "next"]):
        assert job.git(work, *command).returncode == 0
    (work / "w.bin").write_bytes(bytes(range(256)) * 400)
    (work / "notes.txt").write_text("notes")
    for command in (["add", "-A"], ["commit", "-q", "-m", "m"]):
        assert job.git(work, *command).returncode == 0
    pushed = job.git(work, "push", "-q", "origin", "next", "next:main")
    assert pushed.returncode == 0, pushed.stderr
    assert job.owner.get("/alice/m/resolve/main/w.bin").content == bytes(range(256)) * 400
    refused = job.git(work, "push", "-q", f"{address}/alice/other", "next:main")
    assert refused.returncode != 0
    batch = {"operation": "upload", "objects": [{"oid": "d" * 64, "size": 7}]}
    headers = {"content-type": "application/vnd.git-lfs+json"}
    hidden = job.client.post("/alice/other.git/info/lfs/objects/batch", json=batch, headers=headers)
    assert hidden.status_code == 404
    lock = job.owner.post("/alice/m.git/info/lfs/locks", json={"path": "w.bin"}, headers=headers).json()["lock"]
    path = f"/alice/m.git/info/lfs/locks/{lock['id']}/unlock"
    assert job.client.post(path, json={"force": True}, headers=headers).status_code == 403


def test_a_publisher_sends_large_files_through_xet_until_it_is_removed(job: Job, ci: CiSite) -> None:
    content = bytes(range(251)) * 2_000
    script = "import sys; from huggingface_hub import HfApi; print(HfApi().upload_file(path_or_fileobj=sys.argv[1],"
    script += " path_in_repo='big.bin', repo_id=sys.argv[2]).oid)"
    file = ci.home.parent / "big.bin"
    file.write_bytes(content)
    environ = dict(os.environ) | {"HF_ENDPOINT": ci.url, "HF_HOME": str(ci.home), "HF_TOKEN": job.secret}
    environ.pop("HF_HUB_DISABLE_XET", None)

    def upload(repo: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, str(file), repo]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240)

    done = upload("alice/m")
    assert done.returncode == 0, done.stderr
    assert job.owner.get("/alice/m/resolve/main/big.bin").content == content
    assert "X-Xet-Hash".lower() in job.owner.head("/alice/m/resolve/main/big.bin").headers
    assert upload("alice/other").returncode != 0
    given = job.client.get("/api/models/alice/m/xet-write-token/main").json()
    [publisher] = job.owner.get("/api/models/alice/m/trusted-publishers").json()
    identifier = publisher.get("_id") or publisher["id"]
    assert job.owner.delete(f"/api/models/alice/m/trusted-publishers/{identifier}").is_success
    with httpx2.Client(headers={"authorization": f"Bearer {given['accessToken']}"}, timeout=240) as store:
        late = store.post(f"{given['casUrl']}/v1/xorbs/default/{'a' * 64}", content=b"x")
    assert late.status_code == 401
    assert job.client.get("/api/models/alice/m").status_code == 401
