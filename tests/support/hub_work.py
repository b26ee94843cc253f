"""Work of jobs, and of commands for accounts, done at once by tests."""

from __future__ import annotations

from entrepot.catalog import Lock
from entrepot.catalog.accounts import accounts as account_rows
from entrepot.catalog.accounts import tokens as token_rows
from entrepot.catalog.accounts.accounts import Account
from entrepot.catalog.accounts.tokens import Token
from entrepot.hub import audit
from entrepot.hub.accounts import accounts, oauth_grants
from entrepot.hub.context import HubContext
from entrepot.hub.files import file_scrubbing, rechunking, shards, xorb_scrubbing
from entrepot.hub.files.xet_tokens import XetToken
from entrepot.hub.files.xorb_scrubbing import finish
from entrepot.hub.jobs import handlers
from entrepot.hub.jobs.handlers import Outcome


def run_next(hub: HubContext, owner: str) -> Outcome | None:
    """Claim and run the next due job; return None if no job is due."""
    job = handlers.claim(hub, owner)
    return None if job is None else handlers.run(hub, owner, job)


def register_shard(hub: HubContext, given: XetToken, data: bytes) -> None:
    """Record the files of a shard, in one go."""
    for _step in shards.register_steps(hub, given, data):
        pass


def scrub_files(hub: HubContext) -> int:
    """Check about 256 MiB of raw files, those checked longest ago first; return the number of bytes read."""
    return finish(file_scrubbing.scrub_steps(hub))


def scrub_xorbs(hub: HubContext) -> int:
    """Read and hash up to 256 MiB of xorbs, those checked longest ago first; return how many are damaged."""
    return finish(xorb_scrubbing.scrub_steps(hub))


def chunk_files(hub: HubContext, repo_id: int) -> int:
    """Split the raw large files of a repository into chunks; return the number of files."""
    return finish(rechunking.chunk_steps(hub, repo_id))


def delete_user(hub: HubContext, name: str) -> None:
    """Delete a user, with tokens and memberships, as the console does."""
    with hub.write(Lock.hub(), Lock.namespace_named(name), Lock.audit()) as tx:
        accounts.remove_user(hub, tx, audit.CONSOLE, accounts.find_user(tx, name))


def list_users(hub: HubContext) -> list[tuple[Account, list[Token]]]:
    """Return users with their tokens (without secrets), by name."""
    with hub.read() as tx:
        found = account_rows.page_of_kind(tx, "user", after="", limit=1_000)
        tokens = token_rows.of_users(tx, [user.id for user in found])
        return [(user, list(oauth_grants.listed(tokens[user.id]))) for user in found]
