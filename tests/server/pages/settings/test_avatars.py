from __future__ import annotations

import re

import httpx2
import pytest

from entrepot.hub.accounts import accounts
from entrepot.previews.avatar_images import MAX_BYTES
from tests.previews.test_avatar_images import jpeg, png
from tests.server.pages.settings.conftest import Send, form_token
from tests.support.served_hub import ServedHub

SVG = "image/svg+xml"


def upload(client: httpx2.Client, path: str, data: bytes, csrf: str | None = None) -> httpx2.Response:
    token = form_token(client.get("/").text) if csrf is None else csrf
    return client.post(path, data={"csrf": token}, files={"picture": ("me.png", data, "image/png")})


def kind_of(client: httpx2.Client, name: str) -> str:
    return client.get(f"/-/avatars/{name}.svg").headers["content-type"]


def test_a_picture_is_uploaded_and_removed(signed_in: httpx2.Client, send: Send) -> None:
    page = signed_in.get("/settings/profile").text
    assert 'action="/settings/profile/picture"' in page
    assert "Saved." in upload(signed_in, "/settings/profile/picture", png()).text
    assert kind_of(signed_in, "alice") == "image/png"
    assert "Saved." in send("/settings/profile/picture/remove").text
    assert kind_of(signed_in, "alice") == SVG


def test_a_new_picture_has_another_address_on_pages(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client, send: Send
) -> None:
    def addresses(client: httpx2.Client, page: str) -> set[str]:
        return set(re.findall(r'src="/-/avatars/alice\.svg([^"]*)"', client.get(page).text))

    form = {"title": "Hello", "text": "a text"}
    topic = signed_in.post("/alice/tern/discussions/new", data={"csrf": form_token(signed_in.get("/").text), **form})
    pages = [(signed_in, "/settings/profile"), (browser, "/alice"), (browser, topic.url.path)]
    assert [addresses(*page) for page in pages] == [{""}] * 3
    upload(signed_in, "/settings/profile/picture", png())
    [first] = addresses(*pages[0])
    assert re.fullmatch(r"\?v=\d+", first)
    assert browser.get(f"/-/avatars/alice.svg{first}").headers["content-type"] == "image/png"
    assert [addresses(*page) for page in pages] == [{first}] * 3
    upload(signed_in, "/settings/profile/picture", jpeg())
    assert [addresses(*page) for page in pages] != [{first}] * 3
    send("/settings/profile/picture/remove")
    assert [addresses(*page) for page in pages] == [{""}] * 3


def test_that_of_an_organisation_is_for_its_administrators(
    site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client, send: Send
) -> None:
    accounts.create_org(site.hub, "drawn", admin="alice")
    accounts.create_org(site.hub, "strange", admin="bob")
    base = "/organizations/drawn/settings"
    assert f'action="{base}/picture"' in signed_in.get(f"{base}/general").text
    assert "Saved." in upload(signed_in, f"{base}/picture", jpeg()).text
    assert kind_of(browser, "drawn") == "image/jpeg"
    assert "Saved." in send(f"{base}/picture/remove").text
    assert kind_of(browser, "drawn") == SVG
    assert upload(signed_in, "/organizations/strange/settings/picture", png()).status_code == 403
    assert kind_of(browser, "strange") == SVG


@pytest.mark.parametrize(
    ("data", "status", "told"),
    [(b"<svg onload='alert(1)'/>", 400, "expected PNG or JPEG"), (b"\0" * (MAX_BYTES + 1), 413, "262,144")],
)
def test_a_mistake_is_told_beside_the_form(signed_in: httpx2.Client, data: bytes, status: int, told: str) -> None:
    answer = upload(signed_in, "/settings/profile/picture", data)
    assert answer.status_code == status
    assert told in answer.text
    assert 'action="/settings/profile/picture"' in answer.text
    assert kind_of(signed_in, "alice") == SVG


def test_a_form_without_a_file_asks_for_one(signed_in: httpx2.Client) -> None:
    csrf = form_token(signed_in.get("/").text)
    answer = signed_in.post("/settings/profile/picture", files={"csrf": (None, csrf)})
    assert answer.status_code == 400
    assert "Choose a picture." in answer.text


def test_a_form_needs_the_token_of_the_session(signed_in: httpx2.Client) -> None:
    assert upload(signed_in, "/settings/profile/picture", png(), csrf="x").status_code == 403
    assert signed_in.post("/settings/profile/picture/remove", data={"csrf": "x"}).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert signed_in.post("/settings/profile/picture", headers=cross, content=b"\xff").status_code == 403
    assert kind_of(signed_in, "alice") == SVG
