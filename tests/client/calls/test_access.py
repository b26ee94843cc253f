from __future__ import annotations

from entrepot.client.calls import Response, access
from entrepot.names import RepoId, RepoRef, RepoType

REF = RepoRef(RepoType.MODEL, RepoId("ns", "name"))
ROOT = "/api/models/ns/name/user-access-request"
REQUEST = (
    b'[{"user":{"_id":"65f0","user":"bob","fullname":"Bob","email":null,"type":"user","isPro":false},'
    b'"requestId":"65f1","status":"pending","timestamp":"2024-01-01T00:00:00.000Z","fields":{"Purpose":"study"}}]'
)


def test_requests_are_listed_by_status() -> None:
    call = access.page(REF, "pending")
    assert call.path == f"{ROOT}/pending"
    [request] = call.read(Response(200, {}, REQUEST, "http://hub/x")).items
    assert (request.user.user, request.user.email, request.request_id) == ("bob", None, "65f1")
    assert request.fields == {"Purpose": "study"}


def test_a_decision_names_the_request_in_one_way() -> None:
    call = access.decide(REF, "rejected", user="bob", reason="no")
    assert (call.path, call.body) == (
        f"{ROOT}/handle",
        b'{"status":"rejected","user":"bob","rejectionReason":"no"}',
    )
    assert access.decide(REF, "accepted", request_id="65f1").body == b'{"status":"accepted","requestId":"65f1"}'
    assert not call.is_repeatable


def test_access_is_granted_by_name() -> None:
    assert (access.grant(REF, "bob").path, access.grant(REF, "bob").body) == (f"{ROOT}/grant", b'{"user":"bob"}')
