"""Options shared by the commands that use a hub: endpoint, token, ``--quiet``, repository."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

import attrs
import click
from click.core import ParameterSource

from entrepot.cli.reports import show_message
from entrepot.cli.sessions import Session
from entrepot.errors import InvalidName

if TYPE_CHECKING:
    from entrepot.client.hubs import Hub
    from entrepot.client.paths import ClientPaths
    from entrepot.hf.api import HubApi
    from entrepot.names import PageLink

Function = TypeVar("Function", bound=Callable[..., object])

TYPES = ("model", "dataset", "space")


@attrs.define
class HubClient:
    """The hub and the token that a command uses: from its options, else the environment, else the last login."""

    session: Session
    endpoint: str | None = None
    token: str | None = attrs.field(default=None, repr=False)
    is_quiet: bool = False

    @property
    def places(self) -> ClientPaths:
        """Return the paths and endpoint for this command.

        Raises:
            ConfigError: an environment variable has an invalid value.
        """
        from entrepot.client.paths import read_paths

        found = read_paths(self.session.environ)
        return attrs.evolve(found, disable_progress=found.disable_progress or self.is_quiet)

    @property
    def hub(self) -> Hub:
        """Return the hub, connected with the token of this command.

        Raises:
            ConfigError: the endpoint or the stored token cannot be used.
        """
        from entrepot.client.hubs import connect

        return connect(self.endpoint, self.token, paths=self.places)

    @property
    def anonymous(self) -> Hub:
        """Return the hub without credentials.

        Raises:
            ConfigError: the endpoint cannot be used.
        """
        from entrepot.client.hubs import connect

        return connect(self.endpoint, False, paths=self.places)

    @property
    def api(self) -> HubApi:
        """Return the Python API, bound to this hub.

        Raises:
            ConfigError: the endpoint or the stored token cannot be used.
        """
        from entrepot.hf.api import HubApi

        client = self

        class Api(HubApi):
            """A :class:`HubApi` that uses the environment of the command."""

            def _hub(self, token: str | bool | None = None) -> Hub:
                from entrepot.client.hubs import connect

                return connect(self.endpoint, self.token if token is None else token, paths=client.places)

        return Api(self.endpoint or self.places.endpoint, self.token)


def hub_options(command: Function) -> Function:
    """Add ``--endpoint``, ``--token`` and ``--quiet``; the command gets a :class:`HubClient` as ``client``."""

    @functools.wraps(command)
    def with_caller(*args: object, endpoint: str | None, token: str | None, quiet: bool, **kwargs: object) -> object:
        context = click.get_current_context()
        session = context.ensure_object(Session)
        if isinstance(text := kwargs.get("repo"), str) and "repo_type" in kwargs:
            is_given = context.get_parameter_source("repo_type") is not ParameterSource.DEFAULT
            link = _read_repo(text, kwargs["repo_type"] if is_given else None, endpoint, session)
            kwargs |= {"repo": str(link.repo.id), "repo_type": link.repo.type.value, **_named_in(text, link, kwargs)}
        if token:
            from entrepot.client.tokens import parse_token

            token = parse_token(token, "option --token")
        return command(*args, client=HubClient(session, endpoint, token, quiet), **kwargs)

    quiet = click.option("-q", "--quiet", is_flag=True, help="Do not print progress or messages.")
    secret = click.option(
        "--token", metavar="TOKEN", help="Access token; default: ENTREPOT_TOKEN, or that of the last login."
    )
    address = click.option(
        "--endpoint", metavar="URL", help="URL of the hub; default: ENTREPOT_ENDPOINT, or a hub on this computer."
    )
    return cast(Function, address(secret(quiet(with_caller))))


def _read_repo(text: str, repo_type: object, endpoint: str | None, session: Session) -> PageLink:
    """Parse the repository named by an argument: an id, an id prefixed with its type, or a URL of this hub."""
    from entrepot.client.paths import read_paths
    from entrepot.names import parse_page_link

    hub = endpoint or read_paths(session.environ).endpoint
    return parse_page_link(text, None if repo_type is None else str(repo_type), endpoint=hub, is_short_allowed=True)


def _named_in(text: str, link: PageLink, given: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that the address of a page stands for, besides the repository.

    Args:
        given: the arguments of the command. It takes a revision as ``revision``, files as ``files``, and a folder as
            ``folder`` or as a pattern of ``include``.

    Raises:
        InvalidName: the command takes no such argument, or another one is given for it.
    """
    found: dict[str, object] = {}
    if link.revision not in (None, "main"):
        if given.get("revision", link.revision) not in (None, link.revision):
            raise InvalidName("repository", text, "it names a revision other than --revision; give one of the two")
        if "revision" not in given:
            raise InvalidName(
                "repository", text, "it names a revision, which this command takes separately or not at all"
            )
        found["revision"] = link.revision
    if not link.path:
        return found
    name, value = _argument_of(link, given)
    if name not in given:
        word = "folder" if link.is_folder else "file"
        raise InvalidName("repository", text, f"it names a {word}, which this command takes separately or not at all")
    if any(given.get(key) for key in ("files", "folder", "include")):
        raise InvalidName("repository", text, "it names a file or a folder, and another one is given")
    return {**found, name: value}


def _argument_of(link: PageLink, given: Mapping[str, object]) -> tuple[str, object]:
    """Return the argument that takes the path of a page, and its value."""
    if not link.is_folder:
        return "files", (link.path,)
    if "folder" in given:
        return "folder", link.path
    return "include", (f"{literal_pattern(link.path)}/*",)


def literal_pattern(name: str) -> str:
    """Return a pattern that matches exactly this name."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _read_type(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return a repository type in singular form."""
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
    help="Type of the repository.",
)
"""The option ``--repo-type``, passed to a command as ``repo_type``."""

include_option = click.option(
    "--include", multiple=True, metavar="PATTERN", help="Only files that match this pattern; may be repeated."
)
exclude_option = click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Skip files that match this pattern; may be repeated."
)
revision_option = click.option("--revision", metavar="REV", help="A branch, tag or commit; default: main.")
"""The option ``--revision``, passed to a command as ``revision``."""


def show_unless_quiet(client: HubClient, line: str) -> None:
    """Print a message that is not part of the result, unless ``--quiet`` is given."""
    if not client.is_quiet:
        show_message(line)


def confirm(question: str, *, is_sure: bool) -> None:
    """Ask for confirmation before deleting something, unless ``--yes`` was given.

    Raises:
        click.Abort: the user declined.
        click.UsageError: standard input is not a terminal.
    """
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Use --yes to skip this question.")
    click.confirm(question, abort=True, err=True)
