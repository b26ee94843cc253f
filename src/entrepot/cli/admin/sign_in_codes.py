"""``entrepot admin users code`` and ``entrepot admin login-link``: codes and links that sign a user in once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.maintenance import read_duration
from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.reports import show, show_json, show_message
from entrepot.cli.results import json_option

if TYPE_CHECKING:
    from entrepot.settings import Settings
    from entrepot.wire.accounts.administration import SignInCode

WEEK_S, _HOUR_S = 7 * 86_400, 3_600
_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - replaced, not bound

expiry_option = click.option(
    "--expires",
    "expires_s",
    metavar="DURATION",
    callback=read_duration,
    help="How long sign-in codes are valid, at most 30d; default: 7d.",
)
"""The option ``--expires``, passed to a command as ``expires_s``."""


def address_of(settings: Settings) -> str:
    """Return the URL of the hub of these settings, as a browser on its machine opens it."""
    if settings.base_url:
        return settings.base_url
    host = _EVERY_INTERFACE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


@click.command(short_help="Print a one-time sign-in code for a user.")
@click.argument("name")
@expiry_option
@json_option
@target_options
def sign_in_code(target: AdminTarget, name: str, expires_s: int | None, as_json: bool) -> None:
    """Print a code that the user exchanges once for a token; earlier codes become invalid.

    Only the code is written to standard output.

    \b
    Examples:
      entrepot admin users code bob
      entrepot login --endpoint https://hub.example.org --code code_...
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import sign_ins

    code = target.run(sign_ins.issue_code, calls.issue_code, name, expires_s or WEEK_S)
    if as_json:
        show_json(fields_of(code))
        return
    show_message(f"sign-in code of {code.user}, valid once, until {code.expires_at}:")
    show(code.code)


@click.command(short_help="Print a one-time link that signs a user in, in a browser.")
@click.argument("name")
@click.option(
    "--expires",
    "expires_s",
    metavar="DURATION",
    callback=read_duration,
    help="How long the link is valid, at most 30d; default: 1h.",
)
@json_option
@target_options
def login_link(target: AdminTarget, name: str, expires_s: int | None, as_json: bool) -> None:
    """Print a link with which the user signs in once, in a browser, without a password.

    Earlier links and sign-in codes of the user become invalid. Only the link is
    written to standard output.

    \b
    Examples:
      entrepot admin login-link alice
      entrepot admin login-link bob --endpoint https://hub.example.org --expires 1d
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import sign_ins

    code = target.run(sign_ins.issue_code, calls.issue_code, name, expires_s or _HOUR_S)
    link = _link(target, code)
    if as_json:
        show_json({"user": code.user, "link": link, "expires_at": code.expires_at})
        return
    show_message(f"sign-in link of {code.user}, valid once, until {code.expires_at}:")
    show(link)


def show_codes(target: AdminTarget, codes: Sequence[SignInCode], *, as_json: bool) -> None:
    """Print the sign-in codes of new users as CSV, or as JSON."""
    if as_json:
        show_json([{**fields_of(code), "link": _link(target, code)} for code in codes])
        return
    show_message(f"created {len(codes)} user{'s' if len(codes) != 1 else ''}; these sign-in codes are shown this once:")
    show("user,code,expires_at,link")
    for code in codes:
        show(f"{code.user},{code.code},{code.expires_at},{_link(target, code)}")


def _link(target: AdminTarget, code: SignInCode) -> str:
    """Return the URL that signs the user of a code in, in a browser."""
    address = target.endpoint or address_of(target.session.load().settings)
    return f"{address.rstrip('/')}/login?code={code.code}"
