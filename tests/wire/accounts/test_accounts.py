from __future__ import annotations

from typing import Any

import msgspec

from entrepot.wire.accounts.accounts import Auth, OrgName, OrgOverview, OwnOrg, Person, TokenInfo, UserOverview, WhoAmI


def plain(value: msgspec.Struct) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def test_a_caller_has_every_key_that_clients_read() -> None:
    org = OwnOrg(id="2", name="acme", fullname="Acme", role_in_org="admin")
    me = WhoAmI(
        id="1",
        name="alice",
        fullname="Alice",
        email=None,
        email_verified=False,
        orgs=[org],
        auth=Auth(TokenInfo("laptop", "write", "2024-01-01T00:00:00.000Z")),
    )
    found = plain(me)
    assert found.keys() == {
        *("type", "id", "name", "fullname", "email", "emailVerified", "isPro", "avatarUrl", "canPay", "periodEnd"),
        *("billingMode", "orgs", "auth"),
    }
    assert found["email"] is None
    assert found["orgs"][0].keys() == {
        *("type", "id", "name", "fullname", "email", "avatarUrl", "isEnterprise", "roleInOrg"),
    }
    assert found["auth"] == {
        "type": "access_token",
        "accessToken": {"displayName": "laptop", "role": "write", "createdAt": "2024-01-01T00:00:00.000Z"},
    }
    assert msgspec.json.decode(msgspec.json.encode(me), type=WhoAmI) == me


def test_a_person_in_a_list_says_user_for_name() -> None:
    found = plain(Person(uid="1", user="bob", fullname="Bob"))
    assert found == {"_id": "1", "user": "bob", "fullname": "Bob", "avatarUrl": "", "isPro": False, "type": "user"}


def test_pages_count_repositories_by_type() -> None:
    user = UserOverview(
        uid="1",
        user="bob",
        fullname="Bob",
        num_models=1,
        num_datasets=2,
        num_spaces=3,
        orgs=[OrgName("2", "acme", "Acme")],
        created_at="t",
    )
    org = OrgOverview(uid="2", name="acme", fullname="Acme", num_users=4, num_models=1, num_datasets=2, num_spaces=3)
    for found in (plain(user), plain(org)):
        assert (found["numModels"], found["numDatasets"], found["numSpaces"]) == (1, 2, 3)
    assert plain(user)["orgs"] == [{"id": "2", "name": "acme", "fullname": "Acme", "avatarUrl": ""}]
    assert plain(org)["numUsers"] == 4
