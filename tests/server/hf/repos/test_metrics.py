from __future__ import annotations

import math

from tests.support.site import Committer, Site

CARD = b"""---
model-index:
- results:
  - metrics: [{type: "<b>acc</b>", value: 0.5}, {type: huge, value: 1e308}, {type: nan, value: .nan}]
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
