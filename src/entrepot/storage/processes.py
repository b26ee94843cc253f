"""Execution of git in a fixed environment, without user or system configuration, under limits."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from entrepot.blobs.faults import says_full
from entrepot.errors import StoreFull, StoreUnavailable, shown

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": os.defpath,
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}
"""The environment of git processes; ``PATH`` is added when git is run."""

_SETTINGS: Final = (
    # The folder may belong to another user than the process, as in containers.
    ("safe.directory", "*"),
    ("core.bigFileThreshold", "16m"),
    ("core.fsync", "none"),
    ("gc.auto", "0"),
    ("pack.threads", "1"),
)
_TIMEOUT_S = 600.0


def command(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> list[str]:
    """Return the command line of git with these arguments; ``settings`` are passed as ``-c`` options."""
    pairs = [*_SETTINGS, *(settings or {}).items()]
    return ["git", *(word for name, value in pairs for word in ("-c", f"{name}={value}")), *arguments]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which git runs."""
    return {**ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath), **(more or {})}


def run(folder: Path, arguments: Sequence[str], *, given: bytes = b"", more: Mapping[str, str] | None = None) -> bytes:
    """Run git in a folder for at most ten minutes and return its output. Blocking.

    Raises:
        StoreUnavailable: git is not installed, failed, or took too long; the
            reason is its error message.
        StoreFull: the disk is full.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command(arguments),
            cwd=folder,
            env=environment(more),
            input=given,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise StoreUnavailable("git", "the program 'git' is not installed on the hub") from error
    except subprocess.TimeoutExpired as error:
        raise StoreUnavailable("git", f"'git {arguments[0]}' took more than {_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise failure("git", done.stderr)
    return done.stdout


def failure(what: str, stderr: bytes) -> StoreFull | StoreUnavailable:
    """Return the error for a failed program from its error output; a full disk has its own error."""
    reason = shown(last_words(stderr), quote=False)
    is_full = says_full(stderr.decode("utf-8", "replace"))
    return StoreFull(f"the cache of git: {reason}") if is_full else StoreUnavailable(what, reason)


def last_words(stderr: bytes) -> str:
    """Return the error message of git, or a placeholder."""
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return (fatal or lines or ["git failed without a word"])[-1].removeprefix("fatal: ").removeprefix("error: ")
