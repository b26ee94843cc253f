"""A program that runs ``ml-git`` and kills itself, as a lost machine would, before or after a function is called.

Arguments: module, name of the function (also ``Class.method``), ``before`` or ``after``, then those of ``ml-git``.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable

from entrepot.cli.main import main_ml_git
from tests.support import warm_commands
from tests.support.machines import Machine
from tests.support.warm_commands import Command

TIMEOUT_S = 240


def kill_at(machine: Machine, point: str, *args: str) -> None:
    """Run a command in a process that is killed at a point: ``before`` or ``after``, the module, the function."""
    when, module, name = point.split()
    words = (f"entrepot.workspace.{module}", name, when, *args)
    environ = {**machine.variables, "PWD": str(machine.folder)}
    done = warm_commands.run(Command("tests.support.killed_ml_git:main", words, environ, machine.folder), TIMEOUT_S)
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached: {done.stdout}{done.stderr}"


def _killed(function: Callable[..., object], when: str) -> Callable[..., object]:
    @functools.wraps(function)
    def run(*args: object, **options: object) -> object:
        if when == "after":
            function(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("the process has ended")

    return run


def main() -> None:
    """Replace the function and run the command."""
    _, module, name, when, *args = sys.argv
    owner: object = importlib.import_module(module)
    *classes, function = name.split(".")
    for part in classes:
        owner = getattr(owner, part)
    setattr(owner, function, _killed(getattr(owner, function), when))
    sys.exit(main_ml_git(args, dict(os.environ)))
