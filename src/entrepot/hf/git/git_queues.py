"""Pushes that run in the background; the interpreter waits for them at exit."""

from __future__ import annotations

import atexit
import functools
import logging

from entrepot.client.git.running_commands import CommandInProgress

logger = logging.getLogger("entrepot.git")


class CommandQueue:
    """The background commands of one repository, oldest first."""

    def __init__(self) -> None:
        self.command_queue: list[CommandInProgress] = []
        # Python joins the commands' threads before this runs; it only logs their errors.
        atexit.register(functools.partial(_report, self.command_queue))

    @property
    def last_command(self) -> CommandInProgress | None:
        """The command that was started last; None if none was started."""
        return self.command_queue[-1] if self.command_queue else None

    @property
    def commands_failed(self) -> list[CommandInProgress]:
        """The commands that ended with an error."""
        return [command for command in self.command_queue if command.failed]

    @property
    def commands_in_progress(self) -> list[CommandInProgress]:
        """The commands that are still running."""
        return [command for command in self.command_queue if not command.is_done]

    def wait_for_commands(self) -> None:
        """Wait until every background command has ended; errors are logged and stay in :attr:`commands_failed`."""
        for command in list(self.command_queue):
            command.wait()
        _report(self.command_queue)


def _report(commands: list[CommandInProgress]) -> None:
    for command in commands:
        if command.failed and not command.is_reported:
            command.is_reported = True
            logger.error("background command %s (PID %d): %s", command.title, command.pid, command.error)
