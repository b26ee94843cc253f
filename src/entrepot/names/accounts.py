"""Names and profile texts of users and organisations."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidName, LimitExceeded, Malformed

AccountName = NewType("AccountName", str)
"""A user or organisation name, in the case in which it was created."""

_MAX_FULLNAME = 100
_MAX_DETAILS = 1_000
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{2,42}")

RESERVED = frozenset(
    """
    api models datasets spaces kernels buckets collections docs settings oauth login logout join
    v1 v2 xet _lfs _xet uploads organizations healthz readyz metrics static me none
    new new-dataset new-space search notifications users posts papers tasks pricing admin
    tree blob raw resolve commits commit compare discussions edit upload delete
    """.split()  # noqa: SIM905 - a list of words reads better than forty literals
)
"""Names that would shadow an API route or a web page of the hub. Source: docs/protocols/hf_api.md, section 0.4."""


def parse_account(text: str) -> AccountName:
    """Parse a user or organisation name.

    A name has 2 to 42 letters, digits, ``_`` and ``-``; no dot, because a dot
    separates a folder from its owner. Names are unique ignoring case, which the
    catalog enforces.

    Raises:
        InvalidName: the name breaks a rule or is reserved.
    """
    if "." in text and _ACCOUNT.fullmatch(text.replace(".", "-")):
        proposal = re.sub(r"-{2,}", "-", text.replace(".", "-")).strip("-")
        rule = "it must not contain a dot, which separates folders from their owners"
        raise InvalidName("account name", text, f"{rule}; use {proposal!r}" if len(proposal) > 1 else rule)
    if not _ACCOUNT.fullmatch(text):
        raise InvalidName("account name", text, "use 2 to 42 letters, digits, '_' or '-'")
    if "--" in text or not re.search(r"[A-Za-z0-9_]", text) or text[0] == "-" or text[-1] == "-":
        raise InvalidName("account name", text, "it must not start or end with '-' nor contain '--'")
    if text.lower() in RESERVED:
        raise InvalidName("account name", text, "this word is reserved for a route of the hub")
    return AccountName(text)


def parse_fullname(text: str) -> str:
    """Parse the display name of an account.

    Raises:
        InvalidName: it is not 1 to 100 printable characters.
    """
    name = text.strip()
    if not name or len(name) > _MAX_FULLNAME or not name.isprintable():
        raise InvalidName("full name", text, f"expected 1 to {_MAX_FULLNAME} printable characters")
    return name


def parse_details(text: str) -> str | None:
    """Parse the profile text of an account; return None if it is empty.

    Raises:
        LimitExceeded: it has more than 1,000 characters.
        Malformed: it contains control characters.
    """
    details = text.strip()
    if len(details) > _MAX_DETAILS:
        raise LimitExceeded("the length of the details of an account in characters", _MAX_DETAILS)
    if any(not char.isprintable() and char != "\n" for char in details):
        raise Malformed("details", "write plain text, without control characters")
    return details or None
