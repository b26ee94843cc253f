"""One-time passwords that an app derives from a secret and the time: SHA-1, six digits, steps of 30 seconds.

Every authenticator app supports these values. Source: RFC 6238; RFC 4226, section 5.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, urlencode

STEP_MS = 30_000
DIGITS = 6
SECRET_BYTES = 20
"""Length of a secret: that of the hash. RFC 4226, section 4, R6."""

WINDOW = 1
"""Steps by which the clocks of app and hub may differ. RFC 6238, section 5.2."""


def step_of(now_ms: int) -> int:
    """Return the number of the time step of a time."""
    return now_ms // STEP_MS


def password_at(secret: bytes, step: int) -> str:
    """Return the password of a time step."""
    digest = hmac.new(secret, step.to_bytes(8), hashlib.sha1).digest()
    start = digest[-1] & 0xF
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def matching_step(secret: bytes, password: str, now_ms: int) -> int | None:
    """Return the latest time step near now that has this password; None if none has it."""
    given, present = password.encode("utf-8", "surrogatepass"), step_of(now_ms)
    steps = range(present - WINDOW, present + WINDOW + 1)
    # All are compared, so the time that it takes tells nothing.
    found = [step for step in steps if hmac.compare_digest(password_at(secret, step).encode(), given)]
    return found[-1] if found else None


def encode_secret(secret: bytes) -> str:
    """Return a secret as people type it into an app: base32, RFC 4648."""
    return base64.b32encode(secret).decode().rstrip("=")


def app_url(secret: bytes, issuer: str, account: str) -> str:
    """Return the URL for the QR code that an app reads.

    Args:
        issuer: the host of the hub, as the app shows it.

    Source: Google Authenticator's Key URI Format, which other apps follow.
    """
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = {"secret": encode_secret(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": 30}
    return f"otpauth://totp/{label}?{urlencode(query, quote_via=quote)}"
