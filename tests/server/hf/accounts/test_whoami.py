from __future__ import annotations

import re

import attrs
import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError

from entrepot.hub.accounts import accounts
from entrepot.hub.accounts.tokens import KnownToken
from entrepot.hub.callers import FINE_GRAINED
from entrepot.names import new_uid
from entrepot.server.hf.accounts.whoami import render_caller
from tests.support.site import Site

UID = re.compile(r"[0-9a-f]{24}")


def test_a_caller_learns_everything_about_themselves(site: Site) -> None:
    accounts.create_user(site.hub, "carol", fullname="Carol C", email="carol@x.io")
    org = accounts.create_org(site.hub, "acme", admin="carol", fullname="Acme Inc")
    token = accounts.create_token(site.hub, "carol", role="read", name="laptop").secret

    found = site.client(token).get("/api/whoami-v2").json()

    assert UID.fullmatch(found.pop("id"))
    assert found["auth"]["accessToken"].pop("createdAt").endswith("Z")
    assert found == {
        "type": "user",
        "name": "carol",
        "fullname": "Carol C",
        "email": "carol@x.io",
        "emailVerified": True,
        "isPro": False,
        "avatarUrl": f"{site.url}/-/avatars/carol.svg",
        "canPay": False,
        "periodEnd": None,
        "billingMode": "prepaid",
        "orgs": [
            {
                "id": org.uid,
                "name": "acme",
                "fullname": "Acme Inc",
                "roleInOrg": "admin",
                "type": "org",
                "email": None,
                "avatarUrl": f"{site.url}/-/avatars/acme.svg",
                "isEnterprise": False,
            }
        ],
        "auth": {"accessToken": {"displayName": "laptop", "role": "read"}, "type": "access_token"},
    }


@pytest.mark.parametrize(
    ("role", "has_grant", "shows"), [(FINE_GRAINED, True, False), (FINE_GRAINED, False, True), ("write", True, True)]
)
def test_a_publisher_does_not_learn_the_address_of_its_owner(
    site: Site, role: str, has_grant: bool, shows: bool
) -> None:
    name = f"owner-{new_uid()[-8:]}"
    accounts.create_user(site.hub, name, email=f"{name}@x.io")
    made = accounts.create_token(site.hub, name, role="write")
    caller = site.hub.identify(made.secret)
    assert caller is not None
    token = attrs.evolve(caller.token, role=role, grant_uid=new_uid() if has_grant else None)
    found = render_caller(caller, KnownToken(token, None, ()), avatar_url=str)
    assert (found.email, found.email_verified) == (f"{name}@x.io" if shows else None, shows)


def test_an_anonymous_request_gets_a_401(anonymous: httpx2.Client) -> None:
    answer = anonymous.get("/api/whoami-v2")
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid username or password."})
    assert "x-error-code" not in answer.headers


def test_an_unknown_token_is_called_so(site: Site) -> None:
    answer = site.client("hf_unknown").get("/api/whoami-v2")
    assert answer.status_code == 401
    assert answer.headers["x-error-message"] == "Invalid credentials in Authorization header"


def test_another_method_gets_a_405_in_json(alice: httpx2.Client) -> None:
    answer = alice.post("/api/whoami-v2")
    assert answer.status_code == 405
    assert answer.json() == {"error": "this path does not accept POST; it accepts GET, HEAD"}
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_the_real_client_reads_its_name_and_role(site: Site) -> None:
    found = site.api(site.reader).whoami()
    assert (found["name"], found["auth"]["accessToken"]["role"]) == ("alice", "read")
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        site.api("hf_wrong").whoami()


def test_whoami_has_a_picture_that_everyone_has_existing_or_not(alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    me = alice.get("/api/whoami-v2").json()
    assert me["billingMode"] == "prepaid"
    picture = anonymous.get(me["avatarUrl"])
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert picture.content == anonymous.get("/-/avatars/alice.svg").content
    other = anonymous.get("/-/avatars/nobody-has-this-name.svg")
    varying = {"date", "x-request-id", "content-length", "etag"}
    assert other.status_code == picture.status_code == 200
    assert {key: value for key, value in other.headers.items() if key not in varying} == {
        key: value for key, value in picture.headers.items() if key not in varying
    }
    assert anonymous.get("/-/avatars/a.b.svg").status_code == 400
