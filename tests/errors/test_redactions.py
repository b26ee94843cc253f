from __future__ import annotations

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
    ],
)
def test_secrets_are_known_by_their_shape(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text", ["hf_model_config.json", "hf://me@main/a", "a Bearer token", "https://host/a@b", "mail a@b.example"]
)
def test_everything_else_stays(text: str) -> None:
    assert redact(text) == text


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
