"""``entrepot admin``: managing a hub straight in its data folder, running or not."""

from __future__ import annotations

import click

from entrepot.cli.groups import Entry, LazyGroup
from entrepot.cli.sessions import folder_options

_ACCOUNTS = "entrepot.cli.accounts"
_TOKENS = "entrepot.cli.tokens"
_JOBS = "entrepot.cli.jobs"
_PROTECTIONS = "entrepot.cli.protections"
_MODERATION = "entrepot.cli.moderation"
_AUDIT = "entrepot.cli.audit"
_QUOTAS = "entrepot.cli.quotas"
_ALIASES = "entrepot.cli.aliases"

_ENTRIES = (
    Entry("create-user", f"{_ACCOUNTS}:create_user", "Make a user."),
    Entry("create-org", f"{_ACCOUNTS}:create_org", "Make an organisation."),
    Entry("add-member", f"{_ACCOUNTS}:add_member", "Give a user a role in an organisation."),
    Entry("create-token", f"{_TOKENS}:create_token", "Make a token for a user, or import one."),
    Entry("list-users", f"{_ACCOUNTS}:list_users", "List the users."),
    Entry("list-orgs", f"{_ACCOUNTS}:list_orgs", "List the organisations."),
    Entry("list-tokens", f"{_TOKENS}:list_tokens", "List the tokens of one user or of all."),
    Entry("delete-user", f"{_ACCOUNTS}:delete_user", "Remove a user who owns nothing."),
    Entry("revoke-token", f"{_TOKENS}:revoke_token", "Make a token invalid at once."),
    Entry("reset-password", f"{_ACCOUNTS}:reset_password", "Give a user a new password."),
    Entry("repo", f"{_PROTECTIONS}:repo", "Protect branches and tags of a repository."),
    Entry("disable-repo", f"{_MODERATION}:disable_repo", "Close a repository to everybody but administrators."),
    Entry("enable-repo", f"{_MODERATION}:enable_repo", "Open a disabled repository again."),
    Entry("quota", f"{_QUOTAS}:quota", "See and set how much a namespace may keep."),
    Entry("alias", f"{_ALIASES}:alias", "Let ids without a namespace lead to repositories."),
    Entry("audit", f"{_AUDIT}:audit", "Read and verify the log of who changed what."),
    Entry("jobs", f"{_JOBS}:jobs", "See, retry and cancel background jobs."),
)


@click.group(cls=LazyGroup, entries=_ENTRIES, short_help="Manage users, organisations, tokens, protections and jobs.")
@folder_options
def admin() -> None:
    """Manage users, organisations, tokens, protections and jobs.

    Works on the data folder, whether the hub is running or not; changes hold
    at once. --data may stand before or after the command.

    \b
    Examples:
      entrepot admin create-user alice --admin
      entrepot admin create-token alice --role write
      entrepot admin --data /srv/hub list-users --json
    """
