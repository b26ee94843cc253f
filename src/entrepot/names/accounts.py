"""Names of users and organisations, and what they say of themselves."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidName, LimitExceeded, Malformed

AccountName = NewType("AccountName", str)
"""A user or organisation name in the case it was made with."""

_MAX_FULLNAME = 100
_MAX_DETAILS = 1_000
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{2,42}")

RESERVED = frozenset(
    """
    api models datasets spaces kernels buckets collections docs settings oauth login logout join
    v1 v2 xet _lfs uploads organizations healthz readyz metrics static me none
    new new-dataset new-space search notifications users posts papers tasks pricing admin
    tree blob raw resolve commits commit compare discussions edit upload delete
    """.split()  # noqa: SIM905 - a list of words reads better than forty literals
)
"""Names that would shadow a route of the hub, or of its web pages. Source: docs/protocols/hf_api.md, section 0.4."""


def parse_account(text: str) -> AccountName:
    """Read a user or organisation name.

    Letters, digits, ``_`` and ``-``, 2 to 42 characters; no dot, because a
    dot separates a folder from its owner. Names are unique without regard to
    case, which the catalog enforces.

    Raises:
        InvalidName: a rule is broken or the word is reserved.
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
    """Read the name that people see of an account.

    Raises:
        InvalidName: it is not 1 to 100 printable characters.
    """
    name = text.strip()
    if not name or len(name) > _MAX_FULLNAME or not name.isprintable():
        raise InvalidName("full name", text, f"expected 1 to {_MAX_FULLNAME} printable characters")
    return name


def parse_details(text: str) -> str | None:
    """Read what an account says of itself; None when that is nothing.

    Raises:
        LimitExceeded: it has more than 1,000 characters.
        Malformed: some of them are control characters.
    """
    details = text.strip()
    if len(details) > _MAX_DETAILS:
        raise LimitExceeded("the details of an account in characters", _MAX_DETAILS)
    if any(not char.isprintable() and char != "\n" for char in details):
        raise Malformed("details", "write plain text, without control characters")
    return details or None
