"""``entrepot admin tokens``: the tokens of users."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from entrepot.cli.admin.imports import read_repo
from entrepot.cli.admin.targets import AdminTarget, fields_of, target_options
from entrepot.cli.reports import show, show_json, show_message, show_table
from entrepot.cli.results import json_option, read_first_line, show_result
from entrepot.errors import Malformed
from entrepot.settings import parse_duration
from entrepot.wire.times import format_ms, parse_time

if TYPE_CHECKING:
    from entrepot.wire.accounts.tokens import FineGrained


@click.command(short_help="Create a token for a user, or import one.")
@click.argument("user")
@click.option("--role", type=click.Choice(("read", "write")), help="Role of the token.")
@click.option("--fine-grained", is_flag=True, help="Instead of --role: allow only what the following options name.")
@click.option(
    "--repo",
    "repos",
    multiple=True,
    metavar="REPO",
    help="A repository (alice/model, datasets/alice/data) to allow; may be repeated.",
)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="The user's own name or an organisation to allow; may be repeated.",
)
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    metavar="WORD",
    help="A permission on each --repo and --namespace, such as repo.write; may be repeated.",
)
@click.option(
    "--everywhere", multiple=True, metavar="WORD", help="A permission for every repository that the user can access."
)
@click.option("--read-gated", is_flag=True, help="Also read gated repositories to which the user has access.")
@click.option("--name", help="Name of the token; default: token-N.")
@click.option("--expires", metavar="WHEN", help="A duration such as 30d, or a date such as 2030-01-31; default: never.")
@click.option("--value-stdin", is_flag=True, help="Import an existing secret from the first line of standard input.")
@json_option
@target_options
def create_token(
    target: AdminTarget,
    user: str,
    role: str | None,
    fine_grained: bool,
    repos: tuple[str, ...],
    namespaces: tuple[str, ...],
    permissions: tuple[str, ...],
    everywhere: tuple[str, ...],
    read_gated: bool,
    name: str | None,
    expires: str | None,
    value_stdin: bool,
    as_json: bool,
) -> None:
    """Create a token for a user and print its secret, which is not shown again.

    Only the secret is written to standard output. With --value-stdin, an
    existing secret is imported and not printed.

    A fine-grained token grants every --permission on every --repo and
    --namespace, limited to the rights of the user, and nothing else.
    Permissions: repo.content.read, repo.commit, repo.write,
    repo.access.read, discussion.write; for namespaces also org.read,
    org.write, collection.write, user.webhooks.read, user.webhooks.write;
    for --everywhere only discussion.write.

    \b
    Examples:
      export HF_TOKEN=$(entrepot admin tokens create alice --role write)
      entrepot admin tokens create ci --role read --name ci --expires 90d
      entrepot admin tokens create ci --fine-grained --repo acme/model --permission repo.write
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration
    from entrepot.wire.accounts.administration import NewTokenByAdmin

    if (role is None) != fine_grained:
        raise click.UsageError("choose what the token may do: --role read, --role write or --fine-grained")
    if role is not None and (repos or namespaces or permissions or everywhere or read_gated):
        raise click.UsageError("--repo, --namespace, --permission, --everywhere and --read-gated need --fine-grained")
    if fine_grained and value_stdin:
        raise click.UsageError("--value-stdin needs a --role")
    secret = read_first_line("secret of a token") if value_stdin else None
    expires_ms = read_expiry(expires, time.time_ns() // 1_000_000)
    new = NewTokenByAdmin(
        role=role or "fineGrained",
        name=name,
        expires_at=None if expires_ms is None else format_ms(expires_ms),
        fine_grained=None if role else _limits(user, repos, namespaces, permissions, everywhere, read_gated),
        secret=secret,
    )
    made = target.run(administration.create_token, calls.create_token, user, new)
    until = f"until {made.expires_at}" if made.expires_at is not None else "until it is revoked"
    show_message(f"token {made.name!r} of {user}, role {made.role}, valid {until}")
    if as_json:
        show_json(fields_of(made))
    elif made.token is not None:
        show_message("its secret is shown this once:")
        show(made.token)


@click.command(short_help="List the tokens of one user or of all.")
@click.argument("user", required=False)
@json_option
@target_options
def list_tokens(target: AdminTarget, user: str | None, as_json: bool) -> None:
    """List the tokens of one USER or of all, without their secrets.

    The time of last use is accurate to the hour.

    \b
    Examples:
      entrepot admin tokens list
      entrepot admin tokens list alice --json
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    if user is None:
        chosen = target.named(lambda found: found.name, administration.list_users, calls.list_users)
    else:
        chosen = [target.run(administration.show_user, calls.show_user, user)]
    tokens = [token for found in chosen for token in found.tokens]
    if as_json:
        show_json([fields_of(token) for token in tokens])
        return
    show_table(
        ("ID", "USER", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"),
        [
            (
                token.id,
                token.user,
                token.name,
                token.role,
                token.created_at,
                token.expires_at or "never",
                token.last_used_at or "never",
            )
            for token in tokens
        ],
    )


@click.command(short_help="Make a token invalid immediately.")
@click.argument("user")
@click.argument("which", metavar="TOKEN")
@json_option
@target_options
def revoke_token(target: AdminTarget, user: str, which: str, as_json: bool) -> None:
    """Make a TOKEN of USER invalid immediately; TOKEN is its id or its name.

    \b
    Example:
      entrepot admin tokens revoke alice laptop
    """
    from entrepot.client.calls import administration as calls
    from entrepot.hub.accounts import administration

    revoked = target.run(administration.revoke, calls.revoke_token, user, which)
    show_result(fields_of(revoked), f"revoked token {revoked.name!r} of {user}", as_json=as_json)


def _limits(
    user: str,
    repos: Sequence[str],
    namespaces: Sequence[str],
    permissions: Sequence[str],
    everywhere: Sequence[str],
    reads_gated: bool,
) -> FineGrained:
    """Return the scopes of a fine-grained token."""
    from entrepot.wire.accounts.tokens import FineGrained, Scoped, ScopeEntity

    if bool(repos or namespaces) != bool(permissions):
        raise click.UsageError("--permission and --repo or --namespace need each other")
    entities = [ScopeEntity(ref.type.value, str(ref.id)) for ref in map(read_repo, repos)]
    entities += [ScopeEntity("user" if name.lower() == user.lower() else "org", name) for name in namespaces]
    scoped = [Scoped(entity, permissions) for entity in entities]
    return FineGrained(scoped=scoped, everywhere=everywhere, reads_gated=reads_gated)


def read_expiry(text: str | None, now_ms: int) -> int | None:
    """Parse the expiry of a token, a duration or a date, into ms since 1970 UTC; None means never.

    Raises:
        Malformed: the text is neither, or the time has passed.
    """
    if text is None:
        return None
    try:
        expires_ms = now_ms + parse_duration(text) * 1000
    except ValueError:
        try:
            expires_ms = parse_time(text)
        except Malformed:
            raise Malformed("expiry", "write a duration such as 30d or a date such as 2030-01-31") from None
    if not now_ms < expires_ms < now_ms + 1000 * 365 * 86_400_000:
        raise Malformed("expiry", "the expiry must be in the future and within 1,000 years")
    return expires_ms
