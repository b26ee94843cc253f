from __future__ import annotations

import xml.etree.ElementTree as ET

import httpx2

from entrepot.previews.avatar_images import MAX_BYTES
from entrepot.server.hf.accounts.avatars import render
from tests.previews.test_avatar_images import png


def test_a_picture_belongs_to_a_name_in_every_case() -> None:
    assert render("Alice") == render("alice") != render("bob")
    assert ET.fromstring(render("alice")).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_is_symmetric() -> None:
    path = ET.fromstring(render("alice"))[1].attrib["d"]
    cells = {tuple(map(int, cell.split("h")[0].split())) for cell in path.split("M")[1:]}
    assert cells
    assert {(6 - column, row) for column, row in cells} == cells


def test_an_uploaded_picture_is_served_instead(alice: httpx2.Client) -> None:
    client, url = alice, "/-/avatars/alice.svg"
    drawn = client.get(url)
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.content == render("alice")
    assert client.put("/api/settings/avatar", content=png()).status_code == 204
    found = client.get(url)
    assert (found.headers["content-type"], found.content) == ("image/png", png())
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert found.headers["cache-control"] == "public, max-age=300"
    again = client.get(url, headers={"if-none-match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/whoami-v2").json()["avatarUrl"].endswith(url)
    assert client.delete("/api/settings/avatar").status_code == 204
    assert client.get(url).content == render("alice")


def test_a_picture_that_cannot_be_used_is_refused(alice: httpx2.Client, anonymous: httpx2.Client) -> None:
    assert alice.put("/api/settings/avatar", content=b"<svg/>").status_code == 400
    assert alice.put("/api/settings/avatar", content=b"\0" * (MAX_BYTES + 1)).status_code == 413
    assert anonymous.put("/api/settings/avatar", content=png()).status_code == 401
    assert alice.get("/-/avatars/alice.svg").content == render("alice")
