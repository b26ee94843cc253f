from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import RepoId, RepoRef, RepoType, parse_path
from tests.support.site import Site


@pytest.fixture(scope="module", autouse=True)
def cards(site: Site) -> None:
    for kind, visibility, card in (
        (
            RepoType.MODEL,
            "public",
            "license: mit\nlibrary_name: timm\npipeline_tag: fill-mask\nlanguage: fr\ntags: [x]",
        ),
        (RepoType.MODEL, "private", "license: gpl\ntags: [secret]"),
        (RepoType.DATASET, "public", "task_categories: [question-answering]\nlanguage: fr"),
    ):
        repo = site.new_repo(kind, visibility=visibility)
        readme = AddFile(parse_path("README.md"), f"---\n{card}\n---\n".encode())
        ref = RepoRef(kind, RepoId(*repo.split("/")))
        commits.create(site.hub, site.hub.identify(site.alice), ref, "main", CommitDraft("card", [readme]))


def test_tags_of_public_models_come_by_their_kind(alice: httpx2.Client) -> None:
    found = alice.get("/api/models-tags-by-type").json()
    assert found == {
        "license": [{"id": "license:mit", "label": "mit", "type": "license", "count": 1}],
        "library": [{"id": "timm", "label": "timm", "type": "library", "count": 1}],
        "pipeline_tag": [{"id": "fill-mask", "label": "fill-mask", "type": "pipeline_tag", "count": 1}],
        "language": [{"id": "fr", "label": "fr", "type": "language", "count": 1}],
        "region": [{"id": "region:us", "label": "us", "type": "region", "count": 1}],
        "dataset": [],
        "other": [{"id": "x", "label": "x", "type": "other", "count": 1}],
    }


def test_the_real_client_reads_tags(site: Site) -> None:
    datasets = site.api().get_dataset_tags()
    assert [tag["label"] for tag in datasets["task_categories"]] == ["question-answering"]
    assert [tag["id"] for tag in datasets["language"]] == ["language:fr"]
    assert "library" in site.api().get_model_tags()


def test_spaces_have_no_such_list(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/api/spaces-tags-by-type").status_code == 404
