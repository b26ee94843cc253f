from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from entrepot.errors import InvalidName, RepoMoved
from entrepot.errors.redactions import conceal, redact

TOKEN = "hf_" + "aB3" * 11


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"the token {TOKEN} is old", "the token *** is old"),
        ("https://user:hf_x@host/a", "https://***@host/a"),
        ("ssh://git:p@ss@host:22/a", "ssh://***@host:22/a"),
        ("Illegal header value b'Bearer hf_x'", "Illegal header value b'Bearer ***'"),
        ("GET http://h/f?X-Amz-Signature=abc&n=1", "GET http://h/f?X-Amz-Signature=***&n=1"),
        ("http://h/f?a=1&sig=abc", "http://h/f?a=1&sig=***"),
        ("postgresql+psycopg://hub:p@ss@db/hub", "postgresql+psycopg://***@db/hub"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text", ["hf_model_config.json", "hf://me@main/a", "a Bearer token", "https://host/a@b", "mail a@b.example"]
)
def test_everything_else_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "x:", "me:", "user:", "\xff\xfe\xfd:"])
@pytest.mark.parametrize("after", ["", ":", "\xff\xff"])
@pytest.mark.parametrize("prefix", ["hf_", "ep_"])
def test_a_token_is_known_in_base64_wherever_it_stands(
    encode: Callable[[bytes], bytes], before: str, after: str, prefix: str
) -> None:
    encoded = encode(f"{before}{prefix}{'aB3' * 11}{after}".encode("latin-1")).decode()
    assert redact(f"the server received {encoded}, and no more") == "the server received ***, and no more"
    assert redact(f"/echo?said={encoded.rstrip('=')}&n=1") == "/echo?said=***&n=1"


def test_a_digest_in_base64_is_not_taken_for_a_token() -> None:
    for text in ("sha256-hmXoZlaGZf" + "A" * 30, "/a/VwX/" + "b" * 40, "/models/me/oZl" + "9" * 40):
        assert redact(text) == text


@pytest.mark.parametrize("before", ["", "x", "me", "user:"])
def test_a_registered_secret_is_masked_in_base64_except_for_what_it_shares(before: str) -> None:
    conceal("a registered/secret")
    encoded = base64.b64encode(f"{before}a registered/secret!".encode()).decode()
    masked = redact(encoded)
    assert "***" in masked
    assert "registered" not in redact("A" * (-len(before) % 3) + encoded)
    assert len(masked) <= len("***") + len(before) * 2 + 6


def test_a_registered_secret_of_any_form_is_masked() -> None:
    conceal("qz-7")
    conceal("qz-7-longer")
    assert redact("qz-7-longer, qz-7") == "***, ***"
    for number in range(300):
        conceal(f"other-{number}")
    assert redact("qz-7") == "qz-7"


def test_plain_short_words_are_not_masked_in_every_sentence() -> None:
    conceal("main")
    conceal("a1")
    assert redact("the branch main of a1") == "the branch main of a1"


def test_no_error_shows_a_secret_in_its_message_or_its_repr() -> None:
    for error in (
        InvalidName("repository id", f"https://u:{TOKEN}@h/me/x", "expected namespace/name"),
        RepoMoved("x", f"https://u:{TOKEN}@h/me/y"),
    ):
        assert TOKEN not in f"{error} {error!r}"
        assert type(error).__name__ in repr(error)
