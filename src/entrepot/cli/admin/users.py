"""``entrepot admin users``: the users of a hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from entrepot.cli.admin.sign_in_codes import WEEK_S, expiry_option, show_codes
from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.admin.user_tables import read_users
from entrepot.cli.client.options import confirm
from entrepot.cli.reports import show, show_json, show_message, show_table
from entrepot.cli.results import json_option, read_first_line, show_result
from entrepot.cli.sessions import Session, folder_options, pass_session

if TYPE_CHECKING:
    from entrepot.wire.accounts.administration import NewUser, Removed, SignInCode


_password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
transfer_option = click.option(
    "--transfer-to", metavar="NAME", help="Move all repositories to this user or organisation."
)
"""The option ``--transfer-to``, passed to a command as ``transfer_to``."""
purge_option = click.option("--purge", is_flag=True, help="Also delete all repositories.")
"""The option ``--purge``, passed to a command as ``purge``."""
yes_option = click.option("-y", "--yes", "is_sure", is_flag=True, help="Do not ask for confirmation.")
"""The option ``--yes``, passed to a command as ``is_sure``."""


@click.command(short_help="Create a user, or many from a CSV file.")
@click.argument("name", required=False)
@click.option("--fullname", help="Full name, shown on pages; default: NAME.")
@click.option("--email", help="Email address, name@host.")
@_password_option
@click.option("--admin", "is_admin", is_flag=True, help="Make the user an administrator of the hub.")
@click.option(
    "--csv",
    "table",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Create the users in this CSV file; - is standard input.",
)
@click.option("--code", "with_code", is_flag=True, help="Also print a one-time sign-in code.")
@expiry_option
@json_option
@target_options
def create_user(
    target: AdminTarget,
    name: str | None,
    fullname: str | None,
    email: str | None,
    password_stdin: bool,
    is_admin: bool,
    table: Path | None,
    with_code: bool,
    expires_s: int | None,
    as_json: bool,
) -> None:
    """Create a user. The data folder is created if it does not exist.

    With --csv, create a user for each row, all or none. The first row names
    the columns: name, and optionally fullname, email and admin (yes or no).
    The command prints one-time sign-in codes as CSV; each user exchanges theirs
    with 'entrepot login --code', or opens the link in a browser. With --endpoint,
    a single user also gets a code.

    \b
    Examples:
      entrepot admin users create alice --fullname "Alice A." --admin
      pass show hub/alice | entrepot admin users create alice --password-stdin
      entrepot admin users create --csv team.csv --endpoint https://hub.example.org > codes.csv
    """
    if (name is None) == (table is None):
        raise click.UsageError("name the user to create, or give --csv FILE")
    if table is not None:
        if fullname or email or password_stdin or is_admin:
            raise click.UsageError("--csv replaces NAME and the options that describe one user")
        show_codes(target, _create_many(target, read_users(table), expires_s), as_json=as_json)
        return
    assert name is not None
    if target.is_remote or with_code:
        from entrepot.wire.accounts.administration import NewUser

        if password_stdin:
            raise click.UsageError("a user gets a password or a sign-in code; passwords are set on the data folder")
        user = NewUser(name=name, fullname=fullname, email=email, is_admin=is_admin)
        show_codes(target, _create_many(target, [user], expires_s), as_json=as_json)
        return
    from entrepot.hub.accounts import accounts, administration

    password = read_first_line("password") if password_stdin else None
    with target.session.opened_or_new_hub() as hub:
        made = accounts.create_user(hub, name, fullname=fullname, email=email, password=password, is_admin=is_admin)
    row = fields_of(administration.render_user(made, []))
    show_result(row, f"created user {made.name}", as_json=as_json)


@click.command(short_help="List the users.")
@json_option
@target_options
def list_users(target: AdminTarget, as_json: bool) -> None:
    """List the users, their status (administrator, second factor, suspended) and the number of their tokens.

    \b
    Examples:
      entrepot admin users list
      entrepot admin users list --endpoint https://hub.example.org --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    users = target.named(lambda user: user.name, administration.list_users, calls.list_users)
    if as_json:
        show_json([fields_of(user) for user in users])
        return
    show_table(
        ("NAME", "FULL NAME", "EMAIL", "ADMIN", "2FA", "TOKENS", "CREATED", "STATE"),
        [
            (
                user.name,
                user.fullname,
                user.email or "-",
                "yes" if user.is_admin else "no",
                "yes" if user.has_second_factor else "no",
                str(len(user.tokens)),
                user.created_at,
                "suspended" if user.is_suspended else "active",
            )
            for user in users
        ],
    )


