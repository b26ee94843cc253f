"""Tokens on this computer: one file for each hub, for their owner's eyes only."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import urllib.parse
from pathlib import Path

import attrs

from entrepot.errors import ConfigError


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
            ConfigError: the file is there and cannot be read.
        """
        path = self.file(endpoint)
        try:
            text = path.read_text(encoding="utf-8").strip()
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError("token", str(path), f"the file cannot be read ({error})") from error
        if not text:
            return None
        is_open = os.name == "posix" and mode & 0o077
        return StoredToken(text, f"{path} can be read by others: run 'chmod 600' on it" if is_open else None)

    def put(self, endpoint: str, secret: str) -> Path:
        """Keep a token in place of the one before; the file that holds it.

        Raises:
            ConfigError: the folder cannot be written to.
        """
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
