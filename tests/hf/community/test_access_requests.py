from __future__ import annotations

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import Forbidden, InvalidArgument, NotFound
from entrepot.hf.api import HubApi
from tests.support.scripted_hub import Reply, ScriptedHub

ROOT = "/api/models/ns/name/user-access-request"
# Shape of docs/protocols/hf_api.md, section 1B.4.
REQUEST = {
    "user": {"_id": "65f0", "user": "bob", "fullname": "Bob", "email": None, "type": "user", "isPro": False},
    "requestId": "65f1",
    "status": "pending",
    "timestamp": "2024-01-01T00:00:00.000Z",
    "fields": {"Purpose": "study"},
}


@pytest.fixture
def api(scripted_hub: ScriptedHub, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    return HubApi(scripted_hub.url, token="hf_sometoken")


@pytest.mark.parametrize("status", ["pending", "accepted", "rejected"])
def test_access_requests_equal_those_of_huggingface_hub(
    scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, status: str
) -> None:
    scripted_hub.on("GET", f"{ROOT}/{status}", reply([REQUEST | {"status": status}]))
    oracle = Oracle(scripted_hub.url, token="hf_sometoken")
    [mine] = getattr(api, f"list_{status}_access_requests")("ns/name")
    [theirs] = getattr(oracle, f"list_{status}_access_requests")("ns/name")
    assert vars(mine) == vars(theirs)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("accept_access_request", "accepted"),
        ("reject_access_request", "rejected"),
        ("cancel_access_request", "pending"),
    ],
)
def test_decisions(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi, method: str, status: str) -> None:
    scripted_hub.on("POST", f"{ROOT}/handle", reply({}), reply({}), reply({"error": "decided already"}, 404))
    decide = getattr(api, method)
    decide("ns/name", "bob")
    decide("ns/name", request_id="65f1")
    assert [seen.json for seen in scripted_hub.seen] == [
        {"status": status, "user": "bob"},
        {"status": status, "requestId": "65f1"},
    ]
    with pytest.raises(NotFound, match="decided already"):
        decide("ns/name", "bob")
    for arguments in ({}, {"user": "bob", "request_id": "65f1"}):
        with pytest.raises(InvalidArgument, match="either"):
            decide("ns/name", **arguments)


def test_a_reason_and_a_grant(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("POST", f"{ROOT}/handle", reply({}))
    api.reject_access_request("ns/name", "bob", rejection_reason="no")
    assert scripted_hub.seen[0].json["rejectionReason"] == "no"
    scripted_hub.on("POST", f"{ROOT}/grant", reply({"error": "not yours"}, 403))
    with pytest.raises(Forbidden, match="not yours"):
        api.grant_access("ns/name", "bob")
