from __future__ import annotations

import hashlib
import re
import typing
from typing import Any, cast

import httpx2
import huggingface_hub.hf_api as client
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, RepositoryNotFoundError, RevisionNotFoundError

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.hub.files.operations import AddFile
from entrepot.hub.repos import branches, commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import VERSIONED_TYPES, RepoId, RepoRef, RepoType, parse_path
from tests.support.site import Site

CARD = b"""---
license: mit
library_name: transformers
pipeline_tag: fill-mask
tags: [demo]
1: number
---
# Hello
"""
LITERALS = {
    "model": client.ExpandModelProperty_T,
    "dataset": client.ExpandDatasetProperty_T,
    "space": client.ExpandSpaceProperty_T,
}


def commit(site: Site, repo: str, files: dict[str, bytes], kind: RepoType = RepoType.MODEL, rev: str = "main") -> str:
    operations = [AddFile(parse_path(path), data) for path, data in files.items()]
    ref = RepoRef(kind, RepoId(*repo.split("/")))
    return commits.create(site.hub, site.hub.identify(site.alice), ref, rev, CommitDraft("change", operations)).oid


@pytest.fixture
def api(site: Site) -> HfApi:
    found: HfApi = site.api()
    return found


@pytest.fixture(scope="module")
def model(site: Site) -> str:
    repo: str = site.new_repo()
    commit(site, repo, {"README.md": CARD, "config.json": b'{"model_type": "bert", "x": 1}', "sub/a.txt": b"abc"})
    return repo


def test_a_model_is_described_with_card_configuration_and_files(alice: httpx2.Client, model: str) -> None:
    found = alice.get(f"/api/models/{model}").json()
    assert re.fullmatch(r"[0-9a-f]{24}", found["_id"])
    assert re.fullmatch(r"[0-9a-f]{40}", found["sha"])
    assert (found["id"], found["modelId"], found["author"]) == (model, model, "alice")
    assert (found["private"], found["gated"], found["disabled"]) == (False, False, False)
    assert found["cardData"]["license"] == "mit"
    assert (found["pipeline_tag"], found["library_name"]) == ("fill-mask", "transformers")
    assert found["config"] == {"model_type": "bert"}
    assert {"license:mit", "demo", "fill-mask"} <= set(found["tags"])
    assert [item["rfilename"] for item in found["siblings"]] == [
        ".gitattributes",
        "README.md",
        "config.json",
        "sub/a.txt",
    ]
    assert found["lastModified"].endswith("Z")
    assert not {"securityRepoStatus", "downloadsAllTime", "resourceGroup", "xetEnabled"} & found.keys()


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_the_real_client_reads_infos_of_every_type(site: Site, api: HfApi, kind: RepoType) -> None:
    repo = site.new_repo(kind)
    head = commit(site, repo, {"a": b"abc"}, kind)
    info = api.repo_info(repo, repo_type=kind.value, files_metadata=True)
    assert (info.id, info.sha, info.private, info.author) == (repo, head, False, "alice")
    blob = hashlib.sha1(b"blob 3\0abc").hexdigest()
    sizes = {item.rfilename: (item.size, item.blob_id) for item in info.siblings or ()}
    assert sizes["a"] == (3, blob)


def test_the_real_client_reads_a_card(api: HfApi, model: str) -> None:
    info = api.model_info(model)
    assert info.card_data is not None
    assert (info.card_data.license, info.pipeline_tag, info.library_name) == ("mit", "fill-mask", "transformers")


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_each_property_can_be_asked_for_alone_and_comes_alone(
    site: Site, api: HfApi, alice: httpx2.Client, kind: RepoType
) -> None:
    repo = site.new_repo(kind)
    for name in (*typing.get_args(LITERALS[kind.value]), "xetEnabled", "gitalyUid"):
        answer = alice.get(f"/api/{kind.plural}/{repo}", params={"expand": name})
        assert answer.status_code == 200, name
        assert {"_id", "id"} <= answer.json().keys() <= {"_id", "id", name}
        if name not in ("xetEnabled", "gitalyUid"):
            assert api.repo_info(repo, repo_type=kind.value, expand=cast(Any, [name])).id == repo
    everything = api.repo_info(
        repo, repo_type=kind.value, expand=cast(Any, list(typing.get_args(LITERALS[kind.value])))
    )
    assert everything.used_storage == 0


def test_every_repository_takes_uploads_through_xet(site: Site, alice: httpx2.Client) -> None:
    """Clients from 0.30 to 0.35 send this request first."""
    repo = site.new_repo()
    assert alice.get(f"/api/models/{repo}", params={"expand": "xetEnabled"}).json()["xetEnabled"] is True


