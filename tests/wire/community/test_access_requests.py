from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entrepot.wire.community.access_requests import (
    AccessRequestInfo,
    Decision,
    DecisionOutcome,
    Decisions,
    GateField,
    GateInfo,
    GateOption,
    Grant,
    OwnRequest,
    Requester,
)


def plain(value: msgspec.Struct) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def test_a_request_has_every_key_that_clients_read() -> None:
    user = Requester(uid="1", user="bob", fullname="Bob", email=None)
    found = plain(AccessRequestInfo(user=user, request_id="2", status="pending", timestamp="t"))
    assert found == {
        "user": {
            "_id": "1",
            "user": "bob",
            "fullname": "Bob",
            "email": None,
            "type": "user",
            "isPro": False,
            "avatarUrl": "",
        },
        "requestId": "2",
        "status": "pending",
        "timestamp": "t",
    }
    full = AccessRequestInfo(
        user=user, request_id="2", status="rejected", timestamp="t", fields={"a": True}, rejection_reason="no"
    )
    assert plain(full) | found == plain(full) | found | {"fields": {"a": True}, "rejectionReason": "no"}


def test_a_gate_tells_its_form_and_the_callers_request() -> None:
    shape = GateInfo(
        gated="manual",
        access=False,
        prompt="p",
        heading=None,
        button=None,
        fields=[GateField("Company", "text"), GateField("Use", "select", [GateOption("A", "a")])],
        request=OwnRequest(request_id="1", status="pending", timestamp="t"),
    )
    found = plain(shape)
    assert found["fields"] == [
        {"name": "Company", "type": "text"},
        {"name": "Use", "type": "select", "options": [{"label": "A", "value": "a"}]},
    ]
    assert found["request"] == {"requestId": "1", "status": "pending", "timestamp": "t"}
    assert (
        plain(OwnRequest(request_id="1", status="r", timestamp="t", rejection_reason="no"))["rejectionReason"] == "no"
    )


def test_decisions_are_read_as_every_generation_sends_them() -> None:
    old = msgspec.json.decode(b'{"user": "bob", "status": "accepted"}', type=Decision)
    assert (old.user, old.request_id, old.status) == ("bob", None, "accepted")
    new = msgspec.json.decode(b'{"requestId": "1", "status": "rejected", "rejectionReason": "no"}', type=Decision)
    assert (new.user, new.request_id, new.rejection_reason) == (None, "1", "no")
    many = msgspec.json.decode(b'{"status": "accepted", "requests": [{"user": "a"}, {"userId": "1"}]}', type=Decisions)
    assert [(item.user, item.user_id) for item in many.requests] == [("a", None), (None, "1")]
    assert msgspec.json.decode(b'{"user": "bob"}', type=Grant).user == "bob"


@pytest.mark.parametrize("text", [b"{}", b'{"status": 1}', b'{"status": "accepted", "requests": [1]}'])
def test_a_body_that_is_no_decision_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Decisions)


def test_an_outcome_has_an_error_only_when_nothing_was_done() -> None:
    assert plain(DecisionOutcome("bob", True)) == {"user": "bob", "ok": True}
    assert plain(DecisionOutcome("bob", False, "why")) == {"user": "bob", "ok": False, "error": "why"}


def test_a_request_of_a_hub_that_says_less() -> None:
    found = msgspec.json.decode(b'{"requestId":"1","status":"pending","timestamp":"t"}', type=AccessRequestInfo)
    assert (found.user, found.fields) == (Requester(), msgspec.UNSET)
