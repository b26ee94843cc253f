"""Patterns of claims: what a token must say so that a trusted publisher accepts it.

A pattern is text; ``*`` stands for at least one character other than ``/`` and ``:``, which separate the
parts of subjects and refs. So ``repo:acme/*:ref:refs/heads/main`` matches no other owner and no other branch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from entrepot.errors import InvalidName, LimitExceeded, Malformed

IDENTITY = ("sub", "repository", "repository_id", "project_path", "project_id")
"""Claims that identify the caller. One of them must be given in full, or anyone at the issuer could publish."""

_STANDARD = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
"""The claims that the hub checks itself."""

_MAX_CLAIMS = 20
_MAX_PATTERN = 500
_CLAIM = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,99}")
_SEPARATORS = re.compile(r"([/:])")


def check_patterns(claims: Mapping[str, str]) -> None:
    """Raise if these patterns of claims cannot be used for a publisher.

    Raises:
        InvalidName: the name of a claim or a pattern breaks a rule.
        LimitExceeded: there are more than 20.
        Malformed: none identifies the caller in full.
    """
    if len(claims) > _MAX_CLAIMS:
        raise LimitExceeded("the number of claims of a publisher", _MAX_CLAIMS, "name fewer")
    for name, pattern in claims.items():
        _check_pattern(name, pattern)
    if not any("*" not in claims[name] for name in IDENTITY if name in claims):
        cure = f"give one of {', '.join(IDENTITY)} without '*', or everyone at the issuer could publish"
        raise Malformed("claims of a publisher", cure)


def match(claims: Mapping[str, str], token: Mapping[str, object]) -> bool:
    """Return whether a token has every claim, with a value that its pattern matches."""
    return all(_matches(pattern, _as_text(token.get(name))) for name, pattern in claims.items())


def _check_pattern(name: str, pattern: str) -> None:
    if not _CLAIM.fullmatch(name) or name in _STANDARD:
        raise InvalidName("claim", name, f"expected the name of a claim other than {', '.join(sorted(_STANDARD))}")
    if not pattern or len(pattern) > _MAX_PATTERN or not pattern.isprintable() or pattern != pattern.strip():
        raise InvalidName("pattern", pattern, f"expected 1 to {_MAX_PATTERN} printable characters")
    if any(part.count("*") > 1 for part in _SEPARATORS.split(pattern)):
        raise InvalidName("pattern", pattern, "at most one '*' between two of '/' and ':' is allowed")


def _matches(pattern: str, value: str | None) -> bool:
    if value is None:
        return False
    parts, values = _SEPARATORS.split(pattern), _SEPARATORS.split(value)
    return len(parts) == len(values) and all(_results(parts, values))


def _results(parts: list[str], values: list[str]) -> Iterator[bool]:
    for part, value in zip(parts, values, strict=True):
        before, star, after = part.partition("*")
        if not star:
            yield part == value
        else:
            is_longer = len(value) > len(before) + len(after)
            yield is_longer and value.startswith(before) and value.endswith(after)


def _as_text(value: object) -> str | None:
    """Return the value of a claim as text; None for what has no single text, such as a list."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else None
