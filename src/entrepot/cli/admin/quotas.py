"""``entrepot admin quotas``: storage quotas of namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.groups import LazyGroup
from entrepot.cli.reports import render_bytes, show_json, show_table
from entrepot.cli.results import json_option
from entrepot.cli.sessions import folder_options
from entrepot.errors import Malformed
from entrepot.settings import parse_size

if TYPE_CHECKING:
    from entrepot.wire.accounts.quotas import QuotaInfo

_DEFAULT = "default"


@click.group(cls=LazyGroup, short_help="Show and set storage quotas of namespaces.")
@folder_options
def quota() -> None:
    """Show and set the storage quota of a user or organisation.

    \b
    Examples:
      entrepot admin quotas show acme
      entrepot admin quotas set acme --max-bytes 100GiB --max-repos 50
    """


@quota.command("show", short_help="Show the quota and usage of a namespace.")
@click.argument("namespace")
@json_option
@target_options
def show_quota(target: AdminTarget, namespace: str, as_json: bool) -> None:
    """Show the quota and the usage of NAMESPACE.

    \b
    Example:
      entrepot admin quotas show acme
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    _show(target.run(administration.show_quota, calls.show_quota, namespace), as_json=as_json)


@quota.command("set", short_help="Set the quota of a namespace.")
@click.argument("namespace")
@click.option("--max-bytes", metavar="SIZE", help="Total size of large files and git objects in all its repositories.")
@click.option("--max-repos", metavar="N", help="Maximum number of repositories.")
@click.option("--max-file", metavar="SIZE", help="Maximum size of one file.")
@json_option
@target_options
def set_quota(
    target: AdminTarget,
    namespace: str,
    max_bytes: str | None,
    max_repos: str | None,
    max_file: str | None,
    as_json: bool,
) -> None:
    """Set the quota of NAMESPACE; limits that are not given stay unchanged.

    0 means no limit, 'default' the limit in the settings of the hub. Data that
    is already stored is kept, even above the new limit.

    \b
    Examples:
      entrepot admin quotas set acme --max-bytes 100GiB --max-repos 50 --max-file 10GiB
      entrepot admin quotas set acme --max-bytes default
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration
    from entrepot.wire.accounts.quotas import QuotaChanges

    given = {"max_bytes": max_bytes, "max_repos": max_repos, "max_file_bytes": max_file}
    changes = {key: read_limit(text) for key, text in given.items() if text is not None}
    if not changes:
        raise click.UsageError("name a limit to set: --max-bytes, --max-repos or --max-file")
    quota = target.run(administration.set_quota, calls.set_quota, namespace, QuotaChanges(**changes))
    _show(quota, as_json=as_json)


def read_limit(text: str) -> int | None:
    """Parse a limit; ``default`` returns None, the limit in the settings.

    Raises:
        Malformed: the text is neither a size nor a number.
    """
    if text == _DEFAULT:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise Malformed(f"limit {text!r}", str(error)) from None


def _show(quota: QuotaInfo, *, as_json: bool) -> None:
    if as_json:
        show_json(fields_of(quota))
        return
    show_table(
        ("", "USED", "ALLOWED"),
        [
            ("bytes", render_bytes(quota.used_bytes), _bytes(quota.max_bytes)),
            ("repositories", str(quota.repos), "-" if quota.max_repos is None else str(quota.max_repos)),
            ("largest file", "", _bytes(quota.max_file_bytes)),
        ],
    )


def _bytes(limit: int | None) -> str:
    return "-" if limit is None else render_bytes(limit)
