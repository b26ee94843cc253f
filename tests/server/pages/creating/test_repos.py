from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.callers import Role
from entrepot.hub.repos import repo_rights
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.server.pages.creating.repos import owners_of
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub


@pytest.mark.parametrize(
    ("page", "kind", "path"),
    [
        ("/new", RepoType.MODEL, "/alice/made-here"),
        ("/new-dataset", RepoType.DATASET, "/datasets/alice/made-here"),
        ("/new-space", RepoType.SPACE, "/spaces/alice/made-here"),
    ],
)
def test_a_repository_is_created_and_shown(
    site: ServedHub, signed_in: httpx2.Client, page: str, kind: RepoType, path: str
) -> None:
    fields = {"name": "made-here", "owner": "alice", "visibility": "private", "licence": "mit", "description": "Birds"}
    answer = send_form(signed_in, page, {**fields, "sdk": "gradio"})
    assert answer.status_code == 200, answer.text
    assert answer.url.path == path
    assert "Created." in answer.text
    assert "Private" in answer.text
    row = repo_rights.of(site.hub, site.caller(), RepoRef(kind, RepoId("alice", "made-here"))).row
    assert (row.visibility, row.description) == ("private", "Birds")
    with site.client(site.alice) as client:
        card = client.get(f"{path}/raw/main/README.md").text
    assert "license: mit" in card
    assert ("sdk: gradio" in card) == (kind is RepoType.SPACE)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "a b"}, 400),
        ({"name": ""}, 400),
        ({"name": "tern"}, 409),
        ({"name": "x1", "owner": "bob"}, 403),
        ({"name": "x2", "owner": "nobody-here"}, 403),
        ({"name": "x3", "visibility": "secret"}, 400),
        ({"name": "x4", "licence": "a: b\nc: d"}, 400),
    ],
)
def test_a_mistake_shows_the_form_again(
    site: ServedHub, signed_in: httpx2.Client, fields: dict[str, str], status: int
) -> None:
    answer = send_form(signed_in, "/new", {"owner": "alice", "description": "<Birds>", **fields})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert field_of(answer.text, "description") == "<Birds>"
    assert field_of(answer.text, "name") == fields["name"]


def test_only_who_has_signed_in_sees_the_form(browser: httpx2.Client, signed_in: httpx2.Client) -> None:
    for page in ("/new", "/new-dataset", "/new-space"):
        assert browser.get(page).status_code == 401
        assert f'href="{page}"' not in browser.get("/").text
        assert f'href="{page}"' in signed_in.get("/").text
        assert field_of(signed_in.get(f"{page}?owner=%3Cacme").text, "owner") == "<acme"


def test_owners_are_those_where_something_may_be_created(site: ServedHub) -> None:
    for name, role in (("writers", Role.CONTRIBUTOR), ("readers", Role.READ)):
        accounts.create_org(site.hub, name, admin="bob")
        accounts.set_member(site.hub, name, "alice", role)
    assert owners_of(site.caller()) == ["alice", "writers"]
