from __future__ import annotations

import math

from entrepot.catalog.repos import repositories
from entrepot.hub.jobs import cards
from entrepot.names import RepoRef, RepoType, parse_repo_id
from tests.support.site import Committer, Site

CARD = b"""---
model-index:
- results:
  - metrics: [{type: "<b>acc</b>", value: 0.5}, {type: huge, value: 1e308}, {type: nan, value: .nan}]
---
"""
RESULTS = b"""---
model-index:
- name: m
  results:
  - task: {type: other}
    dataset: {name: d, type: unknown}
    metrics: [{type: acc, value: 0.5}]
---
"""
LOG = b'{"step": 1, "loss\\ud800": 2.5}\n{"step": 2, "loss\\ud800": NaN}\n{"step": 3, "loss\\ud800": -1e308}\n'


def test_metrics_of_cards_and_files_are_served(site: Site) -> None:
    repo = site.new_repo()
    with site.client(site.alice) as client:
        Committer(client).write(repo, {"README.md": CARD, "metrics.jsonl": LOG})
    with site.client(None) as client:
        answer = client.get(f"/api/models/{repo}/metrics")
    found = answer.json()
    assert answer.status_code == 200
    [revision] = found["revisions"]
    assert revision["names"] == ["main"]
    assert revision["metrics"] == {"<b>acc</b>": 0.5, "huge": 1e308}
    [file] = found["files"]
    [scalar] = file["scalars"]
    assert scalar["name"] == "loss�"
    assert (scalar["count"], scalar["notFinite"], scalar["lowest"]) == (2, 1, -1e308)
    assert [(point["step"], point["value"]) for point in scalar["points"]] == [(1, 2.5), (3, -1e308)]
    assert all(math.isfinite(point["time"]) for point in scalar["points"])
    assert found["commit"] == revision["commit"]
    assert found["isComplete"] is True


def test_a_revision_without_metrics_and_an_absent_one(site: Site) -> None:
    repo = site.new_repo()
    with site.client(None) as client:
        assert client.get(f"/api/models/{repo}/metrics", params={"revision": "main"}).json()["files"] == []
        assert client.get(f"/api/models/{repo}/metrics", params={"revision": "nowhere"}).status_code == 404


def test_a_private_model_answers_like_an_absent_one(site: Site) -> None:
    repo = site.new_repo(visibility="private")
    with site.client(site.bob) as client:
        hidden, absent = (client.get(f"/api/models/{name}/metrics") for name in (repo, "alice/absent"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(repo, "X") == absent.text.replace("alice/absent", "X")


def test_models_are_compared_if_the_request_names_some(site: Site) -> None:
    repo, other, hidden = site.new_repo(), site.new_repo(), site.new_repo(visibility="private")
    with site.client(site.alice) as client:
        for name, card in ((repo, RESULTS), (other, RESULTS.replace(b"0.5", b"0.25")), (hidden, RESULTS)):
            Committer(client).write(name, {"README.md": card})
    asked = f"/api/models/{repo}/metrics"
    for name in (repo, other, hidden):
        with site.hub.read() as tx:
            row = repositories.find(tx, RepoRef(RepoType.MODEL, parse_repo_id(name)))
        assert row is not None
        cards.index(site.hub, row.id)
    with site.client(site.bob) as client:
        assert "compared" not in client.get(asked).json()
        found = client.get(asked, params={"with": f"{other}, {repo} {hidden}, nobody/nothing"}).json()["compared"]
        refused = client.get(asked, params={"with": " ".join(f"a/m{number}" for number in range(6))})
    assert [item["name"] for item in found] == [repo, other, hidden, "nobody/nothing"]
    assert [item["metrics"] for item in found] == [{"acc": 0.5}, {"acc": 0.25}, None, None]
    assert refused.status_code == 413
