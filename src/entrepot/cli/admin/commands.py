"""``entrepot admin``: administration of a hub in its data folder, and for some commands over HTTP."""

from __future__ import annotations

import click

from entrepot.cli.groups import Entry, LazyGroup
from entrepot.cli.sessions import folder_options

_ACCOUNTS = "entrepot.cli.admin.accounts"
_ORGS = "entrepot.cli.admin.organisations"
_REPOS = "entrepot.cli.admin.repositories"
_TOKENS = "entrepot.cli.admin.tokens"
_JOBS = "entrepot.cli.admin.jobs"
_PROTECTIONS = "entrepot.cli.admin.protections"
_MODERATION = "entrepot.cli.admin.moderation"
_AUDIT = "entrepot.cli.admin.audit"
_QUOTAS = "entrepot.cli.admin.quotas"
_ALIASES = "entrepot.cli.admin.aliases"
_UPKEEP = "entrepot.cli.admin.maintenance"
_HERE = "entrepot.cli.admin.commands"

_USER_ENTRIES = (
    Entry("list", f"{_ACCOUNTS}:list_users", "List the users."),
    Entry("create", f"{_ACCOUNTS}:create_user", "Create a user, or many from a CSV file."),
    Entry("delete", f"{_ACCOUNTS}:delete_user", "Delete a user."),
    Entry("code", f"{_ACCOUNTS}:sign_in_code", "Print a one-time sign-in code for a user."),
    Entry("suspend", f"{_ACCOUNTS}:suspend", "Suspend an account: its tokens are refused."),
    Entry("unsuspend", f"{_ACCOUNTS}:unsuspend", "End the suspension of an account."),
    Entry("set-admin", f"{_ACCOUNTS}:set_admin", "Make a user an administrator of the hub."),
    Entry("unset-admin", f"{_ACCOUNTS}:unset_admin", "Make an administrator an ordinary user again."),
    Entry("reset-password", f"{_ACCOUNTS}:reset_password", "Give a user a new password."),
    Entry("reset-2fa", f"{_ACCOUNTS}:reset_factors", "Remove the second factor and the passkeys of a user."),
)
_TOKEN_ENTRIES = (
    Entry("list", f"{_TOKENS}:list_tokens", "List the tokens of one user or of all."),
    Entry("create", f"{_TOKENS}:create_token", "Create a token for a user, or import one."),
    Entry("revoke", f"{_TOKENS}:revoke_token", "Make a token invalid immediately."),
)
_ORG_ENTRIES = (
    Entry("list", f"{_ORGS}:list_orgs", "List the organisations."),
    Entry("create", f"{_ORGS}:create_org", "Create an organisation."),
    Entry("delete", f"{_ORGS}:delete_org", "Delete an organisation."),
    Entry("audit", f"{_AUDIT}:list_of_org", "List the changes of an organisation, newest first."),
)
_MEMBER_ENTRIES = (
    Entry("list", f"{_ORGS}:list_members", "List the members of an organisation."),
    Entry("add", f"{_ORGS}:add_member", "Give a user a role in an organisation."),
    Entry("remove", f"{_ORGS}:remove_member", "Remove a user from an organisation."),
)
_REPO_ENTRIES = (
    Entry("list", f"{_REPOS}:list_repos", "List repositories, including private ones."),
    Entry("transfer", f"{_REPOS}:transfer_repos", "Move all repositories of a namespace into another one."),
    Entry("disable", f"{_MODERATION}:disable_repo", "Restrict a repository to administrators of the hub."),
    Entry("enable", f"{_MODERATION}:enable_repo", "Enable a disabled repository."),
    Entry("show", f"{_PROTECTIONS}:show_protections", "Show protected branches and tags."),
    Entry("protect", f"{_PROTECTIONS}:protect", "Protect branches, make tags immutable."),
    Entry("unprotect", f"{_PROTECTIONS}:unprotect", "Remove the protection of branches and tags."),
)
_OLDER = (
    Entry("create-user", f"{_ACCOUNTS}:create_user", hidden=True),
    Entry("create-org", f"{_ORGS}:create_org", hidden=True),
    Entry("add-member", f"{_ORGS}:add_member", hidden=True),
    Entry("create-token", f"{_TOKENS}:create_token", hidden=True),
    Entry("list-users", f"{_ACCOUNTS}:list_users", hidden=True),
    Entry("list-orgs", f"{_ORGS}:list_orgs", hidden=True),
    Entry("list-tokens", f"{_TOKENS}:list_tokens", hidden=True),
    Entry("delete-user", f"{_ACCOUNTS}:delete_user", hidden=True),
    Entry("revoke-token", f"{_TOKENS}:revoke_token", hidden=True),
    Entry("reset-password", f"{_ACCOUNTS}:reset_password", hidden=True),
    Entry("disable-repo", f"{_MODERATION}:disable_repo", hidden=True),
    Entry("enable-repo", f"{_MODERATION}:enable_repo", hidden=True),
    Entry("user", f"{_HERE}:users", hidden=True),
    Entry("token", f"{_HERE}:tokens", hidden=True),
    Entry("org", f"{_HERE}:orgs", hidden=True),
    Entry("member", f"{_HERE}:members", hidden=True),
    Entry("repo", f"{_HERE}:repos", hidden=True),
    Entry("quota", f"{_QUOTAS}:quota", hidden=True),
    Entry("job", f"{_JOBS}:jobs", hidden=True),
    Entry("alias", f"{_ALIASES}:aliases", hidden=True),
)
"""Hidden aliases: spellings of earlier versions and singular forms. They work until 1.0."""

