"""Options for authenticators, and verification of what they sign; the only module that uses the WebAuthn library.

The authenticator stores passkeys with the user's name, and uses them only after it has verified the user by PIN,
fingerprint or face, so a passkey combines two factors. The make of an authenticator does not matter: attestation
is not requested, and certificates in it are not read.
Source: Web Authentication Level 3, sections 7.1 and 7.2.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.util
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from entrepot.errors import PasskeyRefused
from entrepot.names import Sha256

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

MAX_ID = 1_023
"""Maximum length of the id of a passkey, in bytes. Web Authentication Level 3, section 7.1."""

MAX_KEY = 4_096
"""Maximum length of a public key, in bytes: more than any algorithm of the library needs."""

_WAIT_MS = 300_000
_PORTS = {"https": 443, "http": 80}


@attrs.frozen
class PasskeySite:
    """The hub from the view of browsers: the host that passkeys belong to, and the origin of its pages."""

    host: str
    origin: str


@attrs.frozen
class NewPasskey:
    """A passkey that an authenticator has created."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@attrs.frozen
class PasskeyUser:
    """The user of a new passkey: the permanent id, by which authenticators distinguish accounts, and the names."""

    uid: str
    name: str
    fullname: str


def find_site(base_url: str) -> PasskeySite | None:
    """Return the site of the hub; None if browsers allow no passkeys there, or the library is not installed.

    Browsers need https (or the host ``localhost``), and the name of a host instead of an IP address.
    """
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    if not host or not _is_installed():
        return None
    if parts.scheme != "https" and host != "localhost":
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        port = f":{parts.port}" if parts.port not in (None, _PORTS.get(parts.scheme)) else ""
        return PasskeySite(host, f"{parts.scheme}://{host}{port}")
    return None


def creation_options(site: PasskeySite, challenge: bytes, user: PasskeyUser, known: Sequence[bytes]) -> str:
    """Return the options with which a browser creates a passkey, as JSON.

    Args:
        known: ids of the user's passkeys: an authenticator that has one of them creates no other.
    """
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=site.host,
        rp_name=site.host,
        user_id=user.uid.encode(),
        user_name=user.name,
        user_display_name=user.fullname,
        challenge=challenge,
        timeout=_WAIT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json(options)


def request_options(site: PasskeySite, challenge: bytes) -> str:
    """Return the options with which a browser lets its user choose one of the passkeys of the site, as JSON."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=_WAIT_MS,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def verify_new(site: PasskeySite, challenge: bytes, credential: str) -> NewPasskey:
    """Return the passkey that an authenticator has created for a challenge.

    Raises:
        PasskeyRefused: it was created for another challenge or site, without verifying the user, is malformed, or is
            too long to be one.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers import base64url_to_bytes, parse_attestation_object
    from webauthn.helpers.structs import AttestationFormat

    given = parse_credential(credential)
    try:
        attested = parse_attestation_object(base64url_to_bytes(str(_response(given)["attestationObject"])))
        is_own = attested.fmt == AttestationFormat.PACKED and not attested.att_stmt.x5c
        if attested.fmt != AttestationFormat.NONE and not is_own:
            raise PasskeyRefused
        _check_not_framed(given)
        found = verify_registration_response(
            credential=dict(given),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _faults():
        raise PasskeyRefused from None
    if len(found.credential_id) > MAX_ID or len(found.credential_public_key) > MAX_KEY:
        raise PasskeyRefused
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)


def verify_use(
    site: PasskeySite, challenge: bytes, credential: Mapping[str, object], public_key: bytes, sign_count: int
) -> int:
    """Return the new count of uses of a passkey that has signed a challenge.

    Args:
        credential: of :func:`parse_credential`.
        sign_count: the count that the authenticator sent last.

    Raises:
        PasskeyRefused: it has not signed this challenge for this site, did not verify the user, or its
            count went backwards, as that of a copy would.
    """
    from webauthn import verify_authentication_response

    try:
        _check_not_framed(credential)
        found = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except _faults():
        raise PasskeyRefused from None
    return found.new_sign_count


def parse_credential(credential: str) -> Mapping[str, object]:
    """Return the JSON object that a browser sent as its proof.

    Raises:
        PasskeyRefused: the text is not a JSON object.
    """
    try:
        found = json.loads(credential)
    except (ValueError, RecursionError):
        raise PasskeyRefused from None
    if not isinstance(found, dict):
        raise PasskeyRefused
    return found


def credential_hash(credential: Mapping[str, object]) -> Sha256:
    """Return the hash of the id of the passkey that was used.

    Raises:
        PasskeyRefused: it has no id.
    """
    return hash_id(_decode(credential.get("id")))


def user_handle(credential: Mapping[str, object]) -> str:
    """Return the permanent id of the account that the authenticator has stored with the passkey.

    Raises:
        PasskeyRefused: there is none.
    """
    return _decode(_response(credential).get("userHandle")).decode("latin-1")


def hash_id(credential_id: bytes) -> Sha256:
    """Return the hash by which a passkey is found."""
    return Sha256(hashlib.sha256(credential_id).hexdigest())


def _check_not_framed(credential: Mapping[str, object]) -> None:
    """Raise if a page of another site had framed the page that asked: no page of the hub lets itself be framed.

    Raises:
        PasskeyRefused: one had.
    """
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    if parse_client_data_json(base64url_to_bytes(str(_response(credential)["clientDataJSON"]))).cross_origin:
        raise PasskeyRefused


def _faults() -> tuple[type[Exception], ...]:
    """Return the exceptions that the library raises on malformed input: its own, and those of wrong shapes."""
    from webauthn.helpers.exceptions import WebAuthnException

    return (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("webauthn") is not None


def _decode(text: object) -> bytes:
    try:
        padded = str(text or "!").rstrip("=") + "=" * (-len(str(text)) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        raise PasskeyRefused from None


def _response(credential: Mapping[str, object]) -> Mapping[str, object]:
    found = credential.get("response")
    if not isinstance(found, dict):
        raise PasskeyRefused
    return found


def _descriptors(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=credential_id) for credential_id in known]
