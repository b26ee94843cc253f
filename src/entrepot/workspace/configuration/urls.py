"""URLs of git remotes: checked before git sees them, shown without secrets."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

from entrepot.errors import UrlRefused
from entrepot.errors.redactions import redact

_SCHEMES = frozenset({"file", "git", "http", "https", "ssh"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCP = re.compile(r"(?:[A-Za-z0-9._~+-]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?!//)(?P<path>.+)", re.ASCII)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::[0-9]{1,5})?", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def parse_git_url(text: str, *, folder: Path | None = None) -> str:
    """Return the checked URL of a git remote.

    Args:
        folder: relative paths of folders are below it; None refuses them, as for foreign configurations.

    Raises:
        UrlRefused: it is empty, begins with ``-``, has control characters or blanks, another scheme than file, git,
            http, https and ssh, or a host with invalid characters.
    """
    if not text or text.startswith("-"):
        raise UrlRefused(redact(text), "it is empty or begins with '-'")
    if _CONTROL.search(text):
        raise UrlRefused(redact(text), "it contains control characters")
    if text.startswith("/") or _DRIVE.match(text):
        return text
    if re.match(r"[A-Za-z0-9+.-]+::", text):
        raise UrlRefused(redact(text), "remote helpers are not allowed")
    if "://" in text:
        return _with_scheme(text)
    if folder is not None and (text.startswith(".") or (folder / text).is_dir()):
        return str((folder / text).resolve())
    match = _SCP.fullmatch(text)
    if match is None or match["host"].startswith("-") or match["path"].startswith("-") or " " in text:
        raise UrlRefused(redact(text), "expected https://…, ssh://…, git@host:path, or the absolute path of a folder")
    return text


def without_user(url: str) -> str:
    """Return a URL without user name and password."""
    if "://" not in url:
        return url
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _with_scheme(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme.lower() not in _SCHEMES:
        raise UrlRefused(redact(text), f"the scheme {scheme[:20]!r} is not allowed")
    if scheme.lower() == "file":
        if not rest.startswith("/"):
            raise UrlRefused(redact(text), "expected file:/// and the absolute path of a folder")
        return text
    host = rest.partition("/")[0].rpartition("@")[2]
    if any(c.isspace() for c in text):
        raise UrlRefused(redact(text), "it contains blanks")
    if not host or host.startswith("-") or not _HOST.fullmatch(host) or rest.startswith("-"):
        raise UrlRefused(redact(text), "its host is not valid")
    return text
