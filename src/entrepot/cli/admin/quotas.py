"""``entrepot admin quotas``: how much a namespace may keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.answers import json_option
from entrepot.cli.groups import LazyGroup
from entrepot.cli.reports import render_bytes, show_json, show_table
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.errors import Malformed
from entrepot.settings import parse_size

if TYPE_CHECKING:
    from entrepot.hub.accounts.quotas import NamespaceQuota

_DEFAULT = "default"


@click.group(cls=LazyGroup, short_help="See and set how much a namespace may keep.")
@folder_options
def quota() -> None:
    """See and set how much a user or organisation may keep.

    \b
    Examples:
      entrepot admin quotas show acme
      entrepot admin quotas set acme --max-bytes 100GiB --max-repos 50
    """


@quota.command("show", short_help="Show what a namespace may keep, and what is used.")
@click.argument("namespace")
@json_option
@folder_options
@pass_session
def show_quota(session: Session, namespace: str, as_json: bool) -> None:
    """Show what NAMESPACE may keep, and what is used."""
    from entrepot.hub.accounts import quotas

    with session.opened_hub() as hub:
        _show(quotas.show(hub, namespace), as_json=as_json)


@quota.command("set", short_help="Set what a namespace may keep.")
@click.argument("namespace")
@click.option("--max-bytes", metavar="SIZE", help="Large files and git objects of all its repositories together.")
@click.option("--max-repos", metavar="N", help="How many repositories it may have.")
@click.option("--max-file", metavar="SIZE", help="The largest file.")
@json_option
@folder_options
@pass_session
def set_quota(
    session: Session,
    namespace: str,
    max_bytes: str | None,
    max_repos: str | None,
    max_file: str | None,
    as_json: bool,
) -> None:
    """Set what NAMESPACE may keep; what is not named stays as it is.

    0 is no limit, 'default' what the settings of the hub say. What is there
    already stays, however much it is.

    \b
    Examples:
      entrepot admin quotas set acme --max-bytes 100GiB --max-repos 50 --max-file 10GiB
      entrepot admin quotas set acme --max-bytes default
    """
    from entrepot.hub.accounts import quotas

    given = {"max_bytes": max_bytes, "max_repos": max_repos, "max_file_bytes": max_file}
    changes = {key: read_limit(text) for key, text in given.items() if text is not None}
    if not changes:
        raise click.UsageError("say what to set: --max-bytes, --max-repos or --max-file")
    with session.opened_hub() as hub:
        _show(quotas.change(hub, namespace, changes), as_json=as_json)


def read_limit(text: str) -> int | None:
    """A limit as people write it; None for what the settings say.

    Raises:
        Malformed: it is no size and no number.
    """
    if text == _DEFAULT:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise Malformed(f"limit {text!r}", str(error)) from None


def _show(quota: NamespaceQuota, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "namespace": quota.namespace,
                "max_bytes": quota.max_bytes,
                "max_repos": quota.max_repos,
                "max_file_bytes": quota.max_file_bytes,
                "used_bytes": quota.used,
                "repos": quota.repos,
            }
        )
        return
    show_table(
        ("", "USED", "ALLOWED"),
        [
            ("bytes", render_bytes(quota.used), _bytes(quota.max_bytes)),
            ("repositories", str(quota.repos), "-" if quota.max_repos is None else str(quota.max_repos)),
            ("largest file", "", _bytes(quota.max_file_bytes)),
        ],
    )


def _bytes(limit: int | None) -> str:
    return "-" if limit is None else render_bytes(limit)
