"""Git commands that run while the program goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from entrepot.client.git.git_commands import Git
from entrepot.errors import GitFailed

_HANGUP = 129
"""The code that shells give to a command that a hangup has ended."""


class CommandInProgress:
    """A command that was started and is watched. Safe to use from many threads.

    Its thread is none of those that end with the main one: a script that has
    nothing left to do waits for it. ``is_reported`` is for who tells the user
    that it failed, and tells it once.

    Args:
        title: what it does, for people.
        git: where and how it runs.
        arguments: those of git.
        post_method: called once when the command was successful, before
            :attr:`is_done` becomes true.

    Raises:
        ProgramMissing, SourceMissing: it could not be started.
    """

    def __init__(
        self, title: str, git: Git, arguments: tuple[str, ...], post_method: Callable[[], None] | None = None
    ) -> None:
        self.title = title
        self.is_reported = False
        self._git = git
        self._arguments = arguments
        self._post_method = post_method
        self._status = -1
        self._stdout = self._stderr = ""
        self._error: GitFailed | None = None
        self._process = git.start(*arguments)
        self._thread = threading.Thread(target=self._watch, name=f"git {title}")
        self._thread.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._status != -1

    @property
    def status(self) -> int:
        """-1 while it runs, 0 after success, else its exit code; -9 and the like when a signal has ended it."""
        return self._status

    @property
    def failed(self) -> bool:
        """Whether it has ended with an error."""
        return self._status not in (-1, 0)

    @property
    def error(self) -> GitFailed | None:
        """Why it failed, in one sentence; None while it runs and after success."""
        return self._error

    @property
    def stderr(self) -> str:
        """What it wrote to standard error; empty while it runs."""
        return self._stderr

    @property
    def stdout(self) -> str:
        """What it wrote to standard output; empty while it runs."""
        return self._stdout

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait until it has ended, or for so long, and return its status."""
        self._thread.join(timeout_s)
        return self._status

    def __repr__(self) -> str:
        status = "running" if self._status == -1 else str(self._status)
        state = "finished" if self.is_done else "in progress"
        return f"[{self.title} command, status code: {status}, {state}. PID: {self.pid}]"

    def _watch(self) -> None:
        with self._process:
            stdout, stderr = self._process.communicate()
        done = self._git.done(self._process, stdout, stderr)
        self._stdout, self._stderr = self._git.without_secrets(done.stdout.decode("utf-8", "replace")), done.stderr
        code = self._process.returncode
        if code:
            self._error = self._git.failure(self._arguments, done)
        elif self._post_method is not None:
            try:
                self._post_method()
            except GitFailed as error:
                self._error, code = error, 1
        self._status = _HANGUP if code == -1 else code  # -1 would say that it still runs
