"""Removal of secrets from text that people or logs will see.

A secret is recognised by its form (a hub token, an ``Authorization`` header,
user and password in a URL, the signature of a signed link), or because the
program has registered it with :func:`conceal`. It is also recognised in base64,
alone or as a part of more, such as ``user:token``.
"""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Callable, Sequence

_MASK = "***"
_SHORTEST = 4
_LONG = 16
_MAX_KNOWN = 256
_SHORTEST_PART = 8

_TOKEN = re.compile(r"\b(?:hf|ep)_[A-Za-z0-9]{20,}")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+(?=[^\s'\"]*[\d_=])[^\s'\"]+", re.IGNORECASE)
_USER_INFO = re.compile(r"\b((?:https?|git|ssh|ftp|socks\w*)://)[^/\s?#]*@", re.IGNORECASE)
_LOGIN = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*+://)[^/\s?#:@]*:[^/\s?#]*@", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"([?&](?:[\w-]*signature|sig|[\w-]*token|x-amz-credential|[\w-]*password|secret|key)=)[^&\s\"']+", re.IGNORECASE
)

_TOKEN_BYTES = re.compile(rb"(?:hf|ep)_[A-Za-z0-9]{20,}")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]++={0,2}")
_SHORTEST_ENCODED = 28
_ENCODED_SIGNS = ("aGZf", "hmX", "oZl", "ZXBf", "VwX", "lcF")
"""The characters in base64 that come from ``hf_`` or ``ep_`` alone, for each number of bytes before it modulo 3."""

_KNOWN: dict[str, tuple[str, ...]] = {}
"""The registered secrets, and how they may be spelt."""


def conceal(secret: str) -> None:
    """Register a secret that :func:`redact` masks from now on.

    Short texts and plain words are ignored. The last 256 secrets are remembered.
    """
    # Masking a plain word would mangle every sentence that uses it.
    if len(secret) < _SHORTEST or (len(secret) < _LONG and secret.isalpha()):
        return
    # Each step is atomic, so threads need no lock.
    _KNOWN.pop(secret, None)
    _KNOWN[secret] = tuple(spellings_of(secret))
    for oldest in tuple(_KNOWN)[:-_MAX_KNOWN]:
        _KNOWN.pop(oldest, None)


def redact(text: str) -> str:
    """Return the text with every secret in it replaced by ``***``."""
    known = [spelling for spellings in tuple(_KNOWN.values()) for spelling in spellings if spelling in text]
    for spelling in sorted(known, key=len, reverse=True):
        text = text.replace(spelling, _MASK)
    text = _USER_INFO.sub(rf"\1{_MASK}@", text)
    text = _LOGIN.sub(rf"\1{_MASK}@", text)
    text = _BEARER.sub(rf"\1 {_MASK}", text)
    text = _SIGNATURE.sub(rf"\1{_MASK}", text)
    return mask_encoded_tokens(_TOKEN.sub(_MASK, text), _MASK)


def mask_encoded_tokens(text: str, mask: str) -> str:
    """Return the text with ``mask`` for each word in base64 that contains a token of a hub.

    A word without a token stays, such as a digest; most texts are not looked at twice.
    """
    if not any(sign in text for sign in _ENCODED_SIGNS):
        return text
    return _ENCODED.sub(lambda match: mask if _hides_token(match[0]) else match[0], text)


def _hides_token(word: str) -> bool:
    """Return whether base64, which may begin in the middle of a path, contains a token."""
    if len(word) < _SHORTEST_ENCODED:
        return False
    digits = word.rstrip("=").replace("-", "+").replace("_", "/")
    for begin in range(4):
        whole = digits[begin:]
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        if _TOKEN_BYTES.search(base64.b64decode(whole + "=" * (-len(whole) % 4))):
            return True
    return False


def spellings_of(secret: str) -> Sequence[str]:
    """Return how a text may repeat a secret: plainly, in JSON, in HTML, in a URL, in hexadecimal digits or in base64.

    In base64 that is also the secret as a part of more bytes: the characters that come from it alone, without those at
    both ends that it shares with other bytes, if eight or more remain.
    """
    in_json, sent = json.dumps(secret)[1:-1], secret.encode("utf-8", "surrogatepass")
    plain = (secret, in_json, in_json.replace("/", "\\/"), html.escape(secret))
    in_url = (urllib.parse.quote(sent, safe=""), urllib.parse.quote(sent), urllib.parse.quote_plus(sent))
    in_base64 = (*_in_base64(sent, base64.b64encode), *_in_base64(sent, base64.urlsafe_b64encode))
    return list(dict.fromkeys((*plain, *in_url, sent.hex(), sent.hex().upper(), *in_base64)))


def _in_base64(secret: bytes, encode: Callable[[bytes], bytes]) -> Sequence[str]:
    found = [encode(secret).decode()]
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        found.append(encode(bytes(before) + secret).decode()[first:last])
    return [text for text in found if len(text.rstrip("=")) >= _SHORTEST_PART]
