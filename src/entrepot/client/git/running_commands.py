"""Git commands that run in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable

from entrepot.client.git.git_commands import Git
from entrepot.errors import GitFailed

_HANGUP = 129
"""The exit code that shells report for a command that was ended by SIGHUP."""


class CommandInProgress:
    """A running command. Safe to use from several threads.

    Its thread is not a daemon: the interpreter waits for it at exit.
    ``is_reported`` lets the code that reports failures to the user report each
    only once.

    Args:
        title: name of the command for messages.
        git: where and how it runs.
        arguments: arguments of git.
        post_method: called once after success, before
            :attr:`is_done` becomes true.

    Raises:
        ProgramMissing, SourceMissing: the command could not be started.
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
        """The process id."""
        return self._process.pid

    @property
    def is_done(self) -> bool:
        """Whether the command has ended, successfully or not."""
        return self._status != -1

    @property
    def status(self) -> int:
        """-1 while it runs, 0 after success, otherwise its exit code; negative (such as -9) after a signal."""
        return self._status

    @property
    def failed(self) -> bool:
        """Whether the command ended with an error."""
        return self._status not in (-1, 0)

    @property
    def error(self) -> GitFailed | None:
        """The reason of the failure in one sentence; None while it runs and after success."""
        return self._error

    @property
    def stderr(self) -> str:
        """The standard error of the command; empty while it runs."""
        return self._stderr

    @property
    def stdout(self) -> str:
        """The standard output of the command; empty while it runs."""
        return self._stdout

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the command to end, at most for the timeout, and return its status."""
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
        self._status = _HANGUP if code == -1 else code  # -1 means that it is still running
