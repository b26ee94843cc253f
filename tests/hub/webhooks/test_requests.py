from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.catalog.webhooks.deliveries import Delivery
from entrepot.catalog.webhooks.webhooks import WebhookRow
from entrepot.hub.webhooks import requests
from entrepot.names import Uid
from entrepot.settings import Settings

HERE = Path("unused")
PAYLOAD = {
    "repo": {"name": "alice/m", "url": {"web": "/alice/m", "api": "/api/models/alice/m"}},
    "comment": {"content": "é"},
}
DELIVERY = Delivery(1, Uid("d" * 24), 1, 1, "done", 1, 0, 200, "", 0, 0, 1, "repo", PAYLOAD)


def hook(secret: str | None = None) -> WebhookRow:
    return WebhookRow(1, Uid("a" * 24), 1, "https://example.org/", secret, ("repo",), False, 0)


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        (Settings(data=HERE, base_url="https://hub.example"), "https://hub.example"),
        (Settings(data=HERE, host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (Settings(data=HERE, host="::", port=81), "http://[::1]:81"),
    ],
)
def test_addresses_in_the_body_begin_with_that_of_the_hub(settings: Settings, origin: str) -> None:
    body = json.loads(requests.body_of(settings, hook(), DELIVERY))
    assert body["repo"]["url"] == {"web": f"{origin}/alice/m", "api": f"{origin}/api/models/alice/m"}
    assert (body["comment"], body["webhook"]) == ({"content": "é"}, {"id": "a" * 24, "version": 3})


def test_the_body_is_ascii_so_that_it_can_be_cut_anywhere() -> None:
    assert requests.body_of(Settings(data=HERE), hook(), DELIVERY).isascii()


def test_only_a_secret_proves_who_sends() -> None:
    assert requests.proofs_of(hook(), b"{}") == {}
    proofs = requests.proofs_of(hook("s3cret"), b"{}")
    assert tuple(proofs) == requests.PROOFS
    assert tuple(proofs.values()) == ("s3cret", requests.sign("s3cret", b"{}"))
    assert not proofs.keys() & requests.headers_of(hook("s3cret"), DELIVERY).keys()


@pytest.mark.parametrize(
    ("secret", "repeated"),
    [
        ('a"b/c', 'a\\"b/c'),
        ('a"b/c', 'a\\"b\\/c'),
        ("<a&'b\">", "&lt;a&amp;&#x27;b&quot;&gt;"),
        ("a b/c", "a%20b%2Fc"),
        ("a b/c", "a%20b/c"),
        ("a b/c", "a+b%2Fc"),
        ("s3cret-word", "czNjcmV0LXdvcmQ="),
        ("s3cret-word", "7333637265742d776f7264"),
    ],
)
def test_a_secret_is_known_in_other_notations_too(secret: str, repeated: str) -> None:
    assert {secret, repeated} <= set(requests.spellings({"X": secret}))


def test_a_signature_is_known_without_its_prefix() -> None:
    signature = requests.sign("s3cret", b"{}")
    assert {signature, signature.partition("=")[2]} <= set(requests.spellings({"X": signature}))
    assert "" not in requests.spellings({"X": "sha256="})
