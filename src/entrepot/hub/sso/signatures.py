"""Keys of issuers, and the signatures made with them; the only module that knows the library for JOSE.

Only RS256 and ES256 are verified, each with a key of its own kind: a token can neither choose ``none``
nor have its signature checked with a public key as if that were a secret. A key in the token is never used.
Source: RFC 7515, RFC 7517, RFC 7518; RFC 8725, sections 3.1 and 3.2.
"""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from entrepot.errors import ExtraNotInstalled, Malformed
from entrepot.hub.sso.strict_json import parse_object

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""The algorithms that are verified, with the kind of key of each."""

MAX_KEYS = 100
_RSA_BITS = range(2048, 8193)
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


@attrs.frozen
class SigningKey:
    """The public key of an issuer; ``kid`` None: it has no name."""

    kid: str | None
    algorithm: str
    key: Key = attrs.field(repr=False)


def require_library() -> None:
    """Raise if the library for signatures is not installed.

    Raises:
        ExtraNotInstalled: the extra ``sso`` is missing.
    """
    if importlib.util.find_spec("joserfc") is None:
        raise ExtraNotInstalled("sso")


def parse_keys(data: bytes) -> Sequence[SigningKey]:
    """Return the keys of a JSON Web Key Set that can verify tokens; others are left out.

    Raises:
        Malformed: it is not a key set, or contains more than 100 keys.
        ExtraNotInstalled: the library is missing.
    """
    require_library()
    found = parse_object(data, "key set").get("keys")
    if not isinstance(found, list) or len(found) > MAX_KEYS:
        raise Malformed("key set", f"it is not a list of at most {MAX_KEYS} keys")
    keys = [_parse_key(item) for item in found if isinstance(item, dict)]
    return [key for key in keys if key is not None]


def is_signed(token: str, key: SigningKey) -> bool:
    """Return whether a compact token was signed with a key."""
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        jws.deserialize_compact(token, key.key, algorithms=[key.algorithm])
    except (JoseError, ValueError):
        return False
    return True


def _parse_key(item: Mapping[str, object]) -> SigningKey | None:
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    kind = item.get("kty")
    algorithm = next((name for name, needs in ALGORITHMS.items() if needs == kind), None)
    if algorithm is None or item.get("alg", algorithm) != algorithm or item.get("use", "sig") != "sig":
        return None
    members = {name: item.get(name) for name in _MEMBERS[str(kind)]}
    texts = {name: value for name, value in members.items() if isinstance(value, str)}
    kid = item.get("kid")
    if len(texts) < len(members) or not (kid is None or isinstance(kid, str)) or not _is_strong(texts):
        return None
    try:
        return SigningKey(kid, algorithm, import_key({"kty": str(kind), **texts}))
    except (JoseError, ValueError):
        return None


def _is_strong(members: Mapping[str, str]) -> bool:
    if "n" not in members:
        return members["crv"] == "P-256"
    try:
        number = base64.urlsafe_b64decode(members["n"] + "=" * (-len(members["n"]) % 4))
    except ValueError:
        return False
    return int.from_bytes(number).bit_length() in _RSA_BITS