def test_properties_without_a_value_are_absent_but_no_gate_and_no_group_are_values(
    site: Site, alice: httpx2.Client
) -> None:
    repo = site.new_repo()
    names = ["gated", "resourceGroup", "pipeline_tag", "gguf", "likes", "downloadsAllTime"]
    found = alice.get(f"/api/models/{repo}", params={"expand": names}).json()
    assert found == {
        "_id": found["_id"],
        "id": repo,
        "gated": False,
        "resourceGroup": None,
        "likes": 0,
        "downloadsAllTime": 0,
    }


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_an_unknown_property_is_a_400_that_lists_the_known_ones(site: Site, api: HfApi, kind: RepoType) -> None:
    repo = site.new_repo(kind)
    with pytest.raises(BadRequestError) as caught:
        api.repo_info(repo, repo_type=kind.value, expand=["nothing"])  # type: ignore[arg-type]
    listed = set(re.findall(r'"([^"]+)"', str(caught.value).partition("expected one of ")[2]))
    assert listed == {*typing.get_args(LITERALS[kind.value]), "xetEnabled", "gitalyUid"}


def test_revisions_are_found_by_branch_ref_tag_and_commit(site: Site, alice: httpx2.Client, api: HfApi) -> None:
    repo = site.new_repo()
    first = api.model_info(repo).sha
    caller, ref = site.hub.identify(site.alice), RepoRef(RepoType.MODEL, RepoId(*repo.split("/")))
    branches.create_branch(site.hub, caller, ref, "a/b", start=None, is_empty=False, overwrites=False)
    head = commit(site, repo, {"a": b"a"})
    revisions = {
        "main": head,
        "HEAD": head,
        "refs%2Fheads%2Fmain": head,
        "refs/heads/main": head,
        "a%2Fb": first,
        "refs%2Fheads%2Fa%2Fb": first,
        head: head,
        head[:8]: head,
    }
    for revision, expected in revisions.items():
        answer = alice.get(f"/api/models/{repo}/revision/{revision}", params={"expand": "sha"})
        assert answer.json()["sha"] == expected, revision
    assert api.model_info(repo, revision="a/b").sha == first


def test_an_unknown_revision_is_a_404_with_its_code(site: Site, alice: httpx2.Client, api: HfApi) -> None:
    repo = site.new_repo()
    answer = alice.get(f"/api/models/{repo}/revision/nope")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")
    assert answer.json() == {"error": "Invalid rev id: nope"}
    with pytest.raises(RevisionNotFoundError):
        api.model_info(repo, revision="nope")
    assert api.revision_exists(repo, "main")
    assert not api.revision_exists(repo, "nope")


@pytest.mark.parametrize("word", ["true", "True", "1"])
def test_the_security_status_comes_when_asked_for(alice: httpx2.Client, model: str, word: str) -> None:
    found = alice.get(f"/api/models/{model}", params={"securityStatus": word}).json()
    assert found["securityRepoStatus"] == {"scansDone": False, "filesWithIssues": []}


def test_ids_are_found_in_any_case_and_shown_as_they_were_made(site: Site, alice: httpx2.Client) -> None:
    repo = site.new_repo()
    assert alice.get(f"/api/models/{repo.upper()}").json()["id"] == repo


@pytest.mark.parametrize(
    "path",
    [
        "{T}/{repo}",
        "{T}/{repo}/revision/main",
        "{T}/gpt2",
        "{T}/gpt2/revision/main",
        "{T}/gpt2/tree/main/x",
        "{T}/alice/none",
        "{T}/al%2Fice/none",
        "{T}/alice/no%20ne",
    ],
)
@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_private_and_absent_repositories_look_the_same(site: Site, kind: RepoType, path: str) -> None:
    repo = site.new_repo(kind, visibility="private")
    url = "/api/" + path.format(T=kind.plural, repo=repo)
    with site.client(site.bob) as bob, site.client(None) as anonymous:
        strangers, nobody = bob.get(url), anonymous.get(url)
    assert (strangers.status_code, strangers.json()) == (404, {"error": "Repository not found"})
    assert strangers.headers["x-error-code"] == nobody.headers["x-error-code"] == "RepoNotFound"
    if "%" not in path:
        assert (nobody.status_code, nobody.json()) == (401, {"error": "Invalid username or password."})


def test_the_real_client_knows_what_exists(site: Site, api: HfApi, model: str) -> None:
    secret = site.new_repo(visibility="private")
    assert api.repo_exists(model)
    assert not api.repo_exists(model, repo_type="dataset")
    assert api.repo_exists(secret)
    for others in (site.api(site.bob), HfApi(endpoint=site.url, token=False)):
        assert not others.repo_exists(secret)
        assert not others.repo_exists("gpt2")
        with pytest.raises(RepositoryNotFoundError):
            others.model_info(secret)


def test_members_see_private_repositories_of_their_organisation(site: Site) -> None:
    org = accounts.create_org(site.hub, "club", admin="alice", default_visibility="private")
    site.api().create_repo("club/inner")
    assert not site.api(site.bob).repo_exists("club/inner")
    accounts.set_member(site.hub, org.name, "bob", Role.READ)
    assert site.api(site.bob).model_info("club/inner").private is True


