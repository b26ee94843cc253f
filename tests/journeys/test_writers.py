"""Many writers on one branch, over HTTP: without a pinned parent all succeed, with one exactly one of each race."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2

from entrepot.testing.hubs import RunningHub

WRITERS = 16
ROUNDS = 8
"""Commits of each writer; all together are more than a page of the history has."""


def commit_body(path: str, content: str, parent: str | None = None, merge: str | None = None) -> bytes:
    header = {"summary": f"write {path}"} | ({"parentCommit": parent} if parent else {})
    header |= {"merge": merge} if merge else {}
    lines = [
        {"key": "header", "value": header},
        {"key": "file", "value": {"path": path, "content": content, "encoding": "utf-8"}},
    ]
    return b"\n".join(json.dumps(line).encode() for line in lines)


def new_repo(hub: RunningHub, name: str) -> httpx2.Client:
    client = httpx2.Client(base_url=hub.url, headers={"authorization": f"Bearer {hub.token}"}, timeout=240)
    client.post("/api/repos/create", json={"name": name}).raise_for_status()
    return client


def history(client: httpx2.Client, repo: str) -> list[str]:
    titles: list[str] = []
    url: str | None = f"/api/models/{repo}/commits/main?limit=100"
    while url:
        answer = client.get(url).raise_for_status()
        titles += [commit["title"] for commit in answer.json()]
        url = answer.links.get("next", {}).get("url")
    return titles


def test_sixteen_writers_without_a_pinned_parent_all_succeed(entrepot_hub: RunningHub) -> None:
    client = new_repo(entrepot_hub, "crowd")
    url = "/api/models/tester/crowd/commit/main"

    def write(writer: int) -> list[int]:
        # Every second commit writes a path that all writers share.
        paths = [f"own/{writer}/{turn}" if turn % 2 else "shared.txt" for turn in range(ROUNDS)]
        return [
            client.post(url, content=commit_body(path, f"{writer} {turn}")).status_code
            for turn, path in enumerate(paths)
        ]

    with ThreadPoolExecutor(WRITERS) as pool:
        statuses = [status for answers in pool.map(write, range(WRITERS)) for status in answers]

    assert statuses == [200] * (WRITERS * ROUNDS)
    assert len(history(client, "tester/crowd")) == WRITERS * ROUNDS + 1
    tree = client.get("/api/models/tester/crowd/tree/main?recursive=true&limit=1000").json()
    own = [entry for entry in tree if entry["type"] == "file" and entry["path"].startswith("own/")]
    assert len(own) == WRITERS * (ROUNDS // 2)


def test_of_each_race_with_a_pinned_parent_exactly_one_wins(entrepot_hub: RunningHub) -> None:
    client = new_repo(entrepot_hub, "race")
    url = "/api/models/tester/race/commit/main"
    for turn in range(5):
        head = client.get("/api/models/tester/race").json()["sha"]

        def write(writer: int, turn: int = turn, head: str = head) -> int:
            return client.post(url, content=commit_body("shared.txt", f"{turn} {writer}", head)).status_code

        with ThreadPoolExecutor(WRITERS) as pool:
            statuses = sorted(pool.map(write, range(WRITERS)))
        assert statuses == [200] + [412] * (WRITERS - 1)
    assert len(history(client, "tester/race")) == 6


def test_disjoint_commits_with_a_pinned_parent_all_win_when_they_ask_for_it(entrepot_hub: RunningHub) -> None:
    client = new_repo(entrepot_hub, "disjoint")
    head = client.get("/api/models/tester/disjoint").json()["sha"]
    url = "/api/models/tester/disjoint/commit/main"

    def write(writer: int) -> int:
        body = commit_body(f"own/{writer}.txt", "mine", head, "disjoint")
        return client.post(url, content=body).status_code

    with ThreadPoolExecutor(WRITERS) as pool:
        statuses = list(pool.map(write, range(WRITERS)))

    assert statuses == [200] * WRITERS
    late = client.post(url, content=commit_body("own/3.txt", "too late", head, "disjoint"))
    assert late.status_code == 412
    assert "own/3.txt" in late.json()["error"]
