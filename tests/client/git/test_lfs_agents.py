from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from entrepot import testing
from entrepot.client.git.lfs_agents import serve
from entrepot.errors import Malformed
from entrepot.testing.hubs import RunningHub

PART = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    with testing.hub(multipart_threshold=PART, part_size=PART) as running:
        headers = {"Authorization": f"Bearer {running.token}"}
        made = httpx2.post(f"{running.url}/api/repos/create", json={"name": "m"}, headers=headers)
        assert made.status_code == 200, made.text
        yield running


def batch(hub: RunningHub, content: bytes) -> dict[str, Any]:
    """Return the hub's response for one object."""
    body = {
        "operation": "upload",
        "transfers": ["basic", "multipart"],
        "objects": [{"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}],
    }
    answer = httpx2.post(
        f"{hub.url}/tester/m.git/info/lfs/objects/batch",
        json=body,
        headers={"Authorization": f"Bearer {hub.token}", "Accept": "application/vnd.git-lfs+json"},
    )
    found: dict[str, Any] = answer.json()["objects"][0]
    return found


def converse(*messages: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    lines = [message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n" for message in messages]
    said: list[bytes] = []
    serve(lines, said.append, user_agent="test")
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in said)
    return [json.loads(line) for line in said]


INIT = {"event": "init", "operation": "upload", "remote": "origin", "concurrent": True, "concurrenttransfers": 3}


def test_a_file_is_sent_in_parts_with_progress(hub: RunningHub, tmp_path: Path) -> None:
    content = bytes(range(256)) * (12 * 4096) + b"end"  # two parts of 5 MiB and one of 2 MiB and 3 bytes
    (tmp_path / "file").write_bytes(content)
    wanted = batch(hub, content)
    assert len(wanted["actions"]["upload"]["header"]) == 4
    message = {"event": "upload", "oid": wanted["oid"], "size": len(content), "path": str(tmp_path / "file")}

    hello, *told, end = converse(
        INIT, {**message, "action": wanted["actions"]["upload"]}, {"event": "terminate"}, b"never read"
    )

    assert hello == {}
    assert end == {"event": "complete", "oid": wanted["oid"]}
    assert told[0]["bytesSoFar"] == 0
    assert told[-1]["bytesSoFar"] == len(content)
    assert sum(line["bytesSinceLast"] for line in told) == len(content)
    assert all(line["bytesSinceLast"] >= 0 for line in told)
    assert "actions" not in batch(hub, content)


def test_a_file_that_cannot_be_sent_does_not_stop_the_next_one(hub: RunningHub, tmp_path: Path) -> None:
    content = b"x" * (PART + 1)
    (tmp_path / "file").write_bytes(content)
    wanted = batch(hub, content)
    action = wanted["actions"]["upload"]
    forged = {**action, "header": {key: f"{url}0" if key.isdigit() else url for key, url in action["header"].items()}}
    message = {"event": "upload", "oid": wanted["oid"], "size": len(content), "path": str(tmp_path / "file")}

    said = converse(
        INIT,
        {**message, "action": forged},
        {**message, "path": str(tmp_path / "gone"), "action": action},
        {**message, "action": {**action, "header": {"chunk_size": "10", "1": "x"}}},
        {**message, "action": None},
        {**message, "action": action},
    )

    ends = [line for line in said if line.get("event") == "complete"]
    reasons = [line.get("error", {}).get("message", "done") for line in ends]
    assert "signed URL" in reasons[0]
    assert "gone" in reasons[1]
    assert "do not cover the file" in reasons[2]
    assert "did not send an upload URL" in reasons[3]
    assert reasons[4:] == ["done"]


def test_the_agent_only_uploads() -> None:
    refused, download = converse(
        {"event": "init", "operation": "download"}, {"event": "download", "oid": "x", "size": 1}
    )
    assert refused["error"]["message"] == "this agent supports uploads only"
    assert download == {"event": "complete", "oid": "x", "error": refused["error"]}


@pytest.mark.parametrize("line", [b"\n", b"not json\n", b'{"event": "dance"}\n', b'{"event": "upload"}\n'])
def test_an_invalid_message_terminates_the_agent(line: bytes) -> None:
    with pytest.raises(Malformed, match="git-lfs"):
        converse(INIT, line)
