"""Tokens: checked wherever they enter, and stored in one file for each hub that only its owner can read."""

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

# What a Bearer token may consist of. Source: RFC 6750, section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SCHEME = re.compile(r"\s*(bearer|basic|authorization)\b[\s:]", re.IGNORECASE)
ARGUMENT = "argument 'token'"
"""What messages call a token that a caller passed."""


def parse_token(text: object, source: str, *, is_trimmed: bool = False) -> str:
    """Return a token that is fit for an HTTP header, and have no message or log line show it from now on.

    Args:
        source: where it came from, for messages, as ``argument 'token'``.
        is_trimmed: blanks and line endings around it do not matter, because a file, a variable or a terminal adds them.

    Raises:
        InvalidToken: it cannot be a token; the message names the source, never the value.
    """
    if not isinstance(text, str):
        raise InvalidToken("token", source, f"expected text, not {type(text).__name__}")
    token = text.strip() if is_trimmed else text
    if not _TOKEN.fullmatch(token):
        raise InvalidToken("token", source, _fault(token))
    conceal(token)
    return token


def _fault(text: str) -> str:
    """Say why a text is no token without quoting any of it."""
    if not text.strip():
        return "it is empty"
    if _SCHEME.match(text):
        return "it must be the token alone, without the word before it, as in an Authorization header"
    if "://" in text:
        return "it is an address; it must be the token alone"
    if text != text.strip():
        return "blanks or line endings stand around it; remove them, for example with strip()"
    if not text.isascii():
        return "it holds characters outside ASCII; copy it again"
    if not text.isprintable() or " " in text:
        return "it holds blanks or control characters; copy it again, as a whole"
    return "it holds characters that no token has; copy it again"


@attrs.frozen
class StoredToken:
    """A token that was kept; ``warning`` is a sentence about how it was kept, or None."""

    secret: str = attrs.field(repr=False)
    warning: str | None = None


@attrs.frozen
class TokenStore:
    """Tokens in a folder, in files named after their hubs; every write replaces a whole file, atomically."""

    folder: Path

    def find(self, endpoint: str) -> StoredToken | None:
        """The token for a hub; None when nobody logged in there.

        Raises:
            ConfigError: the file is there and cannot be read, or holds no token.
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
        """Store a token in place of the one before and return the file that holds it.

        Raises:
            ConfigError: the folder cannot be written to, or this is no token.
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
        """Forget the token of a hub; whether there was one.

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

    def endpoints(self) -> list[str]:
        """The hubs that a token is kept for, in order."""
        if not self.folder.is_dir():
            return []
        names = (file.name for file in self.folder.iterdir() if file.is_file() and not file.name.startswith("."))
        return sorted(urllib.parse.unquote(name) for name in names)

    def file(self, endpoint: str) -> Path:
        """Where the token of a hub is kept, if there is one."""
        return self.folder / urllib.parse.quote(endpoint, safe="")
