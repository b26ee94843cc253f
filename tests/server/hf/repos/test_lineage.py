from __future__ import annotations

import pytest

from tests.support.site import Site


def test_a_graph_is_served_in_three_formats(site: Site) -> None:
    repo = site.new_repo()
    with site.client(site.alice) as client:
        url = f"/api/models/{repo}/lineage"
        body = {"inputs": [{"source": "datasets/org/d", "commit": "1" * 40}], "run": "r"}
        assert client.post(url, json=body).json() == {"added": 1}
        found = client.get(url).json()
        assert found["nodes"] == [
            {"type": "model", "id": repo, "exists": True},
            {"type": "dataset", "id": "org/d", "exists": False},
        ]
        [edge] = found["edges"]
        assert (edge["source"], edge["result"], edge["kind"]) == ("datasets/org/d", f"models/{repo}", "trained_on")
        assert found["isComplete"] is True
        dot = client.get(url, params={"format": "dot"})
        assert dot.headers["content-type"].startswith("text/vnd.graphviz")
        assert client.get(url, params={"format": "prov"}).json()["wasDerivedFrom"]
        assert client.get("/api/lineage", params={"run": "r"}).json()["edges"] == [edge]


@pytest.mark.parametrize("query", ["direction=x", "depth=x", "format=svg"])
def test_unknown_parameters_are_refused(site: Site, query: str) -> None:
    repo = site.new_repo()
    with site.client(site.alice) as client:
        assert client.get(f"/api/models/{repo}/lineage?{query}").status_code == 400


def test_a_private_repository_answers_like_an_absent_one(site: Site) -> None:
    repo = site.new_repo(visibility="private")
    with site.client(site.bob) as client:
        for method, json in (("GET", None), ("POST", {"inputs": []})):
            hidden, absent = (
                client.request(method, f"/api/models/{name}/lineage", json=json) for name in (repo, "alice/absent")
            )
            assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
