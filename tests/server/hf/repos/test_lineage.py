from __future__ import annotations

from typing import Any

import pytest

from tests.support.site import Committer, Site


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


def _event(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], event_type: str = "COMPLETE") -> dict[str, Any]:
    """Return what the clients of OpenLineage send."""
    return {
        "eventTime": "2030-01-31T12:00:00Z",
        "eventType": event_type,
        "producer": "https://example.org/train",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "01890a5d-ac96-774b-bcce-b302099a8057", "facets": {"x": {"_producer": "p"}}},
        "job": {"namespace": "nightly", "name": "train", "facets": {}},
        "inputs": inputs,
        "outputs": outputs,
    }


def _dataset(name: str, namespace: str = "hf://", version: str = "") -> dict[str, Any]:
    facet = {"version": {"_producer": "p", "_schemaURL": "s", "datasetVersion": version}} if version else {}
    return {"namespace": namespace, "name": name, "facets": facet}


def test_a_complete_run_of_openlineage_connects_its_inputs_and_outputs(site: Site) -> None:
    repo = site.new_repo()
    with site.client(site.alice) as client:
        head = client.get(f"/api/models/{repo}").json()["sha"]
        own = str(client.base_url).rstrip("/")
        inputs = [
            _dataset("datasets/org/d", own + "/", "1" * 40),
            _dataset(f"org/base@{'2' * 40}/model.safetensors"),
            _dataset("datasets/org/plain@refs%2Fpr%2F1", version="not a commit"),
            _dataset("bucket/key", "s3://bucket"),
            _dataset(repo),
        ]
        outputs = [_dataset(f"/models/{repo}"), _dataset("table", "postgres://db")]
        for event_type in ("START", "RUNNING", "FAIL", "ABORT", "OTHER"):
            answer = client.post("/api/v1/lineage", json=_event(inputs, outputs, event_type))
            assert (answer.status_code, answer.json()) == (201, {"added": 0})
        for _ in range(2):  # clients repeat events
            answer = client.post("/api/v1/lineage", json=_event(inputs, outputs))
            assert (answer.status_code, answer.json()) == (201, {"added": 3})
        found = client.get(f"/api/models/{repo}/lineage").json()["edges"]
        assert {(it["source"], it["kind"], it.get("sourceCommit", "")) for it in found} == {
            ("datasets/org/d", "trained_on", "1" * 40),
            ("models/org/base", "derived_from", "2" * 40),
            ("datasets/org/plain", "trained_on", ""),
        }
        assert {(it["commit"], it["origin"], it["run"]) for it in found} == {
            (head, "api", "nightly/train/01890a5d-ac96-774b-bcce-b302099a8057")
        }


def test_events_of_openlineage_without_a_run_change_nothing(site: Site) -> None:
    repo = site.new_repo()
    with site.client(site.alice) as client:
        for event in ({"job": {"namespace": "n", "name": "j"}, "inputs": None}, {"dataset": _dataset(repo)}, {}):
            assert client.post("/api/v1/lineage", json=event).json() == {"added": 0}
        assert client.get(f"/api/models/{repo}/lineage").json()["edges"] == []


def test_an_event_of_openlineage_is_recorded_as_a_whole_or_not_at_all(site: Site) -> None:
    repo, other = site.new_repo(), site.new_repo(visibility="private")
    source = [_dataset("datasets/org/d")]
    with site.client(site.alice) as client:
        for refused in ("alice/absent", f"{repo}@absent"):
            body = _event(source, [_dataset(repo), _dataset(refused)])
            assert client.post("/api/v1/lineage", json=body).status_code == 404
        for name in ("a b/c", "", "/", "@1", "a//b"):
            answer = client.post("/api/v1/lineage", json=_event([*source, _dataset(name)], [_dataset(repo)]))
            assert answer.status_code == 400
        many = [_dataset(f"org/r{number}") for number in range(201)]
        assert client.post("/api/v1/lineage", json=_event(many, [_dataset(repo)])).status_code == 413
        assert client.post("/api/v1/lineage", json=_event([], many[:21])).status_code == 413
        assert client.get(f"/api/models/{repo}/lineage").json()["edges"] == []
    with site.client(site.bob) as client:
        hidden, absent = (
            client.post("/api/v1/lineage", json=_event(source, [_dataset(name)])) for name in (other, "alice/absent")
        )
        assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
        assert client.post("/api/v1/lineage", json=_event(source, [_dataset(repo)])).status_code == 403
    with site.client(None) as client:
        assert client.post("/api/v1/lineage", json=_event(source, [])).status_code == 401


def test_the_name_of_a_run_is_kept_on_one_line_without_what_cannot_be_printed(site: Site) -> None:
    repo = site.new_repo()
    with site.client(site.alice) as client:
        run = "night\x00ly\x1b[31m\n1"
        body = {"inputs": [{"source": "datasets/org/d"}], "run": run}
        assert client.post(f"/api/models/{repo}/lineage", json=body).json() == {"added": 1}
        event = _event([_dataset("datasets/org/e")], [_dataset(repo)]) | {"run": {"runId": "a\x00b"}}
        assert client.post("/api/v1/lineage", json=event).json() == {"added": 1}
        runs = {it["run"] for it in client.get(f"/api/models/{repo}/lineage").json()["edges"]}
        assert runs == {"night ly [31m 1", "nightly/train/a b"}
        found = client.get("/api/lineage", params={"run": run}).json()["edges"]
        assert [it["source"] for it in found] == ["datasets/org/d"]


def test_a_copy_is_an_inferred_edge(site: Site) -> None:
    base, copy, hidden = site.new_repo(), site.new_repo(owner="bob"), site.new_repo(visibility="private")
    for repo, token in ((base, site.alice), (copy, site.bob), (hidden, site.alice)):
        with site.client(token) as client:
            Committer(client).write_large(repo, {"w.bin": b"inferred" * 2_000})
    with site.client(site.bob) as client:
        [edge] = client.get(f"/api/models/{copy}/lineage").json()["edges"]
        assert client.get(f"/api/models/{base}/lineage").json()["edges"] == [edge]
        prov = client.get(f"/api/models/{copy}/lineage", params={"format": "prov"}).json()
    assert (edge["source"], edge["result"], edge["kind"]) == (f"models/{base}", f"models/{copy}", "shares_content")
    assert (edge["inferred"], edge["sharedBytes"], edge["share"], edge["origin"]) == (True, 16_000, 1.0, "inferred")
    assert (list(prov["wasInfluencedBy"]), prov["wasDerivedFrom"]) == (["_:i0"], {})
    with site.client(site.alice) as client:
        assert len(client.get(f"/api/models/{base}/lineage").json()["edges"]) == 2
