"""``entrepot admin``: users and organisations, straight in the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from entrepot.cli.answers import json_option, read_first_line, show_result, token_row
from entrepot.cli.reports import remark, render_time, show, show_json, show_table
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.wire.times import format_ms

if TYPE_CHECKING:
    from entrepot.catalog.accounts import Account, Token

_ROLES = ("read", "contributor", "write", "admin")

_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)


@click.command(short_help="Make a user.")
@click.argument("name")
@click.option("--fullname", help="The name shown to people; default: NAME.")
@click.option("--email", help="An address, name@host.")
@_password_option
@click.option("--admin", "is_admin", is_flag=True, help="Let the user see and do everything on the hub.")
@json_option
@folder_options
@pass_session
def create_user(
    session: Session,
    name: str,
    fullname: str | None,
    email: str | None,
    password_stdin: bool,
    is_admin: bool,
    as_json: bool,
) -> None:
    """Make a user. A data folder that does not exist is made too.

    \b
    Examples:
      entrepot admin create-user alice --fullname "Alice A." --admin
      pass show hub/alice | entrepot admin create-user alice --password-stdin
    """
    from entrepot.hub import accounts

    password = read_first_line("password") if password_stdin else None
    with session.opened_or_new_hub() as hub:
        user = accounts.create_user(hub, name, fullname=fullname, email=email, password=password, is_admin=is_admin)
    show_result(_user_row(user, []), f"created user {user.name}", as_json=as_json)


@click.command(short_help="Make an organisation.")
@click.argument("name")
@click.option("--admin", "admin_name", required=True, metavar="USER", help="The user who administers it.")
@click.option("--fullname", help="The name shown to people; default: NAME.")
@click.option(
    "--default-visibility",
    type=click.Choice(("public", "private")),
    help="Who sees a new repository whose maker did not say; default: the hub's setting.",
)
@json_option
@folder_options
@pass_session
def create_org(
    session: Session,
    name: str,
    admin_name: str,
    fullname: str | None,
    default_visibility: str | None,
    as_json: bool,
) -> None:
    """Make an organisation with one administrator.

    \b
    Example:
      entrepot admin create-org acme --admin alice --default-visibility private
    """
    from entrepot.hub import accounts

    with session.opened_hub() as hub:
        org = accounts.create_org(hub, name, admin=admin_name, fullname=fullname, default_visibility=default_visibility)
    show_result(_org_row(org), f"created organisation {org.name}, administered by {admin_name}", as_json=as_json)


@click.command(short_help="Give a user a role in an organisation.")
@click.argument("org")
@click.argument("user")
@click.option(
    "--role",
    required=True,
    type=click.Choice(_ROLES),
    help="read: see private repositories; contributor: also make repositories and change those; "
    "write: also change all; admin: also settings and members.",
)
@json_option
@folder_options
@pass_session
def add_member(session: Session, org: str, user: str, role: str, as_json: bool) -> None:
    """Give a user a role in an organisation, in place of an earlier one.

    \b
    Example:
      entrepot admin add-member acme bob --role write
    """
    from entrepot.hub import accounts
    from entrepot.hub.callers import Role

    with session.opened_hub() as hub:
        accounts.set_member(hub, org, user, Role.parse(role))
    show_result({"org": org, "user": user, "role": role}, f"{user} has role {role} in {org}", as_json=as_json)


@click.command(short_help="List the users.")
@json_option
@folder_options
@pass_session
def list_users(session: Session, as_json: bool) -> None:
    """List the users and how many tokens they have."""
    from entrepot.hub import accounts

    with session.opened_hub() as hub:
        users = accounts.list_users(hub)
    if as_json:
        show_json([_user_row(user, tokens) for user, tokens in users])
        return
    show_table(
        ("NAME", "FULL NAME", "EMAIL", "ADMIN", "TOKENS", "CREATED"),
        [
            (
                user.name,
                user.fullname,
                user.email or "-",
                "yes" if user.is_admin else "no",
                str(len(tokens)),
                format_ms(user.created_ms),
            )
            for user, tokens in users
        ],
    )


@click.command(short_help="List the organisations.")
@json_option
@folder_options
@pass_session
def list_orgs(session: Session, as_json: bool) -> None:
    """List the organisations."""
    from entrepot.hub import accounts

    with session.opened_hub() as hub:
        orgs = accounts.list_orgs(hub)
    if as_json:
        show_json([_org_row(org) for org in orgs])
        return
    show_table(
        ("NAME", "FULL NAME", "NEW REPOSITORIES", "CREATED"),
        [(org.name, org.fullname, org.default_visibility or "-", format_ms(org.created_ms)) for org in orgs],
    )


@click.command(short_help="Remove a user who owns nothing.")
@click.argument("name")
@json_option
@folder_options
@pass_session
def delete_user(session: Session, name: str, as_json: bool) -> None:
    """Remove a user, with tokens and memberships.

    Refused while the user owns repositories or is the only administrator of
    an organisation.
    """
    from entrepot.hub import accounts

    with session.opened_hub() as hub:
        accounts.delete_user(hub, name)
    show_result({"deleted": name}, f"deleted user {name}", as_json=as_json)


@click.command(short_help="Give a user a new password.")
@click.argument("name")
@_password_option
@json_option
@folder_options
@pass_session
def reset_password(session: Session, name: str, password_stdin: bool, as_json: bool) -> None:
    """Give a user a new password.

    Without --password-stdin a random one is made and printed, this once;
    standard output is the password and nothing else.
    """
    from entrepot.hub import accounts

    password = read_first_line("password") if password_stdin else None
    with session.opened_hub() as hub:
        chosen = accounts.reset_password(hub, name, password)
    if as_json:
        show_json({"name": name, "password": None if password_stdin else chosen})
        return
    remark(f"{name} has a new password" + ("" if password_stdin else ", shown this once:"))
    if not password_stdin:
        show(chosen)


def _user_row(user: Account, tokens: Sequence[Token]) -> dict[str, object]:
    return {
        "name": user.name,
        "fullname": user.fullname,
        "email": user.email,
        "is_admin": user.is_admin,
        "created_at": render_time(user.created_ms),
        "tokens": [token_row(user.name, token) for token in tokens],
    }


def _org_row(org: Account) -> dict[str, object]:
    return {
        "name": org.name,
        "fullname": org.fullname,
        "default_visibility": org.default_visibility,
        "created_at": render_time(org.created_ms),
    }