_ENTRIES = (
    Entry("users", f"{_HERE}:users", "Create, suspend and delete users."),
    Entry("login-link", f"{_ACCOUNTS}:login_link", "Print a one-time link that signs a user in, in a browser."),
    Entry("tokens", f"{_HERE}:tokens", "Create, list and revoke tokens."),
    Entry("orgs", f"{_HERE}:orgs", "Create, list and delete organisations."),
    Entry("members", f"{_HERE}:members", "List, add and remove members of an organisation."),
    Entry("repos", f"{_HERE}:repos", "List, transfer, protect and disable repositories."),
    Entry("quotas", f"{_QUOTAS}:quota", "Show and set storage quotas of namespaces."),
    Entry("aliases", f"{_ALIASES}:aliases", "Make ids without a namespace resolve to repositories."),
    Entry("audit", f"{_AUDIT}:audit", "List and verify the audit log."),
    Entry("jobs", f"{_JOBS}:jobs", "List, retry and cancel background jobs."),
    Entry("fsck", f"{_UPKEEP}:fsck", "Check the integrity of all stored data."),
    Entry("gc", f"{_UPKEEP}:gc", "Delete unreferenced data."),
    Entry("du", f"{_UPKEEP}:du", "Show the storage used by repositories."),
    Entry("backup", "entrepot.cli.admin.backups:backup", "Back up a hub, list and verify backups."),
    Entry("restore", "entrepot.cli.admin.backups:restore", "Restore a backup into a new data folder."),
    Entry("migrate", "entrepot.cli.admin.moves:migrate", "Move a hub to PostgreSQL, into a bucket, or back."),
    Entry("import", "entrepot.cli.admin.imports:import_", "Import a git repository."),
    *_OLDER,
)


@click.group(cls=LazyGroup, entries=_ENTRIES, short_help="Manage a hub: users, organisations, repositories, storage.")
@folder_options
def admin() -> None:
    """Manage a hub: users, organisations, repositories, storage.

    Works on the data folder, whether the hub is running or not; changes take
    effect immediately. --data can be given before or after the command. The
    commands on users, orgs, members and repos also work on a running hub, with
    --endpoint and a token of one of its administrators.

    \b
    Examples:
      entrepot admin users create alice --admin
      entrepot admin tokens create alice --role write
      entrepot admin --data /srv/hub users list --json
      entrepot admin users suspend bob --endpoint https://hub.example.org
    """


@click.group(cls=LazyGroup, entries=_USER_ENTRIES, short_help="Create, suspend and delete users.")
@folder_options
def users() -> None:
    """Create, suspend and delete users.

    \b
    Examples:
      entrepot admin users create alice --admin
      entrepot admin users create --csv team.csv
      entrepot admin users delete bob --transfer-to research
    """


@click.group(cls=LazyGroup, entries=_TOKEN_ENTRIES, short_help="Create, list and revoke tokens.")
@folder_options
def tokens() -> None:
    """Create, list and revoke tokens.

    \b
    Examples:
      entrepot admin tokens create alice --role write
      entrepot admin tokens revoke alice token-1
    """


@click.group(cls=LazyGroup, entries=_ORG_ENTRIES, short_help="Create, list and delete organisations.")
@folder_options
def orgs() -> None:
    """Create, list and delete organisations.

    \b
    Example:
      entrepot admin orgs create acme --admin alice
    """


@click.group(cls=LazyGroup, entries=_MEMBER_ENTRIES, short_help="List, add and remove members of an organisation.")
@folder_options
def members() -> None:
    """List, add and remove members of an organisation.

    \b
    Examples:
      entrepot admin members list acme
      entrepot admin members add acme bob --role write
    """


@click.group(cls=LazyGroup, entries=_REPO_ENTRIES, short_help="List, transfer, protect and disable repositories.")
@folder_options
def repos() -> None:
    """List, transfer, protect and disable repositories.

    No one can delete or rewrite a protected branch, or move or delete an
    immutable tag, neither by a push nor through the API. REPO is alice/model,
    datasets/alice/data or spaces/alice/demo.

    \b
    Examples:
      entrepot admin repos list acme
      entrepot admin repos protect alice/model --branch main --branch 'release/*' --tags
      entrepot admin repos disable alice/model --reason "reported: contains private data"
    """
