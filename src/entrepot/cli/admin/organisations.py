"""``entrepot admin orgs`` and ``entrepot admin members``: organisations and their members."""

from __future__ import annotations

import click

from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.admin.users import confirm_purge, purge_option, show_removed, transfer_option, yes_option
from entrepot.cli.reports import show_json, show_table
from entrepot.cli.results import json_option, show_result

_ROLES = ("read", "contributor", "write", "admin")


@click.command(short_help="Create an organisation.")
@click.argument("name")
@click.option(
    "--admin", "admin_name", required=True, metavar="USER", help="The first administrator of the organisation."
)
@click.option("--fullname", help="Full name, shown on pages; default: NAME.")
@click.option(
    "--default-visibility",
    type=click.Choice(("public", "private")),
    help="Visibility of new repositories if their creator does not choose; default: the hub's setting.",
)
@json_option
@target_options
def create_org(
    target: AdminTarget,
    name: str,
    admin_name: str,
    fullname: str | None,
    default_visibility: str | None,
    as_json: bool,
) -> None:
    """Create an organisation with one administrator.

    \b
    Example:
      entrepot admin orgs create acme --admin alice --default-visibility private
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration
    from entrepot.wire.accounts.administration import NewOrgByAdmin

    new = NewOrgByAdmin(name=name, admin=admin_name, fullname=fullname, default_visibility=default_visibility)
    org = target.run(administration.create_org, calls.create_org, new)
    show_result(fields_of(org), f"created organisation {org.name}, administered by {admin_name}", as_json=as_json)


@click.command(short_help="List the organisations.")
@json_option
@target_options
def list_orgs(target: AdminTarget, as_json: bool) -> None:
    """List the organisations.

    \b
    Example:
      entrepot admin orgs list --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    orgs = target.named(lambda org: org.name, administration.list_orgs, calls.list_orgs)
    if as_json:
        show_json([fields_of(org) for org in orgs])
        return
    show_table(
        ("NAME", "FULL NAME", "NEW REPOSITORIES", "CREATED"),
        [(org.name, org.fullname, org.default_visibility or "-", org.created_at) for org in orgs],
    )


@click.command(short_help="Delete an organisation.")
@click.argument("name")
@transfer_option
@purge_option
@yes_option
@json_option
@target_options
def delete_org(
    target: AdminTarget, name: str, transfer_to: str | None, purge: bool, is_sure: bool, as_json: bool
) -> None:
    """Delete an organisation; if it owns repositories, --transfer-to or --purge is required.

    \b
    Examples:
      entrepot admin orgs delete acme
      entrepot admin orgs delete acme --transfer-to research
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.repos import account_removal
    from entrepot.wire.accounts.administration import Removal

    confirm_purge(f"Delete {name} and all repositories of {name}?", purge=purge, is_sure=is_sure)
    removal = Removal(transfer_to=transfer_to, purge=purge)
    show_removed(
        "organisation", target.run(account_removal.delete_org, calls.delete_org, name, removal), as_json=as_json
    )


@click.command(short_help="List the members of an organisation.")
@click.argument("org")
@json_option
@target_options
def list_members(target: AdminTarget, org: str, as_json: bool) -> None:
    """List the members of ORG with their roles.

    \b
    Example:
      entrepot admin members list acme
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    members = target.named(lambda member: member.user, administration.list_members, calls.list_members, org)
    if as_json:
        show_json([fields_of(member) for member in members])
        return
    show_table(("USER", "ROLE"), [(member.user, member.role) for member in members])


@click.command(short_help="Give a user a role in an organisation.")
@click.argument("org")
@click.argument("user")
@click.option(
    "--role",
    required=True,
    type=click.Choice(_ROLES),
    help="read: see private repositories; contributor: also create repositories and change those; "
    "write: also change all; admin: also settings and members.",
)
@json_option
@target_options
def add_member(target: AdminTarget, org: str, user: str, role: str, as_json: bool) -> None:
    """Give a user a role in an organisation, replacing an earlier role.

    \b
    Example:
      entrepot admin members add acme bob --role write
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    member = target.run(administration.set_member, calls.set_member, org, user, role)
    show_result(fields_of(member), f"{member.user} has role {role} in {member.org}", as_json=as_json)


@click.command(short_help="Remove a user from an organisation.")
@click.argument("org")
@click.argument("user")
@json_option
@target_options
def remove_member(target: AdminTarget, org: str, user: str, as_json: bool) -> None:
    """Remove a user from an organisation; the last administrator cannot be removed.

    \b
    Example:
      entrepot admin members remove acme bob
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    target.run(administration.remove_member, calls.remove_member, org, user)
    show_result({"org": org, "user": user, "removed": True}, f"removed {user} from {org}", as_json=as_json)
