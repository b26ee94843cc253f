"""ID tokens: signed statements of an issuer about a user or a job of continuous integration.

Everything that this module refuses depends on the token, the settings and the clock only, never on what
the hub stores. Its reasons can therefore be shown to anyone.
Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 7519; RFC 8725.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping

import attrs

from entrepot.errors import Malformed, OAuthRefused, shown
from entrepot.hub.sso import signatures
from entrepot.hub.sso.signatures import SigningKey
from entrepot.hub.sso.strict_json import parse_object

MAX_TOKEN = 16 << 10
"""Maximum size of a token in bytes."""

SKEW_S = 60
"""How far the clock of an issuer may be wrong."""

MAX_LIFE_S = 86_400
"""Maximum lifetime of a token: until then its id is remembered."""

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_FORBIDDEN = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc")
"""Header fields that bring or name a key, or change how the token is read."""

KeyFinder = Callable[[str | None, str], SigningKey]
"""Returns the key of the issuer with a name, for an algorithm."""


@attrs.frozen
class IdToken:
    """The claims of a verified token; ``token_id``: its id, None if it has none."""

    issuer: str
    subject: str
    token_id: str | None
    expires_s: int
    claims: Mapping[str, object] = attrs.field(repr=False)


def issuer_of(token: str) -> str:
    """Return the issuer that a token names; nothing is verified yet.

    Raises:
        OAuthRefused: it is not a token, is too large, or names none.
    """
    issuer = _parse(token)[1].get("iss")
    if not isinstance(issuer, str):
        raise _refused("it names no issuer ('iss')")
    return issuer


def verify(token: str, find_key: KeyFinder, *, issuer: str, audience: str, now_s: int) -> IdToken:
    """Return the claims of a token, after checking signature, audience and times.

    Args:
        find_key: returns keys of the issuer.
        issuer: who must have made the token.
        audience: the only audience that the token may have.

    Raises:
        OAuthRefused: the token cannot be accepted.
        Whatever ``find_key`` raises.
    """
    header, claims = _parse(token)
    if claims.get("iss") != issuer:
        raise _refused("it comes from another issuer ('iss')")
    key = find_key(_key_id(header), _algorithm(header))
    if not signatures.is_signed(token, key):
        raise _refused("its signature does not match the keys of its issuer")
    _check_audience(claims, audience)
    expires_s = _check_times(claims, now_s)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > 1000:
        raise _refused("it names no subject ('sub')")
    return IdToken(issuer, subject, _token_id(claims), expires_s, claims)


def _parse(token: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    if len(token) > MAX_TOKEN:
        raise _refused(f"it has more than {MAX_TOKEN} characters")
    found = _COMPACT.fullmatch(token)
    if found is None:
        raise _refused("it is not a JSON Web Token with three parts")
    try:
        header, claims = (parse_object(_decoded(found[part]), "token") for part in (1, 2))
    except (Malformed, ValueError):
        raise _refused("its parts are not JSON objects without duplicate names and unpaired surrogates") from None
    return header, claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _algorithm(header: Mapping[str, object]) -> str:
    for name in _FORBIDDEN:
        if name in header:
            raise _refused(f"its header contains '{name}'")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise _refused("it is a token of another kind ('typ')")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in signatures.ALGORITHMS:
        raise _refused(f"its algorithm is not {' or '.join(signatures.ALGORITHMS)}")
    return algorithm


def _key_id(header: Mapping[str, object]) -> str | None:
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise _refused("the name of its key ('kid') is not text")
    return kid


def _token_id(claims: Mapping[str, object]) -> str | None:
    found = claims.get("jti")
    if found is None and "jti" not in claims:
        return None
    if not isinstance(found, str) or not found:
        raise _refused("its id ('jti') is not text")
    return found


def _check_audience(claims: Mapping[str, object], audience: str) -> None:
    named = claims.get("aud")
    found = named if isinstance(named, list) else [named]
    if found != [audience]:
        said = ", ".join(shown(str(item)) for item in found[:3]) if named else "no audience"
        raise _refused(f"it is for {said}, and must be for {audience} only ('aud')")


def _check_times(claims: Mapping[str, object], now_s: int) -> int:
    issued, expires, begins = (_time(claims, name) for name in ("iat", "exp", "nbf"))
    if issued is None or expires is None:
        raise _refused("it does not say when it was issued and expires ('iat', 'exp')")
    if now_s >= expires + SKEW_S:
        raise _refused("it has expired")
    if max(issued, begins or 0) > now_s + SKEW_S:
        raise _refused("it is not valid yet: compare the clocks of its issuer and of the hub")
    if expires - issued > MAX_LIFE_S:
        raise _refused("it is valid for more than a day")
    return int(expires)


def _time(claims: Mapping[str, object], name: str) -> int | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 40:
        raise _refused(f"its '{name}' is not a time")
    return int(value)


def _refused(why: str) -> OAuthRefused:
    return OAuthRefused("invalid_grant", f"the token cannot be accepted: {why}")