@click.command(short_help="Delete a user.")
@click.argument("name")
@transfer_option
@purge_option
@yes_option
@json_option
@target_options
def delete_user(
    target: AdminTarget, name: str, transfer_to: str | None, purge: bool, is_sure: bool, as_json: bool
) -> None:
    """Delete a user, with tokens, memberships, likes and collections.

    A user who owns repositories is deleted only with --transfer-to or --purge.
    With --transfer-to, that user also becomes the administrator of
    organisations that would be left without one. Comments of the user in
    discussions stay, without a name.

    \b
    Examples:
      entrepot admin users delete bob
      entrepot admin users delete bob --transfer-to research
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import account_removal
    from entrepot.wire.accounts.administration import Removal

    confirm_purge(f"Delete {name} and all repositories of {name}?", purge=purge, is_sure=is_sure)
    removal = Removal(transfer_to=transfer_to, purge=purge)
    show_removed("user", target.run(account_removal.delete_user, calls.delete_user, name, removal), as_json=as_json)


@click.command(short_help="Make a user an administrator of the hub.")
@click.argument("name")
@json_option
@target_options
def set_admin(target: AdminTarget, name: str, as_json: bool) -> None:
    """Make a user an administrator of the hub, who can read and change everything.

    \b
    Example:
      entrepot admin users set-admin alice
    """
    _change(target, name, f"{name} is an administrator of the hub", as_json=as_json, is_admin=True)


@click.command(short_help="Make an administrator an ordinary user again.")
@click.argument("name")
@json_option
@target_options
def unset_admin(target: AdminTarget, name: str, as_json: bool) -> None:
    """Make an administrator an ordinary user again; the last administrator of the hub cannot be removed.

    \b
    Example:
      entrepot admin users unset-admin alice
    """
    _change(target, name, f"{name} is an ordinary user", as_json=as_json, is_admin=False)


@click.command(short_help="Suspend an account: its tokens are refused.")
@click.argument("name")
@json_option
@target_options
def suspend(target: AdminTarget, name: str, as_json: bool) -> None:
    """Suspend an account immediately: its tokens and links are refused, nothing is deleted.

    \b
    Example:
      entrepot admin users suspend bob
    """
    _change(target, name, f"{name} is suspended", as_json=as_json, is_suspended=True)


@click.command(short_help="End the suspension of an account.")
@click.argument("name")
@json_option
@target_options
def unsuspend(target: AdminTarget, name: str, as_json: bool) -> None:
    """End the suspension of an account; its tokens work again.

    \b
    Example:
      entrepot admin users unsuspend bob
    """
    _change(target, name, f"{name} is active", as_json=as_json, is_suspended=False)


@click.command(short_help="Remove the second factor and the passkeys of a user.")
@click.argument("name")
@json_option
@target_options
def reset_factors(target: AdminTarget, name: str, as_json: bool) -> None:
    """Remove the second factor, the recovery codes and the passkeys of a user who has lost them.

    The user then signs in with the password alone, and can set both up again. Make sure
    that the request comes from the user. Sessions and tokens stay.

    \b
    Examples:
      entrepot admin users reset-2fa bob
      entrepot admin users reset-2fa bob --endpoint https://hub.example.org
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import factor_resets

    removed = target.run(factor_resets.reset, calls.reset_factors, name)
    factor = "the second factor" if removed.second_factor else "no second factor"
    keys = f"{removed.passkeys} passkey{'s' if removed.passkeys != 1 else ''}"
    show_result(fields_of(removed), f"removed {factor} and {keys} of {removed.user}", as_json=as_json)


@click.command(short_help="Give a user a new password.")
@click.argument("name")
@_password_option
@json_option
@folder_options
@pass_session
def reset_password(session: Session, name: str, password_stdin: bool, as_json: bool) -> None:
    """Give a user a new password.

    Without --password-stdin, a random password is generated and printed once;
    only the password is written to standard output.

    \b
    Examples:
      entrepot admin users reset-password bob
      pass show hub/bob | entrepot admin users reset-password bob --password-stdin
    """
    from entrepot.hub.accounts import accounts

    password = read_first_line("password") if password_stdin else None
    with session.opened_hub() as hub:
        chosen = accounts.reset_password(hub, name, password)
    if as_json:
        show_json({"name": name, "password": None if password_stdin else chosen})
        return
    show_message(f"{name} has a new password" + ("" if password_stdin else ", shown this once:"))
    if not password_stdin:
        show(chosen)


def confirm_purge(question: str, *, purge: bool, is_sure: bool) -> None:
    """Ask for confirmation before repositories are deleted with their owner, unless ``--yes`` was given.

    Raises:
        click.Abort: the user declined.
        click.UsageError: standard input is not a terminal.
    """
    if purge:
        confirm(question, is_sure=is_sure)


def show_removed(kind: str, removed: Removed, *, as_json: bool) -> None:
    """Print the deleted account and the moved or deleted repositories."""
    if as_json:
        show_json(fields_of(removed))
        return
    for path in removed.moved:
        show(f"moved      {path}")
    for path in removed.purged:
        show(f"deleted    {path}")
    show(f"deleted {kind} {removed.deleted}")


def _create_many(target: AdminTarget, users: Sequence[NewUser], expires_s: int | None) -> Sequence[SignInCode]:
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import sign_ins
    from entrepot.wire.accounts.administration import NewUsers

    new = NewUsers(users=users, expires_s=expires_s or WEEK_S)
    return target.run(sign_ins.create_users, calls.create_users, new)


def _change(
    target: AdminTarget,
    name: str,
    sentence: str,
    *,
    as_json: bool,
    is_admin: bool | None = None,
    is_suspended: bool | None = None,
) -> None:
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration
    from entrepot.wire.accounts.administration import UserChanges

    changes = UserChanges(is_admin=is_admin, is_suspended=is_suspended)
    user = target.run(administration.change_user, calls.change_user, name, changes)
    show_result(fields_of(msgspec.structs.replace(user, tokens=())), sentence, as_json=as_json)
