"""Tokens: validation, and storage in one file per hub that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import urllib.parse
from pathlib import Path

import attrs

from entrepot.errors import ConfigError, InvalidToken
from entrepot.errors.redactions import conceal

# Syntax of a Bearer token. Source: RFC 6750, section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SCHEME = re.compile(r"\s*(bearer|basic|authorization)\b[\s:]", re.IGNORECASE)
ARGUMENT = "argument 'token'"
"""The source of a token that was passed by the caller, in messages."""


def parse_token(text: object, source: str, *, is_trimmed: bool = False) -> str:
    """Return a token that is valid in an HTTP header, and register it to be masked in messages and logs.

    Args:
        source: where the token came from, for messages, such as ``argument 'token'``.
        is_trimmed: strip whitespace, which files, variables and terminals may add.

    Raises:
        InvalidToken: the text is not a token; the message names the source, never the value.
    """
    if not isinstance(text, str):
        raise InvalidToken("token", source, f"expected text, not {type(text).__name__}")
    token = text.strip() if is_trimmed else text
    if not _TOKEN.fullmatch(token):
        raise InvalidToken("token", source, _fault(token))
    conceal(token)
    return token


def _fault(text: str) -> str:
    """Describe why a text is not a token, without quoting it."""
    if not text.strip():
        return "it is empty"
    if _SCHEME.match(text):
        return "it must be only the token, without the scheme of an Authorization header"
    if "://" in text:
        return "it is an address; it must be only the token"
    if text != text.strip():
        return "it has whitespace around it; remove it, for example with strip()"
    if not text.isascii():
        return "it contains characters outside ASCII; copy it again"
    if not text.isprintable() or " " in text:
        return "it contains whitespace or control characters; copy the whole token again"
    return "it contains characters that are not valid in a token; copy it again"


@attrs.frozen
class StoredToken:
    """A stored token; ``warning`` is a sentence about how it is stored, or None."""

    secret: str = attrs.field(repr=False)
    warning: str | None = None


@attrs.frozen
class TokenStore:
    """A folder of tokens, in files named after their hubs; each write replaces a file atomically."""

    folder: Path

    def find(self, endpoint: str) -> StoredToken | None:
        """Return the token for a hub; None if none is stored.

        Raises:
            ConfigError: the file cannot be read, or does not contain a token.
        """
        path = self.file(endpoint)
        try:
            text = path.read_text(encoding="utf-8")
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise InvalidToken("token", f"file {path}", "the file is not text") from None
        except OSError as error:
            raise ConfigError("token", str(path), f"the file cannot be read ({error})") from error
        if not text.strip():
            return None
        text = parse_token(text, f"file {path}", is_trimmed=True)
        is_open = os.name == "posix" and mode & 0o077
        return StoredToken(text, f"{path} can be read by others: run 'chmod 600' on it" if is_open else None)

    def put(self, endpoint: str, secret: str) -> Path:
        """Store a token, replacing an existing one, and return the path of its file.

        Raises:
            ConfigError: the folder is not writable, or the text is not a token.
        """
        secret = parse_token(secret, ARGUMENT)
        path = self.file(endpoint)
        draft = path.with_name(f".{secrets.token_hex(8)}.new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(f"{secret}\n")
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise ConfigError("token", str(path), f"the file cannot be written ({error})") from error
        return path

    def remove(self, endpoint: str) -> bool:
        """Remove the token of a hub; return whether there was one.

        Raises:
            ConfigError: the file cannot be removed.
        """
        path = self.file(endpoint)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConfigError("token", str(path), f"the file cannot be removed ({error})") from error
        return True

    def file(self, endpoint: str) -> Path:
        """Return the path of the file for the token of a hub; the file may not exist."""
        return self.folder / urllib.parse.quote(endpoint, safe="")
