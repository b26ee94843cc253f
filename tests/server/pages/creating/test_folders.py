from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.hub.folders import folders
from entrepot.hub.folders.folders import FolderId
from entrepot.names import RepoType
from tests.server.pages.conftest import field_of, send_form
from tests.support.served_hub import ServedHub

PAGE = "/-/folders/new"


def test_a_folder_is_created_and_shown_with_the_next_step(site: ServedHub, signed_in: httpx2.Client) -> None:
    fields = {"type": "dataset", "owner": "alice", "name": "made", "description": "<Birds>", "labels": "a\r\n\r\n b "}
    answer = send_form(signed_in, PAGE, fields)
    assert answer.status_code == 200, answer.text
    assert answer.url.path == "/alice.made"
    assert "Created." in answer.text
    assert "&lt;Birds&gt;" in answer.text
    assert 'href="/new-dataset?owner=alice.made"' in answer.text
    assert 'href="/new?owner=alice.made"' not in answer.text, "it holds datasets only"
    row = folders.show(site.hub, site.caller(), FolderId(RepoType.DATASET, "alice", "made")).row
    assert (list(row.labels), row.is_public) == (["a", "b"], False)
    first = send_form(signed_in, "/new-dataset", {"name": "first", "owner": "alice.made", "visibility": ""})
    assert first.url.path == "/datasets/alice.made/first"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "a b"}, 400),
        ({"name": "git"}, 400),
        ({"name": "taken"}, 409),
        ({"name": "x1", "owner": "bob"}, 403),
        ({"name": "x2", "type": "space"}, 400),
        ({"name": "x3", "labels": "a\na"}, 400),
    ],
)
def test_a_mistake_shows_the_form_again(signed_in: httpx2.Client, fields: dict[str, str], status: int) -> None:
    send_form(signed_in, PAGE, {"type": "model", "owner": "alice", "name": "taken"})
    typed = {"type": "model", "owner": "alice", "description": "<Birds>", **fields}
    answer = send_form(signed_in, PAGE, typed)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    for name in ("name", "owner", "description"):
        assert field_of(answer.text, name) == typed[name]


def test_the_way_there_is_where_folders_are_listed(site: ServedHub, signed_in: httpx2.Client) -> None:
    accounts.create_org(site.hub, "owls", admin="bob")
    assert f'href="{PAGE}">' in signed_in.get("/").text, "the menu of what is new"
    assert f'href="{PAGE}?owner=alice"' in signed_in.get("/alice").text
    for other in ("/bob", "/owls"):
        assert f"{PAGE}?" not in signed_in.get(other).text
    assert 'value="owls"' in signed_in.get(f"{PAGE}?owner=owls").text


def test_its_commands_contain_nothing_that_an_address_says(signed_in: httpx2.Client) -> None:
    text = signed_in.get(PAGE, params={"owner": "x'; rm -rf ~; '", "type": "`id`"}).text
    commands = text.partition("From a terminal")[2].partition("</details>")[0]
    assert "entrepot ah create /alice/t9k-assethub/model/NAME" in commands
    assert "rm -rf" not in commands
    assert "`id`" not in commands


def test_only_who_has_signed_in_sees_the_form(browser: httpx2.Client) -> None:
    assert browser.get(PAGE).status_code == 401
