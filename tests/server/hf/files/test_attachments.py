from __future__ import annotations

import httpx2

from tests.support.site import Site

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


def test_an_image_is_shown_under_its_address_to_anyone(
    site: Site, stranger: httpx2.Client, anonymous: httpx2.Client
) -> None:
    made = stranger.post("/uploads", content=PNG, headers={"Content-Type": "image/png"})
    assert made.headers["content-type"].startswith("text/plain")
    assert made.text.startswith(f"{site.url}/uploads/")
    shown = anonymous.get(made.text)
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, PNG, "image/png")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert anonymous.get(made.text, headers={"range": "bytes=0-3"}).content == PNG[:4]
    assert anonymous.head(made.text).headers["content-length"] == str(len(PNG))


def test_an_attachment_that_is_no_image_is_refused_whatever_its_name(stranger: httpx2.Client) -> None:
    answer = stranger.post("/uploads", content=b"<svg onload=alert(1)>", headers={"Content-Type": "image/png"})
    assert answer.status_code == 400
    assert "PNG" in answer.json()["error"]


def test_strangers_and_readers_send_nothing(site: Site, anonymous: httpx2.Client) -> None:
    assert anonymous.post("/uploads", content=PNG).status_code == 401
    with site.client(site.reader) as reader:
        assert reader.post("/uploads", content=PNG).status_code == 403


def test_a_body_is_received_from_those_only_who_may_send_one(anonymous: httpx2.Client) -> None:
    assert anonymous.post("/uploads", content=bytes(11 << 20)).status_code == 401


def test_an_image_of_eleven_megabytes_is_refused(stranger: httpx2.Client) -> None:
    assert stranger.post("/uploads", content=PNG + b"x" * (11 << 20)).status_code == 413


def test_an_unknown_image_is_absent(anonymous: httpx2.Client) -> None:
    assert anonymous.get("/uploads/" + "0" * 24).status_code == 404
    assert anonymous.get("/uploads/..%2Fx").status_code == 404
