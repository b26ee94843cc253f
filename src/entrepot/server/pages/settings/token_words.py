"""The permissions of tokens, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from entrepot.hub import scopes
from entrepot.hub.accounts.tokens import KnownToken

ON_REPOS: Mapping[str, str] = {
    scopes.READ: "read files, also private and gated ones",
    scopes.COMMIT: "read and change files, branches and tags",
    scopes.WRITE: "read and change files, settings and visibility, and delete",
    scopes.DISCUSS: "take part in discussions",
    scopes.REQUESTS: "see requests for access",
}
"""Permissions for repositories; their words follow "may"."""

ON_ACCOUNTS: Mapping[str, str] = {
    scopes.ORG_READ: "see members and settings",
    scopes.ORG_WRITE: "manage members and settings",
    scopes.COLLECT: "create and change collections",
    scopes.HOOKS_READ: "see webhooks",
    scopes.HOOKS_WRITE: "see and change webhooks",
}
"""Permissions for whole accounts and organisations only."""

ROLES: Mapping[str, str] = {
    "read": "Read everything that you may read",
    "write": "Read and write everything, as you may",
}

_KINDS = {"dataset": "datasets/", "space": "spaces/"}
_WORDS = {**ON_REPOS, **ON_ACCOUNTS}


def describe_token(known: KnownToken) -> list[str]:
    """Return what a token allows, one sentence a line."""
    if known.scopes is None:
        return [ROLES[known.token.role]]
    lines = [
        f"{_KINDS.get(item.place.kind, '')}{item.name}: {_joined(item.place.permissions)}" for item in known.places
    ]
    hidden = len(known.scopes.places) - len({item.place.uid for item in known.places})
    if hidden > 0:
        lines.append(f"{hidden:,} more that you can no longer see")
    if known.scopes.everywhere:
        lines.append(f"everywhere: {_joined(known.scopes.everywhere)}")
    if known.scopes.reads_gated:
        lines.append("read gated repositories that you have access to")
    return lines or ["Nothing that needs a permission"]


def _joined(words: Collection[str]) -> str:
    return "; ".join(_WORDS[word] for word in _WORDS if word in words)
