from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from entrepot.names import RepoType
from tests.support.site import Site

WORDS = ["runtime", "secrets", "variables", "hardware", "sleeptime", "pause", "restart"]
WORDS += ["dev-mode", "storage", "volumes", "logs/run", "logs/build", "events", "metrics"]


REPORTED = ("GET", "storage")
"""What a space has in common with other repositories; see ``repos/test_storage_costs.py``."""

REFUSED = [(method, word) for method in ("GET", "POST", "PUT", "DELETE") for word in WORDS]
REFUSED.remove(REPORTED)


@pytest.mark.parametrize(("method", "word"), REFUSED)
def test_requests_to_run_a_space_are_a_404_for_everyone(site: Site, method: str, word: str) -> None:
    repo = site.new_repo(RepoType.SPACE, visibility="private")
    for token in (site.alice, site.bob, None):
        with site.client(token) as client:
            answer = client.request(method, f"/api/spaces/{repo}/{word}", json={})
        assert (answer.status_code, answer.json()) == (404, {"error": "running spaces are not offered by this hub"})
        assert "x-error-code" not in answer.headers


@pytest.mark.parametrize("path", ["jobs", "jobs/alice", "jobs/alice/1/cancel", "scheduled-jobs", "scheduled-jobs/a/b"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_jobs_are_a_404(anonymous: httpx2.Client, method: str, path: str) -> None:
    answer = anonymous.request(method, f"/api/{path}")
    assert (answer.status_code, answer.json()) == (404, {"error": "jobs are not offered by this hub"})


@pytest.mark.parametrize(
    ("path", "what"),
    [
        *((path, "papers") for path in ("papers/search?q=x", "papers/2307.09288", "daily_papers?limit=5")),
        ("datasets/alice/absent/leaderboard", "leaderboards"),
    ],
)
def test_papers_and_leaderboards_are_a_404(anonymous: httpx2.Client, path: str, what: str) -> None:
    answer = anonymous.get(f"/api/{path}")
    assert (answer.status_code, answer.json()) == (404, {"error": f"{what} are not offered by this hub"})


def test_a_manifest_is_a_404_that_says_to_name_the_file_whether_the_model_exists_or_not(
    site: Site, anonymous: httpx2.Client
) -> None:
    there = site.new_repo()
    answers = [anonymous.get(f"/v2/{name}/manifests/latest") for name in (there, "alice/absent", "gpt2")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert (
        answers[0].json()["error"].startswith("manifests of models for Ollama and older releases of llama.cpp are not")
    )
    assert "--hf-file" in answers[0].json()["error"]


def test_there_are_no_templates_and_no_machines_and_no_clever_search(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/api/spaces/templates").json() == []
    assert anonymous.get("/api/spaces/hardware").json() == []
    assert anonymous.get("/api/spaces/semantic-search?q=x").status_code == 404


def test_the_real_client_shows_the_reason(site: Site) -> None:
    api, repo = site.api(), site.new_repo(RepoType.SPACE)
    calls = [
        lambda: api.get_space_runtime(repo),
        lambda: api.add_space_secret(repo, "k", "v"),
        lambda: api.pause_space(repo),
        lambda: list(api.list_jobs(namespace="alice")),
    ]
    for call in calls:
        with pytest.raises(HfHubHTTPError) as caught:
            call()
        assert caught.value.response.status_code == 404


KERNELS = ["/api/kernels", "/api/kernels/a/b", "/api/kernels/a/b/tree/main?x=1", "/kernels/a/b/resolve/main/x"]


@pytest.mark.parametrize("path", KERNELS)
def test_kernels_are_refused_in_words(anonymous: httpx2.Client, path: str) -> None:
    answer = anonymous.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "kernels are not offered by this hub"})
    assert anonymous.post("/api/repos/create", json={"name": "x", "type": "kernel"}).status_code in (400, 401)


def test_the_real_client_says_that_there_are_no_kernels_instead_of_blaming_the_connection(
    site: Site, tmp_path: Path
) -> None:
    api = site.api()
    calls = [
        lambda: api.kernel_info("a/b"),
        lambda: api.list_repo_files("a/b", repo_type="kernel"),
        lambda: api.hf_hub_download("a/b", "build.toml", repo_type="kernel", cache_dir=tmp_path),
        lambda: api.snapshot_download("a/b", repo_type="kernel", cache_dir=tmp_path),
    ]
    for call in calls:
        with pytest.raises(RepositoryNotFoundError, match="kernels are not offered by this hub"):
            call()
    assert not api.repo_exists("a/b", repo_type="kernel")
