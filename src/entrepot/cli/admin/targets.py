"""The hub that an administrative command works on: a data folder, or with ``--endpoint`` a running hub.

A use case of :mod:`entrepot.hub` and its call in
:mod:`entrepot.client.calls.administration` take the same arguments and return
the same values, so one implementation of a command serves both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar, cast

import attrs
import click
import msgspec

from entrepot.cli.sessions import Session, folder_options

if TYPE_CHECKING:
    from entrepot.client.calls import Call
    from entrepot.hub.context import HubContext

P = ParamSpec("P")
T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., object])

_PAGE = 1_000


class Listed(Protocol):
    """An item of a list with pages: ``id`` is the cursor."""

    @property
    def id(self) -> int:
        """The number of the item."""


Item = TypeVar("Item", bound=Listed)
Named = TypeVar("Named")


@attrs.frozen
class AdminTarget:
    """The hub that an administrative command works on; if ``endpoint`` is None, the data folder."""

    session: Session
    endpoint: str | None
    token: str | None = attrs.field(repr=False)

    @property
    def is_remote(self) -> bool:
        """Whether the command works on a running hub."""
        return self.endpoint is not None

    def run(
        self,
        use_case: Callable[Concatenate[HubContext, str, P], T],
        call: Callable[P, Call[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a use case on the data folder, or the equivalent call on the running hub, and return its result."""
        if self.endpoint is not None:
            from entrepot.cli.client.options import HubClient

            hub = HubClient(self.session, self.endpoint, self.token).hub
            hub.need_token()
            return hub.send(call(*args, **kwargs))
        from entrepot.hub import audit

        with self.session.opened_hub() as local:
            return use_case(local, audit.CONSOLE, *args, **kwargs)

    def first(
        self,
        limit: int,
        use_case: Callable[..., list[Item]],
        call: Callable[..., Call[list[Item]]],
        *args: object,
    ) -> list[Item]:
        """Return the first items of a list.

        The use case and the call take ``args``, the ``id`` of the last item of the
        previous page (None for the first page), and the number of items of a page.
        """
        found: list[Item] = []
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            before = found[-1].id if found else None
            page = self.run(use_case, call, *args, before, size)
            found += page
            if len(page) < size:
                break
        return found

    def named(
        self,
        name: Callable[[Named], str],
        use_case: Callable[..., list[Named]],
        call: Callable[..., Call[list[Named]]],
        *args: object,
    ) -> list[Named]:
        """Return all items of a list by name, page after page.

        The use case and the call take ``args``, the last name of the previous page, and the number of items of a page.
        """
        found: list[Named] = []
        while True:
            page = self.run(use_case, call, *args, name(found[-1]) if found else "", _PAGE)
            found += page
            if len(page) < _PAGE:
                return found


def target_options(command: Function) -> Function:
    """Add ``--data``, ``--config``, ``--endpoint`` and ``--token``; the command gets an :class:`AdminTarget`."""

    @functools.wraps(command)
    def with_target(*args: object, endpoint: str | None, token: str | None, **kwargs: object) -> object:
        session = click.get_current_context().ensure_object(Session)
        if token is not None and endpoint is None:
            raise click.UsageError("--token needs --endpoint: commands on a data folder need no token")
        return command(*args, target=AdminTarget(session, endpoint, token), **kwargs)

    address = click.option(
        "--endpoint",
        metavar="URL",
        help="URL of a running hub to work on as an administrator; default: the data folder.",
    )
    secret = click.option("--token", metavar="TOKEN", help="Token for --endpoint; default: that of the last login.")
    return cast(Function, address(secret(folder_options(with_target))))


def fields_of(value: msgspec.Struct) -> Mapping[str, object]:
    """Return a wire value as ``--json`` prints it, with keys in snake case."""
    row: dict[str, object] = {}
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if isinstance(item, list | tuple):
            row[name] = [fields_of(each) if isinstance(each, msgspec.Struct) else each for each in item]
        else:
            row[name] = item
    return row
