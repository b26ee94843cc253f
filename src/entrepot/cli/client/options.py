"""What commands that speak with a hub share: which hub, as whom, how loud, which repository."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import attrs
import click

from entrepot.cli.reports import remark
from entrepot.cli.sessions import Session
from entrepot.errors import InvalidName

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from entrepot.client.paths import ClientPaths
    from entrepot.hf.api import HubApi
    from entrepot.names import RepoRef

Function = TypeVar("Function", bound=Callable[..., object])

TYPES = ("model", "dataset", "space")


@attrs.define
class HubClient:
    """The hub that a command speaks with, and as whom: by its flags, else the environment, else the last login."""

    session: Session
    endpoint: str | None = None
    token: str | None = attrs.field(default=None, repr=False)
    is_quiet: bool = False

    @property
    def places(self) -> ClientPaths:
        """Where things are, for this call.

        Raises:
            ConfigError: a variable has a value that cannot be used.
        """
        from entrepot.client.paths import read_paths

        found = read_paths(self.session.environ)
        return attrs.evolve(found, disable_progress=found.disable_progress or self.is_quiet)

    @property
    def hub(self) -> Hub:
        """The hub, with its open connections.

        Raises:
            ConfigError: the endpoint or the stored token cannot be used.
        """
        from entrepot.client.hubs import connect

        return connect(self.endpoint, self.token, paths=self.places)

    @property
    def anonymous(self) -> Hub:
        """The hub, as nobody in particular.

        Raises:
            ConfigError: the endpoint cannot be used.
        """
        from entrepot.client.hubs import connect

        return connect(self.endpoint, False, paths=self.places)

    @property
    def api(self) -> HubApi:
        """The whole library, speaking with this hub.

        Raises:
            ConfigError: the endpoint or the stored token cannot be used.
        """
        from entrepot.hf.api import HubApi

        caller = self

        class Api(HubApi):
            """A hub as this command sees it: with the environment of the command."""

            def _hub(self, token: str | bool | None = None) -> Hub:
                from entrepot.client.hubs import connect

                return connect(self.endpoint, self.token if token is None else token, paths=caller.places)

        return Api(self.endpoint or self.places.endpoint, self.token)


def hub_options(command: Function) -> Function:
    """Add ``--endpoint``, ``--token`` and ``--quiet``; the command gets a :class:`Caller` as ``caller``."""

    @functools.wraps(command)
    def with_caller(*args: object, endpoint: str | None, token: str | None, quiet: bool, **kwargs: object) -> object:
        session = click.get_current_context().ensure_object(Session)
        if isinstance(text := kwargs.get("repo"), str) and "repo_type" in kwargs:
            ref = _read_repo(text, kwargs["repo_type"], endpoint, session)
            kwargs |= {"repo": str(ref.id), "repo_type": ref.type.value}
        if token:
            from entrepot.client.tokens import parse_token

            token = parse_token(token, "option --token")
        return command(*args, caller=HubClient(session, endpoint, token, quiet), **kwargs)

    quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress and no remarks.")
    secret = click.option("--token", metavar="TOKEN", help="A token; else ENTREPOT_TOKEN, or that of the last login.")
    address = click.option(
        "--endpoint", metavar="URL", help="The hub; else ENTREPOT_ENDPOINT, or one on this computer."
    )
    return cast(Function, address(secret(quiet(with_caller))))


def _read_repo(text: str, repo_type: object, endpoint: str | None, session: Session) -> RepoRef:
    """Return the repository that an argument names: an id, an id after its type, or an address of this hub."""
    from entrepot.client.paths import read_paths
    from entrepot.names import parse_repo_link

    hub = endpoint or read_paths(session.environ).endpoint
    return parse_repo_link(text, None if repo_type is None else str(repo_type), endpoint=hub, is_short_allowed=True)


def _read_type(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return a type in singular, whichever way it was written."""
    from entrepot.names import parse_repo_type

    try:
        return parse_repo_type(value).value
    except InvalidName as error:
        raise click.BadParameter(error.message, ctx, param) from None


type_option = click.option(
    "--repo-type",
    "--type",
    "repo_type",
    metavar=f"[{'|'.join(TYPES)}]",
    callback=_read_type,
    default="model",
    show_default=True,
    help="What the repository holds.",
)
"""``--repo-type``, which a command gets as ``repo_type``."""

revision_option = click.option("--revision", metavar="REV", help="A branch, tag or commit; default: main.")
"""``--revision``, which a command gets as ``revision``."""


def sentence(caller: HubClient, line: str) -> None:
    """Tell people something that is no result, unless they want it quiet."""
    if not caller.is_quiet:
        remark(line)


def confirm(question: str, *, is_sure: bool) -> None:
    """Ask before something is destroyed, unless ``--yes`` was given.

    Raises:
        click.Abort: the answer is no.
        click.UsageError: there is nobody to ask.
    """
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Say --yes to do it without a question.")
    click.confirm(question, abort=True, err=True)
