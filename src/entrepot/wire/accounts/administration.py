"""JSON of the administration API, an extension of this hub."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from entrepot.wire.accounts.tokens import TokenCreation


class AdminToken(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A token without its secret."""

    id: str
    user: str
    name: str
    role: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class IssuedAdminToken(AdminToken, frozen=True, kw_only=True, rename="camel"):
    """A new token with its secret, which is returned only once; None if the secret was imported."""

    token: str | None


class NewTokenByAdmin(TokenCreation, frozen=True, kw_only=True, rename="camel"):
    """A token to create for a user; ``secret`` is an existing one to import."""

    secret: str | None = None

    def __repr__(self) -> str:
        """Return the role and the name: never the secret."""
        return f"NewTokenByAdmin(role={self.role!r}, name={self.name!r})"


class AdminUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user."""

    name: str
    fullname: str
    email: str | None
    is_admin: bool
    is_suspended: bool
    created_at: str
    tokens: Sequence[AdminToken] = ()
    has_second_factor: bool = False


class AdminOrg(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation; ``default_visibility`` None means the hub's setting."""

    name: str
    fullname: str
    default_visibility: str | None
    created_at: str


class AdminMember(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user's role in an organisation."""

    org: str
    user: str
    role: str


class AdminRepo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A repository."""

    repo: str
    type: str
    private: bool
    gated: str
    disabled: bool
    created_at: str
    updated_at: str


class AdminRepos(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of repositories; ``after`` is the cursor of the next page, None on the last page."""

    repos: Sequence[AdminRepo]
    after: int | None


class NewUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user to create; ``fullname`` None means the user name."""

    name: str
    fullname: str | None = None
    email: str | None = None
    is_admin: bool = False


class NewUsers(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Users to create, all or none; ``expires_s`` is the lifetime of their sign-in codes."""

    users: Sequence[NewUser]
    expires_s: int = 7 * 86_400


class NewOrgByAdmin(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An organisation to create, with the user who becomes its administrator."""

    name: str
    admin: str
    fullname: str | None = None
    default_visibility: str | None = None


class SignInCode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code that a user exchanges once for a token."""

    user: str
    code: str
    expires_at: str


class CodeLifetime(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The lifetime of a new sign-in code."""

    expires_s: int = 7 * 86_400


class RemovedFactors(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was removed from a user: a second factor with its recovery codes, and passkeys."""

    user: str
    second_factor: bool
    passkeys: int


class UserChanges(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Changes to a user; None leaves a field unchanged."""

    is_admin: bool | None = None
    is_suspended: bool | None = None


class MemberRole(msgspec.Struct, frozen=True, kw_only=True):
    """The role to give to a member."""

    role: str


class Removal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How to dispose of the repositories of a deleted account."""

    transfer_to: str | None = None
    purge: bool = False


class Removed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A deleted account and its repositories: moved (their new names) or deleted."""

    deleted: str
    moved: Sequence[str] = ()
    purged: Sequence[str] = ()


class Transfer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The namespace that receives all repositories of another one."""

    to: str


class Transferred(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The new names of the moved repositories."""

    moved: Sequence[str]


class CodeExchange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sign-in code to exchange; with ``token_name`` None the hub chooses a name."""

    code: str
    token_name: str | None = None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The user who exchanged a code, and the secret of the new token, which is returned only once."""

    user: str
    token: str
