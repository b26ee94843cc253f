"""``entrepot admin``: administration of a hub in its data folder, and for some commands over HTTP."""

from __future__ import annotations

import click

from entrepot.cli.groups import CommandEntry, LazyGroup
from entrepot.cli.sessions import folder_options

_USERS = "entrepot.cli.admin.users"
_CODES = "entrepot.cli.admin.sign_in_codes"
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
    CommandEntry("list", f"{_USERS}:list_users", "List the users."),
    CommandEntry("create", f"{_USERS}:create_user", "Create a user, or many from a CSV file."),
    CommandEntry("delete", f"{_USERS}:delete_user", "Delete a user."),
    CommandEntry("code", f"{_CODES}:sign_in_code", "Print a one-time sign-in code for a user."),
    CommandEntry("suspend", f"{_USERS}:suspend", "Suspend an account: its tokens are refused."),
    CommandEntry("unsuspend", f"{_USERS}:unsuspend", "End the suspension of an account."),
    CommandEntry("set-admin", f"{_USERS}:set_admin", "Make a user an administrator of the hub."),
    CommandEntry("unset-admin", f"{_USERS}:unset_admin", "Make an administrator an ordinary user again."),
    CommandEntry("reset-password", f"{_USERS}:reset_password", "Give a user a new password."),
    CommandEntry("reset-2fa", f"{_USERS}:reset_factors", "Remove the second factor and the passkeys of a user."),
)
_TOKEN_ENTRIES = (
    CommandEntry("list", f"{_TOKENS}:list_tokens", "List the tokens of one user or of all."),
    CommandEntry("create", f"{_TOKENS}:create_token", "Create a token for a user, or import one."),
    CommandEntry("revoke", f"{_TOKENS}:revoke_token", "Make a token invalid immediately."),
)
_ORG_ENTRIES = (
    CommandEntry("list", f"{_ORGS}:list_orgs", "List the organisations."),
    CommandEntry("create", f"{_ORGS}:create_org", "Create an organisation."),
    CommandEntry("delete", f"{_ORGS}:delete_org", "Delete an organisation."),
    CommandEntry("audit", f"{_AUDIT}:list_of_org", "List the changes of an organisation, newest first."),
)
_MEMBER_ENTRIES = (
    CommandEntry("list", f"{_ORGS}:list_members", "List the members of an organisation."),
    CommandEntry("add", f"{_ORGS}:add_member", "Give a user a role in an organisation."),
    CommandEntry("remove", f"{_ORGS}:remove_member", "Remove a user from an organisation."),
)
_REPO_ENTRIES = (
    CommandEntry("list", f"{_REPOS}:list_repos", "List repositories, including private ones."),
    CommandEntry("transfer", f"{_REPOS}:transfer_repos", "Move all repositories of a namespace into another one."),
    CommandEntry("disable", f"{_MODERATION}:disable_repo", "Restrict a repository to administrators of the hub."),
    CommandEntry("enable", f"{_MODERATION}:enable_repo", "Enable a disabled repository."),
    CommandEntry("show", f"{_PROTECTIONS}:show_protections", "Show protected branches and tags."),
    CommandEntry("protect", f"{_PROTECTIONS}:protect", "Protect branches, make tags immutable."),
    CommandEntry("unprotect", f"{_PROTECTIONS}:unprotect", "Remove the protection of branches and tags."),
)
_OLDER = (
    CommandEntry("create-user", f"{_USERS}:create_user", hidden=True),
    CommandEntry("create-org", f"{_ORGS}:create_org", hidden=True),
    CommandEntry("add-member", f"{_ORGS}:add_member", hidden=True),
    CommandEntry("create-token", f"{_TOKENS}:create_token", hidden=True),
    CommandEntry("list-users", f"{_USERS}:list_users", hidden=True),
    CommandEntry("list-orgs", f"{_ORGS}:list_orgs", hidden=True),
    CommandEntry("list-tokens", f"{_TOKENS}:list_tokens", hidden=True),
    CommandEntry("delete-user", f"{_USERS}:delete_user", hidden=True),
    CommandEntry("revoke-token", f"{_TOKENS}:revoke_token", hidden=True),
    CommandEntry("reset-password", f"{_USERS}:reset_password", hidden=True),
    CommandEntry("disable-repo", f"{_MODERATION}:disable_repo", hidden=True),
    CommandEntry("enable-repo", f"{_MODERATION}:enable_repo", hidden=True),
    CommandEntry("user", f"{_HERE}:users", hidden=True),
    CommandEntry("token", f"{_HERE}:tokens", hidden=True),
    CommandEntry("org", f"{_HERE}:orgs", hidden=True),
    CommandEntry("member", f"{_HERE}:members", hidden=True),
    CommandEntry("repo", f"{_HERE}:repos", hidden=True),
    CommandEntry("quota", f"{_QUOTAS}:quota", hidden=True),
    CommandEntry("job", f"{_JOBS}:jobs", hidden=True),
    CommandEntry("alias", f"{_ALIASES}:aliases", hidden=True),
)
"""Hidden aliases: spellings of earlier versions and singular forms. They work until 1.0."""

_ENTRIES = (
    CommandEntry("users", f"{_HERE}:users", "Create, suspend and delete users."),
    CommandEntry("login-link", f"{_CODES}:login_link", "Print a one-time link that signs a user in, in a browser."),
    CommandEntry("tokens", f"{_HERE}:tokens", "Create, list and revoke tokens."),
    CommandEntry("orgs", f"{_HERE}:orgs", "Create, list and delete organisations."),
    CommandEntry("members", f"{_HERE}:members", "List, add and remove members of an organisation."),
    CommandEntry("repos", f"{_HERE}:repos", "List, transfer, protect and disable repositories."),
    CommandEntry("quotas", f"{_QUOTAS}:quota", "Show and set storage quotas of namespaces."),
    CommandEntry("aliases", f"{_ALIASES}:aliases", "Make ids without a namespace resolve to repositories."),
    CommandEntry("audit", f"{_AUDIT}:audit", "List and verify the audit log."),
    CommandEntry("jobs", f"{_JOBS}:jobs", "List, retry and cancel background jobs."),
    CommandEntry("fsck", f"{_UPKEEP}:fsck", "Check the integrity of all stored data."),
    CommandEntry("gc", f"{_UPKEEP}:gc", "Delete unreferenced data."),
    CommandEntry("du", f"{_UPKEEP}:du", "Show the storage used by repositories."),
    CommandEntry("backup", "entrepot.cli.admin.backups:backup", "Back up a hub, list and verify backups."),
    CommandEntry("restore", "entrepot.cli.admin.backups:restore", "Restore a backup into a new data folder."),
    CommandEntry("migrate", "entrepot.cli.admin.moves:migrate", "Move a hub to PostgreSQL, into a bucket, or back."),
    CommandEntry("import", "entrepot.cli.admin.imports:import_", "Import a git repository."),
    *_OLDER,
)


@click.group(cls=LazyGroup, entries=_ENTRIES, short_help="Manage a hub: users, organisations, repositories, storage.")
@folder_options
def admin() -> None:
    """Manage a hub: users, organisations, repositories, storage.

    Works on the data folder, whether the hub is running or not; changes take
    effect immediately. --data can be given before or after the command. The
    commands on users, tokens, orgs, members, repos, quotas, jobs and the audit
    log also work on a running hub, with --endpoint and a token of one of its
    administrators.

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
