from __future__ import annotations

from entrepot.catalog.repos import repositories
from entrepot.hub.conversions import conversions
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.site import Site


def test_a_dataset_is_described_with_addresses_of_this_hub(site: Site) -> None:
    repo = site.new_repo(RepoType.DATASET, visibility="private")
    card = b"---\nlicense: mit\ntags: [films]\n---\n# Reviews of films\n"
    for name, data in (("README.md", card), ("a.csv", b"n,t\n1,x\n")):
        site.api().upload_file(path_or_fileobj=data, path_in_repo=name, repo_id=repo, repo_type="dataset")
    with site.client(site.alice) as client:
        path = f"/api/datasets/{repo}/croissant"
        with site.hub.read() as tx:
            row = repositories.find(tx, RepoRef(RepoType.DATASET, RepoId(*repo.split("/"))))
        assert row is not None
        list(conversions.convert_steps(site.hub, row.id))
        answer = client.get(path)
        found = answer.json()
        assert answer.headers["x-revision"] == client.get(f"/api/datasets/{repo}").json()["sha"]
        assert (found["url"], found["description"]) == (f"{site.url}/datasets/{repo}", "Reviews of films")
        assert found["creator"] == {"@type": "Person", "name": "alice", "url": f"{site.url}/alice"}
        assert "films" in found["keywords"]
        assert found["license"].endswith("/mit/")
        files = client.get(found["distribution"][0]["contentUrl"].replace("/datasets/", "/api/datasets/"))
        assert files.status_code == 200
        assert [field["name"] for field in found["recordSet"][1]["field"]] == ["split", "n", "t"]
        model = site.new_repo()
        assert client.get(f"/api/models/{model}/croissant").status_code == 422
    with site.client(site.bob) as client:
        hidden, absent = client.get(path), client.get("/api/datasets/alice/absent/croissant")
        assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text)
