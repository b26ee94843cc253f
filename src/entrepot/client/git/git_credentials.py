"""Git's own credential helpers: told a token, or told to forget it."""

from __future__ import annotations

import subprocess
import urllib.parse

from entrepot.errors import GitFailed, ProgramMissing


def remember(endpoint: str, user: str, secret: str) -> None:
    """Hand a token to git's credential helpers for this hub; without any, nothing is kept.

    Raises:
        ProgramMissing: git is not installed.
        GitFailed: it refused.
    """
    _tell("approve", endpoint, {"username": user, "password": secret})


def forget(endpoint: str) -> None:
    """Have git's credential helpers drop what they know of this hub; nothing where git is not installed."""
    try:
        _tell("reject", endpoint, {})
    except (ProgramMissing, GitFailed):
        return


def _tell(verb: str, endpoint: str, facts: dict[str, str]) -> None:
    parts = urllib.parse.urlsplit(endpoint)
    lines = {"protocol": parts.scheme, "host": parts.netloc, **facts}
    if any("\n" in value or "\0" in value for value in lines.values()):
        raise GitFailed("credential", "a value holds a line ending")
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    try:
        # The secret goes through a pipe: arguments can be seen by every user of the computer.
        subprocess.run(  # noqa: S603 - the arguments are our own words
            ["git", "credential", verb],  # noqa: S607 - git is found the way its users find it
            input=f"{text}\n",
            text=True,
            check=True,
            capture_output=True,
            timeout=30,
        )
    except FileNotFoundError as error:
        raise ProgramMissing("git", "install it from https://git-scm.com") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise GitFailed(f"credential {verb}", f"git ended with {type(error).__name__}") from None
