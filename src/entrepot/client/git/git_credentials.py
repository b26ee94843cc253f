"""Git's credential helpers: store and erase tokens."""

from __future__ import annotations

import subprocess
import urllib.parse

from entrepot.errors import GitFailed, ProgramMissing


def remember(endpoint: str, user: str, secret: str) -> None:
    """Pass a token to git's credential helpers for this hub; without a helper, it is not stored.

    Raises:
        ProgramMissing: git is not installed.
        GitFailed: git failed.
    """
    _run_helper("approve", endpoint, {"username": user, "password": secret})


def forget(endpoint: str) -> None:
    """Make git's credential helpers erase the token of this hub; does nothing if git is not installed."""
    try:
        _run_helper("reject", endpoint, {})
    except (ProgramMissing, GitFailed):
        return


def _run_helper(verb: str, endpoint: str, facts: dict[str, str]) -> None:
    parts = urllib.parse.urlsplit(endpoint)
    lines = {"protocol": parts.scheme, "host": parts.netloc, **facts}
    if any("\n" in value or "\0" in value for value in lines.values()):
        raise GitFailed("credential", "a value contains a line ending")
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    try:
        # Pass the secret through a pipe: arguments are visible to every user of the computer.
        subprocess.run(  # noqa: S603 - the arguments are constants
            ["git", "credential", verb],  # noqa: S607 - git is found on the user's PATH
            input=f"{text}\n",
            text=True,
            check=True,
            capture_output=True,
            timeout=30,
        )
    except FileNotFoundError as error:
        raise ProgramMissing("git", "install it from https://git-scm.com") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise GitFailed(f"credential {verb}", f"git failed with {type(error).__name__}") from None
