"""Prompts for missing arguments and options: at a terminal only, and only if the user has turned them on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from entrepot.cli.sessions import Session
from entrepot.errors import EntrepotError

if TYPE_CHECKING:
    from click.core import Parameter

Function = TypeVar("Function", bound=Callable[..., object])

_NAME = "wizard"

wizard_option = click.option(f"--{_NAME}", is_flag=True, is_eager=True, help="Ask for missing arguments at a terminal.")
"""The option ``--wizard``; it is parsed before the parameters that ask."""


def is_asking(ctx: click.Context) -> bool:
    """Return whether the command may ask: at a terminal, with ``--wizard`` or if the configuration enables it."""
    if ctx.resilient_parsing or not sys.stdin.isatty():
        return False
    return bool(ctx.params.get(_NAME)) or _is_enabled(ctx)


def asked_argument(name: str, question: str = "", **settings: Any) -> Callable[[Function], Function]:  # noqa: ANN401 - those of click
    """Return a decorator like ``click.argument`` for an argument that is asked for if it is missing.

    Args:
        question: default: the name of the argument.
    """
    return click.argument(name, cls=_Argument, question=question, **settings)


def asked_option(*names: str, question: str, **settings: Any) -> Callable[[Function], Function]:  # noqa: ANN401 - those of click
    """Return a decorator like ``click.option``; for an option that is not required, an empty answer means no value."""
    return click.option(*names, cls=_Option, question=question, **settings)


class _Argument(click.Argument):
    """An argument with a question."""

    def __init__(self, *names: Any, question: str = "", **settings: Any) -> None:  # noqa: ANN401 - those of click
        super().__init__(*names, **settings)
        self.question = question or str(self.metavar or self.name).replace("_", " ").capitalize()

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Return the value, asked for if it is missing."""
        return super().handle_parse_result(ctx, _answered(self, self.question, ctx, opts), args)


class _Option(click.Option):
    """An option with a question."""

    def __init__(self, *names: Any, question: str, **settings: Any) -> None:  # noqa: ANN401 - those of click
        super().__init__(*names, **settings)
        self.question = question

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Return the value, asked for if it is missing."""
        return super().handle_parse_result(ctx, _answered(self, self.question, ctx, opts), args)


def _answered(parameter: Parameter, question: str, ctx: click.Context, opts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parsed arguments, with the answer for a parameter that is missing."""
    given = opts.get(parameter.name or "")
    if isinstance(given, str | bool) or (isinstance(given, list | tuple) and given) or not is_asking(ctx):
        return opts
    if isinstance(parameter, click.Option) and parameter.is_flag:
        answer: object = click.confirm(question, default=False, err=True)
        return {**opts, parameter.name or "": True} if answer else opts
    if parameter.required:
        choices = parameter.type if isinstance(parameter.type, click.Choice) else None
        answer = click.prompt(question, type=choices, err=True)
    else:
        answer = click.prompt(f"{question} (empty: none)", default="", show_default=False, err=True)
    if answer == "":
        return opts
    return {**opts, parameter.name or "": [answer] if parameter.multiple or parameter.nargs < 0 else answer}


def _is_enabled(ctx: click.Context) -> bool:
    from entrepot.workspace.configuration.config_files import load_configuration
    from entrepot.workspace.projects.projects import find_root

    environ = ctx.ensure_object(Session).environ
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.fspath(Path.home())
    try:
        return load_configuration(find_root(Path.cwd()), Path(home), environ).asks
    except (EntrepotError, OSError):
        return False  # the command itself says what is wrong
