"""Removal of secrets from text that people or logs will see.

A secret is recognised by its form (a hub token, an ``Authorization`` header,
user and password in a URL, the signature of a signed link), or because the
program has registered it with :func:`conceal`.
"""

from __future__ import annotations

import re

_MASK = "***"
_SHORTEST = 4
_LONG = 16
_MAX_KNOWN = 256

_TOKEN = re.compile(r"\b(?:hf|ep)_[A-Za-z0-9]{20,}")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+(?=[^\s'\"]*[\d_=])[^\s'\"]+", re.IGNORECASE)
_USER_INFO = re.compile(r"\b((?:https?|git|ssh|ftp|socks\w*)://)[^/\s?#]*@", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"([?&](?:[\w-]*signature|sig|[\w-]*token|x-amz-credential|[\w-]*password|secret|key)=)[^&\s\"']+", re.IGNORECASE
)

_KNOWN: dict[str, None] = {}


def conceal(secret: str) -> None:
    """Register a secret that :func:`redact` masks from now on.

    Short texts and plain words are ignored. The last 256 secrets are remembered.
    """
    # Masking a plain word would mangle every sentence that uses it.
    if len(secret) < _SHORTEST or (len(secret) < _LONG and secret.isalpha()):
        return
    # Each step is atomic, so threads need no lock.
    _KNOWN.pop(secret, None)
    _KNOWN[secret] = None
    for oldest in tuple(_KNOWN)[:-_MAX_KNOWN]:
        _KNOWN.pop(oldest, None)


def redact(text: str) -> str:
    """Return the text with every secret in it replaced by ``***``."""
    known = sorted((secret for secret in tuple(_KNOWN) if secret in text), key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, _MASK)
    text = _USER_INFO.sub(rf"\1{_MASK}@", text)
    text = _BEARER.sub(rf"\1 {_MASK}", text)
    text = _SIGNATURE.sub(rf"\1{_MASK}", text)
    return _TOKEN.sub(_MASK, text)
