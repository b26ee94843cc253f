"""Who sends a request: the token in its header ``Authorization``, and the address."""

from __future__ import annotations

import base64
import hashlib

from starlette.types import Scope

from entrepot.errors import InvalidCredentials
from entrepot.server.client_addresses import client_address, network_of
from entrepot.settings import Settings


def secret_in(header: str) -> str | None:
    """Return the token in the value of a header ``Authorization``; None for an empty password.

    Raises:
        InvalidCredentials: the header is malformed.

    Source: docs/protocols/hf_api.md, section 0.1.
    """
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic":
        try:
            _, colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except ValueError:
            raise InvalidCredentials from None
        if colon:
            return password or None
    raise InvalidCredentials


def senders_of(scope: Scope, settings: Settings) -> tuple[bytes | None, bytes]:
    """Return the digest of a request's token (valid or not; None if there is none) and its address.

    The token is what handlers read: the secret in the first header. The same one written in another way counts
    as the same, or everyone with a token would have as many counts as they find ways to write it.
    """
    return _token_of(scope), network_of(client_address(scope, settings))


def _token_of(scope: Scope) -> bytes | None:
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    try:
        secret = secret_in(header.decode("latin-1")) if header else None
    except InvalidCredentials:
        return None
    return None if secret is None else hashlib.blake2b(secret.encode(), digest_size=16).digest()
