"""The current client in jobs of CI: with the issuer of GitHub Actions, and with a token of GitLab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
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
from entrepot.server.hosting import running
from entrepot.settings import Settings
from tests.support.issuer import LocalIssuer, serving

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
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100)


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
