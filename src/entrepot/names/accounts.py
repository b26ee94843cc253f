"""Names of users and organisations."""

from __future__ import annotations

import re
from typing import NewType

from entrepot.errors import InvalidName

AccountName = NewType("AccountName", str)
"""A user or organisation name in the case it was made with."""

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{2,42}")

RESERVED = frozenset(
    """
    api models datasets spaces kernels buckets collections docs settings oauth login logout join
    v1 v2 xet _lfs uploads organizations healthz readyz metrics static me none
    """.split()  # noqa: SIM905 - a list of words reads better than forty literals
)
"""Names that would shadow a root route of the hub. Source: hf_api, section 0.4."""


def parse_account(text: str) -> AccountName:
    """Read a user or organisation name.

    Letters, digits, ``_`` and ``-``, 2 to 42 characters; no dot, because a
    dot separates a folder from its owner. Names are unique without regard to
    case, which the catalog enforces.

    Raises:
        InvalidName: a rule is broken or the word is reserved.
    """
    if not _ACCOUNT.fullmatch(text):
        raise InvalidName("account name", text, "use 2 to 42 letters, digits, '_' or '-'")
    if "--" in text or not re.search(r"[A-Za-z0-9_]", text) or text[0] == "-" or text[-1] == "-":
        raise InvalidName("account name", text, "it must not start or end with '-' nor contain '--'")
    if text.lower() in RESERVED:
        raise InvalidName("account name", text, "this word is reserved for a route of the hub")
    return AccountName(text)
