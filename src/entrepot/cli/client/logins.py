"""``entrepot login``, ``logout`` and ``whoami``."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import click

from entrepot.cli.client.options import HubClient, hub_options
from entrepot.cli.reports import show, show_json, show_message
from entrepot.cli.results import json_option, read_first_line, show_result

if TYPE_CHECKING:
    from entrepot.wire.accounts.oauth import DeviceAuthorization


@click.command(short_help="Check a token and store it for later commands.")
@click.option("--token-stdin", is_flag=True, help="Read the token from the first line of standard input.")
@click.option("--code", metavar="CODE", help="Exchange a one-time sign-in code for a token first.")
@click.option("--browser", is_flag=True, help="Show a code, and wait until you accept it in a browser.")
@click.option("--add-to-git-credential", is_flag=True, help="Also pass the token to git's credential helper.")
@json_option
@hub_options
def login(
    client: HubClient, token_stdin: bool, code: str | None, browser: bool, add_to_git_credential: bool, as_json: bool
) -> None:
    """Check a token with the hub and store it for later commands.

    Without --token or --token-stdin, the command prompts for the token without
    showing it. It is stored in a file that only you can read, one for each hub.
    With --browser, you sign in on a page of the hub instead; the token that the
    command gets is valid for 30 days.

    \b
    Examples:
      entrepot login
      entrepot login --browser
      entrepot login --endpoint https://hub.example.org --token-stdin < token.txt
      entrepot login --endpoint https://hub.example.org --code code_...
    """
    from entrepot.hf.accounts import logins

    if sum((token_stdin or client.token is not None, code is not None, browser)) > 1:
        raise click.UsageError("log in with a token, with a code or with a browser, not with two of them")
    secret = read_first_line("token") if token_stdin else client.token
    if code is not None:
        from entrepot.client.calls import administration

        secret = client.anonymous.send(
            administration.exchange(code, f"entrepot login on {platform.node()}"[:100])
        ).token
    if browser:
        from entrepot.client.device_logins import log_in

        secret = log_in(client.anonymous, _show_code)
    done = logins.login(
        secret, add_to_git_credential=add_to_git_credential, endpoint=client.endpoint or client.places.endpoint
    )
    assert done is not None, "only notebooks return None"
    row = {"endpoint": done.endpoint, "user": done.user, "role": done.role, "file": done.file}
    show_result(row, f"logged in to {done.endpoint} as {done.user}; the token may {done.role}", as_json=as_json)


def _show_code(begun: DeviceAuthorization) -> None:
    show_message(f"open {begun.verification_uri_complete}")
    show_message(f"and accept the program if the page shows the code {begun.user_code}")


@click.command(short_help="Delete the stored token of a hub.")
@json_option
@hub_options
def logout(client: HubClient, as_json: bool) -> None:
    """Delete the stored token of a hub; the token stays valid until it is revoked on the hub.

    \b
    Examples:
      entrepot logout
      entrepot logout --endpoint https://hub.example.org
    """
    from entrepot.hf.accounts import logins

    endpoint = client.endpoint or client.places.endpoint
    was_there = logins.logout(endpoint)
    text = f"logged out from {endpoint}" if was_there else f"not logged in to {endpoint}"
    show_result({"endpoint": endpoint, "was_logged_in": was_there}, text, as_json=as_json)


@click.command(short_help="Show who is logged in.")
@json_option
@hub_options
def whoami(client: HubClient, as_json: bool) -> None:
    """Show the owner of the token that is sent to the hub, and their organisations.

    \b
    Examples:
      entrepot whoami
      entrepot whoami --json
    """
    from entrepot.client.calls import accounts

    hub = client.hub
    hub.need_token()
    found = hub.send(accounts.whoami())
    orgs = [{"name": org.name, "role": org.role_in_org} for org in found.orgs]
    token, role = found.auth.token_name, found.auth.role
    if as_json:
        names = {"user": found.name, "fullname": found.fullname, "email": found.email}
        show_json({"endpoint": hub.endpoint, **names, "token": token, "role": role, "orgs": orgs})
        return
    show(found.name)
    if orgs:
        show("organisations: " + ", ".join(f"{org['name']} ({org['role']})" for org in orgs))
    show(f"token: {token} ({role}) at {hub.endpoint}")
