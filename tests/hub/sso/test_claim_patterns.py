from __future__ import annotations

import pytest

from entrepot.errors import InvalidName, LimitExceeded, Malformed
from entrepot.hub.sso.claim_patterns import check_patterns, match

SUBJECT = "repo:acme/train:ref:refs/heads/main"


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (SUBJECT, SUBJECT),
        ("repo:acme/*:ref:refs/heads/main", SUBJECT),
        ("refs/heads/*", "refs/heads/main"),
        ("refs/tags/v*", "refs/tags/v1.2"),
        ("refs/heads/*-release", "refs/heads/a-release"),
        ("17", 17),
        ("true", True),
    ],
)
def test_a_pattern_matches(pattern: str, value: object) -> None:
    assert match({"x": pattern}, {"x": value, "other": 1})


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("repo:acme/*:ref:refs/heads/main", "repo:evil/x:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:ref:refs/heads/other:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/:ref:refs/heads/main"),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x/y:ref:refs/heads/main"),
        ("refs/heads/*", "refs/heads/a/b"),
        ("refs/heads/*", "refs/heads/"),
        ("refs/heads/ab*bc", "refs/heads/abc"),
        ("refs/heads/main", "refs/heads/main\n"),
        ("refs/heads/main", "refs/heads/MAIN"),
        ("refs/heads/main", "refs/heads/mainx"),
        ("acme.train", "acmeXtrain"),
        ("acme[x]", "acmex"),
        ("acme/?", "acme/x"),
        ("main", ["main"]),
        ("main", {"main": 1}),
        ("None", None),
    ],
)
def test_a_pattern_matches_nothing_else(pattern: str, value: object) -> None:
    assert not match({"x": pattern}, {"x": value})


def test_every_claim_must_be_there() -> None:
    assert not match({"sub": "a", "ref": "b"}, {"sub": "a"})
    assert not match({"sub": "a", "ref": "b"}, {"sub": "a", "ref": "c"})


@pytest.mark.parametrize("claims", [{"sub": SUBJECT}, {"repository": "acme/train", "ref": "refs/heads/*"}])
def test_claims_that_say_who_asks_can_be_used(claims: dict[str, str]) -> None:
    check_patterns(claims)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"ref": "refs/heads/main"},
        {"sub": "repo:*/*:ref:refs/heads/main"},
        {"sub": "*"},
        {"repository": "acme/*"},
        {"repository_owner": "acme"},
    ],
)
def test_claims_must_say_in_full_who_asks(claims: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="without"):
        check_patterns(claims)


@pytest.mark.parametrize(
    "more",
    [
        *({"iss": "x"}, {"aud": "x"}, {"exp": "1"}, {"": "x"}, {"a b": "x"}, {"x": ""}, {"x": " x"}, {"x": "a\nb"}),
        *({"x": "a" * 501}, {"x": "**"}, {"x": "a*b*"}),
    ],
)
def test_patterns_that_mean_nothing_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(InvalidName):
        check_patterns({"sub": "me", **more})


def test_the_number_of_claims_is_limited() -> None:
    with pytest.raises(LimitExceeded):
        check_patterns({"sub": "me"} | {f"c{number}": "x" for number in range(20)})