def test_a_gated_repository_is_described_to_everyone(site: Site, api: HfApi, anonymous: httpx2.Client) -> None:
    repo = site.new_repo()
    api.update_repo_settings(repo, gated="manual")
    found = anonymous.get(f"/api/models/{repo}").json()
    assert (found["gated"], [item["rfilename"] for item in found["siblings"]]) == ("manual", [".gitattributes"])


def test_head_answers_without_a_body(alice: httpx2.Client, model: str) -> None:
    answer = alice.head(f"/api/models/{model}")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("path", "cure"),
    [
        ("/api/models/a/b/c", ""),
        ("/api/nothing", ""),
        ("/api", ""),
        ("/api/models/", "; leave out the slash at its end"),
        (
            "/api//models",
            "; remove the empty segment '//' (does the address of the hub end with a slash?)",
        ),
    ],
)
def test_an_unknown_route_is_a_404_in_json_without_a_code(alice: httpx2.Client, path: str, cure: str) -> None:
    answer = alice.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "nothing is served at this path" + cure})
    assert "x-error-code" not in answer.headers


def test_another_method_is_a_405_in_json(alice: httpx2.Client, model: str) -> None:
    answer = alice.patch(f"/api/models/{model}", json={})
    assert answer.status_code == 405
    assert answer.json() == {"error": "this path does not accept PATCH; it accepts GET, HEAD"}


FURNISHED = {
    "model": {
        "README.md": b"""---
library_name: transformers
pipeline_tag: fill-mask
base_model: google/bert
widget: [{text: "Hello [MASK]"}]
model-index: [{name: x, results: []}]
---
""",
        "config.json": b'{"architectures": ["BertForMaskedLM"], "model_type": "bert"}',
        "tokenizer_config.json": b'{"mask_token": "[MASK]"}',
        ".eval_results/a.yaml": b"dataset: {id: a/b, task_id: c}\nvalue: 1\n",
        ".eval_results/b.yaml": b"value: 1\n",
    },
    "dataset": {
        "README.md": b"""---
paperswithcode_id: imdb
---
# Reviews

Films and *opinions*.

```bibtex
@article{x, title={Y}}
```
""",
        "a.csv": b"a\n1\n",
    },
    "space": {"README.md": b"---\nsdk: static\nmodels: [a/m]\ndatasets: [a/d]\n---\n"},
}
UNKNOWN = {
    "model": {"gguf", "inference", "inferenceProviderMapping", "resourceGroup", "safetensors"},
    "dataset": {"resourceGroup"},
    "space": {"region", "resourceGroup", "runtime", "subdomain"},
}
"""Properties without a value: these files say nothing of them, or the hub has nothing of the kind."""


@pytest.mark.parametrize("kind", VERSIONED_TYPES)
def test_the_stock_client_gets_every_property_it_can_name(site: Site, api: HfApi, kind: RepoType) -> None:
    repo = site.new_repo(kind)
    commit(site, repo, FURNISHED[kind.value], kind)
    if kind is RepoType.MODEL:
        for word, visibility in (("finetune", "public"), ("quantized", "public"), ("finetune", "private")):
            child = site.new_repo(visibility=visibility)
            card = f"---\nbase_model: {repo}\nbase_model_relation: {word}\n---\n"
            commit(site, child, {"README.md": card.encode()})
    names = typing.get_args(LITERALS[kind.value])
    ask = {"model": api.model_info, "dataset": api.dataset_info, "space": api.space_info}[kind.value]
    missing = set()
    for name in names:
        found: Any = ask(repo, expand=[name])
        attribute = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).replace("-", "_").lower()
        if getattr(found, attribute) is None:
            missing.add(name)
    assert missing == UNKNOWN[kind.value]
    whole: Any = ask(repo, expand=list(names))
    assert whole.author == "alice"
    if kind is RepoType.MODEL:
        assert whole.children_model_count == {"adapter": 0, "merge": 0, "quantized": 1, "finetune": 2}
        public: Any = api.model_info(repo, expand=["childrenModelCount"], token=False)
        assert public.children_model_count["finetune"] == 1, "private models do not count for others"
        assert [result.dataset_id for result in whole.eval_results] == ["a/b"]
    if kind is RepoType.DATASET:
        assert (whole.description, whole.citation) == ("Films and opinions.", "@article{x, title={Y}}")
        sizes = [item.size for item in api.list_repo_tree(repo, repo_type="dataset")]
        assert whole.main_size == sum(sizes)
        [listed] = [item for item in api.list_datasets(author="alice", expand=["mainSize"]) if item.id == repo]
        assert listed.main_size == whole.main_size


def test_the_endpoint_of_a_client_may_end_with_a_slash(site: Site, model: str) -> None:
    api = HfApi(endpoint=f"{site.url}/", token=site.alice)
    assert api.model_info(model).id == model
    with site.client(site.alice) as client:
        assert client.get(f"{site.url}//{model}/resolve/main/README.md").content == CARD
        outside = client.get(f"{site.url}//example.org/%2e%2e")
        assert "location" not in outside.headers
